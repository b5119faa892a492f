"""What the measures of maps amount to: means with intervals, and whether maps beat controls."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.explained import why_no_maps
from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import Resamples, resample_patients
from pneumobench.statistics.estimates import summarise
from pneumobench.statistics.intervals import Mean, Percentile, Share, detectable_effect
from pneumobench.statistics.metrics import count_below
from pneumobench.statistics.predictions import Labels, read_labels

logger = logging.getLogger(__name__)

# What a run's own maps are held against; any other name is that of their method, like grad_cam.
RANDOMISED = "randomised"
CONTROLS = ("random", "centre", RANDOMISED)

# Between the names of two kinds of maps of which the second is taken away.
DIFFERENCE = " - "

# In which direction a measure is better: higher (1) or lower (-1).
DIRECTION = {
    "insertion": 1,
    "deletion": -1,
    "road": 1,
    "like_integrated_gradients": 1,
    "like_occlusion": 1,
    "energy_inside": 1,
    "pointing_game": 1,
    "iou": 1,
    "energy_outside_body": -1,
    "energy_border": -1,
    "energy_corners": -1,
}
# Their verdict is against random maps alone: a blob in the centre avoids the edges by construction,
# a network of random weights may seek them.
SHORTCUTS = ("energy_outside_body", "energy_border", "energy_corners")
# Of a map and that of the network with all weights randomised; they have no direction and verdict.
SIMILARITIES = ("spearman", "ssim")

# Maps are float32: a coarse map's shares at the border differ from any other's by rounding alone.
ROUNDING = 1e-6

# The verdicts on a difference, and what a summary of several says before the controls' names. What
# was not shown is not refuted: fewer patients than show a large effect give no verdict at all.
BETTER, NOT_SHOWN, WORSE, UNCLEAR = "better", "not shown", "worse", "too few patients"
WORDS = {
    BETTER: "beats",
    NOT_SHOWN: "not shown to be better than",
    WORSE: "worse than",
    UNCLEAR: "too few patients to tell from",
}
# In standard deviations of the differences between patients (Cohen J. Statistical Power Analysis
# for the Behavioral Sciences. 2nd ed. Erlbaum 1988, section 2.2).
LARGE_EFFECT = 0.8
_COUNTS = ("value", "low", "high", "detectable", "images", "patients", "undefined")
COLUMNS = ("run", "model", "recipe", "seed", "measure", "map", *_COUNTS, "verdict")
RANDOMISATION_COLUMNS = (
    *("run", "model", "recipe", "seed", "layer_order", "layer", "measure"),
    *_COUNTS,
)

_IDENTITY = ("model", "recipe", "seed")
_NO_NUMBER = ("", "nan")


@dataclass(frozen=True)
class _Values:
    """One measure of one kind of map, or the difference of two.

    Attributes
    ----------
    images
        [images] int, ascending positions among the run's images.
    value
        [images] float64, NaN where undefined.
    """

    images: np.ndarray
    value: np.ndarray

    def minus(self, other: "_Values") -> "_Values":
        """Return the differences on the images of both."""
        images, own, others = np.intersect1d(self.images, other.images, return_indices=True)
        return _Values(images, self.value[own] - other.value[others])


@dataclass(frozen=True)
class ExplanationFiles:
    """What maps are judged by.

    Attributes
    ----------
    measures
        measures.csv of every run: model, recipe, seed, image_id, map (one method, such as grad_cam,
        and `CONTROLS`), measure (of `DIRECTION`), value.
    randomisations
        randomisation.csv of runs: model, recipe, seed, layer_order, layer, image_id, spearman,
        ssim; layers are randomised in ascending order, each with all before it.
    maps
        maps.npz of the runs, beside their other files; of runs that have no maps (see
        `core.explained`) there is nothing to read.
    development_labels
        Says whose image it is.
    """

    measures: list[Path]
    randomisations: list[Path]
    maps: list[Path]
    development_labels: Path


@dataclass(frozen=True)
class ExplanationTables:
    """What `summarise_explanations` writes.

    Attributes
    ----------
    table
        Columns as in `COLUMNS`; undefined is the number of images left out.
    randomisation
        Columns as in `RANDOMISATION_COLUMNS`: how like the trained network's maps those after each
        layer's randomisation are, mean over images and interval.
    details
        How the tables came about, and of each run the numbers of images and patients, the last
        layer and the undefined replicates; runs without maps.
    """

    table: Path
    randomisation: Path
    details: Path


def summarise_explanations(
    files: ExplanationFiles, written: ExplanationTables, *, resampling: Resampling
) -> None:
    """Write one table of what the maps of all runs are worth, and one of their randomisation.

    For each run and measure: the mean over images of every kind of map, and the mean paired
    differences (`grad_cam - random`, `- centre` and `- randomised`, the last being the map of the
    network with random weights), on the images that have both. All rows of a run come from the same
    resamples of its images' patients: intervals of means are percentiles, those of differences
    Student's with their standard error, those of the pointing game Wilson's. `detectable` is the
    smallest true difference that 80 % of such samples would show. Folds are no strata: with few
    images in each they would make the intervals too narrow. Undefined values (an empty map, no
    lesion) are left out and counted. The verdicts are those of `_with_verdicts`.

    Raises
    ------
    UserError
        If there is no file, or that of a run with maps lacks columns or rows, mixes runs or
        methods, names unknown measures or images, holds a value twice or one that is no number, or
        if two files are of one run.
    """
    labels = read_labels(files.development_labels)
    reasons = {path.parent: why_no_maps(path) for path in files.maps}
    unavailable = {folder: reason for folder, reason in reasons.items() if reason}
    measured, randomised = (
        _read_runs([path for path in paths if path.parent not in unavailable], labels, *columns)
        for paths, *columns in (
            (files.measures, ("map", "measure"), ("value",)),
            (files.randomisations, ("layer_order", "layer"), SIMILARITIES),
        )
    )
    if not measured | randomised and not unavailable:
        raise UserError(
            "no run has been explained: there is nothing to summarise",
            where=str(written.table),
            expected="measures.csv of at least one run",
            remedy="run snakemake again; the logs of rule assess_maps say why it failed",
        )
    summaries = [
        _summarise_run(run, measured.get(run), randomised.get(run), labels, resampling)
        for run in sorted(measured | randomised)
    ]
    rows = [row for summary in summaries for row in summary.rows]
    layers = [row for summary in summaries for row in summary.layers]
    logger.info("maps of %d runs summarised in %d rows", len(summaries), len(rows))
    write_table(written.table, pd.DataFrame(rows, columns=COLUMNS))
    write_table(written.randomisation, pd.DataFrame(layers, columns=RANDOMISATION_COLUMNS))
    content = {
        "interval": resampling.interval(),
        "direction": {name: "higher" if sign > 0 else "lower" for name, sign in DIRECTION.items()},
        "controls": {name: list(_judging_controls(name)) for name in DIRECTION},
        "verdicts": list(WORDS),
        "runs": [summary.details for summary in summaries],
        "without_maps": [
            {"run": "/".join(folder.parts[-3:]), "reason": reason}
            for folder, reason in unavailable.items()
        ],
    }
    write_json(written.details, content)


class _Summary(NamedTuple):
    """One run's rows of both tables, and what stands of it in the JSON file."""

    rows: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    details: dict[str, Any]


