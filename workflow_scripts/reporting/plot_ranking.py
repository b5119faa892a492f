"""Draw the ranking as a forest plot."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.ranking import plot_ranking
    from pneumobench.reporting.vocabulary import words_of

    with words_of(snakemake.input.audit):
        plot_ranking(
            snakemake.input.table,
            snakemake.input.details,
            stem=Path(snakemake.output.png).with_suffix(""),
        )
