"""Rank all runs and say which of them are distinguishable."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.comparison import ComparisonFiles, compare_runs

with job_log(snakemake.log[0]):
    compare_runs(
        files_of(ComparisonFiles, snakemake.input),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        missing=snakemake.params.missing,
        resampling=Resampling(**snakemake.params.resampling),
    )
