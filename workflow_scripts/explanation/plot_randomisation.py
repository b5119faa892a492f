"""Draw how similar the maps stay while the networks lose their weights."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.randomisation import plot_randomisation

    plot_randomisation(
        snakemake.input.layers,
        snakemake.input.maps,
        snakemake.input.table,
        Path(snakemake.output.png).with_suffix(""),
    )
