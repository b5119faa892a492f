"""Draw radiograph, map and overlay of one run's hits and mistakes."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.images import decode_grey
    from pneumobench.reporting.drawing.panels import draw_panels
    from pneumobench.reporting.words import words_of

    params = snakemake.params
    draw_panels(
        snakemake.input.explained,
        snakemake.input.maps,
        params.root,
        snakemake.output[0],
        title=params.title,
        size=params.size,
        resize=params.resize,
        colour_map=params.colour_map,
        decode=decode_grey,
        words=words_of(snakemake.input.audit),
    )
