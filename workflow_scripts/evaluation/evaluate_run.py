"""Join labels, predictions and frozen thresholds: the metrics of one run."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.core.run import Run
from pneumobench.statistics.evaluation import evaluate_run
from pneumobench.statistics.looks import EVALUATION, record_look

with job_log(snakemake.log[0]):
    run = Run.of(snakemake.params.model, snakemake.wildcards)
    record_look(
        snakemake.params.looks,
        run,
        purpose=EVALUATION,
        test=[Path(path) for path in (*snakemake.input.test, *snakemake.input.test_views)],
        test_labels=Path(snakemake.input.test_labels),
        selection=Path(snakemake.input.selection),
    )
    evaluate_run(
        [Path(path) for path in snakemake.input.out_of_fold],
        [Path(path) for path in snakemake.input.test],
        Path(snakemake.input.development_labels),
        Path(snakemake.input.test_labels),
        Path(snakemake.input.selection),
        Path(snakemake.output.metrics),
        Path(snakemake.output.scores),
        out_of_fold_views=[Path(path) for path in snakemake.input.out_of_fold_views],
        test_views=[Path(path) for path in snakemake.input.test_views],
        views=snakemake.params.views,
        model=run.model,
        recipe=run.recipe,
        seed=run.seed,
        confidence=snakemake.params.confidence,
        replicates=snakemake.params.replicates,
        bootstrap_seed=snakemake.params.bootstrap_seed,
    )
