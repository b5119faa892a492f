# What the networks look at: preview_maps -> explain_run -> assess_maps -> summarise_explanations;
# explain_run -> draw_panels


rule preview_maps:
    """Make one map by an architecture with random weights, or say why it has none."""
    output:
        "<results>/explanations/{slug}/preview.json",
    log:
        "<logs>/preview_maps/{slug}.log",
    # Trainings do not wait for it, since another setting must not train them anew: it comes first.
    priority: 100
    conda:
        "../envs/train.yaml"
    params:
        model=lambda wildcards: SLUGS[wildcards.slug],
        image_size=EXPERIMENT.images.size,
        settings=explanation_params("method", "target", "layer"),
        code=code_of_run("explanation/preview_maps"),
    script:
        "../workflow_scripts/explanation/preview_maps.py"


rule explain_run:
    """Map where one run's networks look, on out-of-fold images that are chosen by rule."""
    input:
        images=ancient(images_of(".npy")),
        images_digest=images_of(".json"),
        splits="<results>/dataset/splits.csv",
        manifest="<results>/dataset/manifest.csv",
        development_labels="<results>/dataset/development_labels.csv",
        # Its thresholds follow from the other inputs; it is new whenever any other run is.
        selection=ancient("<results>/selection/selection.json"),
        preview="<results>/explanations/{slug}/preview.json",
        folds=of_folds("run.json"),
        weights=of_folds("weights.safetensors"),
        out_of_fold=of_folds("out_of_fold.csv"),
    output:
        maps="<results>/explanations/{slug}/{recipe}/seed{seed}/maps.npz",
        explained="<results>/explanations/{slug}/{recipe}/seed{seed}/explained.csv",
    log:
        "<logs>/explain_run/{slug}/{recipe}/seed{seed}.log",
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        model=lambda wildcards: run_of(wildcards).model,
        settings=explanation_params(
            "method", "target", "layer", "images", "mistakes", "second_opinions"
        ),
        threshold_rule=EXPERIMENT.evaluation.threshold_rule,
        threshold_code=code_hash("pneumobench.statistics.thresholds"),
        code=code_of_run("explanation/explain_run"),
    script:
        "../workflow_scripts/explanation/explain_run.py"


rule assess_maps:
    """Measure how far one run's maps can be trusted, beside maps that know nothing."""
    input:
        images=ancient(images_of(".npy")),
        images_digest=images_of(".json"),
        plain_images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        plain_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        splits="<results>/dataset/splits.csv",
        manifest="<results>/dataset/manifest.csv",
        folds=of_folds("run.json"),
        weights=of_folds("weights.safetensors"),
        explained="<results>/explanations/{slug}/{recipe}/seed{seed}/explained.csv",
        maps="<results>/explanations/{slug}/{recipe}/seed{seed}/maps.npz",
    output:
        measures="<results>/explanations/{slug}/{recipe}/seed{seed}/measures.csv",
        randomisation="<results>/explanations/{slug}/{recipe}/seed{seed}/randomisation.csv",
    log:
        "<logs>/assess_maps/{slug}/{recipe}/seed{seed}.log",
    conda:
        "../envs/train.yaml"
    threads: EXPERIMENT.compute.numeric_threads
    resources:
        gpu=gpus,
        jobs_per_gpu=JOBS_PER_GPU,
    params:
        model=lambda wildcards: run_of(wildcards).model,
        settings=explanation_params("method", "layer", "tested_images"),
        root=as_it_stands(DATA.root),
        resize=EXPERIMENT.images.resize,
        code=code_of_run("explanation/assess_maps"),
    script:
        "../workflow_scripts/explanation/assess_maps.py"


rule summarise_explanations:
    """Put the measures of all runs into one table, with intervals and plain verdicts."""
    input:
        measures=wanted("measures.csv"),
        randomisations=wanted("randomisation.csv"),
        maps=wanted("maps.npz"),
        development_labels="<results>/dataset/development_labels.csv",
    output:
        table="<results>/comparison/explanations.csv",
        randomisation="<results>/comparison/randomisation.csv",
        details="<results>/comparison/explanations.json",
    log:
        "<logs>/summarise_explanations.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("explanation/summarise_explanations"),
    script:
        "../workflow_scripts/explanation/summarise_explanations.py"


rule draw_panels:
    """Draw radiograph, map and overlay of one run's hits and mistakes, one picture each."""
    input:
        explained="<results>/explanations/{slug}/{recipe}/seed{seed}/explained.csv",
        maps="<results>/explanations/{slug}/{recipe}/seed{seed}/maps.npz",
        audit="<results>/dataset/audit.json",
    output:
        directory("<results>/explanations/{slug}/{recipe}/seed{seed}/panels"),
    log:
        "<logs>/draw_panels/{slug}/{recipe}/seed{seed}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        title=lambda wildcards: run_of(wildcards).title,
        root=as_it_stands(DATA.root),
        size=EXPERIMENT.images.size,
        resize=EXPERIMENT.images.resize,
        colour_map=EXPERIMENT.explanation.colour_map,
        code=code_hash("explanation/draw_panels"),
    script:
        "../workflow_scripts/explanation/draw_panels.py"
