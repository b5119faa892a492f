"""Rank all runs and say which of them are distinguishable."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.comparison import ComparisonFiles, compare_runs
from pneumobench.statistics.looks import EVALUATION, record_beside

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    record_beside(
        params.looks,
        {"baseline": given.baselines_test, "ensemble": given.ensembles_test},
        purpose=EVALUATION,
        test_labels=Path(given.test_labels),
        selection=Path(given.selection),
    )
    compare_runs(
        files_of(ComparisonFiles, given),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        missing=params.missing,
        resampling=Resampling(**params.resampling),
    )
