"""The maps of one run: chosen out-of-fold images, and the same test images by every fold."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from pneumobench.core.errors import UserError
from pneumobench.core.explained import (
    COLUMNS,
    MISTAKE,
    arrays_without_maps,
    in_sample,
    signed_arrays,
)
from pneumobench.core.files import atomic_path, read_json, read_table, write_table
from pneumobench.core.packed import PackedImages
from pneumobench.core.run import Run
from pneumobench.data.manifest import read_manifest
from pneumobench.explain.attention import attention_maps
from pneumobench.explain.cam import Maps, NoMapError, explain
from pneumobench.explain.choose import choose_images, first_of_subtypes, sample_names
from pneumobench.explain.inputs import RunInputs
from pneumobench.explain.preview import read_reason
from pneumobench.explain.second_opinion import second_opinions
from pneumobench.explain.targets import BINARY, PREDICTED, class_index
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.prediction.predict import positive_logit
from pneumobench.prediction.trained import load_trained

logger = logging.getLogger(__name__)

BATCH_SIZE = 64
# Test images that every fold's model explains, to see whether the folds agree.
AGREEMENT_IMAGES = 16
# Seed of the samples: the same images in every experiment on the same data.
SAMPLE_SEED = 0


@dataclass(frozen=True)
class ExplainedInputs(RunInputs):
    """What a run is explained from; the folds' folders hold out_of_fold.csv, too.

    Attributes
    ----------
    development_labels
        Labels of the cross-validation images; those of the test set are not needed.
    selection
        selection.json, with the thresholds of every fold.
    preview
        What `preview_maps` wrote of the architecture.
    """

    development_labels: Path
    selection: Path
    preview: Path


def explain_run(
    inputs: ExplainedInputs, maps: Path, explained: Path, *, run: Run, settings: dict[str, Any]
) -> None:
    """Explain chosen out-of-fold images, each by the model that has not seen it.

    Of a network without maps both files say so (see `core.explained`): a run without maps stops no
    other one.

    Parameters
    ----------
    inputs
        Files.
    maps
        The .npz file to write: joint, layer_<branch> (of fusion networks), attention_<name>,
        mean_<name> and count_<name> (see `mean_maps`), agreement and agreement_ids; raw maps, in
        the order of `explained`.
        integrated_gradients and occlusion, float32 [k, S, S] with their sign, are of the images
        second_opinion_ids and of the class explained. Beside them stand the run, image_ids and a
        checksum (see `core.explained.read_maps`).
    explained
        The CSV file to write, a row for each map: image_id, path, fold, label, subtype, outcome,
        chosen (see `choose_images`), logit, probability and threshold (of the probability) of
        pneumonia, target (the class explained), peak (of the joint map), empty.
    run
        Which run.
    settings
        The section `explanation` of the configuration.

    Raises
    ------
    UserError
        If the layer or the class does not exist, or files are not of one training.
    """
    reason = read_reason(inputs.preview)
    if not reason:
        try:
            _explain_chosen(inputs, maps, explained, run, settings)
            return
        except NoMapError as error:
            if settings["layer"] is not None:
                raise
            reason = error.what
    logger.warning("no maps of %s: %s", run.title, reason)
    with atomic_path(maps) as temporary:
        np.savez_compressed(temporary, **signed_arrays(arrays_without_maps(reason), run))
    write_table(explained, pd.DataFrame(columns=COLUMNS))


def _explain_chosen(
    inputs: ExplainedInputs, maps: Path, explained: Path, run: Run, settings: dict[str, Any]
) -> None:
    """Write both files of a run whose network has maps."""
    thresholds = _thresholds(inputs.selection, run)
    chosen = choose_images(
        _predicted(inputs, thresholds),
        per_subtype=settings["images"],
        mistakes=settings["mistakes"],
        seed=SAMPLE_SEED,
    )
    # How many mistakes are drawn must not change what is measured.
    measured = chosen[chosen["chosen"] != MISTAKE]
    again = first_of_subtypes(measured, settings["second_opinions"], SAMPLE_SEED)
    chosen = chosen.assign(again=chosen.index.isin(again))
    splits = read_table(inputs.splits, text=("image_id", "inner", "group"))
    tests = sample_names(
        splits.loc[splits["role"] == "test", "image_id"].tolist(), AGREEMENT_IMAGES, SAMPLE_SEED
    )
    packed = inputs.packed(inputs.images)
    found = [
        _explain_fold(folder, chosen, tests, packed, thresholds, settings)
        for folder in inputs.folds
    ]
    # Of a fold no image may have been chosen.
    folds = [fold for fold in found if not fold.table.empty]
    table = pd.concat([fold.table for fold in folds], ignore_index=True)
    arrays = {name: np.concatenate([fold.maps[name] for fold in folds]) for name in folds[0].maps}
    means = mean_maps(
        in_sample(table),
        arrays["joint"],
        own_class=settings["target"] == PREDICTED,
    )
    of_tests = {
        "agreement": np.stack([fold.agreement for fold in found]),
        "agreement_ids": np.array(tests),
    }
    opinions = {
        name: np.concatenate([fold.opinions[name] for fold in folds]) for name in folds[0].opinions
    }
    opinions["second_opinion_ids"] = table.loc[table.pop("again"), "image_id"].to_numpy(str)
    with atomic_path(maps) as temporary:
        content = arrays | means | of_tests | opinions
        np.savez_compressed(temporary, **signed_arrays(content, run, table["image_id"]))
    table["threshold"] = expit(table["threshold"]).astype(np.float32)
    write_table(explained, table)


@dataclass(frozen=True)
class _ExplainedFold:
    """What one fold's model makes of its images.

    Attributes
    ----------
    table
        Rows of explained.csv, and `again`: whether there is a second opinion.
    maps
        See `map_images`, without what stands in the table.
    opinions
        See `second_opinions`; of the rows `again`.
    agreement
        Joint maps of the test images, of one class by all folds: those of two classes are nearly
        opposite.
    """

    table: pd.DataFrame
    maps: dict[str, np.ndarray]
    opinions: dict[str, np.ndarray]
    agreement: np.ndarray


def _explain_fold(
    folder: Path,
    chosen: pd.DataFrame,
    tests: list[str],
    packed: PackedImages,
    thresholds: list[float],
    settings: dict[str, Any],
) -> _ExplainedFold:
    model, record = load_trained(folder)
    own, threshold = chosen[chosen["fold"] == record["fold"]], thresholds[record["fold"]]
    same_class = settings | ({"target": "pneumonia"} if settings["target"] == PREDICTED else {})
    agreement = map_images(model, packed[tests], threshold, same_class)["joint"]
    logger.info("%s: %d images explained", folder.name, len(own))
    if own.empty:
        return _ExplainedFold(own, {}, {}, agreement)
    maps = map_images(model, packed[own["image_id"]], threshold, settings)
    again = own["again"].to_numpy()
    opinions = second_opinions(
        model, packed[own.loc[again, "image_id"]], torch.from_numpy(maps["target"][again])
    )
    return _ExplainedFold(
        table=own.assign(**_described(maps)),
        maps={name: value for name, value in maps.items() if name not in _PER_IMAGE},
        opinions={name: value.cpu().numpy() for name, value in opinions.items()},
        agreement=agreement,
    )


_PER_IMAGE = ("logits", "target", "empty")


def map_images(
    model: Classifier, images: np.ndarray, threshold: float, settings: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Explain packed images.

    Parameters
    ----------
    model
        On its device.
    images
        uint8 [n, S, S].
    threshold
        Above which logit pneumonia is predicted.
    settings
        The section `explanation`: method, target and layer.

    Returns
    -------
    dict
        joint float32 [n, h, w]; layer_<branch> of a network with several; attention_<name> float32
        [n, h, w]; logits float32 [n], of pneumonia; target int64 [n]; empty bool [n].
    """
    device = next(model.parameters()).device
    target = class_index(settings["target"])
    found: list[dict[str, torch.Tensor]] = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = torch.from_numpy(images[start : start + BATCH_SIZE]).to(device)
        radiographs = batch.unsqueeze(1) / 255.0
        maps = explain(
            model, radiographs, method=settings["method"], target=target, threshold=threshold,
            layer=settings["layer"],
        )  # fmt: skip
        found.append(_named(maps) | _attention(model, radiographs))
    return {name: torch.cat([one[name] for one in found]).cpu().numpy() for name in found[0]}


