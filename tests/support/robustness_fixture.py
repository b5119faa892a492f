"""robustness.csv, robustness.json and the pairs of a made-up experiment."""

from itertools import combinations

import pandas as pd

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.run import Run

PLAIN = {"roc_auc": 0.98, "sensitivity": 0.95, "specificity": 0.93}


def record(value, plain):
    apart = value - plain
    return {
        "value": value, "low": value - 0.02, "high": value + 0.02, "undefined_replicates": 0,
        "difference": apart, "difference_low": apart - 0.01, "difference_high": apart + 0.01,
    }  # fmt: skip


def columns(metric, value):
    whole = record(value, PLAIN[metric])
    names = {"value": metric} | {
        name: f"{metric}_{name}" for name in whole if name not in ("value", "undefined_replicates")
    }
    return {title: whole[name] for name, title in names.items()}


class Robustness:
    """robustness.csv and .json of all complete runs; the worst of run r is corruption r."""

    def __init__(self, made, strengths=(2,)):
        self.tables, self.details = [], []
        complete = [run for run in made.runs if not run.missing]
        for position, run in enumerate(complete):
            folder = made.folder / "runs" / Run(run.model, run.recipe, run.seed).folder
            identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
            values = {("none", 0): PLAIN}
            worst, mean = [], []
            for strength in strengths:
                for index, name in enumerate(CORRUPTIONS):
                    lost = 0.1 * strength * (1 + (index == position) + 0.1 * position)
                    # Sensitivity suffers most from the corruption before it.
                    missed = 0.1 * strength * (1 + (index == (position - 1) % len(CORRUPTIONS)))
                    values[name, strength] = {
                        "roc_auc": 0.9, "sensitivity": 0.95 - missed, "specificity": 0.93 - lost,
                    }  # fmt: skip
                at = {name: found for (name, s), found in values.items() if s == strength}
                for metric in ("specificity", "sensitivity"):
                    name = min(at, key=lambda name: at[name][metric])
                    worst.append(
                        {"metric": metric, "strength": strength, "corruption": name}
                        | record(at[name][metric], PLAIN[metric])
                    )
                mean.append({"metric": "roc_auc", "strength": strength, **record(0.9, 0.98)})
            rows = [
                identity | {"corruption": name, "strength": strength}
                | {key: cell for metric in PLAIN for key, cell in
                   columns(metric, found[metric]).items()}
                | {"n": 300, "events": 200, "patients": 150}
                for (name, strength), found in values.items()
            ]  # fmt: skip
            write_table(folder / "robustness.csv", pd.DataFrame(rows))
            uncorrupted = {metric: record(value, value) for metric, value in PLAIN.items()}
            content = identity | {"uncorrupted": uncorrupted, "worst": worst, "mean": mean}
            write_json(folder / "robustness.json", content)
            self.tables.append(folder / "robustness.csv")
            self.details.append(folder / "robustness.json")
        self.pairs = made.folder / "comparison/robustness.csv"
        self.write_pairs()

    def write_pairs(self, half=0.03):
        """Write the differences of all pairs, with intervals of this half width."""
        contents = list(map(read_json, self.details))
        rows = []
        for entry in contents[0]["worst"]:
            key = (entry["strength"], entry["metric"])
            worst = [
                (found["value"], content)
                for content in contents
                for found in content["worst"]
                if (found["strength"], found["metric"]) == key
            ]
            worst.sort(key=lambda pair: -pair[0])
            for (first, better), (second, other) in combinations(worst, 2):
                apart = first - second
                rows.append(
                    dict(zip(("strength", "metric"), key, strict=True))
                    | {f"first_{name}": better[name] for name in ("model", "recipe", "seed")}
                    | {f"second_{name}": other[name] for name in ("model", "recipe", "seed")}
                    | {"difference": apart, "difference_low": apart - half,
                       "difference_high": apart + half, "excludes_zero": apart > half}
                )  # fmt: skip
        write_table(self.pairs, pd.DataFrame(rows))

    @property
    def inputs(self):
        """What rule render_report is given."""
        return {
            "robustness_tables": self.tables,
            "robustness": self.details,
            "robustness_pairs": self.pairs,
        }