def _summarise_run(
    run: Run,
    measured: pd.DataFrame | None,
    randomised: pd.DataFrame | None,
    labels: Labels,
    resampling: Resampling,
) -> _Summary:
    values, similar = _collect(measured), _by_layer(randomised)
    if similar:
        values |= {(measure, RANDOMISED): part for measure, part in similar[-1].values.items()}
    images = np.unique(np.concatenate([part.index for part in values.values()]))
    patients = labels.patient[images]
    resamples = resample_patients(patients, resampling)

    def place(part: pd.Series) -> _Values:
        return _Values(np.searchsorted(images, part.index), part.to_numpy())

    def estimate(part: _Values, key: tuple[str, str] = ("", "")) -> dict[str, Any]:
        return _estimate(part, key, resamples, patients, resampling.confidence)

    series = {key: place(part) for key, part in values.items()}
    method = next((name for _, name in values if name not in CONTROLS), "")
    contrasts = {key: estimate(part, key) for key, part in _with_contrasts(series, method)}
    found = _with_verdicts(contrasts, method)
    identity = {"run": run.folder, **vars(run)}
    return _Summary(
        rows=[{**identity, **record} for record in found],
        layers=[
            {**identity, "layer_order": layer.order, "layer": layer.layer, "measure": measure}
            | estimate(place(part))
            for layer in similar
            for measure, part in layer.values.items()
        ],
        details={
            **identity,
            "images": len(images),
            "patients": len(np.unique(patients)),
            "last_layer": similar[-1].layer if similar else None,
            "undefined_replicates": {
                f"{record['measure']}: {record['map']}": record["undefined_replicates"]
                for record in found
                if record["undefined_replicates"]
            },
        },
    )


class _Layer(NamedTuple):
    """How like the maps are once a layer and all after it have lost their weights.

    Attributes
    ----------
    order, layer
        Place in the cascade, and path.
    values
        float64 by image for each of `SIMILARITIES`.
    """

    order: int
    layer: str
    values: dict[str, pd.Series]


