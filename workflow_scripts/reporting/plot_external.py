"""Draw every run and baseline out of fold, on the test set and on the external radiographs."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.external import plot_external

    plot_external(
        snakemake.input.details,
        snakemake.input.comparison,
        Path(snakemake.output.png).with_suffix(""),
    )
