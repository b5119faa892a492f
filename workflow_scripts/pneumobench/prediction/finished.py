"""Finished folds, ready to predict once more, and proof that their files belong together."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table
from pneumobench.core.packed import PackedImages
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.prediction.numerics import configure_numerics
from pneumobench.prediction.trained import load_trained

logger = logging.getLogger(__name__)

# Logits of the image as it is may differ by this much from those that training wrote.
TOLERANCE = 1e-4


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

    @property
    def device(self) -> torch.device:
        """Where network and images are."""
        return self.images.device

    def read_plain(self, path: Path) -> tuple[pd.DataFrame, np.ndarray]:
        """Read plain predictions, and which packed images they are of, int64 [n].

        Raises
        ------
        UserError
            If they are of another training, or one of these images is not there.
        """
        plain = read_table(path, text=("model", "recipe", "image_id", "tta"))
        check_origin(plain, self.record, path)
        rows = self.image_ids.get_indexer(plain["image_id"])
        if (rows < 0).any():
            missing = plain["image_id"][rows < 0].iloc[0]
            raise UserError(
                f"the predictions are of an image that is not there: {missing}",
                where=str(path),
                expected=f"images of {self.splits}",
                remedy=_retrain(path),
            )
        return plain, rows


def open_fold(run_folder: Path, images: Path, splits: Path) -> FinishedFold:
    """Load a finished fold.

    Parameters
    ----------
    run_folder
        The fold's folder, with run.json and weights.safetensors.
    images, splits
        Packed images, uint8 [N, S, S], and splits.csv, its rows those of the images.

    Raises
    ------
    UserError
        If this machine lacks the training's device, the weights are not those of the network, or
        images and splits are not what was written for the same images.
    """
    model, record = load_trained(run_folder)
    configure_numerics(record["numeric_threads"])
    image_ids = pd.Index(read_table(splits, text=("image_id", "inner", "group"))["image_id"])
    packed = torch.from_numpy(PackedImages(images, image_ids).all()).to(record["device"])
    return FinishedFold(model, record, packed, image_ids, splits)


def check_origin(plain: pd.DataFrame, record: dict[str, Any], path: Path) -> None:
    """Stop at predictions of another run or fold than that of a run.json."""
    for name in ("model", "recipe", "seed", "fold"):
        others = plain.loc[plain[name] != record[name], name]
        if len(others):
            raise UserError(
                f"the predictions are of {name} {others.iloc[0]}",
                where=str(path),
                expected=f"{name} {record[name]}, as run.json beside them says",
                remedy=_retrain(path),
            )


def check_plain(again: np.ndarray, plain: pd.DataFrame, path: Path) -> None:
    """Stop when the plain predictions cannot be repeated.

    Parameters
    ----------
    again
        float32 [n], the logits of the images as they are.
    plain, path
        What training wrote, and the file that it stands in.

    Raises
    ------
    UserError
        If a logit differs by more than `TOLERANCE`: weights, images and predictions then are not
        of one training.
    """
    written = plain["logit"].to_numpy(np.float32)
    difference = float(np.abs(again - written).max(initial=0.0))
    # Not-a-number is no small difference.
    if not difference <= TOLERANCE:
        raise UserError(
            f"the logits of the plain images differ by {difference:.2g} from those in the file: "
            "weights, images and predictions are not of one training",
            where=str(path),
            expected=f"differences up to {TOLERANCE:g}",
            remedy=_retrain(path),
        )
    logger.info("%s repeated, largest difference %.2g", path.name, difference)


def _retrain(path: Path) -> str:
    return f"remove {path.parent} and run snakemake again: the fold is trained anew"
