"""Test which differences between the runs hold."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.compare_pairs import compare_pairs

with job_log(snakemake.log[0]):
    params = snakemake.params
    compare_pairs(
        [Path(path) for path in snakemake.input.scores],
        [Path(path) for path in snakemake.input.run_jsons],
        Path(snakemake.input.selection),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
        permutations=params.permutations,
        reference=params.reference,
    )
