"""A finished experiment, made up: every file that the reporting side reads."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.reporting.files import ReportFiles
from pneumobench.statistics.compare_pairs import PairFiles, compare_pairs
from pneumobench.statistics.metrics import METRICS

CLASSES = ("normal", "bacterial", "viral")


@dataclass
class Made:
    """One made-up run: `separation` is the distance of the classes' mean logits (0 = chance)."""

    model: str
    title: str
    separation: float
    parameters: float
    missing: bool = False
    branches: tuple[str, ...] = ()
    recipe: str = "light"
    seed: int = 42
    family: str = "family"


FOUR_RUNS = (
    Made("custom_resnet18", "ResNet-18 (from scratch)", 3.2, 11.17e6, family="residual"),
    Made(
        "xception_vgg16_fusion",
        "Xception & VGG-16 fusion",
        2.9,
        35.9e6,
        branches=("xception", "vgg16"),
    ),
    Made("custom_cnn_lstm", "CNN-LSTM", 0.0, 0.44e6, family="recurrent"),
    Made("densenet121", "DenseNet_121 100%", 3.0, 6.95e6, missing=True, family="dense"),
)


# Markup, formats, control characters, other scripts, lines, and a name beyond all measure.
HOSTILE_TITLES = (
    r"$\frac{1}{$ _a^b \n {x} %s %(y)d #&~ <b>",
    "\u75c5\u4eba \u0645\u0631 \U0001f9d1\u200d\u2695\ufe0f \u202egpj.\a\t$$",
    "long " * 400 + "$",
    "two\nlines $x_$",
)


def hostile_runs():
    """Return the four runs with titles that no figure may stumble over."""
    return [replace(run, title=title) for run, title in zip(FOUR_RUNS, HOSTILE_TITLES, strict=True)]


def with_hostile_titles(comparison, folder):
    """Return a copy of comparison.csv in which the networks have such titles."""
    table = read_table(comparison, text=("title", "note"))
    table["title"] = [HOSTILE_TITLES[row % len(HOSTILE_TITLES)] for row in range(len(table))]
    write_table(folder / "comparison.csv", table)
    return folder / "comparison.csv"


PATIENT_ESTIMATES = [
    ("out_of_fold", "fold_mean", "none", "roc_auc"),
    ("test", "mean_prediction", "none", "roc_auc"),
    *(
        (dataset, aggregate, "out_of_fold", metric)
        for dataset, aggregate in (("out_of_fold", "pooled"), ("test", "mean_prediction"))
        for metric in ("sensitivity", "specificity")
    ),
]


