"""Judge how well every run tells the subtypes apart."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.statistics.looks import OF_SUBTYPES, record_looks
    from pneumobench.statistics.subtypes import evaluate_subtypes

    given, params = snakemake.input, snakemake.params
    record_looks(
        params.looks,
        params.runs,
        purpose=OF_SUBTYPES,
        test_labels=Path(given.test_labels),
        selection=Path(given.selection),
    )
    evaluate_subtypes(
        [Path(path) for path in given.out_of_fold],
        [Path(path) for path in given.test],
        [Path(path) for path in given.baseline_out_of_fold],
        [Path(path) for path in given.baseline_test],
        Path(given.development_labels),
        Path(given.test_labels),
        Path(given.selection),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
