"""Spread the grey values of the packed images."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.equalise import equalise_images

    equalise_images(
        Path(snakemake.input.images),
        Path(snakemake.input.digest),
        Path(snakemake.output.images),
        Path(snakemake.output.digest),
        method=snakemake.wildcards.equalisation,
        workers=snakemake.threads,
    )
