"""Rule describe_model: parameters, cost and layers of one architecture at this image size."""

from pneumobench.core.files import write_json
from pneumobench.core.job import job_log
from pneumobench.models.describe import describe_model

with job_log(snakemake.log[0]):
    write_json(
        snakemake.output[0],
        describe_model(snakemake.params.model, snakemake.params.image_size),
    )
