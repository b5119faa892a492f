"""Draw the ranking with bars that join runs which no test tells apart."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.critical_difference import plot_critical_difference

    plot_critical_difference(
        snakemake.input.details,
        snakemake.input.comparison,
        Path(snakemake.output.png).with_suffix(""),
    )
