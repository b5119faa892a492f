"""A whole experiment in small, computed from drawn logits: what every section says of few data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from baseline_fixture import write_dataset
from external_fixture import source
from paper_fixture import PARTS
from statistics_cases import DRAW, FOLDS, Experiment

from pneumobench.core.baselines import BASELINES
from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.inflation import ARMS, copy_identifier
from pneumobench.core.run import Run
from pneumobench.core.task import LOGIT_COLUMNS, SUBTYPES, THUMBNAIL_RUN
from pneumobench.data.audit import audit_dataset
from pneumobench.prediction.baselines import score_baselines
from pneumobench.prediction.predict import logit_columns
from pneumobench.prediction.shift import score_shift
from pneumobench.reporting.checklists import fill_checklists
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.model_card import CardInputs, write_model_card
from pneumobench.reporting.report import compose
from pneumobench.reporting.words import Words
from pneumobench.statistics.assess_calibration import CalibrationFiles, assess_calibration
from pneumobench.statistics.external import ExternalFiles, evaluate_external
from pneumobench.statistics.inflation import InflationFiles, measure_inflation
from pneumobench.statistics.label_errors import LabelFiles, find_label_errors
from pneumobench.statistics.robustness import (
    RobustnessFiles,
    compare_robustness,
    evaluate_robustness,
)
from pneumobench.statistics.shift import ShiftFiles, measure_shift
from pneumobench.statistics.subtypes import SubtypeFiles, evaluate_subtypes
from pneumobench.statistics.variation import VariationFiles, measure_variation

ENSEMBLES = ("mean_logit", "non_negative_stack")
STRENGTH = 2
# Two seeds of one architecture, and two recipes of the other.
RUNS = (
    Run("alexnet", "light", 1),
    Run("alexnet", "light", 2),
    Run("vgg16", "light", 1),
    Run("vgg16", "masked", 1),
)


TRAINED_WITH = {
    "image_size": 64, "device": "cpu", "precision": "float32", "code_hash": "c0de",
    "git_commit": "abc", "data_hash": {"images": "d"}, "versions": {"torch": "2.15.0"},
    "settings": {"epochs": 4}, "starting_weights": None, "outputs": 3,
    "early_stopping": "the epoch with the best inner auc was kept", "numeric_threads": 1,
    "steps": 12, "parameters": 1000, "trainable_parameters": 1000,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What is drawn: patients of one image each, in each fold, in the test set and elsewhere.

    Attributes
    ----------
    own, test, external
        Normal patients and patients with pneumonia: of a fold, of the other sets.
    signals
        For each of `RUNS` the distance of the classes in standard deviations.
    drift, harm
        What is added to the logits of other sets and of corrupted images: above 0, more are called
        pneumonia.
    """

    own: tuple[int, int]
    test: tuple[int, int]
    external: tuple[int, int] = (5, 5)
    signals: tuple[float, ...] = (2.0, 2.0, 2.0, 2.0)
    drift: float = 0.0
    harm: float = 1.0


