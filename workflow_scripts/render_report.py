"""Write the report: one HTML file with everything in it."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.report import render_report

    render_report(
        snakemake.input.table,
        snakemake.input.details,
        audit=snakemake.input.audit,
        splits=snakemake.input.splits,
        metrics=snakemake.input.metrics,
        run_jsons=snakemake.input.run_jsons,
        figures={Path(path).stem: path for path in snakemake.input.figures},
        selection=snakemake.input.selection,
        report=snakemake.output[0],
        title=snakemake.params.title,
        experiment=snakemake.params.experiment,
        settings=snakemake.params.settings,
    )
