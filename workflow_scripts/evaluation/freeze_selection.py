"""Fit thresholds and rank the runs on out-of-fold predictions alone."""

from pathlib import Path

from pneumobench.core.job import job_log
from pneumobench.statistics.selection import freeze_selection

with job_log(snakemake.log[0]):
    freeze_selection(
        [Path(path) for path in snakemake.input.out_of_fold],
        Path(snakemake.input.development_labels),
        Path(snakemake.output.selection),
        folds=snakemake.params.folds,
        threshold_rule=snakemake.params.threshold_rule,
        cost_ratio=snakemake.params.cost_ratio,
        calibration=snakemake.params.calibration,
        run_jsons=[Path(path) for path in snakemake.input.run_jsons],
        out_of_fold_views=[Path(path) for path in snakemake.input.out_of_fold_views],
        views=snakemake.params.views,
        baselines=[Path(path) for path in snakemake.input.baselines],
        ensembles=snakemake.params.ensembles,
    )
