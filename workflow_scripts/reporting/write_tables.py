"""Set every table of the report in LaTeX."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.files import ReportFiles
    from pneumobench.reporting.report import write_tables

    params = snakemake.params
    write_tables(
        ReportFiles.of_job(snakemake),
        snakemake.output[0],
        title=params.title,
    )
