"""List the images whose labels the networks doubt."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.label_errors import LabelFiles, find_label_errors

with job_log(snakemake.log[0]):
    find_label_errors(
        files_of(LabelFiles, snakemake.input),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        resampling=Resampling(**snakemake.params.resampling),
    )
