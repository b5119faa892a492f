"""Judge every run and baseline on the external radiographs, with what was frozen before."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.external import evaluate_external

LISTS = (
    "external",
    "baselines_external",
    "baselines_out_of_fold",
    "baselines_test",
    "scores",
    "metrics",
)
FILES = ("labels", "audit", "data_audit", "selection")

with job_log(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    evaluate_external(
        **{name: [Path(path) for path in getattr(given, name)] for name in LISTS},
        **{name: Path(getattr(given, name)) for name in FILES},
        table=Path(snakemake.output.table),
        details=Path(snakemake.output.details),
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
