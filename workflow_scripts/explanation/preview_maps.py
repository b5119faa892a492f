"""Find out whether an architecture's maps can be made, before anything is trained."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.explain.preview import preview_maps

    params = snakemake.params
    preview_maps(params.model, params.image_size, params.settings, Path(snakemake.output[0]))
