"""Judge one run's predictions of corrupted out-of-fold images at its frozen thresholds."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.core.run import Run
from pneumobench.statistics.robustness import evaluate_robustness

with job_log(snakemake.log[0]):
    wildcards, params = snakemake.wildcards, snakemake.params
    evaluate_robustness(
        [Path(path) for path in snakemake.input.out_of_fold],
        [Path(path) for path in snakemake.input.corrupted],
        Path(snakemake.input.development_labels),
        Path(snakemake.input.selection),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        run=Run.of(params.model, wildcards),
        strengths=params.strengths,
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
