"""Make of the packed images what networks of a recipe see."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.preprocess import preprocess_images

    preprocess_images(
        Path(snakemake.input.images),
        Path(snakemake.output.images),
        Path(snakemake.output.digest),
        method=snakemake.wildcards.preprocessing,
        workers=snakemake.threads,
    )
