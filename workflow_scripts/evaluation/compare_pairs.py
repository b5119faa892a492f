"""Test which differences between the runs hold."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.compare_pairs import PairFiles, compare_pairs

with job_log(snakemake.log[0]):
    output, params = snakemake.output, snakemake.params
    compare_pairs(
        files_of(PairFiles, snakemake.input),
        Path(output.table),
        Path(output.details),
        permutations=params.permutations,
        reference=params.reference,
        margin=params.margin,
        resampling=Resampling(**params.resampling),
    )
