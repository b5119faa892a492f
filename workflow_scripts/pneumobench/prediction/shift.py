"""Scores that tell how unlike development and test images are, by the simplest models alone.

One kind of model is asked for the data set instead of the disease, within each class: if it can
tell, the images differ. The other is the thumbnail baseline with blocks of neighbouring file
numbers left out: if that cost as much as the test set does, neighbourhood would explain the
difference. Labels of test images are read here, after the selection; nothing is chosen by these
scores.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.baselines import BASELINES
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_table
from pneumobench.data.blocks import number_blocks
from pneumobench.prediction.baseline_models import out_of_fold_scores, test_scores
from pneumobench.prediction.baselines import FEATURES, Radiographs, read_radiographs

logger = logging.getLogger(__name__)

CLASSES = ("normal", "pneumonia")
# Of the models that are asked for the data set; fewer where a class has fewer patients on a side.
FOLDS = 5
# Nothing is chosen by these scores, so that no one needs another seed.
SEED = 0
BLOCKS = 8
BLOCK_BASELINE = "thumbnail"


def score_shift(
    images: Path, manifest: Path, splits: Path, scores: Path, *, domains: Path, blocks: Path
) -> None:
    """Write what the simplest models say of the data set and of blocks that are left out.

    Parameters
    ----------
    images, manifest, splits
        As `baselines.score_baselines` takes them; the manifest's labels are not looked at.
    scores
        scores.csv of any run: the labels of all images.
    domains
        domains.csv to write: baseline, label, fold, image_id, group, side (development or test) and
        logit (float32; higher speaks for the test set) of the model that had not seen the group,
        fitted to the images of this label alone. Without rows for a label of which one side has
        fewer than two groups.
    blocks
        blocks.csv to write: for each block of neighbouring file numbers its number, fold, image_id,
        held_out (1: an image of the block, one row for each fold's model; 0: any other development
        image, out of fold) and logit (float32; higher speaks for pneumonia) of the thumbnail
        baseline, fitted fold by fold without the block. Without rows where there are no such
        blocks.

    Raises
    ------
    UserError
        If images, manifest, splits and scores are not of one data set.
    """
    radiographs = read_radiographs(images, manifest, splits)
    positive = _labels(scores, radiographs)
    features = {kind: FEATURES[kind](radiographs.rows, radiographs.packed) for kind in BASELINES}
    parts = [
        _score_domains(kind, values, label, radiographs, positive == (label == "pneumonia"))
        for kind, values in features.items()
        for label in CLASSES
    ]
    filled = [part for part in parts if len(part)] or parts[:1]
    write_table(domains, pd.concat(filled, ignore_index=True))
    write_table(blocks, _score_blocks(features[BLOCK_BASELINE], radiographs, positive))


def _labels(scores: Path, radiographs: Radiographs) -> np.ndarray:
    """Return bool [images], True for pneumonia."""
    table = read_table(scores, text=("image_id", "label")).drop_duplicates("image_id")
    labels = table.set_index("image_id")["label"].reindex(radiographs.image_id)
    if labels.isna().any():
        raise UserError(
            f"{int(labels.isna().sum())} of the images have no scores",
            where=str(scores),
            expected="a row for every image of the data set",
            remedy=f"remove {scores} and run snakemake again: rule evaluate_run writes it anew",
        )
    return (labels == "pneumonia").to_numpy()


def _score_domains(
    kind: str, features: np.ndarray, label: str, radiographs: Radiographs, chosen: np.ndarray
) -> pd.DataFrame:
    rows = np.flatnonzero(chosen)
    tested, group = radiographs.tested[rows], radiographs.group[rows]
    folds = min(FOLDS, *(len(np.unique(group[tested == side])) for side in (False, True)))
    columns = ["baseline", "label", "fold", "image_id", "group", "side", "logit"]
    if folds < 2:
        logger.warning("too few patients of class %s to tell development from test", label)
        return pd.DataFrame(columns=columns)
    fold = deal_groups(group, tested, folds)
    found = {
        "baseline": kind,
        "label": label,
        "fold": fold,
        "image_id": radiographs.image_id[rows],
        "group": group,
        "side": np.where(tested, "test", "development"),
        "logit": out_of_fold_scores(features[rows], tested, fold, kind),
    }
    return pd.DataFrame(found)[columns]


def deal_groups(group: np.ndarray, tested: np.ndarray, folds: int) -> np.ndarray:
    """Return a fold for each image, [images] int: whole groups, those of either side in turn.

    A group on both sides goes where its development images go.

    Parameters
    ----------
    group
        [images] text.
    tested
        [images] bool, the side.
    folds
        At most the number of groups of either side.
    """
    generator = np.random.default_rng(SEED)
    number: dict[str, int] = {}
    for side in (False, True):
        names = generator.permutation(np.unique(group[tested == side]))
        for position, name in enumerate(names):
            number.setdefault(str(name), position % folds)
    return np.array([number[str(name)] for name in group])


def _score_blocks(
    features: np.ndarray, radiographs: Radiographs, positive: np.ndarray
) -> pd.DataFrame:
    development = np.flatnonzero(~radiographs.tested)
    names, fold = radiographs.image_id[development], radiographs.fold[development]
    features, positive = features[development], positive[development]
    block = number_blocks(names, radiographs.group[development], positive, fold, BLOCKS)
    if block is None:
        logger.info("no blocks: file names carry no numbers, or a block would lack a class")
        return pd.DataFrame(columns=["block", "fold", "image_id", "held_out", "logit"])
    parts = []
    for number in range(BLOCKS):
        held, others = block == number, block != number
        fitted = (features[others], positive[others], fold[others])
        own = out_of_fold_scores(*fitted, BLOCK_BASELINE)
        parts.append(_tabulate(number, fold[others], names[others], 0, own))
        by_fold = test_scores(*fitted, features[held], BLOCK_BASELINE)
        for model, logits in zip(np.unique(fold[others]), by_fold, strict=True):
            parts.append(_tabulate(number, model, names[held], 1, logits))
    return pd.concat(parts, ignore_index=True)


def _tabulate(
    block: int, fold: np.ndarray | int, names: np.ndarray, held_out: int, logit: np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame(
        {"block": block, "fold": fold, "image_id": names, "held_out": held_out, "logit": logit}
    )
