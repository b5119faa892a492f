"""Look for leaks and oddities in the manifest."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.audit import audit_dataset

    audit_dataset(
        Path(snakemake.input.manifest),
        Path(snakemake.input.description),
        Path(snakemake.output.audit),
        allow_crossings=list(snakemake.params.allow_crossings),
        maximum_near_duplicate_fraction=snakemake.params.maximum_near_duplicate_fraction,
    )
