"""Write the report: one HTML file with everything in it."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.files import ReportFiles
    from pneumobench.reporting.report import render_report, write_answer

    params = snakemake.params
    files = ReportFiles.of_job(snakemake)
    write_answer(files, snakemake.output.answer)
    render_report(
        files,
        snakemake.output.page,
        title=params.title,
        experiment=params.experiment,
        shown=params.shown,
    )
