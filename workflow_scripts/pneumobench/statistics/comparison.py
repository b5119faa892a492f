"""All runs in one table, ranked by their out-of-fold AUC, with what can be told apart."""

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.ownership import read_fold_table, read_owned_json
from pneumobench.core.run import Run
from pneumobench.statistics.baselines import (
    hold_against_baselines,
    judge_baselines,
    majority_baseline,
)
from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.compared_scores import Compared, read_compared, replicate_areas
from pneumobench.statistics.ensemble_comparison import (
    defined_figures,
    describe_ensemble,
    judge_ensembles,
)
from pneumobench.statistics.judgement import Judged
from pneumobench.statistics.metrics import DECISION_METRICS, METRICS, SCORE_METRICS
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.score_tables import DATASETS
from pneumobench.statistics.selection import check_judged_with

logger = logging.getLogger(__name__)

_DISTANCE = ("difference_from_best", "difference_from_best_low", "difference_from_best_high")
DID_NOT_LEARN = "did not learn: the interval of its out-of-fold AUC does not lie above 0.5"


def table_aggregate(dataset: str, metric: str) -> str:
    """Return which aggregate of metrics.json the table shows.

    Out of fold, decisions are counted over all folds together (a mean of five F1 scores is no F1
    score); what depends on the order or the scale of logits is taken inside each fold, because the
    folds' models differ in scale. On the test set it is the mean prediction of the folds' models.
    """
    if dataset == "test":
        return "mean_prediction"
    return "pooled" if metric in DECISION_METRICS else "fold_mean"


