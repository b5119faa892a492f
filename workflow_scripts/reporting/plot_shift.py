"""Draw every run's scores on development and test images of either class."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.shift import plot_shift
    from pneumobench.reporting.vocabulary import words_of

    with words_of(snakemake.input.audit):
        plot_shift(
            snakemake.input.shift,
            snakemake.input.comparison,
            Path(snakemake.output.png).with_suffix(""),
        )
