"""Write down what must not change inside one results folder."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.core.files import write_json

    write_json(snakemake.output[0], {"identity": snakemake.params.identity})
