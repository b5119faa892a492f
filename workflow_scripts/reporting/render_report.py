"""Write the report: one HTML file with everything in it."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.files import ReportFiles
    from pneumobench.reporting.report import render_report

    params = snakemake.params
    render_report(
        ReportFiles.of_job(snakemake),
        snakemake.output[0],
        title=params.title,
        experiment=params.experiment,
        shown=params.shown,
    )
