"""Assign patients to folds and to the test set."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.split import split_dataset

    split_dataset(
        Path(snakemake.input.manifest),
        Path(snakemake.output.splits),
        Path(snakemake.output.development_labels),
        Path(snakemake.output.test_labels),
        **snakemake.params.split,
    )
