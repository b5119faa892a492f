"""Test predictions of images that lie lower in their frame, as positioning makes them."""

from functools import partial

import pandas as pd

from pneumobench.prediction.predict import logit_columns
from pneumobench.prediction.repredict import FinishedFold, PlainPredictions
from pneumobench.prediction.views import moved

SHIFTED = "shifted"
# As a share of the side.
DOWN = 0.1


def predict(fold: FinishedFold, plain: PlainPredictions) -> pd.DataFrame:
    """Return the plain predictions with the logits of shifted images, `SHIFTED` as tta."""
    plain.check(fold.read(plain.rows))
    found = fold.read(plain.rows, partial(moved, down=DOWN))
    return plain.table.assign(tta=SHIFTED, **logit_columns(found))
