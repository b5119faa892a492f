"""Score the external radiographs with the simplest models, fitted to the development images."""

from pathlib import Path

from pneumobench.core.job import job_log

FILES = ("images", "manifest", "splits", "development_labels")
EXTERNAL = ("external_images", "external_manifest", "external_splits")

with job_log(snakemake.log[0]):
    from pneumobench.prediction.external_baselines import score_external_baselines

    score_external_baselines(
        *(Path(getattr(snakemake.input, name)) for name in (*FILES, *EXTERNAL)),
        external={Path(path).parent.name: Path(path) for path in snakemake.output},
    )
