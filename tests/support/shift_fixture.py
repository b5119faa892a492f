"""shift.json of a made-up experiment."""

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.measures import RIGHT

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def estimate(value):
    return {"value": value, "low": value - 0.02, "high": value + 0.02, "undefined_replicates": 0}


def apart(value):
    return {
        "difference": value, "low": value - 0.03, "high": value + 0.03,
        "excludes_zero": bool(abs(value) > 0.03),
    }  # fmt: skip


def scored(identity, position, lost):
    distributions = [
        {
            "dataset": dataset, "label": label, "n": 100, "patients": 60,
            "quantiles": [
                {"share": share, **estimate(sign * (2 + position) + drift + 4 * (share - 0.5))}
                for share in SHARES
            ],
        }
        for dataset, drift in (("out_of_fold", 0.0), ("test", 1.0))
        for label, sign in (("normal", -1), ("pneumonia", 1))
    ]  # fmt: skip
    transfer = [
        {"metric": metric, "out_of_fold": estimate(value), "test": estimate(value - change),
         "difference": apart(-change)}
        for metric, value, change in (
            ("roc_auc", 0.98, 0.06), ("sensitivity", 0.95, -0.01), ("specificity", 0.93, lost),
        )
    ]  # fmt: skip
    higher = [
        {"label": label, **estimate(value)} for label, value in zip(RIGHT, (0.9, 0.6), strict=True)
    ]
    return identity | {
        "standard_deviation": 2.0, "distributions": distributions, "higher_on_test": higher,
        "transfer": transfer,
    }  # fmt: skip


def write_shift(made, *, area=0.92, blocks=8, worst_block=0.88, statistics=True):
    """Write shift.json of a made-up experiment; the specificity falls more with every rank."""
    complete = [row for row in made.ranked if row["status"] == "complete"]
    runs = [{key: row[key] for key in ("model", "recipe", "seed")} for row in complete]
    domains = [
        {"baseline": kind, "label": label, "folds": 5, "development": {"n": 1349, "groups": 1000},
         "test": {"n": 234, "groups": 200}, "roc_auc": estimate(value)}
        for kind in BASELINES
        for label, value in (("normal", area), ("pneumonia", 0.5))
    ]  # fmt: skip
    records = [scored(run, number, 0.4 + 0.01 * number) for number, run in enumerate(runs)]
    records.append(scored({"ensemble": "mean_logit"}, 0, 0.41))
    records += [scored({"baseline": kind}, 0, 0.43) for kind in BASELINES]
    held = [
        {"block": number, "n": 60, "events": 40, "patients": 30, "roc_auc": estimate(0.98),
         "sensitivity": estimate(0.95), "specificity": estimate(worst_block + 0.01 * number)}
        for number in range(blocks)
    ]  # fmt: skip
    moved = {
        "before": estimate(0.5), "after": estimate(0.3), "difference": apart(-0.2),
    }  # fmt: skip
    transductive = [
        run | {"calibration": "platt", "prior": 0.74, "true_share": 0.62,
               "estimated_share": estimate(0.9), "specificity": moved, "sensitivity": moved}
        for run in runs
    ]  # fmt: skip
    renormalised = [
        run | {"changed": number > 0, "roc_auc": moved, "sensitivity": moved, "specificity": moved}
        for number, run in enumerate(runs)
    ]
    path = made.folder / "comparison/shift.json"
    datasets = read_json(made.comparison_json)["datasets"]
    content = {"datasets": datasets, "domains": domains, "scored": records, "blocks": held}
    content |= {"transductive": transductive, "renormalised": renormalised if statistics else []}
    write_json(path, content)
    return path
