# Predictions from trained weights, beside those of training: predict_views, predict_corrupted, predict_renormalised
# and predict_external, a rule for each entry of pneumobench.core.repredictions.

from functools import partial

from pneumobench.core.repredictions import REPREDICTIONS

FOLD = "<results>/runs/{slug}/{recipe}/seed{seed}/fold{fold}"


def external_inputs(kind):
    """Return the packed external images, where a kind of prediction needs them."""
    if not kind.external:
        return {}
    return {
        "external_images": ancient(images_of(".npy", "external")),
        "external_digest": images_of(".json", "external"),
        "external_splits": "<results>/external/splits.csv",
    }


def options_of(kind, wildcards):
    """Return what a kind of prediction follows from, beside its inputs."""
    return kind.options(EXPERIMENT, wildcards)


for kind in REPREDICTIONS.values():

    rule:
        """Predict once more with the network of a finished fold."""
        name:
            f"predict_{kind.name}"
        input:
            **external_inputs(kind),
            images=ancient(images_of(".npy", preprocessed=kind.preprocessed)),
            images_digest=images_of(".json", preprocessed=kind.preprocessed),
            splits="<results>/dataset/splits.csv",
            weights=f"{FOLD}/weights.safetensors",
            run=f"{FOLD}/run.json",
            plain=[f"{FOLD}/{stem}.csv" for stem in kind.files],
        output:
            **{stem: f"{FOLD}/{name}" for stem, name in kind.files.items()},
        log:
            f"<logs>/predict_{kind.name}/{{slug}}/{{recipe}}/seed{{seed}}/fold{{fold}}{kind.variant}.log",
        conda:
            "../envs/train.yaml"
        threads: EXPERIMENT.compute.numeric_threads
        resources:
            gpu=gpus,
            jobs_per_gpu=JOBS_PER_GPU,
        params:
            kind=kind.name,
            options=partial(options_of, kind),
            further=[
                name for name in external_inputs(kind) if name != "external_digest"
            ],
            code=code_of_run("prediction/repredict", kind.module),
        script:
            "../workflow_scripts/prediction/repredict.py"
