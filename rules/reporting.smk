# From numbers to what people read: make_tables, plot_* -> render_report


rule make_tables:
    """Write the comparison as CSV, Markdown and LaTeX."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
    output:
        csv=report(
            "<results>/tables/comparison.csv",
            caption="../report/captions/comparison.rst",
            category="Comparison",
            labels={"content": "all runs", "kind": "table"},
        ),
        markdown="<results>/tables/comparison.md",
        latex="<results>/tables/comparison.tex",
    log:
        "<logs>/make_tables.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.tables"),
    script:
        "../workflow_scripts/reporting/make_tables.py"


rule plot_roc:
    """Draw the ROC curves, out of fold and on the test set."""
    input:
        scores=of_runs("scores.csv"),
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/roc.png",
            caption="../report/captions/roc.rst",
            category="Comparison",
            labels={"content": "ROC curves", "kind": "figure"},
        ),
        pdf="<results>/figures/roc.pdf",
    log:
        "<logs>/plot_roc.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.roc"),
    script:
        "../workflow_scripts/reporting/plot_roc.py"


rule plot_precision_recall:
    """Draw the precision-recall curves with the prevalence line."""
    input:
        scores=of_runs("scores.csv"),
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/precision_recall.png",
            caption="../report/captions/precision_recall.rst",
            category="Comparison",
            labels={"content": "precision-recall curves", "kind": "figure"},
        ),
        pdf="<results>/figures/precision_recall.pdf",
    log:
        "<logs>/plot_precision_recall.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.precision_recall"),
    script:
        "../workflow_scripts/reporting/plot_precision_recall.py"


rule plot_confusion:
    """Draw a confusion matrix for each run."""
    input:
        metrics=of_runs("metrics.json"),
        table="<results>/comparison/comparison.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/confusion.png",
            caption="../report/captions/confusion.rst",
            category="Comparison",
            labels={"content": "confusion matrices", "kind": "figure"},
        ),
        pdf="<results>/figures/confusion.pdf",
    log:
        "<logs>/plot_confusion.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.confusion"),
    script:
        "../workflow_scripts/reporting/plot_confusion.py"


rule plot_ranking:
    """Draw AUC with intervals, out of fold and test, in the order of the ranking."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/ranking.png",
            caption="../report/captions/ranking.rst",
            category="Comparison",
            labels={"content": "ranking", "kind": "figure"},
        ),
        pdf="<results>/figures/ranking.pdf",
    log:
        "<logs>/plot_ranking.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.ranking"),
    script:
        "../workflow_scripts/reporting/plot_ranking.py"


rule plot_differences:
    """Draw the difference of every pair of runs, and whether it holds."""
    input:
        differences="<results>/comparison/differences.csv",
        details="<results>/comparison/differences.json",
        comparison="<results>/comparison/comparison.csv",
    output:
        png=report(
            "<results>/figures/differences.png",
            caption="../report/captions/differences.rst",
            category="Comparison",
            labels={"content": "all pairs of runs", "kind": "figure"},
        ),
        pdf="<results>/figures/differences.pdf",
    log:
        "<logs>/plot_differences.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.differences"),
    script:
        "../workflow_scripts/reporting/plot_differences.py"


rule plot_critical_difference:
    """Draw the ranking with bars that join runs which no test tells apart."""
    input:
        details="<results>/comparison/differences.json",
        comparison="<results>/comparison/comparison.csv",
    output:
        png=report(
            "<results>/figures/critical_difference.png",
            caption="../report/captions/critical_difference.rst",
            category="Comparison",
            labels={"content": "critical differences", "kind": "figure"},
        ),
        pdf="<results>/figures/critical_difference.pdf",
    log:
        "<logs>/plot_critical_difference.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.critical_difference"),
    script:
        "../workflow_scripts/reporting/plot_critical_difference.py"


rule plot_calibration:
    """Draw the reliability curves of all runs, before and after calibration."""
    input:
        calibrations=of_runs("calibration.json"),
        comparison="<results>/comparison/comparison.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/calibration.png",
            caption="../report/captions/calibration.rst",
            category="Calibration",
            labels={"content": "reliability curves", "kind": "figure"},
        ),
        pdf="<results>/figures/calibration.pdf",
    log:
        "<logs>/plot_calibration.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.calibration"),
    script:
        "../workflow_scripts/reporting/plot_calibration.py"


