"""Score how unlike development and test images are, by the simplest models."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.prediction.shift import score_shift

    score_shift(
        Path(snakemake.input.images),
        Path(snakemake.input.manifest),
        Path(snakemake.input.splits),
        Path(snakemake.input.scores[0]),
        domains=Path(snakemake.output.domains),
        blocks=Path(snakemake.output.blocks),
    )
