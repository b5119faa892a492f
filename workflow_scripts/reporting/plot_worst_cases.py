"""Draw the out-of-fold radiographs that runs are most confidently wrong about."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.vocabulary import words_of
    from pneumobench.reporting.worst_cases import plot_worst_cases

    given = snakemake.input
    with words_of(snakemake.input.audit):
        plot_worst_cases(
            given.calibrated,
            given.comparison,
            given.images,
            given.splits,
            Path(snakemake.output.png).with_suffix(""),
        )
