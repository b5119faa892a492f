# A second source of radiographs that nothing is tuned on: index_external -> admit_external -> pack_external
# -> preprocess_external -> predict_external, score_external_baselines. Only an experiment with external data
# includes this file; evaluate_external and plot_external follow in the files of their stages.


if EXTERNAL.name == "phantom" and EXTERNAL.phantoms != DATA.phantoms:

    use rule generate_phantoms as generate_external_phantoms with:
        output:
            table=f"{EXTERNAL.phantoms}/phantoms.csv",
        log:
            f"{EXTERNAL.phantoms}/generate_phantoms.log",
        params:
            phantom=EXTERNAL.data.phantom.model_dump(),


use rule index_dataset as index_external with:
    input:
        record=ancient("<results>/experiment.json"),
        files=radiographs_of(EXTERNAL, f"{ON_DISK.results}/external"),
    output:
        manifest="<results>/external/manifest.csv",
        description="<results>/external/source.json",
    log:
        "<logs>/index_external.log",
    params:
        source=EXTERNAL.name,
        root=as_it_stands(EXTERNAL.root),
        options=EXTERNAL.options,
        reading=EXTERNAL.data.checks.reading,
        limits=EXTERNAL.limits,
        maximum_rejected_fraction=EXTERNAL.data.checks.maximum_rejected_fraction,
        fingerprint=fingerprint_of(EXTERNAL),


rule admit_external:
    """Stop on radiographs that the experiment has already; keep the labels of the others apart."""
    input:
        manifest="<results>/external/manifest.csv",
        description="<results>/external/source.json",
        known="<results>/dataset/manifest.csv",
    output:
        splits="<results>/external/splits.csv",
        labels="<results>/external/labels.csv",
        audit="<results>/external/audit.json",
    log:
        "<logs>/admit_external.log",
    conda:
        "../envs/report.yaml"
    params:
        maximum_near_duplicate_fraction=EXTERNAL.data.checks.maximum_near_duplicate_fraction,
        code=code_hash("external/admit_external"),
    script:
        "../workflow_scripts/external/admit_external.py"


use rule pack_images as pack_external with:
    input:
        manifest="<results>/external/manifest.csv",
        splits="<results>/external/splits.csv",
    output:
        images="<results>/external/images_{size}.npy",
        digest="<results>/external/images_{size}.json",
    log:
        "<logs>/pack_external_{size}.log",
    params:
        root=as_it_stands(EXTERNAL.root),


use rule preprocess_images as preprocess_external with:
    input:
        images=ancient("<results>/external/images_{size}.npy"),
        digest="<results>/external/images_{size}.json",
    output:
        images="<results>/external/images_{size}_{preprocessing}.npy",
        digest="<results>/external/images_{size}_{preprocessing}.json",
    log:
        "<logs>/preprocess_external_{size}_{preprocessing}.log",


rule score_external_baselines:
    """Score the external radiographs with the simplest models, fitted to the development images fold by fold."""
    input:
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
        development_labels="<results>/dataset/development_labels.csv",
        external_images=ancient(
            f"<results>/external/images_{EXPERIMENT.images.size}.npy"
        ),
        external_digest=f"<results>/external/images_{EXPERIMENT.images.size}.json",
        external_manifest="<results>/external/manifest.csv",
        external_splits="<results>/external/splits.csv",
    output:
        of_baselines("external.csv"),
    log:
        "<logs>/score_external_baselines.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("external/score_external_baselines"),
    script:
        "../workflow_scripts/external/score_external_baselines.py"