class Experiment:
    """Paths of a made-up experiment below `folder`."""

    def __init__(self, folder: Path, runs=FOUR_RUNS, *, folds=5, n=(300, 120), seed=0):
        self.folder, self.runs, self.folds = Path(folder), runs, folds
        self.random = np.random.default_rng(seed)
        self.truth = {
            dataset: self._labels(dataset, size)
            for dataset, size in zip(("out_of_fold", "test"), n, strict=True)
        }
        self.metrics, self.scores, self.histories, self.run_jsons = [], [], [], []
        rows = [self._write_run(run) for run in runs]
        self._write_comparison(rows)
        self._write_dataset()
        self.selection = self.folder / "selection/selection.json"
        write_json(
            self.selection,
            {
                "threshold_rule": "youden",
                "runs": [
                    {
                        "model": row["model"],
                        "recipe": row["recipe"],
                        "seed": row["seed"],
                        "auc_fold_mean": row["out_of_fold_roc_auc"],
                        "auc_pooled": row["out_of_fold_roc_auc"],
                        "thresholds": [0.1, -0.2, 0.3, 0.05, 0.0],
                        "best_epochs": [6, 7, 8, 8, 5],
                        "rank": rank,
                    }
                    for rank, row in enumerate(self.ranked, 1)
                    if row["status"] == "complete"
                ],
                "best": {key: self.ranked[0][key] for key in ("model", "recipe", "seed")},
                "inputs_sha256": "0" * 64,
            },
        )
        self._write_differences()

    def files(self, settings=None, looks=None, map_method=None, **inputs):
        """Return what a report is made of; `inputs` are those of optional analyses."""
        own = {
            "table": self.comparison_csv, "details": self.comparison_json, "audit": self.audit,
            "splits": self.splits, "selection": self.selection, "metrics": self.metrics,
            "run_jsons": self.run_jsons,
        }  # fmt: skip
        settings = {"data": {"source": "directory"}, "split": {"folds": 5}} | (settings or {})
        return ReportFiles(own | inputs, settings=settings, looks=looks, map_method=map_method)

    def _labels(self, dataset, size):
        subtype = self.random.choice(CLASSES, size, p=(0.3, 0.45, 0.25))
        return pd.DataFrame(
            {
                "image_id": [f"{dataset}_{index:04d}" for index in range(size)],
                "patient": [f"p{dataset}{index // 2:04d}" for index in range(size)],
                "label": np.where(subtype == "normal", "normal", "pneumonia"),
                "subtype": subtype,
            }
        )

    def _scores(self, made, dataset):
        truth = self.truth[dataset]
        positive = (truth["label"] == "pneumonia").to_numpy()
        # The test set's normals look more like pneumonia, as the real ones do.
        offset = 0.0 if dataset == "out_of_fold" else 0.7 * made.separation
        blocks = []
        for fold in range(self.folds):
            noise = self.random.normal(size=len(truth))
            logit = noise + np.where(positive, made.separation, offset) - made.separation / 2
            block = truth.assign(dataset=dataset, fold=fold, logit=logit)
            blocks.append(block)
        if dataset == "out_of_fold":
            part = np.arange(len(truth)) // 2 % self.folds
            table = pd.concat([block[part == fold] for fold, block in enumerate(blocks)])
        else:
            mean = blocks[0].assign(fold="", logit=np.mean([b["logit"] for b in blocks], axis=0))
            table = pd.concat([*blocks, mean])
        table["logit"] = table["logit"].astype("float32")
        table["probability"] = 1 / (1 + np.exp(-table["logit"]))
        table["decision_default"] = (table["logit"] > 0).astype(int)
        table["decision_selected"] = (table["logit"] > 0.1).astype(int)
        order = [
            "dataset",
            "fold",
            "image_id",
            "patient",
            "label",
            "subtype",
            "logit",
            "probability",
        ]
        return table[[*order, "decision_default", "decision_selected"]]

    def _write_run(self, made):
        row = {
            "model": made.model, "title": made.title, "family": made.family, "recipe": made.recipe,
            "seed": made.seed, "status": "missing" if made.missing else "complete",
            "note": "folds 3 and 4 have no predictions" if made.missing else "",
            "learned": "" if made.missing else made.separation > 0.3,
            "distinguishable_from_best": "" if made.missing else made.separation < 2.5,
            "beats_baselines": "" if made.missing else made.separation > 3,
            "best_baseline": "" if made.missing else "thumbnail",
            "difference_from_best_baseline_high": "" if made.missing else made.separation / 10,
            "parameters": made.parameters, "macs": made.parameters * 90,
            "out_of_fold_roc_auc": -1.0,
        }  # fmt: skip
        folder = self.folder / "runs" / made.model / made.recipe / f"seed{made.seed}"
        if made.missing:
            return row
        table = pd.concat([self._scores(made, dataset) for dataset in self.truth])
        write_table(folder / "scores.csv", table)
        self.scores.append(folder / "scores.csv")
        confusion, subgroups = [], []
        for dataset, aggregate in (("out_of_fold", "pooled"), ("test", "mean_prediction")):
            part = table[table["dataset"] == dataset]
            part = part[part["fold"] == ""] if dataset == "test" else part
            counts = confusion_of(part, "decision_selected")
            confusion.append(
                {"dataset": dataset, "aggregate": aggregate, "threshold": "out_of_fold", **counts}
            )
            for suffix, decision in (
                ("", "decision_selected"),
                ("_at_default", "decision_default"),
            ):
                row |= estimates(part, decision, dataset, suffix)
            for subtype in CLASSES[1:]:
                hit = part.loc[part["subtype"] == subtype, "decision_selected"].mean()
                subgroups.append(
                    {
                        "dataset": dataset, "aggregate": aggregate, "threshold": "out_of_fold",
                        "subtype": subtype, "sensitivity": hit, "low": max(hit - 0.04, 0),
                        "high": min(hit + 0.04, 1), "n": int((part["subtype"] == subtype).sum()),
                    }
                )  # fmt: skip
        row |= {"train_seconds": made.parameters / 2e4, "epochs": 8.0}
        write_json(
            folder / "metrics.json",
            {
                "model": made.model, "recipe": made.recipe, "seed": made.seed,
                "learned": bool(row["learned"]), "threshold_rule": "youden",
                "thresholds": [0.1] * self.folds, "estimates": [], "confusion": confusion,
                "per_class": [], "subgroups": subgroups, "interval": {"confidence": 0.95},
                "patients": [
                    {"dataset": dataset, "aggregate": aggregate, "threshold": threshold,
                     "metric": metric, "value": 0.8, "low": 0.7, "high": 0.9}
                    for dataset, aggregate, threshold, metric in PATIENT_ESTIMATES
                ],
            },
        )  # fmt: skip
        self.metrics.append(folder / "metrics.json")
        for fold in range(self.folds):
            self._write_fold(made, folder / f"fold{fold}", fold)
        return row

    def _write_fold(self, made, folder, fold):
        epoch = np.arange(1, 9)
        decay = np.exp(-epoch / 3) * (made.separation > 0) + 0.02 * self.random.normal(size=8)
        history = pd.DataFrame(
            {
                "epoch": epoch, "learning_rate": 1e-3 * np.sin(epoch / 9 * np.pi),
                "train_loss": 0.15 + 0.5 * decay, "train_accuracy": 0.95 - 0.3 * decay,
                "inner_loss": 0.25 + 0.45 * decay, "inner_auc": 0.97 - 0.3 * decay,
                "inner_accuracy": 0.92 - 0.3 * decay,
            }
        )  # fmt: skip
        for index, branch in enumerate(made.branches):
            history[f"share_{branch}"] = 0.5 + (0.2 - 0.4 * index) * epoch / 9
        write_table(folder / "history.csv", history)
        self.histories.append(folder / "history.csv")
        write_json(
            folder / "run.json",
            {
                "model": made.model, "recipe": made.recipe, "seed": made.seed, "fold": fold,
                "parameters": int(made.parameters), "trainable_parameters": int(made.parameters),
                "epochs": 8, "best_epoch": 6, "steps": 120,
                "early_stopping": "the epoch with the best inner auc was kept",
                "image_size": 64, "device": "cpu", "precision": "bfloat16", "numeric_threads": 1,
                "versions": {"python": "3.11.2", "torch": "2.15.0", "pneumobench": "0.1.0"},
                "code_hash": "c" * 64, "git_commit": "abc1234", "data_hash": "d" * 64,
                "settings": {"epochs": 8, "batch_size": 16, "learning_rate": 0.001,
                             "augmentation": {"horizontal_flip": 0.5}},
            },
        )  # fmt: skip
        self.run_jsons.append(folder / "run.json")

    def _write_comparison(self, rows):
        self.ranked = sorted(rows, key=lambda row: -row["out_of_fold_roc_auc"])
        for position, row in enumerate(self.ranked, 1):
            row["best"] = position == 1
            complete = row["status"] == "complete"
            row["rank"] = position if complete else ""
            row["rank_low"] = max(1, position - 1) if complete else ""
            row["rank_high"] = position + 1 if complete else ""
            row["may_be_best"] = position <= 2 if complete else ""
            if row["status"] == "missing":
                row["out_of_fold_roc_auc"] = ""
        self.comparison_csv = self.folder / "comparison/comparison.csv"
        columns = max((list(row) for row in self.ranked), key=len)
        write_table(self.comparison_csv, pd.DataFrame(self.ranked)[columns])
        self.comparison_json = self.folder / "comparison/comparison.json"
        datasets = {
            dataset: {
                "n": len(truth),
                "events": int((truth["label"] == "pneumonia").sum()),
                "patients": truth["patient"].nunique(),
            }
            for dataset, truth in self.truth.items()
        }
        write_json(
            self.comparison_json,
            {
                "datasets": datasets, "threshold_rule": "youden", "confidence": 0.95,
                "replicates": 2000, "seed": 42, "optimism_of_the_best": 0.002,
                "baselines": {
                    "majority": {
                        dataset: {"class": "pneumonia", "majority_accuracy": 0.7, "low": 0.65,
                                  "high": 0.75, **counts}
                        for dataset, counts in datasets.items()
                    },
                    "models": [baseline_of("thumbnail", 0.97), baseline_of("metadata", 0.6)],
                    "differences": [],
                },
                "ensembles": [],
                "missing": [
                    {"model": run.model, "recipe": run.recipe, "seed": run.seed,
                     "note": "folds 3 and 4 have no predictions"}
                    for run in self.runs if run.missing
                ],
            },
        )  # fmt: skip

    def _write_differences(self, reference=None):
        self.differences = SimpleNamespace(
            table=self.folder / "comparison/differences.csv",
            details=self.folder / "comparison/differences.json",
        )
        compare_pairs(
            PairFiles(self.scores, self.run_jsons, self.selection),
            self.differences.table,
            self.differences.details,
            permutations=500,
            reference=reference,
            margin=0.01,
            resampling=Resampling(0.95, 100, 42),
        )

    def _write_dataset(self):
        self.audit = self.folder / "dataset/audit.json"
        development, test = self.truth["out_of_fold"], self.truth["test"]
        write_json(
            self.audit,
            {
                "source": {
                    "source": "directory", "title": "a folder of images", "population": "unknown",
                    "positive": "pneumonia", "negative": "normal", "litter": 1, "notes": [],
                    "reference": "The label of each image is that of the folder it lies in.",
                },
                "counts": {
                    "files": len(development) + len(test) + 2, "ok": len(development) + len(test),
                    "rejected": 2, "redundant_duplicates": 3, "litter": 1,
                    "patients_development": development["patient"].nunique(),
                    "patients_test": test["patient"].nunique(), "patients": 210,
                    "duplicate_sets": 2, "duplicate_files": 5, "patient_groups": 208,
                    "patient_groups_development": 149, "patient_groups_test": 59,
                },
                "by_split_label_subtype": [
                    {
                        "official_split": split, "label": part["label"].iloc[0], "subtype": subtype,
                        "images": len(part), "patients": part["patient"].nunique(),
                    }
                    for split, table in (("train", development), ("test", test))
                    for subtype, part in table.groupby("subtype")
                ],
                "duplicate_sets": [], "near_duplicates": [], "unknown_patients": [],
                "patients_told_by": {"file_name": 210},
                "name_folder_conflicts": [],
                "rejected": [
                    {"path": "train/NORMAL/broken <1>.jpeg", "reason": "truncated file"},
                    {"path": "train/NORMAL/tiny.jpeg", "reason": "a side is shorter than 32 px"},
                ],
                "warnings": ["one patient has images of both labels: p17"],
                "crossings": {"patient": [], "exact_duplicate": []},
            },
        )  # fmt: skip
        self.splits = self.folder / "dataset/splits.csv"
        folds = np.arange(len(development)) // 2 % self.folds
        write_table(
            self.splits,
            pd.DataFrame(
                {
                    "image_id": [*development["image_id"], *test["image_id"]],
                    "role": ["cv"] * len(development) + ["test"] * len(test),
                    "fold": [*map(str, folds), *[""] * len(test)],
                    "inner": [*(str((fold + 1) % self.folds) for fold in folds), *[""] * len(test)],
                    "group": [*development["patient"], *test["patient"]],
                }
            ),
        )


