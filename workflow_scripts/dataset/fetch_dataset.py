"""Fetch the data set that the radiographs come from, once for all experiments."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.fetch_dataset import fetch_dataset

    params = snakemake.params
    mirror = snakemake.config["downloads"]["data_mirror"]
    fetch_dataset(params.source, params.options, Path(snakemake.output[0]), mirror)
