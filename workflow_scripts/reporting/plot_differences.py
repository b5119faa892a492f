"""Draw the difference of every pair of runs, and whether it holds."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.differences import plot_differences

    plot_differences(
        snakemake.input.differences,
        snakemake.input.details,
        snakemake.input.comparison,
        Path(snakemake.output.png).with_suffix(""),
    )