def _collect(measured: pd.DataFrame | None) -> dict[tuple[str, str], pd.Series]:
    """Return float64 values by image for each measure and map."""
    if measured is None:
        return {}
    values: dict[tuple[str, str], pd.Series] = {}
    own = [name for name in measured["map"].unique() if name not in CONTROLS]
    for measure in DIRECTION:
        for name in (*own, *CONTROLS):
            chosen = (measured["measure"] == measure) & (measured["map"] == name)
            if chosen.any():
                values[measure, name] = measured[chosen].set_index("image")["value"].sort_index()
    return values


def _by_layer(randomised: pd.DataFrame | None) -> list[_Layer]:
    """Return the layers in the order in which they lost their weights."""
    if randomised is None:
        return []
    by_order = randomised.groupby(pd.to_numeric(randomised["layer_order"]))
    return [
        _Layer(
            int(order),
            str(rows["layer"].iloc[0]),
            {name: rows.set_index("image")[name].sort_index() for name in SIMILARITIES},
        )
        for order, rows in by_order
    ]


def _with_contrasts(
    series: dict[tuple[str, str], _Values], method: str
) -> Iterator[tuple[tuple[str, str], _Values]]:
    """Yield all values by measure and map, and after each measure's maps their differences."""
    for measure in dict.fromkeys(measure for measure, _ in series):
        maps = {name: part for (of, name), part in series.items() if of == measure}
        for name, part in maps.items():
            yield (measure, name), part
        for name in maps:
            if method in maps and name != method:
                yield (measure, f"{method}{DIFFERENCE}{name}"), maps[method].minus(maps[name])


def _estimate(
    values: _Values,
    key: tuple[str, str],
    resamples: Resamples,
    patients: np.ndarray,
    confidence: float,
) -> dict[str, Any]:
    """Return mean, interval and counts of a measure and map, or of a difference of two."""
    defined = ~np.isnan(values.value)
    means = resamples.means(values.value[defined], values.images[defined])[:, 0]
    count = len(np.unique(patients[values.images[defined]]))
    scale, detectable = Percentile(), np.nan
    if DIFFERENCE in key[1]:
        scale = Mean(count)
        detectable = scale.detectable(means, confidence)
    elif key[0] == "pointing_game":
        scale = Share(count)
    return {
        **summarise(means, confidence, scale),
        "detectable": detectable,
        "images": int(defined.sum()),
        "patients": count,
        "undefined": int((~defined).sum()),
        # A sample that would miss a large effect says nothing by showing none.
        "tellable": detectable_effect(count, confidence) <= LARGE_EFFECT,
    }


def _with_verdicts(
    found: dict[tuple[str, str], dict[str, Any]], method: str
) -> list[dict[str, Any]]:
    """Return the records with measure, map and verdict.

    The verdict on a difference says whether its interval excludes 0, and on which side: for
    deletion and the shares outside body, at the border and in corners lower is better. The verdict
    in the row of the run's own maps sums up all controls (of those shares the random one). Where it
    does not exclude 0, and so few patients would miss a large effect, too, there is no verdict.
    `spearman` and `ssim` in the rows `randomised` compare the run's maps with those
    after the last layer was randomised, too; they have no verdict.
    """
    verdicts = {}
    for measure, direction in DIRECTION.items():
        judged = {
            name: _judge(found[measure, f"{method}{DIFFERENCE}{name}"], direction)
            for name in CONTROLS
            if (measure, f"{method}{DIFFERENCE}{name}") in found
        }
        verdicts |= {
            (measure, f"{method}{DIFFERENCE}{name}"): word for name, word in judged.items()
        }
        controls = [name for name in _judging_controls(measure) if name in judged]
        verdicts[measure, method] = _sum_up({name: judged[name] for name in controls})
    return [
        {"measure": key[0], "map": key[1], **record, "verdict": verdicts.get(key, "")}
        for key, record in found.items()
    ]


def _judge(record: dict[str, Any], direction: int) -> str:
    low, high = record["low"], record["high"]
    if low is not None and (low > ROUNDING or high < -ROUNDING):
        return BETTER if (low > 0) == (direction > 0) else WORSE
    return NOT_SHOWN if record["tellable"] else UNCLEAR


def _sum_up(judged: dict[str, str]) -> str:
    """Join the verdicts on several controls to one text, empty without any."""
    if len(judged) == len(CONTROLS) and set(judged.values()) == {BETTER}:
        return f"{WORDS[BETTER]} all controls"
    parts = []
    for verdict, words in WORDS.items():
        names = [name for name, of in judged.items() if of == verdict]
        if names:
            parts.append(f"{words} {', '.join(names)}")
    return "; ".join(parts)


def _judging_controls(measure: str) -> tuple[str, ...]:
    return CONTROLS[:1] if measure in SHORTCUTS else CONTROLS


