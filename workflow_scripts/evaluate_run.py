"""Join labels, predictions and frozen thresholds: the metrics of one run."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.evaluation import evaluate_run

with job_log(snakemake.log[0]):
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
        model=snakemake.params.model,
        recipe=snakemake.wildcards.recipe,
        seed=int(snakemake.wildcards.seed),
        confidence=snakemake.params.confidence,
        replicates=snakemake.params.replicates,
        bootstrap_seed=snakemake.params.bootstrap_seed,
    )
