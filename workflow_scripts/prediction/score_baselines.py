"""Fit the simplest models fold by fold and score all images with them."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.prediction.baselines import score_baselines

    score_baselines(
        Path(snakemake.input.images),
        Path(snakemake.input.manifest),
        Path(snakemake.input.splits),
        Path(snakemake.input.development_labels),
        out_of_fold={Path(path).parent.name: Path(path) for path in snakemake.output.out_of_fold},
        test={Path(path).parent.name: Path(path) for path in snakemake.output.test},
    )