def mean_maps(sample: pd.DataFrame, maps: np.ndarray, *, own_class: bool) -> dict[str, np.ndarray]:
    """Return the mean map of each class and subtype; every map counts alike, empty ones not.

    Parameters
    ----------
    sample
        Rows of explained.csv, with the places of their maps as index: label, subtype, target.
    maps
        float32 [n, h, w].
    own_class
        Whether to leave maps out that speak for another class than the image's: where the predicted
        class is explained, a wrong answer's map would be mixed in.

    Returns
    -------
    dict
        mean_<name> float32 [h, w], of maps scaled to a sum of 1, and count_<name> int, the number
        of maps; zeros if there is none.
    """
    if own_class:
        sample = sample.assign(used=sample["target"] == sample["label"])
    else:
        sample = sample.assign(used=True)
    found = {}
    for column in ("label", "subtype"):
        for name, rows in sample.groupby(column):
            chosen = maps[rows.index[rows["used"]]]
            sums = chosen.sum((1, 2), keepdims=True)
            whole = sums[:, 0, 0] > 0
            scaled = chosen[whole] / sums[whole]
            found[f"count_{name}"] = np.array(int(whole.sum()))
            found[f"mean_{name}"] = (scaled.sum(0, dtype=np.float64) / max(1, len(scaled))).astype(
                np.float32
            )
    return found


