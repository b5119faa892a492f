"""Write the report: one HTML file with everything in it."""

from pathlib import Path

from pneumobench.core.job import job_log

FILES = ("audit", "splits", "metrics", "run_jsons", "selection", "shift", "checklists")
PARAMS = ("title", "experiment", "settings", "looks")

with job_log(snakemake.log[0]):
    from pneumobench.reporting.calibration_section import CalibrationInputs
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
        **{name: getattr(given, name) for name in FILES},
        **{name: getattr(params, name) for name in PARAMS},
        figures={Path(path).stem: path for path in given.figures},
        report=snakemake.output[0],
        differences=DifferencesInputs(given.differences, given.tests),
        calibration=CalibrationInputs(given.calibrations, given.calibrated),
        external=next(iter(given.external), None),
        robustness=optional(
            RobustnessInputs, given.robustness_tables, given.robustness, *given.robustness_pairs
        ),
        explanations=optional(
            ExplanationInputs,
            params.map_method,
            given.explained,
            given.maps,
            *given.map_measures,
            panels=given.panels,
        ),
        inflation=optional(InflationInputs, *given.inflation),
        subtypes=next(iter(given.subtypes), None),
    )
