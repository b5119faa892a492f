"""List the images that one run calls wrongly."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.mistakes import list_mistakes

    explained, panels = map(list, (snakemake.input.explained, snakemake.input.panels))
    list_mistakes(
        Path(snakemake.input.calibrated),
        Path(explained[0]) if panels else None,
        Path(panels[0]) if panels else None,
        Path(snakemake.output[0]),
    )
