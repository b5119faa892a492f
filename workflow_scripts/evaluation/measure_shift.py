"""Measure how test images differ from development images, and what that costs."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.looks import RENORMALISED, record_looks
from pneumobench.statistics.shift import ShiftFiles, measure_shift

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
        files_of(ShiftFiles, given),
        Path(snakemake.output[0]),
        resampling=Resampling(**params.resampling),
    )
