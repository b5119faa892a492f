"""Draw the way from files to folds."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.flow import plot_data_flow
    from pneumobench.reporting.vocabulary import words_of

    with words_of(snakemake.input.audit):
        plot_data_flow(
            snakemake.input.audit,
            snakemake.input.splits,
            stem=Path(snakemake.output.png).with_suffix(""),
        )
