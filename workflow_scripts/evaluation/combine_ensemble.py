"""Apply the frozen weights of one ensemble to the predictions of its members."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.combine_ensemble import combine_ensemble

with job_log(snakemake.log[0]):
    combine_ensemble(
        [Path(path) for path in snakemake.input.out_of_fold],
        [Path(path) for path in snakemake.input.test],
        Path(snakemake.input.selection),
        Path(snakemake.output.out_of_fold),
        Path(snakemake.output.test),
        kind=snakemake.wildcards.ensemble,
    )
