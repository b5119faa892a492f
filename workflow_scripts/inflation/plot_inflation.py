"""Draw what bad practice adds to the figures."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.inflation import plot_inflation

    plot_inflation(
        Path(snakemake.input.table),
        Path(snakemake.input.details),
        Path(snakemake.output.png).with_suffix(""),
    )
