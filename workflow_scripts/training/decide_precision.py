"""Find the device and the number format that all training jobs of the experiment use."""

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.files import write_json
    from pneumobench.training.precision import decide_precision

    compute = snakemake.params.compute
    decided = decide_precision(
        compute["device"], compute["precision"], threads=compute["numeric_threads"]
    )
    write_json(snakemake.output[0], decided)
