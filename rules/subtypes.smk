# Normal, bacterial and viral radiographs distinguished, where the task is that: score_subtypes (the baseline), evaluate_subtypes
# (labels of the test images join here)


rule score_subtypes:
    """Fit the simplest model of subtypes fold by fold; score its out-of-fold and the test images."""
    input:
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        manifest="<results>/dataset/manifest.csv",
        splits="<results>/dataset/splits.csv",
        development_labels="<results>/dataset/development_labels.csv",
    output:
        out_of_fold=FILES.paths("baselines/subtypes/fold{fold}/out_of_fold.csv"),
        test=FILES.paths("baselines/subtypes/fold{fold}/test.csv"),
    log:
        "<logs>/score_subtypes.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("subtypes/score_subtypes"),
    script:
        "../workflow_scripts/subtypes/score_subtypes.py"


rule evaluate_subtypes:
    """Judge how well every run distinguishes the classes, each with its interval."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        test=of_folds("test.csv"),
        baseline_out_of_fold=FILES.paths(
            "baselines/subtypes/fold{fold}/out_of_fold.csv"
        ),
        baseline_test=FILES.paths("baselines/subtypes/fold{fold}/test.csv"),
        development_labels="<results>/dataset/development_labels.csv",
        test_labels="<results>/dataset/test_labels.csv",
        selection="<results>/selection/selection.json",
    output:
        table="<results>/comparison/subtypes.csv",
        details="<results>/comparison/subtypes.json",
    log:
        "<logs>/evaluate_subtypes.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=tests_of_runs("test.csv"),
        looks=LOGGED_LOOKS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("subtypes/evaluate_subtypes"),
    script:
        "../workflow_scripts/subtypes/evaluate_subtypes.py"
