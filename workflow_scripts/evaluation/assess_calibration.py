"""Say what one run's probabilities and thresholds are worth, out of fold and on the test set."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.core.run import Run
from pneumobench.statistics.assess_calibration import CalibrationFiles, assess_calibration

with job_log(snakemake.log[0]):
    output, wildcards, params = snakemake.output, snakemake.wildcards, snakemake.params
    assess_calibration(
        files_of(CalibrationFiles, snakemake.input),
        Path(output.details),
        Path(output.calibrated),
        run=Run.of_job(params.model, wildcards),
        resampling=Resampling(**params.resampling),
    )
