"""Set every table of the report in LaTeX."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.files import ReportFiles
    from pneumobench.reporting.report import write_tables

    params = snakemake.params
    write_tables(
        ReportFiles(
            dict(snakemake.input.items()),
            settings=params.settings,
            looks=params.looks,
            map_method=params.map_method,
        ),
        snakemake.output[0],
        title=params.title,
    )
