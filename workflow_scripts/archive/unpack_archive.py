"""Put an archive's files where the rules that read them look for them."""

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.unpack import unpack_archive

    unpack_archive(
        snakemake.resources.archive,
        panels=snakemake.output.panels,
        **{name: snakemake.params[name] for name in ("results", "packed", "digest", "size")},
    )
