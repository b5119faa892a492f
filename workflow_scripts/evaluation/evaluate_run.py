"""Join labels, predictions and frozen thresholds: the metrics of one run."""

from pathlib import Path

from pneumobench.core.estimates import Resampling
from pneumobench.core.job import job_log
from pneumobench.core.rule_files import files_of
from pneumobench.core.run import Run
from pneumobench.statistics.evaluation import RunFiles, evaluate_run
from pneumobench.statistics.looks import EVALUATION, record_look

with job_log(snakemake.log[0]):
    wildcards, params = snakemake.wildcards, snakemake.params
    run = Run.of_job(params.model, wildcards)
    files = files_of(RunFiles, snakemake.input)
    record_look(
        params.looks,
        run,
        purpose=EVALUATION,
        test=[*files.test, *files.test_views],
        test_labels=files.test_labels,
        selection=files.selection,
    )
    evaluate_run(
        files,
        Path(snakemake.output.metrics),
        Path(snakemake.output.scores),
        run=run,
        views=params.views,
        resampling=Resampling(**params.resampling),
    )
