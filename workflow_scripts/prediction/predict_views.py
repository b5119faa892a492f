"""Average the logits of several views of each image, with the weights of one fold."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.prediction.views import predict_views

    predict_views(
        Path(snakemake.input.run).parent,
        Path(snakemake.input.images),
        Path(snakemake.input.splits),
        Path(snakemake.output.out_of_fold),
        Path(snakemake.output.test),
        views=snakemake.wildcards.tta,
    )