class Study:
    """The files of one case, each written by the code that writes it in an experiment."""

    def __init__(self, root: Path, case: Case):
        self.case, self.random = case, np.random.default_rng(11)
        development = pd.concat(
            [_patients(f"d{fold}", case.own).assign(fold=fold) for fold in range(FOLDS)]
        )
        test = _patients("t", case.test).assign(fold=FOLDS)
        self.made = Experiment(root, development.reset_index(drop=True), test)
        self.made.write_labels()
        self.inputs = {}
        self._predict()
        self._judge()
        self._analyse()

    @property
    def root(self) -> Path:
        return self.made.root

    def sections(self) -> dict[str, object]:
        """Return all sections of the report by their names."""
        return {section.name: section for section in compose(self.files(), Words())}

    def files(self) -> ReportFiles:
        settings = {
            "data": {"source": "directory"},
            "split": {"folds": FOLDS},
            "robustness": {"reference_recipe": "light"},
            "recipes": {
                "light": {"epochs": 4},
                "masked": {"epochs": 5},
            },
        }
        return ReportFiles(self.inputs, settings=settings)

    def cards(self) -> list[str]:
        """Return the model card of each run."""
        cards = []
        for run in RUNS:
            folder = self.made.folder(run)
            write_model_card(
                CardInputs(
                    folder / "metrics.json", self.made.files([run], "run.json"),
                    self.root / f"models/{run.slug}.json", self.made.selection,
                    folder / "robustness.json", external=True,
                ),
                folder / "model_card.md", settings=self.files().settings, words=Words(),
            )  # fmt: skip
            cards.append((folder / "model_card.md").read_text(encoding="utf-8"))
        return cards

    def _logits(self, images: pd.DataFrame, signal: float, lift: float = 0.0) -> np.ndarray:
        """Return logits of normal, bacterial and viral, float32 [images, 3]."""
        hits = images["subtype"].to_numpy()[:, np.newaxis] == np.array(SUBTYPES)
        logits = self.random.normal(size=hits.shape) + signal * hits
        logits[:, 1:] += lift
        return logits.astype(np.float32)

    def _table(self, images, run, fold, logits, **more):
        table = images[["image_id"]].assign(
            model=run.model, recipe=run.recipe, seed=run.seed, fold=fold, **more
        )
        table[list(LOGIT_COLUMNS)] = logits
        return table.assign(logit=logit_columns(logits)["logit"])

    def _predict(self):
        made, case = self.made, self.case
        self.external = _patients("x", case.external)
        for run, signal in zip(RUNS, case.signals, strict=True):
            made.add_run(run, signal)
            for fold in range(FOLDS):
                folder = made.folder(run) / f"fold{fold}"
                own = made.development[made.development["fold"] == fold]
                for name, images, lift in (
                    ("out_of_fold", own, 0.0),
                    ("test", made.test, case.drift),
                    ("external", self.external, case.drift),
                ):
                    logits = self._logits(images, signal, lift)
                    table = self._table(images, run, fold, logits, tta="identity")
                    write_table(folder / f"{name}.csv", table)
                    if name == "out_of_fold":
                        self._corrupt(images, run, fold, logits)
        for fold in range(FOLDS):
            own = made.development[made.development["fold"] == fold]
            for name, images in (("out_of_fold", own), ("test", made.test)):
                table = self._table(images, RUNS[0], fold, self._logits(images, 0.3))
                table = table.assign(tta="identity", **THUMBNAIL_RUN)
                write_table(made.root / f"baselines/subtypes/fold{fold}/{name}.csv", table)

    def _corrupt(self, images, run, fold, logits):
        blocks = []
        for position, name in enumerate(CORRUPTIONS):
            worse = logits.copy()
            worse[:, 1:] += np.float32(self.case.harm * (position % 3))
            more = {"corruption": name, "strength": STRENGTH}
            blocks.append(self._table(images, run, fold, worse, **more))
        path = self.made.folder(run) / f"fold{fold}/corrupted.csv"
        write_table(path, pd.concat(blocks).drop(columns=list(LOGIT_COLUMNS)))

    def _judge(self):
        made, root = self.made, self.root
        write_dataset(made)
        folder = root / "dataset"
        dataset = (folder / "images.npy", folder / "manifest.csv", folder / "splits.csv")
        for path in (root / "baselines").glob("*/*.csv"):
            path.unlink()
        outputs = {
            name: {kind: root / f"baselines/{kind}/{name}.csv" for kind in BASELINES}
            for name in ("out_of_fold", "test")
        }
        for kind in BASELINES:
            (root / f"baselines/{kind}").mkdir(parents=True, exist_ok=True)
        score_baselines(*dataset, made.development_labels, **outputs)
        made.select(list(RUNS), ensembles=ENSEMBLES)
        for kind in ENSEMBLES:
            made.combine(list(RUNS), kind)
        for path in made.files(list(RUNS), "run.json"):
            write_json(path, {**read_json(path), **TRAINED_WITH})
        for run in RUNS:
            made.evaluate(run)
            place = made.folder(run)
            evaluate_robustness(
                self._robust([run]), place / "robustness.csv", place / "robustness.json",
                run=run, strengths=[STRENGTH], resampling=DRAW,
            )  # fmt: skip
            assess_calibration(
                CalibrationFiles(place / "scores.csv", place / "metrics.json", made.selection),
                place / "calibration.json", place / "calibrated.csv", run=run, resampling=DRAW,
            )  # fmt: skip
        write_json(folder / "source.json", source() | {"reference": "Labels are those of folders."})
        audit_dataset(
            dataset[1], folder / "source.json", folder / "audit.json",
            allow_crossings=[], maximum_near_duplicate_fraction=1.0,
        )  # fmt: skip
        table, details = made.compare(list(RUNS))
        score_shift(
            *dataset, made.folder(RUNS[0]) / "scores.csv",
            domains=root / "shift/domains.csv", blocks=root / "shift/blocks.csv",
        )  # fmt: skip
        self.inputs |= {
            "table": table, "details": details, "audit": folder / "audit.json",
            "splits": dataset[2], "selection": made.selection,
            "differences": root / "comparison/differences.csv",
            "differences_details": root / "comparison/differences.json",
            "run_jsons": made.files(list(RUNS), "run.json"),
        }  # fmt: skip
        for name, file in (
            ("metrics", "metrics.json"), ("calibrations", "calibration.json"),
            ("calibrated", "calibrated.csv"), ("robustness_tables", "robustness.csv"),
            ("robustness", "robustness.json"),
        ):  # fmt: skip
            self.inputs[name] = self._of_runs(file)

    def _of_runs(self, name):
        return [self.made.folder(run) / name for run in RUNS]

    def _robust(self, runs):
        made = self.made
        return RobustnessFiles(
            made.files(runs, "out_of_fold.csv"), made.files(runs, "corrupted.csv"),
            made.development_labels, made.selection,
        )  # fmt: skip

    def _analyse(self):
        comparison = self.root / "comparison"
        pairs = comparison / "robustness.csv"
        compare_robustness(self._robust(list(RUNS)), pairs, strengths=[STRENGTH], resampling=DRAW)
        self.inputs["robustness_pairs"] = pairs
        self._shift(comparison / "shift.json")
        self._external(comparison / "external.csv", comparison / "external.json")
        self._inflation(self.root / "inflation")
        self._subtypes(comparison / "subtypes.csv", comparison / "subtypes.json")
        self.inputs["checklists"] = self.root / "report/checklists.json"
        fill_checklists(
            self.inputs["table"], self.inputs["details"], self.inputs["audit"],
            self.inputs["run_jsons"], self.inputs["checklists"], self.root / "report",
            settings=self.files().settings, computed=PARTS,
        )  # fmt: skip
        for name, measure, files in (
            ("label_errors", find_label_errors, LabelFiles(self._of_runs("calibrated.csv"))),
            (
                "variation",
                measure_variation,
                VariationFiles(
                    self.made.files(list(RUNS), "out_of_fold.csv"), self.made.development_labels
                ),
            ),
        ):
            outputs = comparison / f"{name}.csv", comparison / f"{name}.json"
            options = {"folds": FOLDS} if name == "variation" else {}
            measure(files, *outputs, resampling=DRAW, **options)
            self.inputs |= dict(zip((name, f"{name}_details"), outputs, strict=True))

    def _shift(self, path):
        made = self.made
        measure_shift(
            ShiftFiles(
                self._of_runs("scores.csv"), made.selection,
                made.baseline_files("out_of_fold"), made.baseline_files("test"),
                made.ensemble_files("out_of_fold"), made.ensemble_files("test"),
                self.root / "shift/domains.csv", self.root / "shift/blocks.csv", [],
            ),
            path,
            resampling=DRAW,
        )  # fmt: skip
        self.inputs["shift"] = path

    def _external(self, table, details):
        made, folder = self.made, self.root / "external"
        write_table(folder / "labels.csv", self.external)
        counts = {"ok": len(self.external), "unknown_patients": 0, "near_known": 0}
        audit = {"source": source("adults"), "counts": counts, "warnings": []}
        write_json(folder / "audit.json", audit | {"compared_by_content": True})
        for path in made.baseline_files("test"):
            parts = [
                self.external[["image_id"]].assign(
                    baseline=path.parent.name, fold=fold,
                    logit=self.random.normal(size=len(self.external)).astype(np.float32),
                )
                for fold in range(FOLDS)
            ]  # fmt: skip
            write_table(path.with_name("external.csv"), pd.concat(parts))
        evaluate_external(
            ExternalFiles(
                made.files(list(RUNS), "external.csv"), made.baseline_files("external"),
                made.baseline_files("out_of_fold"), made.baseline_files("test"),
                self._of_runs("scores.csv"), self._of_runs("metrics.json"),
                folder / "labels.csv", folder / "audit.json",
                self.root / "dataset/audit.json", made.selection,
            ),
            table, details, resampling=DRAW,
        )  # fmt: skip
        self.inputs["external"] = details

    def _inflation(self, folder):
        made, run, signal = self.made, RUNS[0], self.case.signals[0]
        for arm in ARMS:
            for fold in range(FOLDS):
                own = made.development["fold"] == fold
                parts = {
                    "inner": made.development[~own], "out_of_fold": made.development[own],
                    "test": made.test,
                }  # fmt: skip
                rows = []
                for epoch in range(1, 4):
                    for part, images in parts.items():
                        logit = logit_columns(self._logits(images, signal))["logit"]
                        rows.append(
                            images[["image_id"]].assign(
                                logit=logit, epoch=epoch, kept=int(epoch == 2), part=part
                            )
                        )
                table = pd.concat(rows, ignore_index=True).assign(
                    arm=arm, model=run.model, recipe=run.recipe, seed=run.seed, fold=fold
                )
                if arm == "copies":
                    twins = [copy_identifier(name, 0) for name in table["image_id"]]
                    table = pd.concat([table, table.assign(image_id=twins)])
                write_table(folder / f"{arm}/fold{fold}/epochs.csv", table)
        measure_inflation(
            InflationFiles(
                sorted(folder.glob("*/fold*/epochs.csv")), self._of_runs("scores.csv"),
                made.development_labels, made.test_labels, made.selection,
            ),
            folder / "inflation.csv", folder / "inflation.json",
            run=run, folds=FOLDS, resampling=DRAW,
        )  # fmt: skip
        self.inputs["inflation"] = folder / "inflation.csv"
        self.inputs["inflation_details"] = folder / "inflation.json"

    def _subtypes(self, table, details):
        made = self.made
        baselines = [
            [made.root / f"baselines/subtypes/fold{fold}/{name}.csv" for fold in range(FOLDS)]
            for name in ("out_of_fold", "test")
        ]
        evaluate_subtypes(
            SubtypeFiles(
                made.files(list(RUNS), "out_of_fold.csv"), made.files(list(RUNS), "test.csv"),
                *baselines, made.development_labels, made.test_labels, made.selection,
            ),
            table, details, resampling=DRAW,
        )  # fmt: skip
        self.inputs["subtypes"] = details


def _patients(prefix: str, numbers: tuple[int, int]) -> pd.DataFrame:
    """Return patients of one image each; half of the pneumonias are viral."""
    normal, pneumonia = numbers
    subtype = ["normal"] * normal + [("bacterial", "viral")[n % 2] for n in range(pneumonia)]
    names = [f"{prefix}_{number:03d}" for number in range(len(subtype))]
    return pd.DataFrame(
        {
            "image_id": names,
            "label": ["normal" if name == "normal" else "pneumonia" for name in subtype],
            "subtype": subtype,
            "patient": names,
        }
    )
