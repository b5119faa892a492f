"""Find the largest batch of each run that fits into a GPU's memory (only on request)."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.training.batch_sizes import find_batch_sizes

    find_batch_sizes(
        Path(snakemake.input.precision),
        Path(snakemake.output[0]),
        runs=snakemake.params.runs,
        image_size=snakemake.params.image_size,
    )
