"""Runs, ensembles and baselines of a JSON file of comparison/, under their names for people."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pneumobench.core.estimates import record_with
from pneumobench.core.run import Run
from pneumobench.reporting.baselines import baseline_label
from pneumobench.reporting.ensembles import ensemble_label
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.wording import record_interval


@dataclass(frozen=True)
class Shifted:
    """One run, ensemble or baseline, under its name for people."""

    label: str
    record: dict[str, Any]

    @property
    def is_run(self) -> bool:
        """Whether it is a run, no ensemble and no baseline."""
        return "model" in self.record

    def distribution(self, dataset: str, label: str) -> list[float]:
        """Return the quantiles in standard deviations of the development scores."""
        where = "shift.json: distributions"
        found = record_with(self.record["distributions"], where, dataset=dataset, label=label)
        # Scores that are all equal have no spread: they lie where they lie.
        scale = self.record["standard_deviation"] or 1.0
        return [quantile["value"] / scale for quantile in found["quantiles"]]

    def transfer(self, metric: str) -> dict[str, Any]:
        """Return a metric on both sets."""
        return record_with(self.record["transfer"], "shift.json: transfer", metric=metric)


def change_sentence(found: dict[str, Any]) -> str:
    """Say by how much a figure differs between two sets, and whether that may be chance.

    Parameters
    ----------
    found
        A record with `difference` as `statistics.estimates.independent_difference` returns it: its
        interval alone decides, here and wherever the change is spoken of.
    """
    difference = found["difference"]
    if difference["difference"] is None:
        return "a difference that cannot be computed"
    text = f"a difference of {record_interval(difference, 'difference')}"
    return text if difference["excludes_zero"] else f"{text}, which may be chance"


def name_scored(scored: list[dict[str, Any]], comparison: pd.DataFrame) -> list[Shifted]:
    """Return the runs in order of rank, then the ensembles, then the baselines.

    Parameters
    ----------
    scored
        Records of runs (`model`, `recipe`, `seed`), of ensembles (`ensemble`), of baselines
        (`baseline`).
    comparison
        From `inputs.drawn_comparison`.
    """
    runs = {_run_of(record): record for record in scored if "model" in record}
    found = [
        Shifted(f"{row['rank']:.0f}  {row['label']}", runs[row["run"]])
        for _, row in complete_runs(comparison).iterrows()
        if row["run"] in runs
    ]
    return found + [
        Shifted(label(record[kind]), record)
        for kind, label in (("ensemble", ensemble_label), ("baseline", baseline_label))
        for record in scored
        if kind in record
    ]


def _run_of(record: dict[str, Any]) -> Run:
    return Run(record["model"], record["recipe"], int(record["seed"]))
