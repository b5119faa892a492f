"""Fetch the published weights of one architecture, once for all experiments."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.models.weights.fetch import fetch_weights

    params = snakemake.params
    fetch_weights(params.model, Path(snakemake.output[0]), mirror=params.mirror)
