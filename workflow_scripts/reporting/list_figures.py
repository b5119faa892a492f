"""Write down what each figure and table is made of, with hashes."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.figure_manifest import list_figures

    list_figures(snakemake.params.made_from, snakemake.output[0])
