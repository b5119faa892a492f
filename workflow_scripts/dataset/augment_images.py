"""Write augmented copies of the cross-validation images."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.augment import augment_images

    augment_images(
        Path(snakemake.input.images),
        Path(snakemake.input.splits),
        Path(snakemake.output.images),
        Path(snakemake.output.table),
        **snakemake.params.offline_copies,
    )
