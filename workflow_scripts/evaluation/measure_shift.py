"""Measure how unlike the test set is to the development set, and what that costs."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.looks import RENORMALISED, record_looks
from pneumobench.statistics.shift import measure_shift

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    record_looks(
        params.looks,
        params.renormalised,
        purpose=RENORMALISED,
        test_labels=Path(given.test_labels),
        selection=Path(given.selection),
    )
    measure_shift(
        [Path(path) for path in given.scores],
        Path(given.selection),
        [Path(path) for path in given.baselines_out_of_fold],
        [Path(path) for path in given.baselines_test],
        [Path(path) for path in given.ensembles_out_of_fold],
        [Path(path) for path in given.ensembles_test],
        Path(given.domains),
        Path(given.blocks),
        [Path(path) for path in given.renormalised],
        Path(snakemake.output[0]),
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
