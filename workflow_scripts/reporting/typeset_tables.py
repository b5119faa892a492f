"""Set every table of the report in LaTeX."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.report_tables import typeset_tables

    typeset_tables(snakemake.input[0], snakemake.output[0], title=snakemake.params.title)
