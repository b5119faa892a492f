"""Map where the networks of one run look."""

from pathlib import Path

from pneumobench.core.gpu import one_gpu
from pneumobench.core.job import job_log

with job_log(snakemake.log[0]), one_gpu(snakemake.resources.jobs_per_gpu):
    from pneumobench.core.run import Run
    from pneumobench.explain.run import RunInputs, explain_run

    given, wildcards = snakemake.input, snakemake.wildcards
    explain_run(
        RunInputs(
            folds=[Path(path).parent for path in given.folds],
            images=Path(given.images),
            splits=Path(given.splits),
            manifest=Path(given.manifest),
            development_labels=Path(given.development_labels),
            selection=Path(given.selection),
            preview=Path(given.preview),
        ),
        Path(snakemake.output.maps),
        Path(snakemake.output.explained),
        run=Run(snakemake.params.model, wildcards.recipe, int(wildcards.seed)),
        settings=snakemake.params.settings,
    )
