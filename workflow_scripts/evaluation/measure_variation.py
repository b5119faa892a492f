"""Measure how much the trainings of one architecture and recipe differ."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.variation import VariationFiles, measure_variation

with job_log(snakemake.log[0]):
    measure_variation(
        files_of(VariationFiles, snakemake.input),
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        folds=snakemake.params.folds,
        resampling=Resampling(**snakemake.params.resampling),
    )
