"""Fit the simplest model of subtypes fold by fold and score all images with it."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.prediction.subtypes import score_subtypes

    score_subtypes(
        Path(snakemake.input.images),
        Path(snakemake.input.manifest),
        Path(snakemake.input.splits),
        Path(snakemake.input.development_labels),
        out_of_fold=[Path(path) for path in snakemake.output.out_of_fold],
        test=[Path(path) for path in snakemake.output.test],
    )
