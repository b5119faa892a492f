"""Map where the networks of one run look."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.explain.run import ExplainedInputs, explain_run

    params = snakemake.params
    explain_run(
        ExplainedInputs.of(snakemake.input),
        Path(snakemake.output.maps),
        Path(snakemake.output.explained),
        run=Run.of_job(params.model, snakemake.wildcards),
        settings=params.settings,
    )
