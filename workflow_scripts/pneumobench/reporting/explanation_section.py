"""The report's section on what the networks look at."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.explained import read_maps
from pneumobench.core.files import read_bytes
from pneumobench.reporting.explained import (
    SMALLEST_SIDE,
    outcomes,
    panel_rows,
    read_explained_runs,
    reasons,
    runs_without_maps,
)
from pneumobench.reporting.faithfulness import (
    COARSE,
    UNTESTED,
    UNTOLD,
    UNTRUSTED,
    Faithfulness,
    read_faithfulness,
)
from pneumobench.reporting.figure_file import open_whole
from pneumobench.reporting.inputs import files_by_run
from pneumobench.reporting.wording import EMPTY, count, listing, plural
from pneumobench.reporting.words import Words
from pneumobench.statistics.agreement import fold_agreement

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    ("Maps, radiographs explained", "explanations/.../maps.npz, explained.csv", "explain_run"),
    ("Single radiographs", "explanations/.../panels/", "draw_panels"),
    ("Measures of the maps", "comparison/explanations.csv", "summarise_explanations"),
)
METHOD_TITLES = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "hires_cam": "HiResCAM",
    "layer_cam": "LayerCAM",
}

# What stands above the radiographs of a run whose maps are not better than maps that know nothing.
WARNINGS = {
    UNTRUSTED: "These maps must not be trusted: maps that know nothing of the network do as well.",
    UNTOLD: "Too few patients were tested to tell these maps from such that know nothing.",
    UNTESTED: "These maps were not tested.",
    COARSE: "These maps have too few cells for any claim about places.",
}

# Bounds of the gallery: at most 240 thumbnails of at most 40 kB, 12.8 MB as text.
_PANELS_PER_RUN, _PANELS = 12, 240
_THUMBNAIL_WIDTH, _THUMBNAIL_BYTES = 760, 40_000
_QUALITIES = (80, 65, 50, 35, 20)


@dataclass(frozen=True)
class ExplanationInputs:
    """What the section is made of; the paths lie in .../{model}/{recipe}/seed{seed}/.

    Attributes
    ----------
    method
        Name of the method, a key of `METHOD_TITLES`.
    explained, maps
        explained.csv and maps.npz of every explained run.
    measures
        comparison/explanations.csv: how far the maps hold against random and centred ones.
    panels
        The folder panels/ of every explained run; none where an archive holds no radiographs.
    """

    method: str
    explained: Sequence[str | Path]
    maps: Sequence[str | Path]
    measures: str | Path
    panels: Sequence[str | Path]


@dataclass(frozen=True)
class _Run:
    label: str
    folder: str
    table: pd.DataFrame
    shape: tuple[int, int]
    agreement: np.ndarray
    panels: Path | None

    @property
    def small(self) -> bool:
        return min(self.shape) < SMALLEST_SIDE


def explanation_section(
    comparison: pd.DataFrame, inputs: ExplanationInputs | None
) -> dict[str, Any]:
    """Return what the template shows; with an empty `method` where nothing was explained.

    Parameters
    ----------
    comparison
        The ranked table, as `read_comparison` returns it.
    inputs
        The files, or None.
    """
    if inputs is None:
        return {"method": "", "origins": ()}
    runs, without = (
        _read_runs(comparison, inputs),
        runs_without_maps(comparison, inputs.maps),
    )
    faithfulness = read_faithfulness(
        inputs.measures,
        {run.folder: run.label for run in runs},
        [run.folder for run in runs if run.small],
    )
    return {
        "method": METHOD_TITLES[inputs.method],
        "origins": ORIGINS,
        "overview": [
            *(_overview(run, faithfulness) for run in runs),
            *map(_overview_without, without),
        ],
        "without": [f"{label}: {reason}" for label, reason in without.items()],
        "small": listing([run.label for run in runs if run.small]),
        "smallest_side": SMALLEST_SIDE,
        "readings": faithfulness.sentences(),
        "faithfulness": faithfulness.tested_rows(),
        "opinions": faithfulness.opinion_rows(),
        "places": faithfulness.place_rows(),
        "gallery": _gallery(runs, faithfulness),
    }


def _read_runs(comparison: pd.DataFrame, inputs: ExplanationInputs) -> list[_Run]:
    panels, runs = files_by_run(inputs.panels, depth=1), []
    for run in read_explained_runs(comparison, inputs.explained, inputs.maps):
        with read_maps(run.maps) as arrays:
            agreement = arrays["agreement"]
        folder = panels[run.folder][0] if panels else None
        runs.append(_Run(run.label, run.folder, run.table, run.joint.shape[1:], agreement, folder))
    return runs


def _overview(run: _Run, faithfulness: Faithfulness) -> dict[str, str]:
    agreement = fold_agreement(run.agreement)
    size = f"{run.shape[0]} x {run.shape[1]}"
    return {
        "Run": run.label,
        "Against maps that know nothing": faithfulness.verdict(run.folder),
        "Map (cells)": f"{size} (too coarse)" if run.small else size,
        "Empty maps": f"{count(run.table['empty'].sum())} of {count(len(run.table))}",
        "Agreement of the folds": f"{agreement.mean:.2f}" if agreement.images else EMPTY,
        "on images": count(agreement.images),
        "Pairs left out": count(agreement.undefined),
        "Like the map of random weights": faithfulness.likeness(run.folder),
    }


def _overview_without(label: str) -> dict[str, str]:
    """Return the row of a run that has no maps."""
    return {
        "Run": label,
        "Against maps that know nothing": "not available",
        "Map (cells)": EMPTY,
        "Empty maps": EMPTY,
        "Agreement of the folds": EMPTY,
        "on images": EMPTY,
        "Pairs left out": EMPTY,
        "Like the map of random weights": EMPTY,
    }


def _gallery(runs: list[_Run], faithfulness: Faithfulness) -> list[dict[str, Any]]:
    most = max(1, min(_PANELS_PER_RUN, _PANELS // max(1, len(runs))))
    return [
        _gallery_of(run, most) | {"warning": WARNINGS.get(faithfulness.verdict(run.folder), "")}
        for run in runs
        if run.panels is not None
    ]


def _gallery_of(run: _Run, most: int) -> dict[str, Any]:
    rows = panel_rows(run.table)
    order = {outcome: position for position, outcome in enumerate(outcomes(Words()))}
    rows = rows.sort_values("outcome", key=lambda names: names.map(order), kind="stable")
    shown = rows.head(most)
    there = {path.name for path in run.panels.iterdir()}
    if lost := sorted(set(shown["panel"]) - there):
        raise UserError(
            f"the picture of an explained radiograph is missing: {lost[0]!a}",
            where=str(run.panels),
            expected="one for each radiograph that explained.csv has chosen",
            remedy=f"remove {run.panels} and run snakemake again; of an archive, ask who made it",
        )
    panels = [
        {"source": _thumbnail(run.panels / row["panel"]), "caption": _caption(row)}
        for _, row in shown.iterrows()
    ]
    mistakes = int(rows["outcome"].isin(("false_negative", "false_positive")).sum())
    radiographs = plural(len(panels), "radiograph")
    return {
        "label": run.label,
        "summary": f"{radiographs if len(panels) == len(rows) else f'{radiographs} of {count(len(rows))}'}, "
        f"{plural(mistakes, 'mistake')}",
        "panels": panels,
    }


def _caption(row: pd.Series) -> str:
    outcome = outcomes(Words())[row["outcome"]]
    subtype = f" ({row['subtype']})" if row["subtype"] not in (row["label"], "") else ""
    text = (
        f"{outcome[0].upper()}{outcome[1:]}, {listing(reasons(row['chosen']))}: "
        f"{Path(row['path']).name}, {row['label']}{subtype}; probability of pneumonia "
        f"{row['probability']:.3f}, threshold {row['threshold']:.3f}; fold {row['fold']}. "
    )
    if row["empty"]:
        return text + f"No region speaks for {row['target']}."
    return text + f"Class explained: {row['target']}."


def _thumbnail(path: Path) -> str:
    """Return a panel as a small JPEG for an `img` element."""
    with open_whole(path, read_bytes(path)) as panel:
        height = round(panel.height * _THUMBNAIL_WIDTH / panel.width)
        small = panel.convert("RGB").resize(
            (_THUMBNAIL_WIDTH, height), Image.Resampling.LANCZOS, reducing_gap=3
        )
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= _THUMBNAIL_BYTES:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
