"""Predict a fold's out-of-fold images made worse in all ways of the suite."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.prediction.corrupted import predict_corrupted

    predict_corrupted(
        Path(snakemake.input.run).parent,
        Path(snakemake.input.images),
        Path(snakemake.input.splits),
        Path(snakemake.output.corrupted),
        strengths=snakemake.params.strengths,
        seed=snakemake.params.seed,
    )
