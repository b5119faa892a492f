"""Predict once more with a finished fold's network: other views, corrupted or external images."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.prediction.repredict import repredict

    given, params = snakemake.input, snakemake.params
    repredict(
        params.kind,
        Path(given.run).parent,
        Path(given.images),
        Path(given.splits),
        {stem: Path(path) for stem, path in snakemake.output.items()},
        **{name: Path(given[name]) for name in params.further},
        **params.options,
    )
