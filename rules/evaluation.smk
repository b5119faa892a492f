# From predictions to numbers: freeze_selection (out-of-fold only) -> combine_ensemble, evaluate_run
# (labels of the test images join here) -> compare_runs; evaluate_robustness (out-of-fold only)


rule freeze_selection:
    """Choose thresholds and ranking from out-of-fold predictions, before test labels are read."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        out_of_fold_views=wanted("out_of_fold_{tta}.csv"),
        run_jsons=of_folds("run.json"),
        baselines=of_baselines("out_of_fold.csv"),
        development_labels="<results>/dataset/development_labels.csv",
    output:
        selection="<results>/selection/selection.json",
    log:
        "<logs>/freeze_selection.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        rules={"folds": len(FOLDS), **EXPERIMENT.evaluation.fitted},
        views=VIEWS,
        ensembles=ENSEMBLES,
        code=code_hash("evaluation/freeze_selection"),
    script:
        "../workflow_scripts/evaluation/freeze_selection.py"


rule combine_ensemble:
    """Apply an ensemble's frozen weights to the predictions of all runs; labels have no part in it."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        test=of_folds("test.csv"),
        selection="<results>/selection/selection.json",
    output:
        out_of_fold="<results>/ensembles/{ensemble}/out_of_fold.csv",
        test="<results>/ensembles/{ensemble}/test.csv",
    log:
        "<logs>/combine_ensemble/{ensemble}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("evaluation/combine_ensemble"),
    script:
        "../workflow_scripts/evaluation/combine_ensemble.py"


rule evaluate_run:
    """Join predictions and labels of one run: every metric, with its interval."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        test=of_folds("test.csv"),
        out_of_fold_views=wanted("out_of_fold_{tta}.csv"),
        test_views=wanted("test_{tta}.csv"),
        development_labels="<results>/dataset/development_labels.csv",
        test_labels="<results>/dataset/test_labels.csv",
        selection="<results>/selection/selection.json",
    output:
        metrics="<results>/runs/{slug}/{recipe}/seed{seed}/metrics.json",
        scores="<results>/runs/{slug}/{recipe}/seed{seed}/scores.csv",
    log:
        "<logs>/evaluate_run/{slug}/{recipe}/seed{seed}.log",
    conda:
        "../envs/report.yaml"
    params:
        model=lambda wildcards: run_of(wildcards).model,
        views=VIEWS,
        looks=LOGGED_LOOKS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/evaluate_run"),
    script:
        "../workflow_scripts/evaluation/evaluate_run.py"


rule evaluate_robustness:
    """Judge one run's corrupted out-of-fold images; the worst specificity is the criterion."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        corrupted=of_folds("corrupted.csv"),
        development_labels="<results>/dataset/development_labels.csv",
        selection="<results>/selection/selection.json",
    output:
        table="<results>/runs/{slug}/{recipe}/seed{seed}/robustness.csv",
        details="<results>/runs/{slug}/{recipe}/seed{seed}/robustness.json",
    log:
        "<logs>/evaluate_robustness/{slug}/{recipe}/seed{seed}.log",
    conda:
        "../envs/report.yaml"
    params:
        model=lambda wildcards: run_of(wildcards).model,
        strengths=STRENGTHS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/evaluate_robustness"),
    script:
        "../workflow_scripts/evaluation/evaluate_robustness.py"


rule compare_robustness:
    """Compare the robustness of all runs to image corruption, pair by pair."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        corrupted=of_folds("corrupted.csv"),
        development_labels="<results>/dataset/development_labels.csv",
        selection="<results>/selection/selection.json",
    output:
        table="<results>/comparison/robustness.csv",
    log:
        "<logs>/compare_robustness.log",
    conda:
        "../envs/report.yaml"
    params:
        strengths=STRENGTHS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/compare_robustness"),
    script:
        "../workflow_scripts/evaluation/compare_robustness.py"


rule assess_calibration:
    """Say what a run's probabilities and thresholds are worth, out of fold and on the test set."""
    input:
        scores="<results>/runs/{slug}/{recipe}/seed{seed}/scores.csv",
        metrics="<results>/runs/{slug}/{recipe}/seed{seed}/metrics.json",
        selection="<results>/selection/selection.json",
    output:
        details="<results>/runs/{slug}/{recipe}/seed{seed}/calibration.json",
        calibrated="<results>/runs/{slug}/{recipe}/seed{seed}/calibrated.csv",
    log:
        "<logs>/assess_calibration/{slug}/{recipe}/seed{seed}.log",
    conda:
        "../envs/report.yaml"
    params:
        model=lambda wildcards: run_of(wildcards).model,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/assess_calibration"),
    script:
        "../workflow_scripts/evaluation/assess_calibration.py"


