"""Look at every image file and write the manifest."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.doorkeeper import Limits
    from pneumobench.data.index import index_dataset

    params, output = snakemake.params, snakemake.output
    index_dataset(
        Path(output.manifest),
        Path(output.description),
        source=params.source,
        root=Path(params.root),
        options=params.options,
        reading=params.reading,
        limits=Limits(**params.limits),
        maximum_rejected_fraction=params.maximum_rejected_fraction,
        workers=snakemake.threads,
    )
