# Bad practice, measured: split_inflated -> train_inflated -> measure_inflation.
# Only an experiment that asks for it includes this file; every figure `reported` here is OPTIMISTIC.

from pneumobench.core.inflation import ARMS, HONEST


def split_of_arm(name, honest):
    """Return an input function: a table of the split by which an arm of bad practice is trained."""
    return lambda wildcards: (
        honest
        if wildcards.arm == HONEST
        else f"<results>/inflation/{wildcards.arm}/{name}"
    )


rule split_inflated:
    """Split by image, and after copies were made; what honest practice must not do."""
    input:
        splits="<results>/dataset/splits.csv",
        development_labels="<results>/dataset/development_labels.csv",
        augmented_table=f"{FILES.packed('augmented', INFLATED.recipe)}.csv",
    output:
        images_splits="<results>/inflation/images/splits.csv",
        images_development_labels="<results>/inflation/images/development_labels.csv",
        images_augmented_table="<results>/inflation/images/augmented.csv",
        copies_splits="<results>/inflation/copies/splits.csv",
        copies_development_labels="<results>/inflation/copies/development_labels.csv",
        copies_augmented_table="<results>/inflation/copies/augmented.csv",
    log:
        "<logs>/split_inflated.log",
    conda:
        "../envs/report.yaml"
    params:
        split=EXPERIMENT.split.folding,
        code=code_hash("inflation/split_inflated"),
    script:
        "../workflow_scripts/inflation/split_inflated.py"


rule train_inflated:
    """Train one fold, honestly or on such a split, and predict every image after every epoch."""
    input:
        images=ancient(f"{FILES.packed('images', INFLATED.recipe)}.npy"),
        images_digest=f"{FILES.packed('images', INFLATED.recipe)}.json",
        augmented=ancient(f"{FILES.packed('augmented', INFLATED.recipe)}.npy"),
        augmented_digest=f"{FILES.packed('augmented', INFLATED.recipe)}.json",
        augmented_table=split_of_arm(
            "augmented.csv", f"{FILES.packed('augmented', INFLATED.recipe)}.csv"
        ),
        splits=split_of_arm("splits.csv", "<results>/dataset/splits.csv"),
        development_labels=split_of_arm(
            "development_labels.csv", "<results>/dataset/development_labels.csv"
        ),
        precision="<results>/precision.json",
        model=f"<results>/models/{INFLATED.slug}.json",
        starting_weights=weights_of(INFLATED),
    output:
        "<results>/inflation/{arm}/fold{fold}/epochs.csv",
    log:
        "<logs>/train_inflated/{arm}/fold{fold}.log",
    benchmark:
        "<benchmarks>/train_inflated/{arm}/fold{fold}.tsv"
    wildcard_constraints:
        arm="|".join(ARMS),
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
        mem_mb=training_memory,
        runtime=training_time,
    params:
        run=vars(INFLATED),
        recipe=EXPERIMENT.training(INFLATED.recipe),
        # Not declared: what a failed job leaves there is wanted.
        resume=lambda wildcards: f"{ON_DISK.results}/resume/inflation/{wildcards.arm}/fold{wildcards.fold}",
        # A function, since an archive is rebuilt where the architecture may have no file.
        code=lambda wildcards: code_hash(
            "inflation/train_inflated", registry.module_name(INFLATED.model)
        ),
    script:
        "../workflow_scripts/inflation/train_inflated.py"


rule measure_inflation:
    """Hold what bad practice reports against what honest practice does; test labels join here."""
    input:
        epochs=FILES.paths("inflation/{arm}/fold{fold}/epochs.csv"),
        scores=of_runs("scores.csv"),
        development_labels="<results>/dataset/development_labels.csv",
        test_labels="<results>/dataset/test_labels.csv",
        selection="<results>/selection/selection.json",
    output:
        table="<results>/inflation/inflation.csv",
        details="<results>/inflation/inflation.json",
    log:
        "<logs>/measure_inflation.log",
    conda:
        "../envs/report.yaml"
    params:
        run=vars(INFLATED),
        folds=len(FOLDS),
        looks=LOGGED_LOOKS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("inflation/measure_inflation"),
    script:
        "../workflow_scripts/inflation/measure_inflation.py"
