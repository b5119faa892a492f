"""A finished fold predicts once more, after proof that its files belong together.

What is predicted is the matter of a module for each of `core.repredictions`.
"""

import importlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.core.ownership import IDENTITY
from pneumobench.core.packed import PackedImages
from pneumobench.core.repredictions import REPREDICTIONS
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.prediction.predict import View, as_it_is, logit_columns, predict_readings
from pneumobench.prediction.trained import load_trained

logger = logging.getLogger(__name__)

# Logits of the image as it is may differ by this much from those that training wrote.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class PlainPredictions:
    """What training wrote of the images as they are.

    Attributes
    ----------
    table
        A row for each image.
    rows
        Which packed images they are, int64 [n].
    path
        The file that the table stands in.
    """

    table: pd.DataFrame
    rows: np.ndarray
    path: Path

    def check(self, again: np.ndarray) -> None:
        """Stop when the plain predictions cannot be repeated.

        Parameters
        ----------
        again
            float32 [k] or [k, 3], what the network says of the first k images as they are.

        Raises
        ------
        UserError
            If a logit differs by more than `TOLERANCE`: weights, images and predictions then are
            not of one training.
        """
        written = self.table["logit"].to_numpy(np.float32)[: len(again)]
        difference = float(np.abs(logit_columns(again)["logit"] - written).max(initial=0.0))
        # Not-a-number is no small difference.
        if not difference <= TOLERANCE:
            raise UserError(
                f"the logits of the plain images differ by {difference:.2g} from those in the file:"
                " weights, images and predictions are not of one training",
                where=str(self.path),
                expected=f"differences up to {TOLERANCE:g}",
                remedy=_retrain(self.path),
            )
        logger.info("%s repeated, largest difference %.2g", self.path.name, difference)


@dataclass(frozen=True)
class FinishedFold:
    """What a fold's training left, on the device of the training.

    Attributes
    ----------
    model, record
        The network and run.json.
    images
        Packed images, uint8 [N, S, S].
    image_ids
        Their names.
    splits
        The file that the names are from, for messages.
    """

    model: Classifier
    record: dict[str, Any]
    images: torch.Tensor
    image_ids: pd.Index
    splits: Path

    def read(self, rows: np.ndarray, view: View = as_it_is) -> np.ndarray:
        """Return what the network says of packed images, as `predict_readings` does."""
        return predict_readings(self.model, self.images, rows, self.images.device, view)

    def plain(self, path: Path) -> PlainPredictions:
        """Read plain predictions.

        Raises
        ------
        UserError
            If they are of another training, or one of these images is not there.
        """
        table = read_table(path, text=("model", "recipe", "image_id", "tta"))
        for name in IDENTITY:
            others = table.loc[table[name] != self.record[name], name]
            if len(others):
                raise UserError(
                    f"the predictions are of {name} {others.iloc[0]}",
                    where=str(path),
                    expected=f"{name} {self.record[name]}, as run.json beside them says",
                    remedy=_retrain(path),
                )
        rows = self.image_ids.get_indexer(table["image_id"])
        if (rows < 0).any():
            raise UserError(
                "the predictions are of an image that is not there: "
                f"{table['image_id'][rows < 0].iloc[0]}",
                where=str(path),
                expected=f"images of {self.splits}",
                remedy=_retrain(path),
            )
        return PlainPredictions(table, rows, path)


def repredict(
    kind: str, run_folder: Path, images: Path, splits: Path, written: dict[str, Path], **options
) -> None:
    """Predict once more with a finished fold's network.

    Parameters
    ----------
    kind
        A name of `REPREDICTIONS`; its module tells what `options` are.
    run_folder
        The fold's folder: run.json, weights.safetensors and the plain predictions that the kind
        starts from. Nothing in it is changed.
    images, splits
        Packed images, uint8 [N, S, S], and splits.csv, its rows those of the images.
    written
        The files to write, by the stems of the plain predictions.

    Raises
    ------
    UserError
        If this machine lacks the training's device, or weights, images and predictions are not of
        one training.
    """
    predict = importlib.import_module(REPREDICTIONS[kind].module).predict
    model, record = load_trained(run_folder)
    image_ids, packed = read_packed(images, splits)
    fold = FinishedFold(model, record, packed.to(record["device"]), image_ids, splits)
    for stem, path in written.items():
        table = predict(fold, fold.plain(run_folder / f"{stem}.csv"), **options)
        write_table(path, table)
        logger.info("%s: %d predictions", path.name, len(table))


def read_packed(images: Path, splits: Path) -> tuple[pd.Index, torch.Tensor]:
    """Return the names of packed images and the images, uint8 [N, S, S], mapped into memory.

    Raises
    ------
    UserError
        If they are not what was written for the images of the table.
    """
    names = pd.Index(read_table(splits, text=("image_id", "inner", "group"))["image_id"])
    return names, torch.from_numpy(PackedImages(images, names).all())


def _retrain(path: Path) -> str:
    return f"remove {path.parent} and run snakemake again: the fold is trained anew"