def compare_runs(
    metrics: list[Path],
    scores: list[Path],
    run_jsons: list[Path],
    timings: list[Path],
    models: list[Path],
    comparison_csv: Path,
    comparison_json: Path,
    *,
    selection: Path,
    differences: Path,
    baselines_out_of_fold: list[Path],
    baselines_test: list[Path],
    ensembles_out_of_fold: list[Path],
    ensembles_test: list[Path],
    robustness: list[Path],
    missing: list[dict[str, Any]],
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
) -> None:
    """Write the comparison of all runs.

    Runs are ranked by the out-of-fold AUC (mean of the folds); `best` is the first. A run is
    `distinguishable_from_best` if the permutation test of all pairs of runs tells both apart out of fold;
    its p (`p_from_best`) is adjusted for the number of pairs, as the best was not known beforehand.
    `difference_from_best` is the run's AUC minus that of the best, its interval not adjusted. A run
    `beats_baselines` if the interval of its paired difference to each baseline lies above 0; `best_baseline`
    has the highest AUC of them. With test-time augmentation the columns of the averaged predictions
    begin with `tta_`; `tta_*_roc_auc_difference` is their AUC minus that of the plain predictions.
    They have no say in the ranking. Where images were made worse, `worst_specificity_strength_2` is
    the lowest specificity of that strength, `hardest_on_specificity_strength_2` under which
    corruption; likewise for the sensitivity. They have no say in the ranking either.

    Parameters
    ----------
    metrics, scores
        metrics.json and scores.csv of every complete run.
    run_jsons, timings
        run.json and timing.csv of every fold of every complete run.
    models
        models/{slug}.json of every model.
    comparison_csv, comparison_json
        The files to write.
    selection
        selection.json with the thresholds of baselines and ensembles.
    differences
        differences.csv, the tests of all pairs of runs.
    baselines_out_of_fold, baselines_test
        What the baselines say, one file each.
    ensembles_out_of_fold, ensembles_test
        What the ensembles say, one file each; they are judged beside the runs, never ranked.
    robustness
        robustness.json of every complete run; none where radiographs were not made worse.
    missing
        Runs that are not complete: `model`, `recipe`, `seed` and `note`, which says why. They are
        rows without numbers at the end of the table.
    confidence
        Level of the intervals in (0, 1).
    replicates, bootstrap_seed
        Number of bootstrap replicates and their seed.

    Raises
    ------
    UserError
        If no run is complete, a run was judged with another selection, or runs and baselines are of
        different images or folds.
    """
    contents = {path.parent: read_owned_json(path) for path in metrics}
    evaluated = {_run_of(content): content for content in contents.values()}
    if not evaluated:
        raise UserError(
            "no run is complete: there is nothing to compare",
            where=str(comparison_csv),
            expected="at least one run with all its folds",
            remedy="run snakemake again; the logs of the training jobs say why they failed",
        )
    judged = {folder: content["selection_sha256"] for folder, content in contents.items()}
    check_judged_with(selection, judged)
    draw = {"replicates": replicates, "seed": bootstrap_seed}
    scores_of = {_run_of(contents[path.parent]): path for path in scores}
    compared = read_compared(scores_of, draw)
    standards = {name: part.labels for name, part in compared.items()}
    resamples = {name: part.resamples for name, part in compared.items()}
    areas = replicate_areas(compared["out_of_fold"])
    baselines = judge_baselines(
        baselines_out_of_fold, baselines_test, selection, standards, resamples,
        compared["out_of_fold"].fold, confidence,
    )  # fmt: skip
    held = {run: hold_against_baselines(area, baselines, confidence) for run, area in areas.items()}
    descriptions = _describe_models(models)
    resources = _sum_resources(run_jsons, timings)
    worst = map(read_owned_json, robustness)
    hardest = {_run_of(content): _worst_numbers(content) for content in worst}

    order = sorted(evaluated, key=lambda run: (-areas[run][0], run))
    best_areas = _areas_of(order[0], compared)
    combined = judge_ensembles(
        ensembles_out_of_fold, ensembles_test, selection, standards, resamples,
        compared["out_of_fold"].fold, confidence,
    )  # fmt: skip
    costs = {run: {**descriptions[run.model], **resources[run]} for run in order}
    distances = _distances(differences, order[0])
    rows = [
        {
            "rank": rank,
            **_identity(run, descriptions),
            "status": "complete",
            "note": "" if evaluated[run]["learned"] else DID_NOT_LEARN,
            "learned": evaluated[run]["learned"],
            "best": run == order[0],
            **distances[run],
            **_above_baselines(held[run]),
            "parameters": descriptions[run.model]["parameters"],
            "macs": descriptions[run.model]["macs"],
            **resources[run],
            **_numbers(evaluated[run]["estimates"]),
            **_view_numbers(evaluated[run]),
            **hardest.get(run, {}),
        }
        for rank, run in enumerate(order, start=1)
    ]
    rows += [
        {
            **_identity(Run(entry["model"], entry["recipe"], int(entry["seed"])), descriptions),
            "status": "missing",
            "note": entry["note"],
        }
        for entry in missing
    ]
    logger.info("%d runs compared, %d missing; best: %s", len(order), len(missing), order[0].title)
    table = pd.DataFrame(rows).astype({"rank": "Int64", "parameters": "Int64", "macs": "Int64"})
    write_table(comparison_csv, table)
    write_json(
        comparison_json,
        {
            "datasets": {dataset: standards[dataset].counts() for dataset in DATASETS},
            "threshold_rule": evaluated[order[0]]["threshold_rule"],
            "confidence": confidence,
            "replicates": replicates,
            "bootstrap_seed": bootstrap_seed,
            "aggregates": {
                dataset: {metric: table_aggregate(dataset, metric) for metric in METRICS}
                for dataset in DATASETS
            },
            "baselines": {
                "majority": _majority(standards, resamples, confidence),
                "models": [
                    _describe_baseline(kind, baseline) for kind, baseline in baselines.items()
                ],
                "differences": [
                    {"model": run.model, "recipe": run.recipe, "seed": run.seed}
                    | {"baseline": kind, **difference}
                    for run in order
                    for kind, difference in held[run]["differences"].items()
                ],
            },
            "ensembles": [
                describe_ensemble(kind, judged, selection, best_areas, costs, confidence)
                | defined_figures(kind, _numbers(judged.records["estimates"]))
                for kind, judged in combined.items()
            ],
            "missing": missing,
            **_views(evaluated[order[0]]),
        },
    )


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
                remedy=f"remove {path} and run snakemake again: rule describe_model writes it anew",
            )
        found[content["model"]] = content
    return found


def _run_of(content: dict[str, Any]) -> Run:
    return Run(content["model"], content["recipe"], int(content["seed"]))


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
    found = {best: dict.fromkeys(_DISTANCE, 0.0) | {"distinguishable_from_best": False}}
    found[best]["p_from_best"] = None
    table = read_table(
        differences, text=("first_model", "first_recipe", "second_model", "second_recipe")
    )
    for _, row in table[table["dataset"] == "out_of_fold"].iterrows():
        first, second = (
            Run(row[f"{side}_model"], row[f"{side}_recipe"], row[f"{side}_seed"])
            for side in ("first", "second")
        )
        if best not in (first, second):
            continue
        values = [row["difference"], row["difference_low"], row["difference_high"]]
        if first == best:
            values = [-values[0], -values[2], -values[1]]
        found[second if first == best else first] = {
            "distinguishable_from_best": bool(row["distinguishable"]),
            "p_from_best": row["permutation_p_holm"],
            **dict(zip(_DISTANCE, values, strict=True)),
        }
    return found


