"""Measure how far the maps of one run can be trusted."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.explain.measure import MeasuredInputs, measure_maps

    params = snakemake.params
    measure_maps(
        MeasuredInputs.of(snakemake.input, root=Path(params.root), resize=params.resize),
        Path(snakemake.output.measures),
        Path(snakemake.output.randomisation),
        run=Run.of_job(params.model, snakemake.wildcards),
        settings=params.settings,
    )
