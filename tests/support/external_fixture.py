"""external.json of a made-up experiment."""

from shift_fixture import apart, estimate

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, write_json

MEASURES = ("calibration_error", "brier", "slope", "intercept", "in_the_large")


def source(population="children", positive="pneumonia"):
    """Return source.json of a source of this population."""
    return {
        "source": "directory", "title": "some radiographs", "population": population,
        "positive": positive, "negative": "normal", "litter": 0, "notes": [],
    }  # fmt: skip


def judged(identity, value, *, stages=("before", "after"), large=-0.5):
    return identity | {
        "estimates": [
            {"metric": metric, "out_of_fold": estimate(0.95), "test": estimate(0.9),
             "external": estimate(value),
             "difference": None if metric == "average_precision" else apart(value - 0.95)}
            for metric in ("roc_auc", "average_precision", "sensitivity", "specificity")
        ],
        "calibrations": [
            {"stage": stage, "measure": measure, "out_of_fold": estimate(0.03),
             "external": estimate({"in_the_large": large, "slope": 1.0}.get(measure, 0.2)),
             "difference": apart(0.17)}
            for stage in stages
            for measure in MEASURES
        ],
        "subtypes": [
            {"subtype": "viral", "sensitivity": 0.8, "low": 0.7, "high": 0.9, "n": 12}
        ],
    }  # fmt: skip


def write_external(made, *, own=None, other=None, name="external.json", **changes):
    """Write external.json of a made-up experiment; the second in rank is best there."""
    runs = [
        judged(
            {key: row[key] for key in ("model", "recipe", "seed")}, 0.7 + 0.05 * number, **changes
        )
        for number, row in enumerate(row for row in made.ranked if row["status"] == "complete")
    ]
    counts = {"n": 400, "events": 100, "patients": 350}
    content = {
        "sources": {"data": own or source(), "external": other or source("adults", "opacity")},
        "radiographs": {"ok": 400, "unknown_patients": 0},
        "compared_by_content": True,
        "warnings": ["12 radiographs that are neither are left out."],
        "datasets": read_json(made.comparison_json)["datasets"] | {"external": counts},
        "threshold_rule": "youden",
        "calibration": "platt",
        "interval": {"confidence": 0.95, "replicates": 2000},
        "judged": runs + [judged({"baseline": kind}, 0.6, **changes) for kind in BASELINES],
    }  # fmt: skip
    path = made.folder / "comparison" / name
    write_json(path, content)
    return path
