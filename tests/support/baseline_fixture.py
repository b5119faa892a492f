"""Images on which the baselines are no better than chance."""

import numpy as np
import pandas as pd
from packed_fixture import write_packed
from statistics_cases import FOLDS

from pneumobench.core.files import write_table
from pneumobench.data.manifest import write_manifest


def write_dataset(experiment):
    """Write images of noise for an experiment's images: those with pneumonia are a little wider."""
    folder = experiment.root / "dataset"
    table = pd.concat([experiment.development, experiment.test]).reset_index(drop=True)
    random = np.random.default_rng(3)
    width = random.normal(300, 12, len(table)) + 25 * (table["label"] == "pneumonia")
    radiographs = table.assign(width=width.astype(int), height=300, bytes=9000, status="ok")
    write_manifest(folder / "manifest.csv", radiographs.to_dict("records"))
    rows = radiographs.sort_values("image_id")
    tested = (rows["fold"] == FOLDS).to_numpy()
    splits = rows[["image_id"]].assign(
        role=np.where(tested, "test", "cv"),
        fold=rows["fold"].astype("Int64").mask(tested),
        inner="",
        group=rows["patient"],
    )
    write_table(folder / "splits.csv", splits)
    images = random.integers(0, 256, (len(rows), 40, 40), dtype=np.uint8)
    write_packed(folder / "images.npy", images, rows["image_id"])
