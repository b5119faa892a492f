"""Draw the ROC curves of all runs."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.roc import plot_roc
    from pneumobench.reporting.vocabulary import words_of

    with words_of(snakemake.input.audit):
        plot_roc(
            snakemake.input.scores,
            snakemake.input.table,
            snakemake.input.details,
            stem=Path(snakemake.output.png).with_suffix(""),
        )
