"""What the networks look at, and how far their maps can be trusted."""

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
    UNSHOWN,
    UNTESTED,
    UNTOLD,
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
    Panel,
    Paragraph,
    Points,
    Section,
)
from pneumobench.reporting.table import Cell, Number, Table
from pneumobench.reporting.wording import brackets, capital, count, listing, plural
from pneumobench.reporting.words import Words, known_subtypes
from pneumobench.statistics.explanations import fold_agreement

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
# What stands above the radiographs of a run whose maps are not shown to depend on the network.
WARNINGS = {
    UNSHOWN: "These maps were not shown to be better than maps that ignore the network: do not "
    "rely on them.",
    UNTOLD: "Too few patients were tested to tell these maps from maps that ignore the network.",
    UNTESTED: "These maps were not tested.",
    COARSE: "These maps have too few cells for any claim about places.",
}
# Bounds of the gallery.
_PANELS_PER_RUN, _PANELS = 12, 240
_NAME = "explanations"
_TITLE, _SHORT = "What do the networks look at?", "Explanations"
_CONTROLS = (
    "A map is worth a look only if the network's answer depends on what it marks. So the marked "
    "places were hidden and uncovered step by step, and the same was done with random maps, with a "
    "spot in the middle of the image, and with the maps of the same network with random weights. A "
    "network's maps hold if they are better than all three in every measure, beyond the interval."
)
_OVERVIEW = (
    "Empty maps: of the images explained. Agreement of the folds: mean Spearman correlation "
    "between the maps that the folds' models give of the same test images, over all pairs of "
    "folds; 1 = they look at the same places, 0 = no relation. Pairs with a map of a single value "
    "have none and are left out. Similarity to random weights: Spearman correlation with the map "
    "of the same network after all its weights were drawn at random; the nearer to 0, the more the "
    "maps depend on what was learnt."
)
_MEASURES = (
    "Insertion and deletion: area under the probability of the explained class while places are "
    "uncovered or hidden, the most marked first. ROAD: how much more of that probability is lost "
    "when the most marked places are hidden than when the least marked are. Insertion and ROAD are "
    "better when higher, deletion when lower. Detectable: the smallest true difference from a "
    "control that 80% of such samples would show; what is smaller may be there and was missed. "
    "Undefined: images without a value, such as those with an empty map."
)
_OPINIONS = (
    "Spearman correlation, on the map's own cells, with two methods that need no layer: integrated "
    "gradients attribute the score to the pixels along the path from a uniformly grey image "
    "(Sundararajan et al., 2017); occlusion hides squares of a quarter of the side and measures "
    "how far the score falls (Zeiler and Fergus, 2014). 1 = the same order of places, 0 = no "
    "relation. A map that resembles them no more than a random map does is supported by neither."
)
_COARSE = (
    f"Maps with fewer than {SMALLEST_SIDE} x {SMALLEST_SIDE} cells say nothing about places inside "
    "a lung. Larger images give finer maps."
)


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
    """Return the section; where nothing was explained, it says how to do so."""
    measures = files.one("map_measures")
    if measures is None:
        return Section(_NAME, _TITLE, _SHORT, blocks=(Paragraph(_how_to_explain()),))
    runs = _read_runs(files)
    without = runs_without_maps(files.comparison, files.all("maps"))
    faithfulness = read_faithfulness(
        measures,
        {run.folder: run.label for run in runs},
        [run.folder for run in runs if run.small],
        files.facts["confidence"],
    )
    readings = [
        *faithfulness.sentences(),
        *(f"No maps are available for {label}: {reason}." for label, reason in without.items()),
        *([_COARSE] if any(run.small for run in runs) else []),
    ]
    overview = [
        *(_overview(run, faithfulness) for run in runs),
        *({"Run": label} | _columns("not available") for label in without),
    ]
    return Section(
        name=_NAME,
        title=_TITLE,
        short=_SHORT,
        blocks=(
            Paragraph(_what_maps_are(METHOD_TITLES[files.map_method], words)),
            Heading("Which maps can be trusted"),
            Paragraph(_CONTROLS),
            Points(tuple(readings)),
            Table("maps", "Maps of every run", overview, notes=(_OVERVIEW,)),
            *_measured(faithfulness, files.facts["confidence"], words),
            FigureOf("randomisation"),
            FigureOf("explanations"),
            FigureOf("every_map"),
            FigureOf("mean_maps"),
            *_galleries(runs, faithfulness, words),
        ),
        origins=ORIGINS,
    )


def _how_to_explain() -> str:
    return (
        "This experiment explains nothing. To see what its networks look at, set "
        "`explanation.method` to `grad_cam` in the configuration and run snakemake again; nothing "
        "is trained anew."
    )


def _what_maps_are(method: str, words: Words) -> str:
    return (
        f"A class activation map ({method}) shows which places of an image supported one class in "
        "one network, on the coarse grid of its last layers. It is a statement about the network, "
        f"not about the {words.person}: it outlines no lesion and proves no finding, and a map "
        "that lies on the lung does not make the answer right. Every image is explained by the "
        "fold's model that was not trained on it. Magnitudes of different networks have no common "
        "scale; an empty map means that no place supported the class."
    )


