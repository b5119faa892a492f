"""Train one fold as bad practice does, and predict every image after every epoch."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.training.files import FoldInputs
    from pneumobench.training.inflation import train_inflated

    given, wildcards, params = snakemake.input, snakemake.wildcards, snakemake.params
    train_inflated(
        FoldInputs(
            images=Path(given.images),
            images_digest=Path(given.images_digest),
            splits=Path(given.splits),
            development_labels=Path(given.development_labels),
            precision=Path(given.precision),
            augmented=Path(given.augmented),
            augmented_table=Path(given.augmented_table),
            # Empty when the recipe starts from weights drawn at random.
            starting_weights=Path(given.starting_weights) if given.starting_weights else None,
        ),
        Path(snakemake.output[0]),
        arm=wildcards.arm,
        run=Run(**params.run),
        fold=int(wildcards.fold),
        settings=params.recipe,
        threads=snakemake.threads,
        code_hash=params.code,
        resume_folder=Path(params.resume),
        # Profiles of clusters set it, in minutes.
        runtime_minutes=snakemake.resources.get("runtime"),
    )
