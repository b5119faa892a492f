"""Rank all runs and say which of them can be told apart."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.comparison import compare_runs

with job_log(snakemake.log[0]):
    compare_runs(
        [Path(path) for path in snakemake.input.metrics],
        [Path(path) for path in snakemake.input.scores],
        [Path(path) for path in snakemake.input.run_jsons],
        [Path(path) for path in snakemake.input.timings],
        [Path(path) for path in snakemake.input.models],
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        selection=Path(snakemake.input.selection),
        differences=Path(snakemake.input.differences),
        baselines_out_of_fold=[Path(path) for path in snakemake.input.baselines_out_of_fold],
        baselines_test=[Path(path) for path in snakemake.input.baselines_test],
        ensembles_out_of_fold=[Path(path) for path in snakemake.input.ensembles_out_of_fold],
        ensembles_test=[Path(path) for path in snakemake.input.ensembles_test],
        robustness=[Path(path) for path in snakemake.input.robustness],
        missing=snakemake.params.missing,
        confidence=snakemake.params.confidence,
        replicates=snakemake.params.replicates,
        bootstrap_seed=snakemake.params.bootstrap_seed,
    )
