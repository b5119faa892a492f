"""Draw the embedded phantoms: a data set of chest radiographs that needs no download."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.phantoms.generate import generate_phantoms

    generate_phantoms(
        Path(snakemake.output.table), **snakemake.params.phantom, workers=snakemake.threads
    )
