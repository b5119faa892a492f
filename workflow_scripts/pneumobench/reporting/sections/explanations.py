"""Explanations: what the networks look at, and which maps may be read at all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.explained import read_maps
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
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import files_by_run
from pneumobench.reporting.section import (
    Block,
    Details,
    FigureOf,
    Gallery,
    Heading,
    Notice,
    Panel,
    Paragraph,
    Points,
    Section,
)
from pneumobench.reporting.table import Cell, Number, Of, Table
from pneumobench.reporting.wording import brackets, capital, count, listing, plural
from pneumobench.reporting.words import Words
from pneumobench.statistics.agreement import fold_agreement

ORIGINS = (
    ("Maps, images explained", "explanations/.../maps.npz, explained.csv", "explain_run"),
    ("Single radiographs", "explanations/.../panels/", "draw_panels"),
    ("Measures of the maps", "comparison/explanations.csv", "summarise_explanations"),
)
METHOD_TITLES = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "hires_cam": "HiResCAM",
    "layer_cam": "LayerCAM",
}

# What stands above the radiographs of a run whose maps are not better than uninformed ones.
WARNINGS = {
    UNTRUSTED: "These maps must not be trusted: uninformed maps do as well.",
    UNTOLD: "Too few patients were tested to compare these maps with uninformed ones.",
    UNTESTED: "These maps were not tested.",
    COARSE: "These maps have too few cells for any claim about places.",
}

# Radiographs that the page shows of a run, and of all runs together.
_PANELS_PER_RUN, _PANELS = 12, 156


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


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section; where nothing was explained it says how to."""
    title, short = "What do the networks look at?", "Explanations"
    if files.one("map_measures") is None:
        advice = (
            "This experiment explains nothing. To see what its networks look at, set "
            "`explanation.method` to `grad_cam` in the configuration and run snakemake again; "
            "nothing is trained anew."
        )
        return Section("explanations", title, short, blocks=(Paragraph(advice),))
    runs = _read_runs(files)
    without = runs_without_maps(files.comparison, files.all("maps"))
    measured = read_faithfulness(
        files.one("map_measures"),
        {run.folder: run.label for run in runs},
        [run.folder for run in runs if run.small],
    )
    return Section(
        name="explanations",
        title=title,
        short=short,
        answer=tuple(measured.sentences()),
        blocks=(
            Paragraph(_what_a_map_is(METHOD_TITLES[files.map_method], words)),
            *_limits(runs, without),
            FigureOf("explanations"),
            *_overview(runs, list(without), measured),
            *_measures(measured, files.facts["confidence"], words),
            Heading("More figures"),
            FigureOf("randomisation"),
            FigureOf("every_map"),
            FigureOf("mean_maps"),
            *_galleries(runs, measured, words),
        ),
        origins=ORIGINS,
    )


def _what_a_map_is(method: str, words: Words) -> str:
    return (
        f"A class activation map ({method}) shows which places of a radiograph spoke for one class "
        "in one network, on the coarse grid of its last layers. It is a statement about the "
        f"network, not about the {words.person}: it outlines no lesion, proves no finding, and a "
        "map that lies on the lung does not make the answer right. Every radiograph is explained "
        "by the fold's model that was not trained on it. Magnitudes of different networks have no "
        "common scale; an empty map means that no place spoke for the class."
    )


def _limits(runs: list[_Run], without: dict[str, str]) -> list[Block]:
    sentences = [f"No maps are available of {label}: {why}." for label, why in without.items()]
    if any(run.small for run in runs):
        sentences.append(
            f"Maps with fewer than {SMALLEST_SIDE} x {SMALLEST_SIDE} cells say nothing about places "
            "inside a lung. Larger images give finer maps."
        )
    return [Points(tuple(sentences))] if sentences else []


def _overview(runs: list[_Run], without: list[str], measured: Faithfulness) -> list[Block]:
    note = (
        "Empty maps: among the images explained. Agreement of the folds: mean Spearman correlation "
        "of the maps that the folds' models give of the same test images, over all pairs of folds; "
        "1 = they look at the same places, 0 = no relation. Pairs with a map of a single value have "
        "no correlation and are left out. Similarity to the map of random weights: Spearman "
        "correlation with the map of the same network after all its weights were drawn at random; "
        "the closer to 0, the more the maps follow from what was learnt."
    )
    rows = [*(_overview_row(run, measured) for run in runs), *map(_row_without, without)]
    return [
        Heading("Which maps may be read"),
        Paragraph(
            "A map is worth a look only if the network's answer depends on what it marks. So the "
            "marked places were hidden and uncovered step by step, and the same was done with "
            "random maps, with a spot in the centre of the image and with the maps of the same "
            "network with random weights. A network's maps hold if they are better than all three "
            "in every measure, beyond the interval."
        ),
        Table("maps", "Maps of all runs", rows, notes=(note,)),
    ]


