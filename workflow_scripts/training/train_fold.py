"""Train one fold of one run; predict its out-of-fold images and the test images."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.training.files import FoldInputs, FoldJob, FoldOutputs
    from pneumobench.training.fold import train_fold

    params = snakemake.params
    train_fold(
        FoldInputs.of(snakemake.input),
        FoldOutputs(**{name: Path(path) for name, path in snakemake.output.items()}),
        FoldJob.of(Run.of_job(params.model, snakemake.wildcards), snakemake),
        board_folder=Path(params.board),
    )
