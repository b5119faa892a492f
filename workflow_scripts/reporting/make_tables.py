"""Write the comparison for reading: CSV, Markdown and LaTeX."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.tables import make_tables
    from pneumobench.reporting.words import words_of

    make_tables(
        snakemake.input.table,
        snakemake.input.details,
        csv=snakemake.output.csv,
        markdown=snakemake.output.markdown,
        latex=snakemake.output.latex,
        words=words_of(snakemake.input.audit),
    )
