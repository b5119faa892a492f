"""Put an archive's files where the rules that read them look for them."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.unpack import unpack_archive

    params = snakemake.params
    unpack_archive(snakemake.input[0], params.results, params.packed)
