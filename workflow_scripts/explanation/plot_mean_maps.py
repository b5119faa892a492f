"""Draw the mean map of every run, class and subtype."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.mean_maps import plot_mean_maps
    from pneumobench.reporting.vocabulary import words_of

    given = snakemake.input
    with words_of(snakemake.input.audit):
        plot_mean_maps(
            given.explained,
            given.maps,
            given.table,
            Path(snakemake.output.png).with_suffix(""),
            colour_map=snakemake.params.colour_map,
        )
