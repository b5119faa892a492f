# Predictions beside those of training: score_baselines and score_shift from the images alone, predict_<kind>
# from trained weights

from functools import partial

from pneumobench.core.repredictions import REPREDICTIONS


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
        code=code_hash("prediction/score_baselines"),
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
        scores=each(lambda layout: layout.of_runs("scores.csv")[:1]),
    output:
        domains="<results>/shift/domains.csv",
        blocks="<results>/shift/blocks.csv",
    log:
        "<logs>/score_shift.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("prediction/score_shift"),
    script:
        "../workflow_scripts/prediction/score_shift.py"


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


# predict_views, predict_corrupted, predict_renormalised and predict_external
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