rule plot_decision_curves:
    """Draw the net benefit of treating by each run's probabilities."""
    input:
        calibrations=of_runs("calibration.json"),
        comparison="<results>/comparison/comparison.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/decision_curves.png",
            caption="../report/captions/decision_curves.rst",
            category="Calibration",
            labels={"content": "decision curves", "kind": "figure"},
        ),
        pdf="<results>/figures/decision_curves.pdf",
    log:
        "<logs>/plot_decision_curves.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.decision_curves"),
    script:
        "../workflow_scripts/reporting/plot_decision_curves.py"


rule plot_worst_cases:
    """Draw the out-of-fold radiographs that runs are most confidently wrong about."""
    input:
        calibrated=of_runs("calibrated.csv"),
        comparison="<results>/comparison/comparison.csv",
        images=ancient(f"<results>/dataset/images_{EXPERIMENT.images.size}.npy"),
        images_digest=f"<results>/dataset/images_{EXPERIMENT.images.size}.json",
        splits="<results>/dataset/splits.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/worst_cases.png",
            caption="../report/captions/worst_cases.rst",
            category="Calibration",
            labels={"content": "worst cases", "kind": "figure"},
        ),
        pdf="<results>/figures/worst_cases.pdf",
    log:
        "<logs>/plot_worst_cases.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.worst_cases"),
    script:
        "../workflow_scripts/reporting/plot_worst_cases.py"


rule plot_robustness:
    """Draw specificity and sensitivity of every run under every corruption."""
    input:
        tables=wanted("robustness.csv"),
        comparison="<results>/comparison/comparison.csv",
    output:
        png=report(
            "<results>/figures/robustness.png",
            caption="../report/captions/robustness.rst",
            category="Robustness",
            labels={"content": "runs against corruptions", "kind": "figure"},
        ),
        pdf="<results>/figures/robustness.pdf",
    log:
        "<logs>/plot_robustness.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.robustness"),
    script:
        "../workflow_scripts/reporting/plot_robustness.py"


rule plot_shift:
    """Draw the scores of every run on development and test images of either class."""
    input:
        shift="<results>/comparison/shift.json",
        comparison="<results>/comparison/comparison.csv",
        audit="<results>/dataset/audit.json",
    output:
        png=report(
            "<results>/figures/shift.png",
            caption="../report/captions/shift.rst",
            category="Shift",
            labels={"content": "development against test", "kind": "figure"},
        ),
        pdf="<results>/figures/shift.pdf",
    log:
        "<logs>/plot_shift.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.shift"),
    script:
        "../workflow_scripts/reporting/plot_shift.py"


rule plot_external:
    """Draw AUC, sensitivity and specificity of every run and baseline out of fold, on test and external radiographs."""
    input:
        details="<results>/comparison/external.json",
        comparison="<results>/comparison/comparison.csv",
    output:
        png=report(
            "<results>/figures/external.png",
            caption="../report/captions/external.rst",
            category="Shift",
            labels={"content": "external validation", "kind": "figure"},
        ),
        pdf="<results>/figures/external.pdf",
    log:
        "<logs>/plot_external.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.external"),
    script:
        "../workflow_scripts/reporting/plot_external.py"


rule plot_cost:
    """Draw parameters, training time and out-of-fold AUC against each other."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
    output:
        png=report(
            "<results>/figures/cost.png",
            caption="../report/captions/cost.rst",
            category="Training",
            labels={"content": "cost against AUC", "kind": "figure"},
        ),
        pdf="<results>/figures/cost.pdf",
    log:
        "<logs>/plot_cost.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.cost"),
    script:
        "../workflow_scripts/reporting/plot_cost.py"


rule plot_training_curves:
    """Draw loss and AUC over the epochs, all folds of each run."""
    input:
        histories=of_folds("history.csv"),
        table="<results>/comparison/comparison.csv",
    output:
        png=report(
            "<results>/figures/training_curves.png",
            caption="../report/captions/training_curves.rst",
            category="Training",
            labels={"content": "training curves", "kind": "figure"},
        ),
        pdf="<results>/figures/training_curves.pdf",
    log:
        "<logs>/plot_training_curves.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.training_curves"),
    script:
        "../workflow_scripts/reporting/plot_training_curves.py"


rule plot_data_flow:
    """Draw how many files, images and patients reach each stage."""
    input:
        audit="<results>/dataset/audit.json",
        splits="<results>/dataset/splits.csv",
    output:
        png=report(
            "<results>/figures/data_flow.png",
            caption="../report/captions/data_flow.rst",
            category="Data",
            labels={"content": "data flow", "kind": "figure"},
        ),
        pdf="<results>/figures/data_flow.pdf",
    log:
        "<logs>/plot_data_flow.log",
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("pneumobench.reporting.flow"),
    script:
        "../workflow_scripts/reporting/plot_data_flow.py"


rule fill_checklists:
    """Fill in the checklists of reporting guidelines."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
        run_jsons=of_folds("run.json"),
    output:
        details="<results>/report/checklists.json",
        markdown=expand(
            "<results>/report/checklists/{guideline}.md",
            guideline=["claim_2024", "stard_ai", "tripod_ai"],
        ),
    log:
        "<logs>/fill_checklists.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=stated_settings(EXPERIMENT),
        computed=each(analyses.names_wanted),
        guidelines=texts_hash("reporting/guidelines"),
        code=code_hash("pneumobench.reporting.checklists"),
    script:
        "../workflow_scripts/reporting/fill_checklists.py"


