"""Fetch the published weights of one architecture, once for all experiments."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.models.weights.fetch import fetch_weights

    mirror = snakemake.config["downloads"]["weights_mirror"]
    fetch_weights(snakemake.params.model, Path(snakemake.output[0]), mirror)