def _measures(measured: Faithfulness, confidence: float, words: Words) -> list[Block]:
    tables = (
        (
            "Measures of faithfulness",
            Table(
                "faithfulness",
                "Measures of faithfulness",
                measured.tested_rows(),
                notes=(
                    "Insertion and deletion: area under the probability of the explained class "
                    "while places are uncovered or hidden, the most marked first. ROAD: how much "
                    "more of that probability is lost when the most marked places are hidden than "
                    "when the least marked are. Insertion and ROAD are better when higher, "
                    f"deletion when lower. Behind differences: {brackets(confidence)} Undefined: "
                    "images without a value, such as those with an empty map.",
                ),
            ),
        ),
        (
            "Second opinions",
            Table(
                "second_opinions",
                "Second opinions",
                measured.opinion_rows(),
                notes=(
                    "Spearman correlation, on the map's own cells, with two methods that need no "
                    "layer: integrated gradients divide the score among the pixels along the way "
                    "from an even grey image (Sundararajan et al., 2017); occlusion hides squares "
                    "of a quarter of the side and measures how far the score falls (Zeiler and "
                    "Fergus, 2014). 1 = the same order of places, 0 = no relation. A map that is no "
                    "more similar to them than a random map has no support from them. Too few: all "
                    "patients would agree by chance too often for an interval.",
                ),
            ),
        ),
        (
            "Where the maps lie",
            Table(
                "map_places",
                "Where the maps lie",
                measured.place_rows(),
                notes=(
                    "Shares of the sum of a map; the rows on the lesion are of maps for "
                    f"{words.positive}, on images whose lesion is known from a mask or from boxes. "
                    "Peak: 1 if the map's highest place lies on the lesion or within 15/224 of the "
                    "side. Overlap: intersection over union of the lesion and as many of the map's "
                    "highest pixels. Much outside the body, at the border or in the corners means "
                    "that something other than the lungs decides. Maps too coarse for a claim have "
                    "no rows.",
                ),
            ),
        ),
    )
    return [
        block
        for title, table in tables
        if table.rows
        for block in (Heading(f"{title} ({plural(len(table.rows), 'row')})"), table)
    ]


def _read_runs(files: ReportFiles) -> list[_Run]:
    panels, runs = files_by_run(files.all("panels"), depth=1), []
    for run in read_explained_runs(files.comparison, files.all("explained"), files.all("maps")):
        with read_maps(run.maps) as arrays:
            agreement = arrays["agreement"]
        folder = panels[run.folder][0] if panels else None
        runs.append(_Run(run.label, run.folder, run.table, run.joint.shape[1:], agreement, folder))
    return runs


_OVERVIEW = (
    "Against uninformed maps",
    "Map (cells)",
    "Empty maps",
    "Agreement of the folds",
    "on images",
    "Pairs left out",
    "Similarity to the map of random weights",
)


def _overview_row(run: _Run, measured: Faithfulness) -> dict[str, Cell]:
    agreement = fold_agreement(run.agreement)
    size = f"{run.shape[0]} x {run.shape[1]}"
    cells = (
        measured.verdict(run.folder),
        f"{size} (too coarse)" if run.small else size,
        Of(int(run.table["empty"].sum()), len(run.table)),
        Number(agreement.mean if agreement.images else None, digits=2),
        int(agreement.images),
        int(agreement.undefined),
        measured.likeness(run.folder),
    )
    return {"Run": run.label, **dict(zip(_OVERVIEW, cells, strict=True))}


def _row_without(label: str) -> dict[str, Cell]:
    """Return the row of a run that has no maps."""
    return {
        "Run": label,
        **dict.fromkeys(_OVERVIEW),
        _OVERVIEW[0]: "not available",
        _OVERVIEW[1]: "",
    }


def _galleries(runs: list[_Run], measured: Faithfulness, words: Words) -> list[Block]:
    most = max(1, min(_PANELS_PER_RUN, _PANELS // max(1, len(runs))))
    shown = [
        _gallery(run, most, WARNINGS.get(measured.verdict(run.folder), ""), words)
        for run in runs
        if run.panels is not None
    ]
    if not shown:
        return []
    text = (
        "Mistakes first: of each kind of answer the most certain, the median and the least certain. "
        "The whole pictures, of up to 1,200 pixels a radiograph, lie in `explanations/.../panels/`."
    )
    return [Heading("Single radiographs"), Paragraph(text), *shown]


def _gallery(run: _Run, most: int, warning: str, words: Words) -> Details:
    rows = panel_rows(run.table)
    order = {outcome: position for position, outcome in enumerate(outcomes(words))}
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
    panels = tuple(
        Panel(str(run.panels / row["panel"]), _caption(row, words)) for _, row in shown.iterrows()
    )
    mistakes = int(rows["outcome"].isin(("false_negative", "false_positive")).sum())
    number = plural(len(panels), "radiograph")
    if len(panels) < len(rows):
        number = f"{number} of {count(len(rows))}"
    return Details(
        f"{run.label}: {number}, {plural(mistakes, 'mistake')}",
        (*([Notice("Warning.", warning)] if warning else []), Gallery(panels)),
    )


def _caption(row: pd.Series, words: Words) -> str:
    outcome = outcomes(words)[row["outcome"]]
    label, subtype = words.name(row["label"]), words.subtype(row["subtype"])
    subtype = f" ({subtype})" if subtype not in (label, "") else ""
    text = (
        f"{capital(outcome)}, {listing(reasons(row['chosen']))}: "
        f"{Path(row['path']).name}, {label}{subtype}; probability of "
        f"{words.positive} {row['probability']:.3f}, threshold {row['threshold']:.3f}; fold "
        f"{row['fold']}. "
    )
    if row["empty"]:
        return f"{text}No region speaks for {words.name(row['target'])}."
    return f"{text}Class explained: {words.name(row['target'])}."
