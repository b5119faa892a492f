"""Judge every run and baseline on the external images, with what was frozen before."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.external import ExternalFiles, evaluate_external

with job_log(snakemake.log[0]):
    evaluate_external(
        files_of(ExternalFiles, snakemake.input),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        resampling=Resampling(**snakemake.params.resampling),
    )
