"""How far the maps of a run can be trusted: measures beside those of maps that know nothing."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from pneumobench.core.explained import TEXT_COLUMNS, in_sample, read_maps, why_no_maps
from pneumobench.core.files import read_table, write_table
from pneumobench.core.run import Run
from pneumobench.data.body import body_mask
from pneumobench.data.manifest import read_manifest
from pneumobench.explain.cam import explain
from pneumobench.explain.controls import centre_maps, random_maps
from pneumobench.explain.faithfulness import insertion_deletion, road
from pneumobench.explain.inputs import RunInputs
from pneumobench.explain.localisation import (
    border_mask,
    boxes_mask,
    corner_mask,
    lesion_measures,
    parse_boxes,
    read_mask,
    shortcut_shares,
)
from pneumobench.explain.maps import enlarge
from pneumobench.explain.randomisation import (
    cascading_randomisation,
    randomised_copy,
    rank_correlation,
)
from pneumobench.explain.run import BATCH_SIZE
from pneumobench.explain.second_opinion import OPINIONS
from pneumobench.explain.targets import BINARY, target_probabilities
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.prediction.trained import load_trained

logger = logging.getLogger(__name__)

PNEUMONIA = BINARY.index("pneumonia")
# Of controls, imputation noise and new weights.
SEED = 0
# Draws of random weights until their maps are not empty.
DRAWS = 5
MEASURED = ("image_id", "fold", "subtype", "map", "measure", "value")
RANDOMISED = ("fold", "layer_order", "layer", "image_id", "spearman", "ssim")
# Portions of an insertion or deletion curve.
STEPS = 20
# Shares kept by ROAD, in per cent: those of the grad-cam package.
PERCENTILES = (20, 40, 60, 80)


@dataclass(frozen=True)
class MeasuredInputs(RunInputs):
    """What a run's maps are measured from.

    Attributes
    ----------
    plain_images
        The packed images as they are; `images` may be preprocessed, which would move the outline of
        the body.
    explained, maps
        explained.csv and maps.npz of the run; of the latter the second opinions.
    root
        The folder that the manifest's paths are relative to; lesion masks are read from there.
    resize
        How radiographs were brought to squares.
    """

    plain_images: Path
    explained: Path
    maps: Path
    root: Path
    resize: str


def measure_maps(
    inputs: MeasuredInputs,
    measures: Path,
    randomisation: Path,
    *,
    run: Run,
    settings: dict[str, Any],
) -> None:
    """Measure the maps of a run's sample and, beside each, maps that know nothing of the network.

    Parameters
    ----------
    inputs
        Files.
    measures
        The CSV file to write: model, recipe, seed, image_id, fold, subtype, map (the method,
        randomised, random, centre), measure, value. The map's class is the explained one; that of
        the measures of the lesion is pneumonia. A value is missing where there is nothing to
        measure.
    randomisation
        The CSV file to write: model, recipe, seed, fold, layer_order, layer, image_id, spearman,
        ssim.
    run
        Which run; where it has no maps, both tables have no rows.
    settings
        The section `explanation` of the configuration.

    Raises
    ------
    UserError
        If a mask or box does not fit its radiograph, or files are not of one training.
    """
    found, similar = [pd.DataFrame(columns=MEASURED)], [pd.DataFrame(columns=RANDOMISED)]
    if not why_no_maps(inputs.maps):
        opinions = read_opinions(inputs.maps)
        for sample, regions in _samples(inputs, settings):
            found.extend(sample.faithfulness())
            found.extend(sample.likeness(opinions))
            found.extend(sample.places(regions))
            similar.extend(sample.randomisation())
    identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
    for path, tables in ((measures, found), (randomisation, similar)):
        columns = [*identity, *tables[0]]
        table = pd.concat(tables[1:] or tables, ignore_index=True)
        write_table(path, table.assign(**identity)[columns])


def _samples(
    inputs: MeasuredInputs, settings: dict[str, Any]
) -> Iterator[tuple["FoldSample", list["Regions"]]]:
    """Yield the sample of each fold that has one, and the places of its radiographs."""
    sample = in_sample(read_table(inputs.explained, text=TEXT_COLUMNS))
    packed, plain = inputs.packed(inputs.images), inputs.packed(inputs.plain_images)
    radiographs = read_manifest(inputs.manifest).set_index("image_id")
    for folder in inputs.folds:
        model, record = load_trained(folder)
        own = sample[sample["fold"] == record["fold"]].reset_index(drop=True)
        if own.empty:
            continue
        names = own["image_id"]
        regions = radiograph_regions(
            radiographs.loc[names], plain[names], root=inputs.root, resize=inputs.resize
        )
        yield FoldSample(model, packed[names], own, settings), regions
        logger.info("%s: %d maps measured", folder.name, len(own))


class FoldSample:
    """The images of the sample that one fold's model has not seen, and all their maps.

    Parameters
    ----------
    model
        The fold's model.
    squares
        Packed images, uint8 [n, S, S].
    own
        Their rows of explained.csv.
    settings
        The section `explanation` of the configuration.
    """

    def __init__(
        self, model: Classifier, squares: np.ndarray, own: pd.DataFrame, settings: dict[str, Any]
    ) -> None:
        device = next(model.parameters()).device
        self.model, self.squares, self.own, self.settings = model, squares, own, settings
        self.images = torch.from_numpy(squares).to(device).unsqueeze(1) / 255.0
        self.target = torch.tensor([BINARY.index(name) for name in own["target"]], device=device)
        self.blank = self.without_knowledge()
        self.explained = self.enlarged(self.target)
        self.grid = self.maps(model, self.images[:1], self.target[:1]).shape[-2:]

    def without_knowledge(self) -> Classifier:
        """Return the network with random weights: the first draw with maps of half of the images.

        A draw whose last layer happens to speak against the class everywhere has empty maps, and
        there would be nothing to hold the trained network's against.
        """
        for draw in range(DRAWS):
            blank = randomised_copy(self.model, self.images[:1], seed=SEED + draw)
            marked = self.maps(blank, self.images, self.target).amax((1, 2)) > 0
            if 2 * marked.sum() >= len(marked):
                break
        return blank

    def maps(self, model: Classifier, images: Tensor, target: Tensor) -> Tensor:
        """Return raw maps [n, h, w] of a class for each image, by a model."""
        method, layer = self.settings["method"], self.settings["layer"]
        batches = zip(images.split(BATCH_SIZE), target.split(BATCH_SIZE), strict=True)
        return torch.cat(
            [
                explain(model, radiographs, method=method, layer=layer, target=classes).joint
                for radiographs, classes in batches
            ]
        )

    def enlarged(self, target: Tensor) -> dict[str, Tensor]:
        """Return the maps of a class for each image and their controls, [n, S, S] by name."""
        size, device = self.squares.shape[-1], self.images.device
        trained = self.maps(self.model, self.images, target)
        keys = self.own["image_id"].tolist()
        return {
            self.settings["method"]: enlarge(trained, size),
            "randomised": enlarge(self.maps(self.blank, self.images, target), size),
            "random": random_maps(keys, max(trained.shape[-2:]), size, SEED).to(device),
            "centre": centre_maps(len(keys), size).to(device),
        }

    def faithfulness(self) -> Iterator[pd.DataFrame]:
        """Yield insertion, deletion and ROAD of the first images of each subtype.

        An empty map marks nothing that could be inserted or deleted: it has no value.
        """
        first = self.own.groupby("subtype").cumcount() < self.settings["tested_images"]
        rows = torch.from_numpy(np.flatnonzero(first)).to(self.images.device)
        images, target = self.images[rows], self.target[rows]

        def predict(changed: Tensor) -> Tensor:
            batches = zip(changed.split(BATCH_SIZE), target.split(BATCH_SIZE), strict=True)
            return torch.cat(
                [
                    target_probabilities(self.model(radiographs), classes)
                    for radiographs, classes in batches
                ]
            )

        for name, maps in self.explained.items():
            insertion, deletion = insertion_deletion(
                predict, images, maps[rows], steps=STEPS, seed=SEED
            )
            scores = {
                "insertion": insertion,
                "deletion": deletion,
                "road": road(predict, images, maps[rows], percentiles=PERCENTILES, seed=SEED),
            }
            empty = (maps[rows].amax((1, 2)) == 0).cpu().numpy()
            for key, value in scores.items():
                yield self._table(name, key, first, np.where(empty, np.nan, value))

    def likeness(self, opinions: dict[str, pd.Series]) -> Iterator[pd.DataFrame]:
        """Yield how like the maps are to second opinions, by rank on the maps' own grid.

        Parameters
        ----------
        opinions
            Maps float32 [S, S] by image id, for each second opinion.
        """
        for name, others in opinions.items():
            asked = self.own["image_id"].isin(others.index).to_numpy()
            if not asked.any():
                continue
            # What speaks against the class is cut off, as class activation maps have it.
            other = torch.from_numpy(np.stack(others[self.own.loc[asked, "image_id"]])).clamp(min=0)
            for kind, maps in self.explained.items():
                grids = (on_grid(each, self.grid) for each in (maps.cpu()[asked], other))
                yield self._table(kind, f"like_{name}", asked, rank_correlation(*grids))

    def places(self, regions: list["Regions"]) -> Iterator[pd.DataFrame]:
        """Yield where the maps lie: in the lesion, outside the body, at the border, in corners."""
        everything = np.ones(len(self.own), bool)
        for_pneumonia = self.enlarged(torch.full_like(self.target, PNEUMONIA))
        for name, maps in self.explained.items():
            of_radiograph = zip(
                maps.cpu().numpy(), for_pneumonia[name].cpu().numpy(), regions, strict=True
            )
            values = [
                lesion_measures(of_pneumonia, region.lesion)
                | shortcut_shares(
                    own, body=region.body, border=region.border, corners=region.corners
                )
                for own, of_pneumonia, region in of_radiograph
            ]
            for key, column in pd.DataFrame(values).items():
                yield self._table(name, key, everything, column.to_numpy())

    def randomisation(self) -> Iterator[pd.DataFrame]:
        """Yield how similar the maps stay while the network loses its weights, stage by stage."""
        similarities = cascading_randomisation(
            self.model,
            self.images,
            lambda model, images: self.maps(model, images, self.target),
            seed=SEED,
        )
        for order, one in enumerate(similarities):
            yield self.own[["fold"]].assign(
                layer_order=order,
                layer=one.layer,
                image_id=self.own["image_id"],
                spearman=one.spearman,
                ssim=one.ssim,
            )

    def _table(self, name: str, measure: str, rows: np.ndarray, value: np.ndarray) -> pd.DataFrame:
        columns = self.own.loc[np.asarray(rows), ["image_id", "fold", "subtype"]]
        return columns.assign(map=name, measure=measure, value=value)


class Regions(NamedTuple):
    """Places of a radiograph on the square that the network sees, bool [S, S].

    Attributes
    ----------
    lesion
        None where it is not known, or there is none.
    body, border, corners
        See `localisation`.
    """

    lesion: np.ndarray | None
    body: np.ndarray
    border: np.ndarray
    corners: np.ndarray


def radiograph_regions(
    radiographs: pd.DataFrame, squares: np.ndarray, *, root: Path, resize: str
) -> list[Regions]:
    """Return the places of radiographs.

    Parameters
    ----------
    radiographs
        Rows of the manifest, by image_id.
    squares
        The radiographs, uint8 [n, S, S], not preprocessed.
    root
        The folder that mask_path is relative to.
    resize
        How radiographs were brought to squares.
    """
    found = []
    for (_, radiograph), square in zip(radiographs.iterrows(), squares, strict=True):
        shape = radiograph["width"], radiograph["height"], len(square), resize
        lesion = lesion_mask(radiograph, root, len(square), resize)
        found.append(Regions(lesion, body_mask(square), border_mask(*shape), corner_mask(*shape)))
    return found


def on_grid(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the means of maps [n, S, S] in the cells of a grid, float64 [n, h, w], peak 1.

    Rounded to six digits: cells that are equal but for the last bits share their rank.
    """
    cells = adaptive_avg_pool2d(maps.double(), grid)
    peak = cells.abs().amax((1, 2), keepdim=True)
    return (cells / torch.where(peak > 0, peak, 1)).round(decimals=6)


def read_opinions(maps: Path) -> dict[str, pd.Series]:
    """Return the second opinions of maps.npz: name -> maps float32 [S, S] by image id."""
    with read_maps(maps) as arrays:
        image_ids = arrays["second_opinion_ids"]
        return {name: pd.Series(list(arrays[name]), index=image_ids) for name in OPINIONS}


def lesion_mask(radiograph: pd.Series, root: Path, size: int, resize: str) -> np.ndarray | None:
    """Return where an image's lesion is, bool [size, size], from its mask or boxes; None without.

    Parameters
    ----------
    radiograph
        A row of the manifest with its image_id as name.
    root
        The folder that mask_path is relative to.
    size, resize
        Of the square that the network sees.
    """
    width, height = int(radiograph["width"]), int(radiograph["height"])
    if radiograph["mask_path"]:
        return read_mask(
            root / radiograph["mask_path"], size, resize, radiograph_size=(width, height)
        )
    boxes = parse_boxes(radiograph["boxes"], str(radiograph.name))
    return boxes_mask(boxes, width, height, size, resize) if boxes else None
