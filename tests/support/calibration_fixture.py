"""calibration.json and calibrated.csv of a made-up experiment, computed from its scores."""

import numpy as np

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import content_sha256, read_json, write_json
from pneumobench.core.run import Run
from pneumobench.reporting.inputs import read_comparison
from pneumobench.statistics.assess_calibration import CalibrationFiles, assess_calibration
from pneumobench.statistics.fold_fits import fit_calibrations, fit_thresholds
from pneumobench.statistics.scores import read_scores


class Calibrations:
    """The files of all complete runs of a `reporting_fixture.Experiment`."""

    def __init__(self, made, method="platt", rule="youden"):
        self.made, self.details, self.calibrated = made, [], []
        for path in made.scores:
            identity = read_json(path.with_name("metrics.json"))
            run = Run(identity["model"], identity["recipe"], identity["seed"])
            table = read_scores(path)["out_of_fold"]
            images = (
                (table["label"] == "pneumonia").to_numpy(),
                table["logit"].to_numpy(np.float32),
                table["fold"].to_numpy(int),
            )
            by_rule = fit_thresholds(*images, cost_ratio=5.0, title=run.title)
            fitted = fit_calibrations(*images, method=method, title=run.title)
            entry = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
            entry |= {"thresholds_by_rule": by_rule, "calibration": fitted}
            selection = path.with_name("selection.json")
            write_json(selection, {"threshold_rule": rule, "cost_ratio": 5.0, "runs": [entry]})
            judged = path.with_name("judged.json")
            write_json(judged, {"selection_sha256": content_sha256(selection)})
            self.details.append(path.with_name("calibration.json"))
            self.calibrated.append(path.with_name("calibrated.csv"))
            assess_calibration(
                CalibrationFiles(path, judged, selection),
                self.details[-1],
                self.calibrated[-1],
                run=run,
                resampling=Resampling(0.95, 100, 1),
            )

    def by_rank(self):
        """Return calibration.json of the complete runs in order of rank."""
        by_model = {content["model"]: content for content in map(read_json, self.details)}
        ranked = read_comparison(self.made.comparison_csv)
        return [by_model[model] for model in ranked["model"] if model in by_model]
