"""Write the report: one HTML file with everything in it."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.differences_section import DifferencesInputs
    from pneumobench.reporting.explanation_section import ExplanationInputs
    from pneumobench.reporting.inflation_section import InflationInputs
    from pneumobench.reporting.inputs import optional
    from pneumobench.reporting.report import render_report
    from pneumobench.reporting.robustness_section import RobustnessInputs

    given, params = snakemake.input, snakemake.params
    render_report(
        given.table,
        given.details,
        audit=given.audit,
        splits=given.splits,
        metrics=given.metrics,
        run_jsons=given.run_jsons,
        figures={Path(path).stem: path for path in given.figures},
        selection=given.selection,
        report=snakemake.output[0],
        title=params.title,
        experiment=params.experiment,
        settings=params.settings,
        differences=DifferencesInputs(given.differences, given.tests),
        shift=given.shift,
        robustness=optional(
            RobustnessInputs, given.robustness_tables, given.robustness, *given.robustness_pairs
        ),
        explanations=optional(
            ExplanationInputs,
            params.map_method,
            given.explained,
            given.maps,
            given.panels,
            *given.map_measures,
        ),
        inflation=optional(InflationInputs, *given.inflation),
        checklists=given.checklists,
        looks=params.looks,
    )
