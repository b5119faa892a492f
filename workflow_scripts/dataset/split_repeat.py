"""Assign the patients of the development set to folds once more."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.repeats import split_repeat

    split_repeat(
        Path(snakemake.input.splits),
        Path(snakemake.input.development_labels),
        Path(snakemake.output[0]),
        repeat=int(snakemake.wildcards.repeat),
        **snakemake.params.split,
    )
