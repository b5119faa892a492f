"""Draw the decision curves of all runs."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.decision_curves import plot_decision_curves
    from pneumobench.reporting.vocabulary import words_of

    with words_of(snakemake.input.audit):
        plot_decision_curves(
            snakemake.input.calibrations,
            snakemake.input.comparison,
            Path(snakemake.output.png).with_suffix(""),
        )
