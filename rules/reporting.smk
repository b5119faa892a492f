# From numbers to what people read: make_tables and figures (figures.smk) -> render_report

from pneumobench.core.config.stated import stated_settings


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
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("reporting/make_tables"),
    script:
        "../workflow_scripts/reporting/make_tables.py"


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
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        settings=stated_settings(EXPERIMENT),
        computed=each(analyses.names_wanted),
        guidelines=texts_hash("reporting/guidelines"),
        code=code_hash("reporting/fill_checklists"),
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
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        settings=stated_settings(EXPERIMENT),
        external=EXTERNAL is not None,
        code=code_hash("reporting/write_model_card"),
    script:
        "../workflow_scripts/reporting/write_model_card.py"


rule list_mistakes:
    """List the images that one run calls wrongly, the most confident mistakes first."""
    input:
        calibrated="<results>/runs/{slug}/{recipe}/seed{seed}/calibrated.csv",
        explained=wanted("explained.csv"),
        panels=panels,
    output:
        "<results>/runs/{slug}/{recipe}/seed{seed}/mistakes.csv",
    log:
        "<logs>/list_mistakes/{slug}/{recipe}/seed{seed}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        code=code_hash("reporting/list_mistakes"),
    script:
        "../workflow_scripts/reporting/list_mistakes.py"


# What the report's sections, and with them its tables, are made of.
report_parts = dict(
    table="<results>/comparison/comparison.csv",
    details="<results>/comparison/comparison.json",
    audit="<results>/dataset/audit.json",
    splits="<results>/dataset/splits.csv",
    selection="<results>/selection/selection.json",
    differences="<results>/comparison/differences.csv",
    differences_details="<results>/comparison/differences.json",
    metrics=of_runs("metrics.json"),
    checklists="<results>/report/checklists.json",
    run_jsons=of_folds("run.json"),
    shift="<results>/comparison/shift.json",
    external=wanted("comparison/external.json"),
    calibrations=of_runs("calibration.json"),
    calibrated=of_runs("calibrated.csv"),
    robustness_tables=wanted("robustness.csv"),
    robustness=wanted("robustness.json"),
    robustness_pairs=wanted("comparison/robustness.csv"),
    explained=wanted("explained.csv"),
    maps=wanted("maps.npz"),
    map_measures=wanted("comparison/explanations.csv"),
    inflation=wanted("inflation/inflation.csv"),
    inflation_details=wanted("inflation/inflation.json"),
    subtypes=wanted("comparison/subtypes.json"),
    label_errors=wanted("comparison/label_errors.csv"),
    label_errors_details=wanted("comparison/label_errors.json"),
    variation=wanted("comparison/variation.csv"),
    variation_details=wanted("comparison/variation.json"),
)


rule render_report:
    """Write the report: one HTML file that opens from disk."""
    input:
        **report_parts,
        figures=figure_files("png"),
        panels=panels,
    output:
        page=report(
            "<results>/report/report.html",
            caption="../report/captions/report.rst",
            category="Report",
            labels={"content": "full report", "kind": "page"},
        ),
        answer="<results>/report/answer.txt",
    log:
        "<logs>/render_report.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        title=as_it_stands(EXPERIMENT.report.title),
        experiment=EXPERIMENT.experiment,
        shown=SHOWN_TITLES,
        map_method=EXPERIMENT.explanation.method,
        settings=stated_settings(EXPERIMENT),
        looks=LOOKS,
        templates=texts_hash("reporting/templates"),
        code=code_hash("reporting/render_report"),
    script:
        "../workflow_scripts/reporting/render_report.py"


rule write_tables:
    """Set every table of the report in LaTeX, one document."""
    input:
        **report_parts,
    output:
        "<results>/tables/report_tables.tex",
    log:
        "<logs>/write_tables.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        title=as_it_stands(EXPERIMENT.report.title),
        map_method=EXPERIMENT.explanation.method,
        settings=stated_settings(EXPERIMENT),
        looks=LOOKS,
        code=code_hash("reporting/write_tables"),
    script:
        "../workflow_scripts/reporting/write_tables.py"


rule list_figures:
    """Write down what each figure and table is made of, with hashes."""
    input:
        figure_files(*EXPERIMENT.figures.formats),
        rules.make_tables.output,
        rules.write_tables.output,
    output:
        "<results>/figures/manifest.json",
    log:
        "<logs>/list_figures.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        made_from=lambda wildcards, input: facts.inputs_of_makers(workflow, input),
        code=code_hash("reporting/list_figures"),
    script:
        "../workflow_scripts/reporting/list_figures.py"
