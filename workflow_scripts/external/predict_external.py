"""Predict the radiographs of the external data with the networks of a finished fold."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.prediction.external import predict_external

    given = snakemake.input
    predict_external(
        Path(given.run).parent,
        Path(given.images),
        Path(given.splits),
        Path(given.external_images),
        Path(given.external_splits),
        Path(snakemake.output[0]),
    )
