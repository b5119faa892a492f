"""Train one fold of one run; predict its out-of-fold images and the test images."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.training.fold import FoldInputs, FoldOutputs, train_fold

    given, wildcards, params = snakemake.input, snakemake.wildcards, snakemake.params
    train_fold(
        FoldInputs(
            images=Path(given.images),
            images_digest=Path(given.images_digest),
            splits=Path(given.splits),
            development_labels=Path(given.development_labels),
            precision=Path(given.precision),
            # Empty lists when the recipe trains without offline copies.
            augmented=Path(given.augmented) if given.augmented else None,
            augmented_table=Path(given.augmented_table) if given.augmented_table else None,
            # Empty when the recipe starts from weights drawn at random.
            starting_weights=Path(given.starting_weights) if given.starting_weights else None,
        ),
        FoldOutputs(**{name: Path(path) for name, path in snakemake.output.items()}),
        run=Run.of(params.model, wildcards),
        fold=int(wildcards.fold),
        settings=params.recipe,
        threads=snakemake.threads,
        code_hash=params.code,
        resume_folder=Path(params.resume),
        board_folder=Path(params.board),
        # Profiles of clusters set it, in minutes.
        runtime_minutes=snakemake.resources.get("runtime"),
    )
