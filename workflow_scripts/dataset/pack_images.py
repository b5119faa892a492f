"""Decode every accepted image once into one array."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.pack import pack_images

    pack_images(
        Path(snakemake.input.manifest),
        Path(snakemake.params.root),
        Path(snakemake.output.images),
        Path(snakemake.output.digest),
        size=int(snakemake.wildcards.size),
        resize=snakemake.params.resize,
        workers=snakemake.threads,
    )
