"""Measure how far the maps of one run can be trusted."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.explain.measure import measure_explanations

    given, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
    measure_explanations(
        [Path(path).parent for path in given.folds],
        Path(given.images),
        Path(given.plain_images),
        Path(given.splits),
        Path(given.manifest),
        Path(params.root),
        Path(given.explained),
        Path(given.maps),
        Path(snakemake.output.measures),
        Path(snakemake.output.randomisation),
        run=Run(params.model, wildcards.recipe, int(wildcards.seed)),
        settings=params.settings,
        resize=params.resize,
    )
