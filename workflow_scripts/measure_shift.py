"""Measure how unlike the test set is to the development set, and what that costs."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.core.run import Run
from pneumobench.statistics.looks import RENORMALISED, record_look
from pneumobench.statistics.shift import measure_shift

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    for run in params.renormalised:
        record_look(
            params.looks,
            Run(**run["run"]),
            purpose=RENORMALISED,
            test=[Path(path) for path in run["test"]],
            test_labels=Path(given.test_labels),
            selection=Path(given.selection),
        )
    measure_shift(
        [Path(path) for path in given.scores],
        Path(given.selection),
        [Path(path) for path in given.floors_out_of_fold],
        [Path(path) for path in given.floors_test],
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
