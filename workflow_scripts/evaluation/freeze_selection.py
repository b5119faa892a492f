"""Fit thresholds and rank the runs on out-of-fold predictions alone."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.selection import FoldRules, SelectionFiles, freeze_selection

with job_log(snakemake.log[0]):
    params = snakemake.params
    freeze_selection(
        files_of(SelectionFiles, snakemake.input),
        Path(snakemake.output.selection),
        FoldRules(**params.rules),
        views=params.views,
        ensembles=params.ensembles,
    )
