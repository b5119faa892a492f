"""Put the measures of all runs' maps into one table."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.explanations import summarise_explanations

with job_log(snakemake.log[0]):
    summarise_explanations(
        [Path(path) for path in snakemake.input.measures],
        [Path(path) for path in snakemake.input.randomisations],
        [Path(path) for path in snakemake.input.maps],
        Path(snakemake.input.development_labels),
        Path(snakemake.output.table),
        Path(snakemake.output.randomisation),
        Path(snakemake.output.details),
        confidence=snakemake.params.confidence,
        replicates=snakemake.params.replicates,
        bootstrap_seed=snakemake.params.bootstrap_seed,
    )
