"""Judge one run's predictions of corrupted out-of-fold images at its frozen thresholds."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.core.run import Run
from pneumobench.statistics.robustness import RobustnessFiles, evaluate_robustness

with job_log(snakemake.log[0]):
    output, wildcards, params = snakemake.output, snakemake.wildcards, snakemake.params
    evaluate_robustness(
        files_of(RobustnessFiles, snakemake.input),
        Path(output.table),
        Path(output.details),
        run=Run.of_job(params.model, wildcards),
        strengths=params.strengths,
        resampling=Resampling(**params.resampling),
    )