def _named(maps: Maps) -> dict[str, torch.Tensor]:
    branches = {f"layer_{name}": value for name, value in maps.layers.items() if name}
    return {
        "joint": maps.joint,
        **branches,
        "logits": positive_logit(maps.logits),
        "target": maps.target,
        "empty": maps.empty,
    }


def _attention(model: Classifier, radiographs: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        f"attention_{name}": value for name, value in attention_maps(model, radiographs).items()
    }


def _described(part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the columns that follow from the maps."""
    return {
        "probability": expit(part["logits"]),
        "target": np.array(BINARY)[part["target"]],
        "peak": part["joint"].max((1, 2), initial=0.0),
        "empty": part["empty"],
    }


def _predicted(inputs: ExplainedInputs, thresholds: list[float]) -> pd.DataFrame:
    """Return the run's out-of-fold predictions with labels, thresholds and file paths."""
    parts = [
        read_table(folder / "out_of_fold.csv", text=("model", "recipe", "image_id", "tta"))
        for folder in inputs.folds
    ]
    table = pd.concat(parts, ignore_index=True)[["image_id", "fold", "logit"]]
    labels = read_table(inputs.development_labels, text=("image_id", "label", "subtype"))
    paths = read_manifest(inputs.manifest)[["image_id", "path", "depth"]]
    table = table.merge(labels[["image_id", "label", "subtype"]], on="image_id", how="left")
    table = table.merge(paths, on="image_id", how="left")
    if table[["label", "path"]].isna().any(axis=None):
        raise UserError(
            "the predictions are of images that have no label or no file",
            where=str(inputs.folds[0]),
            expected=f"images of {inputs.development_labels} and {inputs.manifest}",
            remedy="run snakemake again: it trains anew what is not of these data",
        )
    return table.sort_values("image_id", ignore_index=True).assign(
        threshold=lambda rows: np.array(thresholds)[rows["fold"]]
    )


def _thresholds(selection: Path, run: Run) -> list[float]:
    """Return the run's thresholds of logits, one for each fold."""
    for entry in read_json(selection)["runs"]:
        if Run(entry["model"], entry["recipe"], entry["seed"]) == run:
            return entry["thresholds"]
    raise UserError(
        f"the run {run.folder} is not among the selected ones",
        where=str(selection),
        expected="an entry with its thresholds",
        remedy="run snakemake again: rule freeze_selection writes it",
    )