def _read_runs(files: ReportFiles) -> list[_Run]:
    panels, runs = files_by_run(files.all("panels"), depth=1), []
    for run in read_explained_runs(files.comparison, files.all("explained"), files.all("maps")):
        with read_maps(run.maps) as arrays:
            agreement = arrays["agreement"]
        folder = panels[run.folder][0] if panels else None
        runs.append(_Run(run.label, run.folder, run.table, run.joint.shape[1:], agreement, folder))
    return runs


def _columns(verdict: str, *cells: Cell) -> dict[str, Cell]:
    titles = (
        "Map (cells)", "Empty maps", "Agreement of the folds", "on images", "Pairs left out",
        "Similarity to random weights",
    )  # fmt: skip
    cells = cells or (None,) * len(titles)
    return {"Against controls": verdict} | dict(zip(titles, cells, strict=True))


def _overview(run: _Run, faithfulness: Faithfulness) -> dict[str, Cell]:
    agreement = fold_agreement(run.agreement)
    size = f"{run.shape[0]} x {run.shape[1]}"
    return {"Run": run.label} | _columns(
        faithfulness.verdict(run.folder),
        f"{size} (too coarse)" if run.small else size,
        f"{count(run.table['empty'].sum())} of {count(len(run.table))}",
        Number(agreement.mean if agreement.images else None, digits=2),
        int(agreement.images),
        int(agreement.undefined),
        faithfulness.likeness(run.folder),
    )


def _measured(faithfulness: Faithfulness, confidence: float, words: Words) -> list[Block]:
    """Return the tables of measures, each folded away; those without rows are left out."""
    places = (
        "Shares of the sum of a map; the lesion's rows are of maps for "
        f"{words.positive}, on images whose lesion is known from a mask or from boxes. Peak: 1 if "
        "the map's highest place lies on the lesion or within 15/224 of the side. Overlap: "
        "intersection over union of the lesion and as many of the map's highest pixels. A large "
        "share outside the body, at the border or in the corners means that the network relies on "
        "something other than the lungs. Maps too coarse for a claim have no rows."
    )
    tables = (
        Table(
            "faithfulness",
            "Measures of faithfulness",
            faithfulness.tested_rows(),
            notes=(_MEASURES, brackets(confidence)),
            narrow=True,
        ),
        Table(
            "opinions",
            "Agreement with other methods",
            faithfulness.opinion_rows(),
            notes=(_OPINIONS,),
            narrow=True,
        ),
        Table("places", "Where the maps lie", faithfulness.place_rows(), notes=(places,)),
    )
    return [
        Details(f"{table.title} ({count(len(table.rows))} rows)", (table,))
        for table in tables
        if table.rows
    ]


def _galleries(runs: list[_Run], faithfulness: Faithfulness, words: Words) -> list[Block]:
    most = max(1, min(_PANELS_PER_RUN, _PANELS // max(1, len(runs))))
    shown = [
        _gallery(run, most, WARNINGS.get(faithfulness.verdict(run.folder)), words)
        for run in runs
        if run.panels is not None
    ]
    if not shown:
        return []
    text = (
        "Mistakes first: of each kind of answer the most certain, the median and the least "
        "certain. As files of up to 1,200 pixels an image they are in `explanations/.../panels/`, "
        "with further mistakes (`explanation.mistakes`)."
    )
    return [Heading("Single radiographs"), Paragraph(text), *shown]


def _gallery(run: _Run, most: int, warning: str | None, words: Words) -> Details:
    rows = panel_rows(run.table)
    order = {outcome: position for position, outcome in enumerate(outcomes(words))}
    # Mistakes beyond those chosen by outcome are for the folder of panels.
    rows = rows.assign(further=[not reasons(chosen) for chosen in rows["chosen"]])
    rows = rows.assign(order=rows["outcome"].map(order)).sort_values(["further", "order"])
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
        number += f" of {count(len(rows))}"
    notice = (Points((warning,), warning=True),) if warning else ()
    return Details(
        f"{run.label}: {number}, {plural(mistakes, 'mistake')}", (*notice, Gallery(panels))
    )


def _caption(row: pd.Series, words: Words) -> str:
    subtype = f" ({row['subtype']})" if known_subtypes([row["subtype"]]) else ""
    outcome, among = capital(outcomes(words)[row["outcome"]]), reasons(row["chosen"])
    text = (
        f"{', '.join([outcome, *([listing(among)] if among else [])])}: "
        f"{Path(row['path']).name}, {words.name(row['label'])}{subtype}; probability of "
        f"{words.positive} {row['probability']:.3f} (not calibrated), "
        f"threshold {row['threshold']:.3f}; fold {row['fold']}. "
    )
    target = words.name(row["target"])
    return text + (
        f"No place supports {target}." if row["empty"] else f"Class explained: {target}."
    )
