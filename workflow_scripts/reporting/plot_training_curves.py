"""Draw how training went, run by run."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.training_curves import plot_training_curves

    plot_training_curves(
        snakemake.input.histories,
        snakemake.input.table,
        stem=Path(snakemake.output.png).with_suffix(""),
    )
