"""Describe one architecture at the experiment's image size: parameters, cost, layers."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.files import write_json
    from pneumobench.models.describe import describe_model

    params = snakemake.params
    write_json(snakemake.output[0], describe_model(params.model, params.image_size))