@dataclass(frozen=True)
class Agreement:
    """Mean Spearman correlation of pairs of folds.

    Attributes
    ----------
    mean
        Mean over the images of each image's mean over its pairs, -1 to 1; NaN without a pair.
    images, folds
        Number of images with at least one defined pair, and of folds.
    undefined
        Pairs left out because one of the two maps is constant: empty, or of a single cell.
    """

    mean: float
    images: int
    folds: int
    undefined: int


def fold_agreement(maps: np.ndarray) -> Agreement:
    """Return how far the folds' models agree on where they look.

    Places are compared by rank, since the magnitudes of two networks have no common scale.

    Parameters
    ----------
    maps
        Raw maps, float [folds, images, h, w], of the same images by the model of every fold.
    """
    folds, images, height, width = maps.shape
    ranks = np.stack([count_below(one, one) for one in maps.reshape(-1, height * width)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = norms == 0
    unit = np.divide(centred, norms, out=np.full_like(centred, np.nan), where=~constant)
    unit = unit.reshape(folds, images, -1)
    pairs = list(combinations(range(folds), 2))
    values = np.array([(unit[a] * unit[b]).sum(axis=1) for a, b in pairs]).reshape(-1, images)
    defined = ~np.isnan(values)
    counted = defined.any(axis=0)
    means = np.nansum(values[:, counted], axis=0) / defined[:, counted].sum(axis=0)
    return Agreement(
        mean=float(means.mean()) if counted.any() else float("nan"),
        images=int(counted.sum()),
        folds=folds,
        undefined=int((~defined).sum()),
    )


def _read_runs(
    paths: Iterable[Path], labels: Labels, keys: tuple[str, str], numbers: tuple[str, ...]
) -> dict[Run, pd.DataFrame]:
    """Read files of one run each: text `keys`, float64 `numbers`, and image, place in labels."""
    found: dict[Run, pd.DataFrame] = {}
    origin: dict[Run, Path] = {}
    for path in map(Path, paths):
        table = _read_columns(path, keys, numbers)
        table["image"] = pd.Index(labels.image_id).get_indexer(table["image_id"])
        _check_rows(path, table, labels, keys)
        for name in numbers:
            table[name] = pd.to_numeric(table[name].where(~table[name].isin(_NO_NUMBER)))
        run = Run.of(table.iloc[0])
        if run in found:
            raise UserError(
                f"two files are of {run.title}",
                where=f"{origin[run]} and {path}",
                expected="one file for each run",
                remedy=_rerun(path),
            )
        found[run], origin[run] = table, path
    return found


def _read_columns(path: Path, keys: tuple[str, str], numbers: tuple[str, ...]) -> pd.DataFrame:
    """Read a file, all its cells as text, and check that they are there and of one run."""
    wanted = (*_IDENTITY, "image_id", *keys, *numbers)
    table = read_table(path, text=wanted)
    lacking = [column for column in wanted if column not in table]
    if lacking or table.empty:
        raise UserError(
            f"the file lacks {', '.join(lacking) or 'rows'}",
            where=str(path),
            expected=f"the columns {', '.join(wanted)}",
            remedy=_rerun(path),
        )
    if len(table[list(_IDENTITY)].drop_duplicates()) > 1:
        raise UserError(
            "the file mixes several runs",
            where=str(path),
            expected="one model, recipe and seed",
            remedy=_rerun(path),
        )
    return table[list(wanted)].copy()


def _check_rows(path: Path, table: pd.DataFrame, labels: Labels, keys: tuple[str, str]) -> None:
    numbers = table.drop(columns=[*_IDENTITY, "image_id", "image", *keys])
    finite = numbers.apply(lambda cells: np.isfinite(pd.to_numeric(cells, errors="coerce")))
    problems = [
        ("images without a label", table["image"] < 0, f"only images of {labels.path}"),
        ("values are listed twice", table.duplicated(["image_id", *keys]), "every value once"),
        (
            "values are not numbers",
            ~(finite | numbers.isin(_NO_NUMBER)).all(axis=1),
            "finite numbers, empty where undefined",
        ),
    ]
    if "measure" in keys:
        unknown = ~table["measure"].isin(DIRECTION)
        problems.append(("a measure is unknown", unknown, ", ".join(DIRECTION)))
        own = table["map"].where(~table["map"].isin(CONTROLS))
        others = own.notna() & (own != own.bfill().iloc[0])
        expected = f"maps of one method, and {', '.join(CONTROLS)}"
        problems.append(("maps are of several methods", others, expected))
    for problem, rows, expected in problems:
        if rows.any():
            first = table[rows].iloc[0]
            raise UserError(
                f"{problem}: {first['image_id']}, {first[keys[0]]}, {first[keys[1]]}",
                where=str(path),
                expected=expected,
                remedy=_rerun(path),
            )


def _rerun(path: Path) -> str:
    return f"remove {path} and run snakemake again: rule assess_maps rewrites it"
