"""Put the measures of all runs' maps into one table."""

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.explanations import (
    ExplanationFiles,
    ExplanationTables,
    summarise_explanations,
)

with job_log(snakemake.log[0]):
    summarise_explanations(
        files_of(ExplanationFiles, snakemake.input),
        files_of(ExplanationTables, snakemake.output),
        resampling=Resampling(**snakemake.params.resampling),
    )
