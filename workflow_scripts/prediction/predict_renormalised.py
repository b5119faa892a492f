"""Predict the test images with batch normalisation that takes its statistics from them."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.prediction.renormalised import predict_renormalised

    predict_renormalised(
        Path(snakemake.input.run).parent,
        Path(snakemake.input.images),
        Path(snakemake.input.splits),
        Path(snakemake.output[0]),
    )
