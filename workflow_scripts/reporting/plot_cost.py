"""Draw accuracy against parameters and training time."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.cost import plot_cost

    plot_cost(
        snakemake.input.table,
        snakemake.input.details,
        stem=Path(snakemake.output.png).with_suffix(""),
    )