def baseline_of(kind, area):
    """Return a baseline's entry in comparison.json."""
    return {"baseline": kind} | figures_around(area)


def figures_around(area):
    """Return every figure of a row of the comparison, `area` or a little beside it."""
    names = [f"{dataset}_{metric}" for dataset in ("out_of_fold", "test") for metric in METRICS]
    bounds = {"": area, "_low": area - 0.02, "_high": area + 0.02}
    return {f"{name}{bound}": value for name in names for bound, value in bounds.items()}


def ensemble_of(kind, area, members, *, optimistic=False, difference=0.01):
    """Return an ensemble's entry in comparison.json; the last of several members has no weight
    where weights are fitted."""
    used = len(members) - (optimistic and len(members) > 1)
    share = 1 / used
    bounds = {"difference": difference, "low": difference - 0.005, "high": difference + 0.005}
    return figures_around(area) | {
        "ensemble": kind, "optimistic": optimistic, "members_used": used,
        "members": [
            {"model": made.model, "recipe": made.recipe, "seed": made.seed,
             "weight": share * (position < used),
             "least_weight": share * (position < used) * (0.8 if optimistic else 1),
             "greatest_weight": share * (position < used) * (1.2 if optimistic else 1)}
            for position, made in enumerate(members)
        ],
        "parameters": sum(made.parameters for made in members[:used]),
        "macs": sum(made.parameters for made in members[:used]) * 90,
        "train_seconds": sum(made.parameters for made in members[:used]) / 2e4,
        "differences": [
            {"dataset": dataset, "metric": "roc_auc", "excludes_zero": bounds["low"] > 0, **bounds}
            for dataset in ("out_of_fold", "test")
        ],
    }  # fmt: skip


