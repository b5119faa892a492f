# From a folder of radiographs to what training reads:
# generate_phantoms or fetch_dataset -> index_dataset -> audit_dataset -> split_dataset -> pack_images
# -> preprocess_images, augment_images where a recipe wants them

from pneumobench.core.config.identity import experiment_identity


rule record_experiment:
    """Write down what must not change inside one results folder."""
    output:
        "<results>/experiment.json",
    log:
        "<logs>/record_experiment.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        identity=experiment_identity(EXPERIMENT),
    script:
        "../workflow_scripts/dataset/record_experiment.py"


rule generate_phantoms:
    """Draw chest radiographs in Kaggle's folder layout, with lesion masks."""
    output:
        table=f"{DATA.phantoms}/phantoms.csv",
    log:
        f"{DATA.phantoms}/generate_phantoms.log",
    conda:
        "../envs/report.yaml"
    threads: 8
    params:
        phantom=DATA.data.phantom.model_dump(),
    script:
        "../workflow_scripts/dataset/generate_phantoms.py"


rule fetch_dataset:
    """Bring a published data set, or make a folder of radiographs of the user's own file of it."""
    input:
        lambda wildcards: FETCHED[wildcards.dataset].options.get("file") or [],
    output:
        "resources/datasets/{dataset}.json",
    log:
        "<logs>/fetch_dataset/{dataset}.log",
    # Compute nodes have no network.
    localrule: True
    conda:
        "../envs/report.yaml"
    resources:
        network=1,
    # The mirror is no param, nor is the code that fetches: the radiographs stay the same.
    params:
        source=lambda wildcards: FETCHED[wildcards.dataset].name,
        options=lambda wildcards: FETCHED[wildcards.dataset].options,
    script:
        "../workflow_scripts/dataset/fetch_dataset.py"


rule index_dataset:
    """Look at every file: label, patient, size, hashes; set aside what does not decode."""
    input:
        record=ancient("<results>/experiment.json"),
        files=radiographs_of(DATA, f"{ON_DISK.results}/dataset"),
    output:
        manifest="<results>/dataset/manifest.csv",
        description="<results>/dataset/source.json",
    log:
        "<logs>/index_dataset.log",
    conda:
        "../envs/report.yaml"
    threads: 8
    params:
        source=DATA.name,
        root=as_it_stands(DATA.root),
        options=DATA.options,
        reading=DATA.data.checks.reading,
        limits=DATA.limits,
        maximum_rejected_fraction=DATA.data.checks.maximum_rejected_fraction,
        fingerprint=fingerprint_of(DATA),
        code=code_hash("dataset/index_dataset"),
    script:
        "../workflow_scripts/dataset/index_dataset.py"


rule audit_dataset:
    """Look for leaks between the official splits; stop on one unless it is allowed by name."""
    input:
        manifest="<results>/dataset/manifest.csv",
        description="<results>/dataset/source.json",
    output:
        audit="<results>/dataset/audit.json",
    log:
        "<logs>/audit_dataset.log",
    conda:
        "../envs/report.yaml"
    params:
        allow_crossings=DATA.data.checks.allow_crossings,
        maximum_near_duplicate_fraction=DATA.data.checks.maximum_near_duplicate_fraction,
        code=code_hash("dataset/audit_dataset"),
    script:
        "../workflow_scripts/dataset/audit_dataset.py"


rule split_dataset:
    """Assign patients to folds; labels of test images go to a file that training never reads."""
    input:
        manifest="<results>/dataset/manifest.csv",
        audit="<results>/dataset/audit.json",
    output:
        splits="<results>/dataset/splits.csv",
        development_labels="<results>/dataset/development_labels.csv",
        test_labels="<results>/dataset/test_labels.csv",
    log:
        "<logs>/split_dataset.log",
    conda:
        "../envs/report.yaml"
    params:
        split=EXPERIMENT.split.once | EXPERIMENT.other_task,
        code=code_hash("dataset/split_dataset"),
    script:
        "../workflow_scripts/dataset/split_dataset.py"


if EXPERIMENT.split.repeats > 1:

    rule split_repeat:
        """Divide the development patients into folds anew; who is tested on stays."""
        input:
            splits="<results>/dataset/splits.csv",
            development_labels="<results>/dataset/development_labels.csv",
        output:
            "<results>/dataset/repeat{repeat}/splits.csv",
        log:
            "<logs>/split_repeat/{repeat}.log",
        wildcard_constraints:
            repeat="|".join(map(str, FILES.further_repeats)),
        conda:
            "../envs/report.yaml"
        params:
            split=EXPERIMENT.split.folding,
            code=code_hash("dataset/split_repeat"),
        script:
            "../workflow_scripts/dataset/split_repeat.py"


rule pack_images:
    """Decode every image once into one array of bytes."""
    input:
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
    output:
        images="<results>/dataset/images_{size}.npy",
        digest="<results>/dataset/images_{size}.json",
    log:
        "<logs>/pack_images_{size}.log",
    conda:
        "../envs/report.yaml"
    threads: 8
    params:
        root=as_it_stands(DATA.root),
        resize=EXPERIMENT.images.resize,
        code=code_hash("dataset/pack_images"),
    script:
        "../workflow_scripts/dataset/pack_images.py"


rule preprocess_images:
    """Spread the grey values of the packed images, or mask their borders or all but the lungs."""
    input:
        images=ancient("<results>/dataset/images_{size}.npy"),
        digest="<results>/dataset/images_{size}.json",
    output:
        images="<results>/dataset/images_{size}_{preprocessing}.npy",
        digest="<results>/dataset/images_{size}_{preprocessing}.json",
    log:
        "<logs>/preprocess_images_{size}_{preprocessing}.log",
    conda:
        "../envs/report.yaml"
    threads: 8
    params:
        code=code_hash("dataset/preprocess_images"),
    script:
        "../workflow_scripts/dataset/preprocess_images.py"


rule augment_images:
    """Make offline copies of the cross-validation images, of the preprocessed ones for some recipes."""
    input:
        images=ancient("<results>/dataset/images_{variant}.npy"),
        digest="<results>/dataset/images_{variant}.json",
        splits="<results>/dataset/splits.csv",
    output:
        images="<results>/dataset/augmented_{variant}.npy",
        digest="<results>/dataset/augmented_{variant}.json",
        table="<results>/dataset/augmented_{variant}.csv",
    log:
        "<logs>/augment_images_{variant}.log",
    conda:
        "../envs/train.yaml"
    params:
        offline_copies=EXPERIMENT.offline_copies.model_dump(),
        code=code_hash("dataset/augment_images"),
    script:
        "../workflow_scripts/dataset/augment_images.py"
