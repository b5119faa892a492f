"""Apply the frozen weights of one ensemble to the predictions of its members."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.ensemble_members import combine_ensemble

with job_log(snakemake.log[0]):
    given, output = snakemake.input, snakemake.output
    combine_ensemble(
        [Path(path) for path in given.out_of_fold],
        [Path(path) for path in given.test],
        Path(given.selection),
        Path(output.out_of_fold),
        Path(output.test),
        kind=snakemake.wildcards.ensemble,
    )
