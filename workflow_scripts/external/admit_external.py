"""Stop on external images that the experiment has already; keep the labels of the others apart."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.external import admit_external

    given, output = snakemake.input, snakemake.output
    admit_external(
        Path(given.manifest),
        Path(given.description),
        Path(given.known),
        Path(output.splits),
        Path(output.labels),
        Path(output.audit),
        maximum_near_duplicate_fraction=snakemake.params.maximum_near_duplicate_fraction,
    )