rule write_model_card:
    """Write what a user of one run's networks must know."""
    input:
        metrics="<results>/runs/{slug}/{recipe}/seed{seed}/metrics.json",
        run_jsons=of_folds("run.json"),
        description="<results>/models/{slug}.json",
        selection="<results>/selection/selection.json",
        robustness=wanted("robustness.json"),
        audit="<results>/dataset/audit.json",
    output:
        "<results>/runs/{slug}/{recipe}/seed{seed}/model_card.md",
    log:
        "<logs>/write_model_card/{slug}/{recipe}/seed{seed}.log",
    conda:
        "../envs/report.yaml"
    params:
        settings=stated_settings(EXPERIMENT),
        external=EXTERNAL is not None,
        code=code_hash("pneumobench.reporting.model_card"),
    script:
        "../workflow_scripts/reporting/write_model_card.py"


rule render_report:
    """Write the report: one HTML file that opens from disk."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
        splits="<results>/dataset/splits.csv",
        selection="<results>/selection/selection.json",
        differences="<results>/comparison/differences.csv",
        tests="<results>/comparison/differences.json",
        metrics=of_runs("metrics.json"),
        checklists="<results>/report/checklists.json",
        run_jsons=of_folds("run.json"),
        figures=expand("<results>/figures/{figure}.png", figure=FIGURES),
        shift="<results>/comparison/shift.json",
        external=wanted("comparison/external.json"),
        calibrations=of_runs("calibration.json"),
        calibrated=of_runs("calibrated.csv"),
        robustness_tables=wanted("robustness.csv"),
        robustness=wanted("robustness.json"),
        robustness_pairs=wanted("comparison/robustness.csv"),
        explained=wanted("explained.csv"),
        maps=wanted("maps.npz"),
        panels=panels,
        map_measures=wanted("comparison/explanations.csv"),
        inflation=wanted("inflation/inflation.csv", "inflation/inflation.json"),
        subtypes=wanted("comparison/subtypes.json"),
    output:
        report(
            "<results>/report/report.html",
            caption="../report/captions/report.rst",
            category="Report",
            labels={"content": "full report", "kind": "page"},
        ),
    log:
        "<logs>/render_report.log",
    conda:
        "../envs/report.yaml"
    params:
        title=as_it_stands(EXPERIMENT.report.title),
        experiment=EXPERIMENT.experiment,
        map_method=EXPERIMENT.explanation.method,
        settings=stated_settings(EXPERIMENT),
        looks=LOOKS,
        templates=texts_hash("reporting/templates"),
        code=code_hash("pneumobench.reporting.report"),
    script:
        "../workflow_scripts/reporting/render_report.py"


rule typeset_tables:
    """Set every table of the report in LaTeX, one document."""
    input:
        "<results>/report/report.html",
    output:
        "<results>/tables/report_tables.tex",
    log:
        "<logs>/typeset_tables.log",
    conda:
        "../envs/report.yaml"
    params:
        title=as_it_stands(EXPERIMENT.report.title),
        code=code_hash("pneumobench.reporting.report_tables"),
    script:
        "../workflow_scripts/reporting/typeset_tables.py"


rule list_figures:
    """Write down what each figure and table is made of, with hashes."""
    input:
        expand("<results>/figures/{figure}.{kind}", figure=FIGURES, kind=["png", "pdf"]),
        rules.make_tables.output,
        rules.typeset_tables.output,
    output:
        "<results>/figures/manifest.json",
    log:
        "<logs>/list_figures.log",
    conda:
        "../envs/report.yaml"
    params:
        made_from=made_from,
        code=code_hash("pneumobench.reporting.figure_manifest"),
    script:
        "../workflow_scripts/reporting/list_figures.py"
