"""Measure what bad practice adds to the figures."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.run import Run
    from pneumobench.statistics.inflation import measure_inflation

    given, params = snakemake.input, snakemake.params
    measure_inflation(
        [Path(path) for path in given.epochs],
        [Path(path) for path in given.scores],
        Path(given.development_labels),
        Path(given.test_labels),
        Path(given.selection),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        run=Run(**params.run),
        folds=params.folds,
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
