"""Draw every run's scores on development and test images of either class."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.shift import plot_shift

    plot_shift(
        snakemake.input.shift,
        snakemake.input.comparison,
        Path(snakemake.output.png).with_suffix(""),
    )
