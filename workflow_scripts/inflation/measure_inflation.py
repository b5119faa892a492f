"""Measure what bad practice adds to the figures."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.estimates import Resampling
    from pneumobench.core.rule_files import files_of
    from pneumobench.core.run import Run
    from pneumobench.statistics.inflation import InflationFiles, measure_inflation
    from pneumobench.statistics.looks import BAD_PRACTICE, record_look

    params, files = snakemake.params, files_of(InflationFiles, snakemake.input)
    run = Run(**params.run)
    record_look(
        params.looks,
        run,
        purpose=BAD_PRACTICE,
        test=[*files.epochs, *files.scores],
        test_labels=files.test_labels,
        selection=files.selection,
    )
    measure_inflation(
        files,
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        run=run,
        folds=params.folds,
        resampling=Resampling(**params.resampling),
    )
