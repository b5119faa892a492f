"""Say what one run's probabilities and thresholds are worth, out of fold and on the test set."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.core.run import Run
from pneumobench.statistics.assess_calibration import assess_calibration

with job_log(snakemake.log[0]):
    wildcards, params = snakemake.wildcards, snakemake.params
    assess_calibration(
        Path(snakemake.input.scores),
        Path(snakemake.input.metrics),
        Path(snakemake.input.selection),
        Path(snakemake.output.details),
        Path(snakemake.output.calibrated),
        run=Run.of(params.model, wildcards),
        confidence=params.confidence,
        replicates=params.replicates,
        bootstrap_seed=params.bootstrap_seed,
    )
