"""Draw every kind of map of one radiograph, by all runs."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.every_map import plot_every_map
    from pneumobench.reporting.vocabulary import words_of

    given = snakemake.input
    with words_of(snakemake.input.audit):
        plot_every_map(
            given.explained,
            given.maps,
            given.table,
            given.images,
            given.splits,
            Path(snakemake.output.png).with_suffix(""),
            colour_map=snakemake.params.colour_map,
        )
