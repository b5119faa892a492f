# From trained weights to further predictions: predict_views


rule predict_views:
    """Average the logits of several views of each image, beside the plain predictions of a fold."""
    input:
        images=lambda wildcards: ancient(images_of(".npy")(wildcards)),
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
    params:
        code=code_of_run("pneumobench.prediction.views"),
    script:
        "../workflow_scripts/predict_views.py"
