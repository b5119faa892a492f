"""Draw the maps of all runs on the same radiographs."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.explanations import plot_explanations
    from pneumobench.reporting.vocabulary import words_of

    given = snakemake.input
    with words_of(snakemake.input.audit):
        plot_explanations(
            given.explained,
            given.maps,
            given.table,
            given.images,
            given.splits,
            Path(snakemake.output.png).with_suffix(""),
            colour_map=snakemake.params.colour_map,
        )
