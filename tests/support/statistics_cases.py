"""A small experiment on disk as training would leave it, with scores of known quality."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.compare_pairs import PairFiles, compare_pairs
from pneumobench.statistics.comparison import ComparisonFiles, compare_runs
from pneumobench.statistics.ensemble_members import combine_ensemble
from pneumobench.statistics.evaluation import RunFiles, evaluate_run
from pneumobench.statistics.selection import FoldRules, SelectionFiles, freeze_selection

FOLDS = 3
COST_RATIO = 5.0
DRAW = Resampling(0.95, 200, 1)


@dataclass
class Experiment:
    """Paths and calls of one experiment below `root`."""

    root: Path
    development: pd.DataFrame
    test: pd.DataFrame

    @property
    def development_labels(self) -> Path:
        return self.root / "dataset/development_labels.csv"

    @property
    def test_labels(self) -> Path:
        return self.root / "dataset/test_labels.csv"

    @property
    def selection(self) -> Path:
        return self.root / "selection/selection.json"

    def folder(self, run: Run) -> Path:
        return self.root / "runs" / run.folder

    def files(self, runs: list[Run], name: str) -> list[Path]:
        return [self.folder(run) / f"fold{fold}" / name for run in runs for fold in range(FOLDS)]

    def write_labels(self) -> None:
        columns = ["image_id", "label", "subtype", "patient"]
        write_table(self.development_labels, self.development[columns])
        write_table(self.test_labels, self.test[columns])
        self.add_baselines({"border": 0.0, "metadata": 0.3})

    def baseline_files(self, name: str) -> list[Path]:
        return sorted((self.root / "baselines").glob(f"*/{name}.csv"))

    def ensemble_files(self, name: str) -> list[Path]:
        return sorted((self.root / "ensembles").glob(f"*/{name}.csv"))

    def combine(self, runs: list[Run], kind: str) -> None:
        combine_ensemble(
            self.files(runs, "out_of_fold.csv"),
            self.files(runs, "test.csv"),
            self.selection,
            self.root / f"ensembles/{kind}/out_of_fold.csv",
            self.root / f"ensembles/{kind}/test.csv",
            kind=kind,
        )

    def add_baselines(self, signals: dict[str, float]) -> None:
        """Write the scores of baselines; a signal is the distance of the classes in SDs."""
        generator = np.random.default_rng(9)
        for kind, signal in signals.items():
            own = [self.development[self.development["fold"] == fold] for fold in range(FOLDS)]
            for name, parts in (("out_of_fold", own), ("test", [self.test] * FOLDS)):
                tables = []
                for fold, images in enumerate(parts):
                    logit = generator.normal(size=len(images)) + fold / 4
                    logit += signal * (images["label"] == "pneumonia").to_numpy()
                    table = pd.DataFrame(
                        {"baseline": kind, "fold": fold, "image_id": images["image_id"]}
                    )
                    tables.append(table.assign(logit=logit.astype(np.float32)))
                write_table(self.root / f"baselines/{kind}/{name}.csv", pd.concat(tables))

    def add_run(self, run: Run, signal: float, seed: int = 0) -> None:
        """Write the predictions of a run; `signal` is the distance of the classes in SDs."""
        generator = np.random.default_rng(seed)
        for fold in range(FOLDS):
            folder = self.folder(run) / f"fold{fold}"
            own = self.development[self.development["fold"] == fold]
            for name, images in (("out_of_fold", own), ("test", self.test)):
                logit = generator.normal(size=len(images)).round(1) + fold / 4
                logit += signal * (images["label"] == "pneumonia").to_numpy()
                table = pd.DataFrame(
                    {
                        "model": run.model,
                        "recipe": run.recipe,
                        "seed": run.seed,
                        "fold": fold,
                        "image_id": images["image_id"],
                        "tta": "identity",
                        "logit": logit.astype(np.float32),
                    }
                )
                write_table(folder / f"{name}.csv", table)
            identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed, "fold": fold}
            write_json(
                folder / "run.json",
                {**identity, "epochs": 4, "best_epoch": fold + 1, "settings": {}},
            )
            phases = pd.DataFrame({"phase": ["load", "train"], "seconds": [1.0, 10.0 + fold]})
            write_table(folder / "timing.csv", phases)
        write_json(
            self.root / f"models/{run.slug}.json",
            {
                "model": run.model,
                "title": run.model.upper(),
                "family": "family",
                "parameters": 1000,
                "macs": 5000,
                "checkpoint": "published, but not used",
            },
        )

    def add_views(self, run: Run, views: str, signal: float = 1.0) -> None:
        """Write averaged predictions beside the plain ones: less noise, other scale."""
        generator = np.random.default_rng(5)
        positive = pd.concat([self.development, self.test]).set_index("image_id")["label"]
        for name in ("out_of_fold", "test"):
            for path in self.files([run], f"{name}.csv"):
                table = read_table(path)
                truth = (positive[table["image_id"]] == "pneumonia").to_numpy()
                logit = 0.5 * table["logit"] + signal * truth + generator.normal(size=len(truth))
                averaged = table.assign(tta=views, logit=logit.astype(np.float32))
                write_table(path.with_name(f"{name}_{views}.csv"), averaged)

    def view_files(self, runs: list[Run], name: str, views: str) -> list[Path]:
        return [] if views == "none" else self.files(runs, f"{name}_{views}.csv")

    def select(
        self,
        runs: list[Run],
        rule: str = "youden",
        views: str = "none",
        calibration: str = "platt",
        ensembles: tuple[str, ...] = (),
    ) -> None:
        files = replace(
            self.selection_files(runs),
            out_of_fold_views=self.view_files(runs, "out_of_fold", views),
            baselines=self.baseline_files("out_of_fold"),
        )
        rules = FoldRules(FOLDS, rule, COST_RATIO, calibration)
        freeze_selection(files, self.selection, rules, views=views, ensembles=list(ensembles))

    def selection_files(self, runs: list[Run]) -> SelectionFiles:
        """Return the files of a selection, without views and baselines."""
        return SelectionFiles(
            self.files(runs, "out_of_fold.csv"),
            self.files(runs, "run.json"),
            self.development_labels,
            baselines=[],
        )

    def evaluate(self, run: Run, views: str = "none") -> None:
        evaluate_run(
            self.run_files(run, views),
            self.folder(run) / "metrics.json",
            self.folder(run) / "scores.csv",
            run=run,
            views=views,
            resampling=DRAW,
        )

    def run_files(self, run: Run, views: str = "none") -> RunFiles:
        return RunFiles(
            self.files([run], "out_of_fold.csv"),
            self.files([run], "test.csv"),
            self.development_labels,
            self.test_labels,
            self.selection,
            self.view_files([run], "out_of_fold", views),
            self.view_files([run], "test", views),
        )

    def compare_pairs(
        self, runs: list[Run], permutations: int = 500, reference: str | None = None
    ) -> tuple[Path, Path]:
        outputs = (
            self.root / "comparison/differences.csv",
            self.root / "comparison/differences.json",
        )
        scores = [self.folder(run) / "scores.csv" for run in runs]
        compare_pairs(
            PairFiles(scores, self.files(runs, "run.json"), self.selection),
            *outputs,
            permutations=permutations,
            reference=reference,
            margin=0.01,
            resampling=DRAW,
        )
        return outputs

    def compare(self, runs: list[Run], missing: list[dict] | None = None) -> tuple[Path, Path]:
        outputs = self.root / "comparison/comparison.csv", self.root / "comparison/comparison.json"
        if runs:
            self.compare_pairs(runs)
        files = ComparisonFiles(
            metrics=[self.folder(run) / "metrics.json" for run in runs],
            scores=[self.folder(run) / "scores.csv" for run in runs],
            run_jsons=self.files(runs, "run.json"),
            timings=self.files(runs, "timing.csv"),
            models=sorted((self.root / "models").glob("*.json")),
            selection=self.selection,
            differences=self.root / "comparison/differences.csv",
            baselines_out_of_fold=self.baseline_files("out_of_fold"),
            baselines_test=self.baseline_files("test"),
            ensembles_out_of_fold=self.ensemble_files("out_of_fold"),
            ensembles_test=self.ensemble_files("test"),
            robustness=sorted((self.root / "runs").glob("*/*/*/robustness.json")),
        )
        compare_runs(files, *outputs, missing=missing or [], resampling=DRAW)
        return outputs


def make_experiment(root: Path, patients: int = 60, seed: int = 0) -> Experiment:
    """Draw patients of one to three images, half of them with pneumonia, and write the labels."""
    generator = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        subtype = ("normal", "bacterial", "normal", "viral")[patient % 4]
        for image in range(generator.integers(1, 4)):
            rows.append(
                {
                    "image_id": f"p{patient:03d}_{image}",
                    "label": "normal" if subtype == "normal" else "pneumonia",
                    "subtype": subtype,
                    "patient": f"p{patient:03d}",
                    "fold": patient // 4 % (FOLDS + 1),
                }
            )
    table = pd.DataFrame(rows)
    is_test = table["fold"] == FOLDS
    experiment = Experiment(root, table[~is_test], table[is_test])
    experiment.write_labels()
    return experiment
