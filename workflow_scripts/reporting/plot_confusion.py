"""Draw the confusion matrices of all runs."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.confusion import plot_confusion
    from pneumobench.reporting.vocabulary import words_of

    with words_of(snakemake.input.audit):
        plot_confusion(
            snakemake.input.metrics,
            snakemake.input.table,
            stem=Path(snakemake.output.png).with_suffix(""),
        )
