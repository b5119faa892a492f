"""Frozen weights applied to predictions: an ensemble speaks as a run does, without any label."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_table
from pneumobench.core.run import Run
from pneumobench.statistics import ensembles
from pneumobench.statistics.ensemble_members import members_of
from pneumobench.statistics.predictions import FoldPredictions, check_folds, read_predictions
from pneumobench.statistics.selection import find_selected_ensemble

_Predictions = dict[Run, dict[int, FoldPredictions]]


def combine_ensemble(
    out_of_fold: list[Path],
    test: list[Path],
    selection: Path,
    combined_out_of_fold: Path,
    combined_test: Path,
    *,
    kind: str,
) -> None:
    """Write what an ensemble says of the development images and of the test images.

    Fold k's ensemble is fitted to the other folds and combines the models of fold k: out of fold it
    scores the images of fold k, and all test images.

    Parameters
    ----------
    out_of_fold, test
        The members' predictions, one file a run and fold.
    selection
        selection.json with the members and weights.
    combined_out_of_fold, combined_test
        The files to write, sorted by fold and image.
    kind
        Which of the selection's ensembles.

    Raises
    ------
    UserError
        If the selection does not know the ensemble, or members' predictions are missing, damaged or
        of different images.
    """
    entry = find_selected_ensemble(selection, kind)
    own, new = read_predictions(out_of_fold), read_predictions(test)
    tables: dict[Path, list[pd.DataFrame]] = {combined_out_of_fold: [], combined_test: []}
    for fold, fitted in enumerate(entry["folds"]):
        own_images, reference = _stack(own, entry, fold)
        for path, (images, logits) in (
            (combined_out_of_fold, (own_images, reference)),
            (combined_test, _stack(new, entry, fold)),
        ):
            score = ensembles.apply(fitted, logits, reference).astype(np.float32)
            table = {"ensemble": kind, "fold": fold, "image_id": images, "logit": score}
            tables[path].append(pd.DataFrame(table))
    for path, parts in tables.items():
        write_table(path, pd.concat(parts, ignore_index=True))


def _stack(
    predictions: _Predictions, entry: dict[str, Any], fold: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a fold's models, sorted, and the logits, [members, images] float32."""
    members = members_of(entry)
    for run in members:
        check_folds(predictions.get(run, {}), run, len(entry["folds"]))
    parts = [predictions[run][fold] for run in members]
    images = np.sort(parts[0].logit.index.to_numpy(dtype=str))
    for part in parts:
        if not np.array_equal(np.sort(part.logit.index.to_numpy(dtype=str)), images):
            raise UserError(
                "two runs predict different images and cannot be combined",
                where=f"{parts[0].path} and {part.path}",
                expected="the same images in the same fold of every run",
                remedy=f"remove the folder {part.path.parent} and run snakemake again",
            )
    return images, np.stack([part.logit[images].to_numpy() for part in parts])
