"""All runs in one table, ranked by their out-of-fold AUC, with which of them are distinguishable.

Runs are ranked by the out-of-fold AUC (mean of the folds); `best` is the first. `rank_low` and
`rank_high` bound the rank; a run `may_be_best` if it is in the confidence set of the best
(`ranks.standings`). A run is
`distinguishable_from_best` if the permutation test of all pairs of runs says so out of fold; its p
(`p_from_best`) is adjusted for the number of pairs, as the best was not known beforehand.
`difference_from_best` is the run's AUC minus that of the best, its interval not adjusted. A run
`beats_baselines` if the interval of its paired difference to each baseline lies above 0;
`best_baseline` has the highest AUC of them. With test-time augmentation the columns of the averaged
predictions begin with `tta_`; `tta_*_roc_auc_difference` is their AUC minus that of the plain
predictions. Where images were corrupted, `worst_specificity_strength_2` is the lowest specificity
at that strength, `hardest_on_specificity_strength_2` the corruption that causes it; likewise for
the sensitivity. Neither affects the ranking; ensembles are never ranked.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.ensembles import ENSEMBLES
from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.ownership import read_fold_table, read_owned_json
from pneumobench.core.run import Run, named_pair
from pneumobench.statistics.beside import (
    BASELINE,
    ENSEMBLE,
    describe_ensemble,
    hold_against_baselines,
    judge_beside,
    majority_baseline,
    read_beside,
)
from pneumobench.statistics.estimates import difference_columns, flat_columns, number
from pneumobench.statistics.frozen import Cuts, Frozen
from pneumobench.statistics.judgement import Judged, Predicted
from pneumobench.statistics.metrics import DECISION_METRICS, METRICS, SCORE_METRICS
from pneumobench.statistics.ranks import Standing, optimism_of_the_best, standings
from pneumobench.statistics.samples import DATASETS
from pneumobench.statistics.scores import Compared, check_any, read_compared

logger = logging.getLogger(__name__)

NOT_LEARNED = "not shown to have learned"
_NO_INTERVAL_ABOVE = f"{NOT_LEARNED}: the interval of its out-of-fold AUC does not lie above 0.5"


@dataclass(frozen=True)
class ComparisonFiles:
    """What a comparison is made of.

    Attributes
    ----------
    metrics, scores
        metrics.json and scores.csv of every complete run.
    run_jsons, timings
        run.json and timing.csv of every fold of every complete run.
    models
        models/{slug}.json of every model.
    selection
        selection.json with the thresholds of baselines and ensembles.
    differences
        differences.csv, the tests of all pairs of runs.
    baselines_out_of_fold, baselines_test, ensembles_out_of_fold, ensembles_test
        What the baselines and the ensembles say, one file each.
    robustness
        robustness.json of every complete run; none where images were not corrupted.
    """

    metrics: list[Path]
    scores: list[Path]
    run_jsons: list[Path]
    timings: list[Path]
    models: list[Path]
    selection: Path
    differences: Path
    baselines_out_of_fold: list[Path]
    baselines_test: list[Path]
    ensembles_out_of_fold: list[Path]
    ensembles_test: list[Path]
    robustness: list[Path]


@dataclass(frozen=True)
class _Comparison:
    """What all files together amount to.

    Attributes
    ----------
    evaluated
        metrics.json of each run.
    order
        The runs, best first.
    compared
        What they say of either data set.
    baselines, ensembles
        Judged as runs are, best first.
    standings, optimism
        How sure each run's rank is, and what picking the best adds to its AUC, out of fold.
    held
        What `hold_against_baselines` returns, by run.
    """

    files: ComparisonFiles
    confidence: float
    evaluated: dict[Run, dict[str, Any]]
    order: list[Run]
    compared: dict[str, Compared]
    baselines: dict[str, Judged]
    ensembles: dict[str, Judged]
    standings: dict[Run, Standing]
    optimism: float
    held: dict[Run, dict[str, Any]]


def compare_runs(
    files: ComparisonFiles,
    table: Path,
    details: Path,
    *,
    missing: list[dict[str, Any]],
    resampling: Resampling,
) -> None:
    """Write the comparison of all runs.

    Parameters
    ----------
    files
        What it is made of.
    table, details
        comparison.csv and comparison.json to write.
    missing
        Runs that are not complete: `model`, `recipe`, `seed` and `note`, which says why. They are
        rows without numbers at the end of the table.
    resampling
        How intervals are drawn.

    Raises
    ------
    UserError
        If no run is complete, a run was judged with another selection, or runs and baselines are of
        different images or folds.
    """
    check_any(files.metrics, table)
    frozen = Frozen.read(files.selection)
    found = _judge_all(files, frozen, resampling)
    descriptions = _describe_models(files.models)
    resources = _sum_resources(files.run_jsons, files.timings)
    rows = _rows(found, descriptions, resources)
    rows += [
        {**_identity(Run.of(entry), descriptions), "status": "missing", "note": entry["note"]}
        for entry in missing
    ]
    best = found.order[0]
    logger.info(
        "%d runs compared, %d missing; best: %s", len(found.order), len(missing), best.title
    )
    whole_numbers = dict.fromkeys(("rank", "rank_low", "rank_high", "parameters", "macs"), "Int64")
    write_table(table, pd.DataFrame(rows).astype(whole_numbers))
    costs = {run: {**descriptions[run.model], **resources[run]} for run in found.order}
    content = {
        "datasets": {name: found.compared[name].labels.counts() for name in DATASETS},
        "threshold_rule": found.evaluated[best]["threshold_rule"],
        **resampling.facts,
        "aggregates": {
            dataset: {metric: table_aggregate(dataset, metric) for metric in METRICS}
            for dataset in DATASETS
        },
        "optimism_of_the_best": number(found.optimism),
        "baselines": _describe_baselines(found),
        "ensembles": _describe_ensembles(found, frozen, costs),
        "missing": missing,
        **_views(found.evaluated[best]),
    }
    write_json(details, content)


def table_aggregate(dataset: str, metric: str) -> str:
    """Return which aggregate of metrics.json the table shows.

    Out of fold, decisions are counted over all folds together (a mean of five F1 scores is no F1
    score); what depends on the order or the scale of logits is taken inside each fold, because the
    folds' models differ in scale. On the test set it is the mean prediction of the folds' models.
    """
    if dataset == "test":
        return "mean_prediction"
    return "pooled" if metric in DECISION_METRICS else "fold_mean"


def _cuts_of(
    frozen: Frozen,
    entry_of: Callable[[str], dict[str, Any]],
    compared: dict[str, Compared],
    kind: str,
    predicted: Predicted,
) -> Cuts:
    labels = compared["out_of_fold"].labels
    return frozen.cuts(entry_of(kind), labels, predicted.logit, predicted.fold)


def _judge_all(files: ComparisonFiles, frozen: Frozen, resampling: Resampling) -> _Comparison:
    contents = {path.parent: read_owned_json(path) for path in files.metrics}
    frozen.check_judged_with(contents)
    runs = {folder: Run.of(content) for folder, content in contents.items()}
    compared = read_compared({runs[path.parent]: path for path in files.scores}, resampling)
    confidence = resampling.confidence
    baselines = judge_beside(
        read_beside(BASELINE, files.baselines_out_of_fold, files.baselines_test, compared),
        partial(_cuts_of, frozen, frozen.of_baseline, compared), compared, confidence,
    )  # fmt: skip
    ensembles = judge_beside(
        read_beside(ENSEMBLE, files.ensembles_out_of_fold, files.ensembles_test, compared),
        partial(_cuts_of, frozen, frozen.of_ensemble, compared), compared, confidence,
    )  # fmt: skip
    areas = compared["out_of_fold"].areas()
    together = np.stack(list(areas.values()))
    return _Comparison(
        files,
        confidence,
        evaluated={runs[folder]: content for folder, content in contents.items()},
        order=sorted(runs.values(), key=lambda run: (-areas[run][0], run)),
        compared=compared,
        baselines=baselines,
        ensembles=ensembles,
        standings=dict(zip(areas, standings(together, confidence), strict=True)),
        optimism=optimism_of_the_best(together),
        held={
            run: hold_against_baselines(area, baselines, confidence) for run, area in areas.items()
        },
    )


def _rows(
    found: _Comparison,
    descriptions: dict[str, dict[str, Any]],
    resources: dict[Run, dict[str, float]],
) -> list[dict[str, Any]]:
    """Return the rows of complete runs."""
    best = found.order[0]
    distances = _distances(found.files.differences, best)
    corrupted = map(read_owned_json, found.files.robustness)
    worst = {Run.of(content): _worst_numbers(content) for content in corrupted}
    rows = []
    for rank, run in enumerate(found.order, start=1):
        metrics, description = found.evaluated[run], descriptions[run.model]
        rows.append(
            {
                "rank": rank,
                **_identity(run, descriptions),
                "status": "complete",
                "note": "" if metrics["learned"] else _NO_INTERVAL_ABOVE,
                "learned": metrics["learned"],
                "best": run == best,
                "rank_low": found.standings[run].low,
                "rank_high": found.standings[run].high,
                "may_be_best": found.standings[run].may_be_best,
                **distances[run],
                **_above_baselines(found.held[run]),
                "parameters": description["parameters"],
                "macs": description["macs"],
                **resources[run],
                **_numbers(metrics["estimates"]),
                **_view_numbers(metrics),
                **worst.get(run, {}),
            }
        )
    return rows


def _describe_models(paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Return what describe_model wrote, by model; each file bears the name of its model."""
    found = {}
    for path in paths:
        content = read_json(path)
        if Run(content["model"], "", 0).slug != path.stem:
            raise UserError(
                f"{path.name} describes {content['model']}",
                where=str(path),
                expected="the description of the model that the file is named after",
                remedy=f"remove {path} and run snakemake again: rule describe_model rewrites it",
            )
        found[content["model"]] = content
    return found


