"""Judge every run and baseline on the external images, with what was frozen before."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.statistics.external import ExternalFiles, evaluate_external
from pneumobench.statistics.looks import EXTERNAL, record_beside, record_looks

with job_log(snakemake.log[0]):
    params, files = snakemake.params, files_of(ExternalFiles, snakemake.input)
    met = {"purpose": EXTERNAL, "test_labels": files.labels, "selection": files.selection}
    record_looks(params.looks, params.runs, **met)
    record_beside(params.looks, {"baseline": files.baselines_external}, **met)
    evaluate_external(
        files,
        Path(snakemake.output.table),
        Path(snakemake.output.details),
        resampling=Resampling(**params.resampling),
    )