rule compare_pairs:
    """Test every pair of runs and the planned contrasts, and say which runs are indistinguishable."""
    input:
        scores=of_runs("scores.csv"),
        run_jsons=of_folds("run.json"),
        selection="<results>/selection/selection.json",
    output:
        table="<results>/comparison/differences.csv",
        details="<results>/comparison/differences.json",
    log:
        "<logs>/compare_pairs.log",
    conda:
        "../envs/report.yaml"
    params:
        resampling=EXPERIMENT.evaluation.resampling,
        permutations=EXPERIMENT.evaluation.permutations,
        reference=EXPERIMENT.evaluation.reference,
        margin=EXPERIMENT.evaluation.margin / 100,
        code=code_hash("evaluation/compare_pairs"),
    script:
        "../workflow_scripts/evaluation/compare_pairs.py"


rule compare_runs:
    """Rank the runs by out-of-fold AUC, with the baselines and what is missing."""
    input:
        metrics=of_runs("metrics.json"),
        scores=of_runs("scores.csv"),
        run_jsons=of_folds("run.json"),
        timings=of_folds("timing.csv"),
        models=files("models/{slug}.json"),
        selection="<results>/selection/selection.json",
        differences="<results>/comparison/differences.csv",
        baselines_out_of_fold=of_baselines("out_of_fold.csv"),
        baselines_test=of_baselines("test.csv"),
        ensembles_out_of_fold=wanted("ensembles/{ensemble}/out_of_fold.csv"),
        ensembles_test=wanted("ensembles/{ensemble}/test.csv"),
        robustness=wanted("robustness.json"),
        test_labels="<results>/dataset/test_labels.csv",
    output:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
    log:
        "<logs>/compare_runs.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        missing=MISSING,
        looks=LOGGED_LOOKS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/compare_runs"),
    script:
        "../workflow_scripts/evaluation/compare_runs.py"


rule find_label_errors:
    """List the images whose labels the networks doubt; nothing is dropped."""
    input:
        calibrated=of_runs("calibrated.csv"),
    output:
        table="<results>/comparison/label_errors.csv",
        details="<results>/comparison/label_errors.json",
    log:
        "<logs>/find_label_errors.log",
    conda:
        "../envs/report.yaml"
    params:
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/find_label_errors"),
    script:
        "../workflow_scripts/evaluation/find_label_errors.py"


rule measure_variation:
    """Measure how much out-of-fold AUCs vary between seeds and repeats, beside what patients vary."""
    input:
        out_of_fold=of_folds("out_of_fold.csv"),
        further=wanted("runs/{run}/fold{further}/out_of_fold.csv"),
        development_labels="<results>/dataset/development_labels.csv",
    output:
        table="<results>/comparison/variation.csv",
        details="<results>/comparison/variation.json",
    log:
        "<logs>/measure_variation.log",
    conda:
        "../envs/report.yaml"
    params:
        folds=len(FOLDS),
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/measure_variation"),
    script:
        "../workflow_scripts/evaluation/measure_variation.py"


rule measure_shift:
    """Measure how unlike development and test images are, and what that costs; nothing flows back."""
    input:
        scores=of_runs("scores.csv"),
        selection="<results>/selection/selection.json",
        baselines_out_of_fold=of_baselines("out_of_fold.csv"),
        baselines_test=of_baselines("test.csv"),
        ensembles_out_of_fold=wanted("ensembles/{ensemble}/out_of_fold.csv"),
        ensembles_test=wanted("ensembles/{ensemble}/test.csv"),
        domains="<results>/shift/domains.csv",
        blocks="<results>/shift/blocks.csv",
        renormalised=wanted("test_statistics.csv"),
        test_labels="<results>/dataset/test_labels.csv",
    output:
        "<results>/comparison/shift.json",
    log:
        "<logs>/measure_shift.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        renormalised=(
            tests_of_runs("test_statistics.csv")
            if EXPERIMENT.robustness.test_time_normalisation
            else []
        ),
        looks=LOGGED_LOOKS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/measure_shift"),
    script:
        "../workflow_scripts/evaluation/measure_shift.py"


rule evaluate_external:
    """Judge every run and baseline on the external radiographs, with what was frozen; their labels join here."""
    input:
        external=of_folds("external.csv"),
        baselines_external=of_baselines("external.csv"),
        baselines_out_of_fold=of_baselines("out_of_fold.csv"),
        baselines_test=of_baselines("test.csv"),
        scores=of_runs("scores.csv"),
        metrics=of_runs("metrics.json"),
        labels="<results>/external/labels.csv",
        audit="<results>/external/audit.json",
        data_audit="<results>/dataset/audit.json",
        selection="<results>/selection/selection.json",
    output:
        table="<results>/comparison/external.csv",
        details="<results>/comparison/external.json",
    log:
        "<logs>/evaluate_external.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=tests_of_runs("external.csv"),
        looks=LOGGED_LOOKS,
        resampling=EXPERIMENT.evaluation.resampling,
        code=code_hash("evaluation/evaluate_external"),
    script:
        "../workflow_scripts/evaluation/evaluate_external.py"
