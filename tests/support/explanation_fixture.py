"""Explanations of a made-up experiment: every file that figures and report read of them."""

from pathlib import Path

import numpy as np
import pandas as pd
from packed_fixture import write_packed
from PIL import Image
from reporting_fixture import Made

from pneumobench.core.files import write_table
from pneumobench.core.run import Run

SIDE = 32
# Cells a side of the maps, run by run.
SIDES = (7, 2, 4, 12)
# Height and width: wide, tall, square, larger than a panel shows.
SHAPES = ((500, 640), (620, 480), (512, 512), (60, 70))
# Subtype, outcome, chosen, probability.
ROWS = (
    ("normal", "true_negative", "outcome:most_certain+sample", 0.02),
    ("bacterial", "true_positive", "sample", 0.97),
    ("normal", "false_positive", "outcome:least_certain+outcome:median", 0.71),
    ("viral", "false_negative", "outcome:most_certain+sample", 0.05),
    ("bacterial", "true_positive", "outcome:median", 0.91),
    ("viral", "true_positive", "sample", 0.66),
    ("normal", "true_negative", "sample", 0.22),
    ("bacterial", "true_positive", "sample", 0.99),
    ("bacterial", "true_positive", "sample", 0.88),
)
EMPTY_ROW = 3


def radiograph(index, shape):
    """Return a radiograph, uint8, of which no two places are alike by chance."""
    return np.random.default_rng(index).integers(20, 200, shape, dtype=np.uint8)