def confusion_of(table, decision):
    """Count the four outcomes of a table of decisions."""
    positive, said = table["label"] == "pneumonia", table[decision] == 1
    return {
        "true_negative": int((~positive & ~said).sum()),
        "false_positive": int((~positive & said).sum()),
        "false_negative": int((positive & ~said).sum()),
        "true_positive": int((positive & said).sum()),
    }


def estimates(table, decision, dataset, suffix):
    """Return the comparison's columns of one data set; intervals are made up."""
    counts = confusion_of(table, decision)
    tn, fp, fn, tp = counts.values()
    positive = table["label"] == "pneumonia"
    ranks = table["logit"].rank()
    auc = (ranks[positive].sum() - positive.sum() * (positive.sum() + 1) / 2) / (
        positive.sum() * (~positive).sum()
    )
    values = dict.fromkeys(METRICS, 0.8) | {
        "accuracy": (tp + tn) / len(table),
        "sensitivity": tp / (tp + fn), "recall": tp / (tp + fn), "specificity": tn / (tn + fp),
        "ppv": tp / (tp + fp), "precision": tp / (tp + fp), "npv": tn / max(tn + fn, 1),
        "roc_auc": auc, "average_precision": auc, "brier": 0.1,
    }  # fmt: skip
    columns = {}
    for name, value in values.items():
        columns[f"{dataset}_{name}{suffix}"] = value
        columns[f"{dataset}_{name}{suffix}_low"] = max(value - 0.03, 0)
        columns[f"{dataset}_{name}{suffix}_high"] = min(value + 0.025, 1)
    return columns
