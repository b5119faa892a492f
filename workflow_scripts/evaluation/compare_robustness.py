"""Compare all runs' worst figures on corrupted out-of-fold images, pair by pair."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.robustness import RobustnessFiles, compare_robustness

with job_log(snakemake.log[0]):
    compare_robustness(
        files_of(RobustnessFiles, snakemake.input),
        Path(snakemake.output.table),
        strengths=snakemake.params.strengths,
        resampling=Resampling(**snakemake.params.resampling),
    )
