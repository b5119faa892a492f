"""Write one zip with everything that the experiment's tables and figures follow from."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.reporting.archive import ArchiveInputs, archive_results
    from pneumobench.reporting.radiographs import ShownRadiographs

    given, params = snakemake.input, snakemake.params
    radiographs = [
        ShownRadiographs(
            Path(images), Path(given.splits), Path(given.table), given.calibrated, given.explained
        )
        for images in given.images
    ]
    archive_results(
        ArchiveInputs(
            Path(params.results), given.rebuilt_from, given.made, Path(given.lock), *radiographs
        ),
        snakemake.output[0],
        config=params.config,
        missing=params.missing,
    )
