"""Split images as bad practice does: by image, and after copies were made."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.data.inflation import SplitTables, split_inflated

    names = ("splits", "development_labels", "augmented_table")
    arms = {
        "honest": SplitTables(*(Path(snakemake.input[name]) for name in names)),
        "images": SplitTables(*(Path(snakemake.output[f"images_{name}"]) for name in names)),
        "copies": SplitTables(*(Path(snakemake.output[f"copies_{name}"]) for name in names)),
    }
    split_inflated(**arms, **snakemake.params.split)
