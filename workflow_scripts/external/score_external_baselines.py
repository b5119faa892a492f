"""Score the external radiographs with the simplest models, fitted to the development images."""

from pathlib import Path

from pneumobench.core.job import job_log

FILES = ("images", "manifest", "splits")

with job_log(snakemake.log[0]):
    from pneumobench.prediction.baselines import read_radiographs, score_external_baselines

    own, others = (
        read_radiographs(*(Path(snakemake.input[f"{source}{name}"]) for name in FILES))
        for source in ("", "external_")
    )
    score_external_baselines(
        own,
        Path(snakemake.input.development_labels),
        others,
        external={Path(path).parent.name: Path(path) for path in snakemake.output},
    )
