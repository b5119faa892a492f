"""Draw how well runs tell the subtypes apart."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.subtypes import plot_subtypes

    plot_subtypes(
        snakemake.input.details,
        snakemake.input.comparison,
        stem=Path(snakemake.output.png).with_suffix(""),
    )
