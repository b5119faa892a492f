"""Fill in the checklists of reporting guidelines."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.checklists import fill_checklists

    fill_checklists(
        snakemake.input.table,
        snakemake.input.details,
        snakemake.input.audit,
        snakemake.input.run_jsons,
        snakemake.output.details,
        Path(snakemake.output.markdown[0]).parent,
        settings=snakemake.params.settings,
        computed=snakemake.params.computed,
    )
