"""Look at every image file and write the manifest."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.index import index_dataset

    params = snakemake.params
    index_dataset(
        Path(params.root),
        Path(snakemake.output.manifest),
        masks=Path(params.masks) if params.masks else None,
        minimum_px=params.minimum_px,
        maximum_rejected_fraction=params.maximum_rejected_fraction,
        workers=snakemake.threads,
    )
