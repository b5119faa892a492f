"""External radiographs, predicted by the network of a finished fold; their labels are not read."""

from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.ownership import IDENTITY
from pneumobench.prediction.predict import BATCH_SIZE, logit_columns, predict_readings
from pneumobench.prediction.repredict import FinishedFold, PlainPredictions, read_packed


def predict(
    fold: FinishedFold, plain: PlainPredictions, *, external_images: Path, external_splits: Path
) -> pd.DataFrame:
    """Return a row for each external radiograph, with the columns of the plain predictions.

    One batch of the plain predictions is repeated.

    Parameters
    ----------
    external_images, external_splits
        Packed external radiographs, uint8 [N, S, S], and splits.csv, its rows those of the images.
    """
    plain.check(fold.read(plain.rows[:BATCH_SIZE]))
    # Mapped and not on the device, as there may be many.
    names, packed = read_packed(external_images, external_splits)
    found = predict_readings(fold.model, packed, np.arange(len(names)), fold.images.device)
    identity = plain.table.iloc[0][[*IDENTITY, "tta"]]
    table = pd.DataFrame({"image_id": names} | logit_columns(found)).assign(**identity)
    return table[plain.table.columns]
