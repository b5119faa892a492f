# Predictions beside those of training: score_baselines from the images alone, predict_views, predict_corrupted
# and predict_renormalised from trained weights


rule score_baselines:
    """Fit the simplest models fold by fold; score their out-of-fold images and the test images."""
    input:
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
        development_labels="<results>/dataset/development_labels.csv",
    output:
        out_of_fold=of_baselines("out_of_fold.csv"),
        test=of_baselines("test.csv"),
    log:
        "<logs>/score_baselines.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.prediction.baselines"),
    script:
        "../workflow_scripts/prediction/score_baselines.py"


rule score_shift:
    """Ask the simplest models which radiographs are test radiographs, and leave out blocks of file numbers."""
    input:
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
        # Labels of all images, joined after the selection; those of any run are the same.
        scores=lambda wildcards: of_runs("scores.csv")(wildcards)[:1],
    output:
        domains="<results>/shift/domains.csv",
        blocks="<results>/shift/blocks.csv",
    log:
        "<logs>/score_shift.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.prediction.shift"),
    script:
        "../workflow_scripts/prediction/score_shift.py"


rule predict_views:
    """Average the logits of several views of each image, beside the plain predictions of a fold."""
    input:
        images=ancient(images_of(".npy")),
        images_digest=images_of(".json"),
        splits="<results>/dataset/splits.csv",
        weights="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/weights.safetensors",
        run="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/run.json",
        out_of_fold="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/out_of_fold.csv",
        test="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/test.csv",
    output:
        out_of_fold="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/out_of_fold_{tta}.csv",
        test="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/test_{tta}.csv",
    log:
        "<logs>/predict_views/{slug}/{recipe}/seed{seed}/fold{fold}_{tta}.log",
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        code=code_of_run("pneumobench.prediction.views"),
    script:
        "../workflow_scripts/prediction/predict_views.py"


rule predict_corrupted:
    """Predict a fold's out-of-fold images made worse; those of the test set are left alone."""
    input:
        # As packed: a recipe preprocesses radiographs of any kind, so it does corrupted ones.
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        splits="<results>/dataset/splits.csv",
        weights="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/weights.safetensors",
        run="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/run.json",
        out_of_fold="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/out_of_fold.csv",
    output:
        corrupted="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/corrupted.csv",
    log:
        "<logs>/predict_corrupted/{slug}/{recipe}/seed{seed}/fold{fold}.log",
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        strengths=STRENGTHS,
        seed=EXPERIMENT.robustness.seed,
        code=code_of_run("pneumobench.prediction.corrupted"),
    script:
        "../workflow_scripts/prediction/predict_corrupted.py"


rule predict_renormalised:
    """Predict the test images once more, batch normalisation taking its statistics from them."""
    input:
        images=ancient(images_of(".npy")),
        images_digest=images_of(".json"),
        splits="<results>/dataset/splits.csv",
        weights="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/weights.safetensors",
        run="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/run.json",
        test="<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/test.csv",
    output:
        "<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}/test_statistics.csv",
    log:
        "<logs>/predict_renormalised/{slug}/{recipe}/seed{seed}/fold{fold}.log",
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        code=code_of_run("pneumobench.prediction.renormalised"),
    script:
        "../workflow_scripts/prediction/predict_renormalised.py"
