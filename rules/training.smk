# From packed images to weights and predictions: decide_precision, describe_model,
# fetch_weights -> train_fold


rule decide_precision:
    """Find the device and the number format that all training jobs of the experiment use."""
    output:
        "<results>/precision.json",
    log:
        "<logs>/decide_precision.log",
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        # How jobs are packed changes no result.
        compute=EXPERIMENT.compute.model_dump(exclude={"jobs_per_gpu"}),
    script:
        "../workflow_scripts/training/decide_precision.py"


rule describe_model:
    """Build an architecture once: parameters, multiply-adds, map sizes, or why it cannot be built."""
    output:
        "<results>/models/{slug}.json",
    log:
        "<logs>/describe_model/{slug}.log",
    conda:
        "../envs/train.yaml"
    params:
        model=lambda wildcards: SLUGS[wildcards.slug],
        image_size=EXPERIMENT.images.size,
        code=code_of_run("training/describe_model"),
    script:
        "../workflow_scripts/training/describe_model.py"


rule fetch_weights:
    """Bring an architecture's published weights, once for all experiments."""
    output:
        starting_weights.RECORD,
    log:
        "<logs>/fetch_weights/{slug}.log",
    # Compute nodes have no network.
    localrule: True
    conda:
        "../envs/train.yaml"
    resources:
        network=1,
    # The mirror is no param, nor is the code that fetches: the weights stay the same, and with a
    # job that is done again everything trained from them would be.
    params:
        model=lambda wildcards: SLUGS[wildcards.slug],
        code=lambda wildcards: code_hash(registry.module_name(SLUGS[wildcards.slug])),
    script:
        "../workflow_scripts/training/fetch_weights.py"


rule find_batch_sizes:
    """Find the largest batch of each run that fits into a GPU's memory (only on request)."""
    input:
        precision="<results>/precision.json",
    output:
        "<results>/batch_sizes.csv",
    log:
        "<logs>/find_batch_sizes.log",
    conda:
        "../envs/train.yaml"
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        runs=EXPERIMENT.trainings,
        image_size=EXPERIMENT.images.size,
    script:
        "../workflow_scripts/training/find_batch_sizes.py"


rule train_fold:
    """Train one fold of one run; predict its out-of-fold images and the test images."""
    input:
        images=ancient(images_of(".npy")),
        images_digest=images_of(".json"),
        augmented=ancient(augmented_of(".npy")),
        augmented_digest=augmented_of(".json"),
        augmented_table=augmented_of(".csv"),
        splits=lambda wildcards: FILES.splits_of(int(wildcards.fold)),
        development_labels="<results>/dataset/development_labels.csv",
        precision="<results>/precision.json",
        model="<results>/models/{slug}.json",
        starting_weights=weights_of(),
    output:
        weights="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/weights.safetensors",
        run="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/run.json",
        history="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/history.csv",
        timing="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/timing.csv",
        out_of_fold="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/out_of_fold.csv",
        test="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/test.csv",
    log:
        "<logs>/train_fold/{slug}/{recipe}/seed{seed}/fold{fold}.log",
    benchmark:
        "<benchmarks>/train_fold/{slug}/{recipe}/seed{seed}/fold{fold}.tsv"
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
        mem_mb=training_memory,
        runtime=training_time,
    params:
        model=lambda wildcards: run_of(wildcards).model,
        recipe=lambda wildcards: EXPERIMENT.training(wildcards.recipe),
        # Neither is declared: what a failed job leaves there is wanted.
        resume=undeclared("resume"),
        board=undeclared("tensorboard"),
        code=code_of_run("training/train_fold"),
    script:
        "../workflow_scripts/training/train_fold.py"
