"""Draw specificity and sensitivity of every run under every corruption."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.robustness import plot_robustness

    plot_robustness(
        snakemake.input.tables,
        snakemake.input.comparison,
        Path(snakemake.output.png).with_suffix(""),
    )
