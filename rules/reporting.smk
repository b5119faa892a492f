# From numbers to what people read: make_tables, plot_* -> render_report


rule make_tables:
    """Write the comparison as CSV, Markdown and LaTeX."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
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
        "../workflow_scripts/make_tables.py"


rule plot_roc:
    """Draw the ROC curves, out of fold and on the test set."""
    input:
        scores=of_runs("scores.csv"),
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
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
        "../workflow_scripts/plot_roc.py"


rule plot_precision_recall:
    """Draw the precision-recall curves with the prevalence line."""
    input:
        scores=of_runs("scores.csv"),
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
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
        "../workflow_scripts/plot_precision_recall.py"


rule plot_confusion:
    """Draw a confusion matrix for each run."""
    input:
        metrics=of_runs("metrics.json"),
        table="<results>/comparison/comparison.csv",
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
        "../workflow_scripts/plot_confusion.py"


rule plot_ranking:
    """Draw AUC with intervals, out of fold and test, in the order of the ranking."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
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
        "../workflow_scripts/plot_ranking.py"


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
        "../workflow_scripts/plot_cost.py"


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
        "../workflow_scripts/plot_training_curves.py"


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
        "../workflow_scripts/plot_data_flow.py"


rule render_report:
    """Write the report: one HTML file that opens from disk."""
    input:
        table="<results>/comparison/comparison.csv",
        details="<results>/comparison/comparison.json",
        audit="<results>/dataset/audit.json",
        splits="<results>/dataset/splits.csv",
        selection="<results>/selection/selection.json",
        metrics=of_runs("metrics.json"),
        run_jsons=of_folds("run.json"),
        figures=expand("<results>/figures/{figure}.png", figure=FIGURES),
        explained=of_explanations("explained.csv"),
        maps=of_explanations("maps.npz"),
        panels=of_explanations("panels"),
        map_measures=MAP_MEASURES,
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
        title=EXPERIMENT.report.title,
        experiment=EXPERIMENT.experiment,
        map_method=EXPERIMENT.explanation.method,
        settings=methods,
        templates=report_templates_hash(),
        code=code_hash("pneumobench.reporting.report"),
    script:
        "../workflow_scripts/render_report.py"
