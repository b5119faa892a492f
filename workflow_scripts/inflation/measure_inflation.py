"""Measure what bad practice adds to the figures."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.run import Run
    from pneumobench.statistics.inflation import measure_inflation
    from pneumobench.statistics.looks import BAD_PRACTICE, record_look

    given, params = snakemake.input, snakemake.params
    run = Run(**params.run)
    record_look(
        params.looks,
        run,
        purpose=BAD_PRACTICE,
        test=[Path(path) for path in (*given.epochs, *given.scores)],
        test_labels=Path(given.test_labels),
        selection=Path(given.selection),
    )
    measure_inflation(
        [Path(path) for path in given.epochs],
        [Path(path) for path in given.scores],
        Path(given.development_labels),
        Path(given.test_labels),
        Path(given.selection),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        run=run,
        folds=params.folds,
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