def _areas_of(run: Run, compared: dict[str, Compared]) -> dict[str, np.ndarray]:
    """Return one run's AUC in every replicate, by data set."""
    return {
        name: replicate_areas(replace(part, logit={run: part.logit[run]}))[run]
        for name, part in compared.items()
    }


def _majority(
    standards: dict[str, Labels], resamples: dict[str, Resamples], confidence: float
) -> dict[str, dict[str, Any]]:
    """Return what calling every image the frequent class of development achieves, by data set."""
    frequent = bool(standards["out_of_fold"].positive.mean() >= 0.5)
    return {
        dataset: {
            **majority_baseline(labels.positive, frequent, resamples[dataset], confidence),
            **labels.counts(),
        }
        for dataset, labels in standards.items()
    }


def _above_baselines(held: dict[str, Any]) -> dict[str, Any]:
    """Return a run's columns on the baselines: whether it beats them, and the best by how much."""
    best, found = next(iter(held["differences"].items()))
    return {
        "beats_baselines": held["beats_baselines"],
        "best_baseline": best,
        "difference_from_best_baseline": found["difference"],
        "difference_from_best_baseline_low": found["low"],
        "difference_from_best_baseline_high": found["high"],
    }


def _describe_baseline(kind: str, baseline: Judged) -> dict[str, Any]:
    """Return a baseline's figures under the names that comparison.csv has for those of a run."""
    numbers = _numbers(baseline.records["estimates"])
    # Ridge regression's scores are no logits: their Brier score would mean nothing.
    return {"baseline": kind} | {
        name: value for name, value in numbers.items() if "_brier" not in name
    }


def _sum_resources(run_jsons: list[Path], timings: list[Path]) -> dict[Run, dict[str, float]]:
    """Return the training seconds of all folds together and the mean number of epochs."""
    seconds = {path.parent: _train_seconds(path) for path in timings}
    collected: dict[Run, list[tuple[float, int]]] = {}
    for path in run_jsons:
        content = read_owned_json(path)
        collected.setdefault(_run_of(content), []).append((seconds[path.parent], content["epochs"]))
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
    found = {
        (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"]): entry
        for entry in estimates
    }
    columns = {}
    for dataset in DATASETS:
        wanted = [(metric, "none", "") for metric in SCORE_METRICS]
        wanted += [(metric, "out_of_fold", "") for metric in DECISION_METRICS]
        wanted += [(metric, "0.5", "_at_default") for metric in DECISION_METRICS]
        for metric, threshold, suffix in wanted:
            entry = found[dataset, table_aggregate(dataset, metric), threshold, metric]
            name = f"{dataset}_{metric}{suffix}"
            columns[name] = entry["value"]
            columns[f"{name}_low"] = entry["low"]
            columns[f"{name}_high"] = entry["high"]
            columns[f"{name}_spread"] = found[dataset, "fold_mean", threshold, metric]["spread"]
    return columns


def _view_numbers(content: dict[str, Any]) -> dict[str, float | None]:
    """Return the columns of a run's predictions averaged over views; none without such."""
    part = content.get("test_time_augmentation")
    if part is None:
        return {}
    columns = {f"tta_{name}": value for name, value in _numbers(part["estimates"]).items()}
    for entry in part["differences"]:
        name = f"tta_{entry['dataset']}_{entry['metric']}_difference"
        columns |= {name: entry["difference"]}
        columns |= {f"{name}_{bound}": entry[bound] for bound in ("low", "high")}
    return columns


def _worst_numbers(content: dict[str, Any]) -> dict[str, float | str | None]:
    """Return the columns of a run's worst figures under corruptions, by strength."""
    columns = {}
    for record in content["worst"]:
        name = f"{record['metric']}_strength_{record['strength']}"
        columns[f"worst_{name}"] = record["value"]
        columns |= {f"worst_{name}_{bound}": record[bound] for bound in ("low", "high")}
        columns[f"hardest_on_{name}"] = record["corruption"]
    return columns


def _views(content: dict[str, Any]) -> dict[str, str]:
    """Name the set of views that predictions are averaged over; nothing without such."""
    part = content.get("test_time_augmentation")
    return {} if part is None else {"test_time_augmentation": part["views"]}
