# What the networks look at: preview_maps -> explain_run -> assess_maps -> summarise_explanations;
# summarise_explanations -> plot_randomisation;
# explain_run -> draw_panels, plot_explanations, plot_every_map, plot_mean_maps


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
        code=code_of_run("pneumobench.explain.preview"),
    script:
        "../workflow_scripts/explanation/preview_maps.py"


rule explain_run:
    """Map where one run's networks look, on out-of-fold images that are chosen by rule."""
    input:
        images=lambda wildcards: ancient(images_of(".npy")(wildcards)),
        images_digest=images_of(".json"),
        splits="<results>/dataset/splits.csv",
        manifest="<results>/dataset/manifest.csv",
        development_labels="<results>/dataset/development_labels.csv",
        # Its thresholds follow from the other inputs; it is new whenever any other run is.
        selection=ancient("<results>/selection/selection.json"),
        preview="<results>/explanations/{slug}/preview.json",
        folds=lambda wildcards: fold_files(run_of(wildcards), "run.json"),
        weights=lambda wildcards: fold_files(run_of(wildcards), "weights.safetensors"),
        out_of_fold=lambda wildcards: fold_files(run_of(wildcards), "out_of_fold.csv"),
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
            "method", "target", "layer", "images", "second_opinions"
        ),
        threshold_rule=EXPERIMENT.evaluation.threshold_rule,
        threshold_code=code_hash("pneumobench.statistics.thresholds"),
        code=code_of_run("pneumobench.explain.run"),
    script:
        "../workflow_scripts/explanation/explain_run.py"


rule assess_maps:
    """Measure how far one run's maps can be trusted, beside maps that know nothing."""
    input:
        images=lambda wildcards: ancient(images_of(".npy")(wildcards)),
        images_digest=images_of(".json"),
        plain_images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        plain_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        splits="<results>/dataset/splits.csv",
        manifest="<results>/dataset/manifest.csv",
        folds=lambda wildcards: fold_files(run_of(wildcards), "run.json"),
        weights=lambda wildcards: fold_files(run_of(wildcards), "weights.safetensors"),
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
        root=as_it_stands(data_root()),
        resize=EXPERIMENT.images.resize,
        code=code_of_run("pneumobench.explain.measure"),
    script:
        "../workflow_scripts/explanation/assess_maps.py"


rule summarise_explanations:
    """Put the measures of all runs into one table, with intervals and plain verdicts."""
    input:
        measures=of_explanations("measures.csv"),
        randomisations=of_explanations("randomisation.csv"),
        maps=of_explanations("maps.npz"),
        development_labels="<results>/dataset/development_labels.csv",
    output:
        table="<results>/comparison/explanations.csv",
        randomisation="<results>/comparison/randomisation.csv",
        details="<results>/comparison/explanations.json",
    log:
        "<logs>/summarise_explanations.log",
    conda:
        "../envs/report.yaml"
    params:
        confidence=EXPERIMENT.evaluation.confidence,
        replicates=EXPERIMENT.evaluation.bootstrap_replicates,
        bootstrap_seed=EXPERIMENT.evaluation.bootstrap_seed,
        code=code_hash("pneumobench.statistics.explanations"),
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
    conda:
        "../envs/report.yaml"
    params:
        title=lambda wildcards: run_of(wildcards).title,
        root=as_it_stands(data_root()),
        size=EXPERIMENT.images.size,
        resize=EXPERIMENT.images.resize,
        colour_map=EXPERIMENT.explanation.colour_map,
        code=code_hash("pneumobench.reporting.panels", "pneumobench.data.images"),
    script:
        "../workflow_scripts/explanation/draw_panels.py"


rule plot_explanations:
    """Draw the maps of all runs on the same radiographs."""
    input:
        explained=of_explanations("explained.csv"),
        maps=of_explanations("maps.npz"),
        table="<results>/comparison/comparison.csv",
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        splits="<results>/dataset/splits.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/explanations.png",
            caption="../report/captions/explanations.rst",
            category="Explanations",
            labels={"content": "maps of all runs", "kind": "figure"},
        ),
        pdf="<results>/figures/explanations.pdf",
    log:
        "<logs>/plot_explanations.log",
    conda:
        "../envs/report.yaml"
    params:
        colour_map=EXPERIMENT.explanation.colour_map,
        code=code_hash("pneumobench.reporting.explanations"),
    script:
        "../workflow_scripts/explanation/plot_explanations.py"


rule plot_every_map:
    """Draw every kind of map of one radiograph, by all runs."""
    input:
        explained=of_explanations("explained.csv"),
        maps=of_explanations("maps.npz"),
        table="<results>/comparison/comparison.csv",
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        splits="<results>/dataset/splits.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/every_map.png",
            caption="../report/captions/every_map.rst",
            category="Explanations",
            labels={"content": "one radiograph, every map", "kind": "figure"},
        ),
        pdf="<results>/figures/every_map.pdf",
    log:
        "<logs>/plot_every_map.log",
    conda:
        "../envs/report.yaml"
    params:
        colour_map=EXPERIMENT.explanation.colour_map,
        code=code_hash("pneumobench.reporting.every_map"),
    script:
        "../workflow_scripts/explanation/plot_every_map.py"


rule plot_mean_maps:
    """Draw the mean map of every run, class and subtype."""
    input:
        explained=of_explanations("explained.csv"),
        maps=of_explanations("maps.npz"),
        table="<results>/comparison/comparison.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/mean_maps.png",
            caption="../report/captions/mean_maps.rst",
            category="Explanations",
            labels={"content": "mean maps", "kind": "figure"},
        ),
        pdf="<results>/figures/mean_maps.pdf",
    log:
        "<logs>/plot_mean_maps.log",
    conda:
        "../envs/report.yaml"
    params:
        colour_map=EXPERIMENT.explanation.colour_map,
        code=code_hash("pneumobench.reporting.mean_maps"),
    script:
        "../workflow_scripts/explanation/plot_mean_maps.py"


rule plot_randomisation:
    """Draw how similar the maps stay while the networks lose their weights, stage by stage."""
    input:
        layers="<results>/comparison/randomisation.csv",
        maps=of_explanations("maps.npz"),
        table="<results>/comparison/comparison.csv",
    output:
        png=report(
            "<results>/figures/randomisation.png",
            caption="../report/captions/randomisation.rst",
            category="Explanations",
            labels={"content": "cascading randomisation", "kind": "figure"},
        ),
        pdf="<results>/figures/randomisation.pdf",
    log:
        "<logs>/plot_randomisation.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.randomisation"),
    script:
        "../workflow_scripts/explanation/plot_randomisation.py"