def _identity(run: Run, descriptions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    description = descriptions.get(run.model, {"title": run.model, "family": ""})
    return {
        "model": run.model,
        "title": description["title"],
        "family": description["family"],
        "recipe": run.recipe,
        "seed": run.seed,
    }


def _distances(differences: Path, best: Run) -> dict[Run, dict[str, Any]]:
    """Return every run's distance from the best, as the tests of all pairs found it."""
    zero = {"difference": 0.0, "low": 0.0, "high": 0.0}
    found = {best: _distance(zero, distinguishable=False, p=None)}
    names = ("first_model", "first_recipe", "second_model", "second_recipe")
    table = read_table(differences, text=names)
    for _, row in table[table["dataset"] == "out_of_fold"].iterrows():
        first, second = named_pair(row)
        if best not in (first, second):
            continue
        value, low, high = (row[f"difference{bound}"] for bound in ("", "_low", "_high"))
        apart = {"difference": value, "low": low, "high": high}
        if first == best:
            apart = {"difference": -value, "low": -high, "high": -low}
        found[second if first == best else first] = _distance(
            apart, distinguishable=bool(row["distinguishable"]), p=row["permutation_p_holm"]
        )
    return found


def _distance(apart: dict[str, float], *, distinguishable: bool, p: float | None) -> dict[str, Any]:
    return flat_columns("difference_from_best", apart, "difference") | {
        "distinguishable_from_best": distinguishable,
        "p_from_best": p,
    }


def _above_baselines(held: dict[str, Any]) -> dict[str, Any]:
    """Return a run's columns on the baselines: whether it beats them, and the best by how much."""
    best, apart = next(iter(held["differences"].items()))
    return {"beats_baselines": held["beats_baselines"], "best_baseline": best} | flat_columns(
        "difference_from_best_baseline", apart, "difference"
    )


def _describe_baselines(found: _Comparison) -> dict[str, Any]:
    """Return the baselines' figures under the names that comparison.csv has for those of a run."""
    return {
        "majority": majority_baseline(found.compared, found.confidence),
        # Ridge regression's scores are no logits: their Brier score would mean nothing.
        "models": [
            {"baseline": kind} | _without(_numbers(judged.records["estimates"]), "_brier")
            for kind, judged in found.baselines.items()
        ],
        "differences": [
            {**vars(run), "baseline": kind, **difference}
            for run in found.order
            for kind, difference in found.held[run]["differences"].items()
        ],
    }


def _describe_ensembles(
    found: _Comparison, frozen: Frozen, costs: dict[Run, dict[str, float]]
) -> list[dict[str, Any]]:
    best = {name: part.area(found.order[0]) for name, part in found.compared.items()}
    records = []
    for kind, judged in found.ensembles.items():
        entry, figures = frozen.of_ensemble(kind), _numbers(judged.records["estimates"])
        if not ENSEMBLES[kind].gives_logit:
            # Scores that are no logits have neither a Brier score nor a default threshold.
            figures = _without(figures, "_brier", "_at_default")
        described = describe_ensemble(entry, judged.areas, best, costs, found.confidence)
        records.append(described | figures)
    return records


def _without(figures: dict[str, Any], *parts: str) -> dict[str, Any]:
    """Return the figures whose names have none of these parts."""
    return {
        name: value for name, value in figures.items() if not any(part in name for part in parts)
    }


def _sum_resources(run_jsons: list[Path], timings: list[Path]) -> dict[Run, dict[str, float]]:
    """Return the training seconds of all folds together and the mean number of epochs."""
    seconds = {path.parent: _train_seconds(path) for path in timings}
    collected: dict[Run, list[tuple[float, int]]] = {}
    for path in run_jsons:
        content = read_owned_json(path)
        part = seconds[path.parent], content["epochs"]
        collected.setdefault(Run.of(content), []).append(part)
    return {
        run: {
            "train_seconds": math.fsum(second for second, _ in parts),
            "epochs": float(np.mean([epochs for _, epochs in parts])),
        }
        for run, parts in collected.items()
    }


def _train_seconds(path: Path) -> float:
    table = read_fold_table(path, text=("phase",))
    return float(table.loc[table["phase"] == "train", "seconds"].sum())


def _numbers(estimates: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return the columns of a run's metrics, by data set."""
    keys = ("dataset", "aggregate", "threshold", "metric")
    found = {tuple(entry[key] for key in keys): entry for entry in estimates}
    wanted = [(metric, "none", "") for metric in SCORE_METRICS]
    wanted += [(metric, "out_of_fold", "") for metric in DECISION_METRICS]
    wanted += [(metric, "0.5", "_at_default") for metric in DECISION_METRICS]
    columns = {}
    for dataset in DATASETS:
        for metric, threshold, suffix in wanted:
            name = f"{dataset}_{metric}{suffix}"
            shown = found[dataset, table_aggregate(dataset, metric), threshold, metric]
            columns |= flat_columns(name, shown)
            columns[f"{name}_spread"] = found[dataset, "fold_mean", threshold, metric]["spread"]
    return columns


def _view_numbers(content: dict[str, Any]) -> dict[str, float | None]:
    """Return the columns of a run's predictions averaged over views; none without such."""
    part = content.get("test_time_augmentation")
    if part is None:
        return {}
    columns = {f"tta_{name}": value for name, value in _numbers(part["estimates"]).items()}
    for entry in part["differences"]:
        start = f"tta_{entry['dataset']}_{entry['metric']}"
        columns |= {f"{start}_{name}": bound for name, bound in difference_columns(entry).items()}
    return columns


def _worst_numbers(content: dict[str, Any]) -> dict[str, float | str | None]:
    """Return the columns of a run's worst figures under corruptions, by strength."""
    columns = {}
    for record in content["worst"]:
        name = f"{record['metric']}_strength_{record['strength']}"
        columns |= flat_columns(f"worst_{name}", record)
        columns[f"hardest_on_{name}"] = record["corruption"]
    return columns


def _views(content: dict[str, Any]) -> dict[str, str]:
    """Name the set of views that predictions are averaged over; nothing without such."""
    part = content.get("test_time_augmentation")
    return {} if part is None else {"test_time_augmentation": part["views"]}