class Explanations:
    """Paths of the explanations of all complete runs of a made-up experiment."""

    def __init__(self, made, shapes=SHAPES, draw=radiograph, sides=SIDES):
        self.made, self.folder = made, made.folder / "explanations"
        self.root = made.folder / "radiographs"
        self.radiographs = {}
        for index, row in enumerate(ROWS):
            path = f"train/{'NORMAL' if row[0] == 'normal' else 'PNEUMONIA'}/radiograph {index}.png"
            pixels = draw(index, shapes[index % len(shapes)])
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(self.root / path)
            self.radiographs[path] = pixels
        self.explained, self.maps, self.panels, measures, layers = [], [], [], [], []
        for position, run in enumerate(run for run in made.runs if not run.missing):
            folder = self.folder / Run(run.model, run.recipe, run.seed).folder
            side = sides[position % len(sides)]
            write_table(folder / "explained.csv", self.table())
            np.savez_compressed(folder / "maps.npz", **self.arrays(position, side))
            self.explained.append(folder / "explained.csv")
            self.maps.append(folder / "maps.npz")
            self.panels.append(folder / "panels")
            measures += measured(run, good=position % 2 == 0)
            layers += randomised(run, stages=5 + position)
        self.measures = made.folder / "comparison/explanations.csv"
        write_table(self.measures, pd.DataFrame(measures))
        self.layers = made.folder / "comparison/randomisation.csv"
        write_table(self.layers, pd.DataFrame(layers))
        self._pack()

    def table(self):
        """Return explained.csv; the map of one row is empty."""
        rows = [
            {
                "image_id": f"radiograph{index}", "path": path, "depth": None, "fold": index % 5,
                "label": "normal" if subtype == "normal" else "pneumonia", "subtype": subtype,
                "outcome": outcome, "chosen": chosen, "logit": np.log(p / (1 - p)),
                "probability": p, "threshold": 0.4, "target": "pneumonia" if p > 0.4 else "normal",
                "peak": 0.0 if index == EMPTY_ROW else 0.02 * (index + 1),
                "empty": index == EMPTY_ROW,
            }
            for index, (path, (subtype, outcome, chosen, p)) in enumerate(
                zip(self.radiographs, ROWS, strict=True)
            )
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def arrays(self, seed, side):
        """Return the content of maps.npz: one warm place in each map."""
        random = np.random.default_rng(seed)
        grid = (np.arange(side) + 0.5) / side
        joint = []
        for peak in self.table()["peak"]:
            y, x = random.uniform(0.3, 0.7, 2)
            spot = np.exp(-((grid[:, None] - y) ** 2 + (grid - x) ** 2) / 0.03)
            joint.append((spot / spot.max() * peak).astype(np.float32))
        agreement = random.random((5, 6, side, side), dtype=np.float32)
        agreement = np.float32(0.3) * agreement + agreement[:1]
        agreement[:, 0] = 0
        arrays = {"joint": np.stack(joint), "agreement": agreement}
        table = self.table()
        sample = table[table["chosen"].str.contains("sample") & ~table["empty"]]
        for column in ("label", "subtype"):
            for name, rows in sample.groupby(column):
                scaled = [each / each.sum() for each in arrays["joint"][rows.index]]
                arrays[f"mean_{name}"] = np.mean(scaled, axis=0)
                arrays[f"count_{name}"] = np.array(len(rows))
        arrays["agreement_ids"] = np.array([f"test{index}" for index in range(6)])
        arrays |= {
            name: random.normal(size=(2, SIDE, SIDE)).astype(np.float32)
            for name in ("integrated_gradients", "occlusion")
        }
        arrays["second_opinion_ids"] = np.array(["radiograph1", "radiograph5"])
        # As a network of two branches, and one with a gate.
        extra = "layer_vgg16" if seed % 2 else "attention_stage_1"
        return arrays | {extra: 0.5 + 0.1 * random.random((len(joint), side, side))}

    def _pack(self):
        dataset = self.made.folder / "dataset"
        squares = [
            np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
            for pixels in self.radiographs.values()
        ]
        # A radiograph that was not explained stands first: rows must be found by image_id.
        self.images = dataset / "images.npy"
        ids = ["other", *(f"radiograph{index}" for index in range(len(squares)))]
        self.splits = dataset / "explained_splits.csv"
        write_packed(self.images, np.stack([np.zeros((SIDE, SIDE), np.uint8), *squares]), ids)
        write_table(
            self.splits,
            pd.DataFrame({"image_id": ids, "role": "cv", "fold": 0, "inner": "1", "group": ids}),
        )

    def inputs(self):
        """Return what the report takes, by the names of the rule."""
        return {
            "explained": self.explained, "maps": self.maps, "panels": self.panels,
            "map_measures": [self.measures], "map_method": "grad_cam",
        }  # fmt: skip


def measured(run: Made, *, good: bool) -> list[dict]:
    """Return the rows of a run in explanations.csv; maps that are not good lose one contrast."""
    start = {"run": Run(run.model, run.recipe, run.seed).folder, "model": run.model,
             "recipe": run.recipe, "seed": run.seed}  # fmt: skip
    rows = []
    for measure, sign in (("insertion", 1), ("deletion", -1), ("road", 1)):
        values = {
            "grad_cam": 0.5 + 0.2 * sign,
            "random": 0.5,
            "centre": 0.5 + 0.05 * sign,
            "randomised": 0.5 + 0.02 * sign,
        }
        for name, value in values.items():
            rows.append((measure, name, value, value - 0.04, value + 0.04, ""))
        for control in ("random", "centre", "randomised"):
            holds = good or (measure, control) != ("deletion", "centre")
            difference = (values["grad_cam"] - values[control]) if holds else 0.01
            bounds = difference - 0.03, difference + 0.03
            verdict = "better" if holds else "not shown"
            rows.append((measure, f"grad_cam - {control}", difference, *bounds, verdict))
    for name, value in {"grad_cam": 0.6, "random": 0.1, "grad_cam - random": 0.5}.items():
        rows.append(("like_occlusion", name, value, value - 0.05, value + 0.05, ""))
    rows.append(("spearman", "randomised", 0.1, -0.02, 0.22, ""))
    corners = {"grad_cam": 0.07, "random": 0.12, "grad_cam - random": -0.05}
    for name, value in corners.items():
        rows.append(("energy_corners", name, value, value - 0.02, value + 0.02, ""))
    names = ("measure", "map", "value", "low", "high", "verdict")
    return [
        start
        | dict(zip(names, row, strict=True))
        | {"detectable": 0.03, "images": 60, "patients": 48, "undefined": 2}
        for row in rows
    ]


def randomised(run: Made, *, stages: int) -> list[dict]:
    """Return the rows of a run in randomisation.csv: likeness falls from stage to stage."""
    return [
        {
            "run": Run(run.model, run.recipe, run.seed).folder, "model": run.model,
            "recipe": run.recipe, "seed": run.seed, "layer_order": order, "layer": f"layer{order}",
            "measure": measure, "value": value, "low": value - 0.1, "high": value + 0.1,
            "images": 60, "patients": 48, "undefined": 2,
        }
        for order in range(stages)
        for measure, value in (("spearman", 0.8 / (order + 1)), ("ssim", 0.9 / (order + 1)))
    ]  # fmt: skip


def write_panels(made, draw):
    """Draw the panels of every run with `draw(explained, maps, folder)`."""
    for files in zip(made.explained, made.maps, made.panels, strict=True):
        draw(*map(Path, files))
