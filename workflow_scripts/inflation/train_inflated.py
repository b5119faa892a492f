"""Train one fold as bad practice does, and predict every image after every epoch."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.training.files import FoldInputs, FoldJob
    from pneumobench.training.inflation import train_inflated

    train_inflated(
        FoldInputs.of(snakemake.input),
        Path(snakemake.output[0]),
        FoldJob.of(Run(**snakemake.params.run), snakemake),
        arm=snakemake.wildcards.arm,
    )
