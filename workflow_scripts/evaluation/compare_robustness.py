"""Compare all runs' worst figures on corrupted out-of-fold images, pair by pair."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.compare_robustness import compare_robustness

with job_log(snakemake.log[0]):
    params = snakemake.params
    compare_robustness(
        [Path(path) for path in snakemake.input.out_of_fold],
        [Path(path) for path in snakemake.input.corrupted],
        Path(snakemake.input.development_labels),
        Path(snakemake.input.selection),
        Path(snakemake.output.table),
        strengths=params.strengths,
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
