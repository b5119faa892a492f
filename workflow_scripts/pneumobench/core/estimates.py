"""An estimate with its interval, how intervals are drawn, and records looked up by their keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pneumobench.core.errors import UserError

SCALES = {
    "areas under curves": "normal on the logit scale",
    "shares": "Wilson with the effective number of observations",
    "others, and differences": "percentile",
}
"""How intervals are made from draws of patients (`statistics.intervals`)."""


@dataclass(frozen=True)
class Resampling:
    """How intervals are drawn: the three settings travel together.

    Attributes
    ----------
    confidence
        Level of the intervals in (0, 1).
    replicates
        Number of bootstrap replicates.
    seed
        Their seed.
    """

    confidence: float
    replicates: int
    seed: int

    def interval(self, within: str = "") -> dict[str, Any]:
        """Return what files of results say of their intervals; `within` what patients are drawn."""
        return {"method": f"bootstrap over patients{within}", "scales": SCALES, **vars(self)}

    @property
    def facts(self) -> dict[str, Any]:
        """What files of comparisons say of their intervals, under the names of the settings."""
        return {
            "confidence": self.confidence,
            "replicates": self.replicates,
            "bootstrap_seed": self.seed,
        }


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes
    ----------
    value
        None where it is not defined.
    low, high
        Bounds of the interval, None where there is none.
    n
        How many images or patients it is of; None where the table says so elsewhere.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any] | None, key: str = "value") -> "Estimate":
        """Return the estimate that a record of a JSON file holds under `key`, `low` and `high`."""
        if record is None:
            return cls(None)
        return cls(record[key], record["low"], record["high"])

    @classmethod
    def of_row(cls, row: Mapping[str, Any], column: str) -> "Estimate":
        """Return the estimate in a table's columns `column`, `column_low` and `column_high`."""
        return cls(row[column], row[f"{column}_low"], row[f"{column}_high"])


def records_with(records: Iterable[dict[str, Any]], **keys: Any) -> list[dict[str, Any]]:
    """Return the records that hold these values under these keys, in their order."""
    return [
        record
        for record in records
        if all(name in record and record[name] == value for name, value in keys.items())
    ]


def record_with(records: Iterable[dict[str, Any]], where: str, **keys: Any) -> dict[str, Any]:
    """Return the one record that holds these values under these keys.

    Parameters
    ----------
    records
        A list of a JSON file of the pipeline.
    where
        The file and the list, for the message.
    keys
        What it must hold.

    Raises
    ------
    UserError
        If there is none, or more than one.
    """
    found = records_with(records, **keys)
    if len(found) != 1:
        wanted = ", ".join(f"{name} {value}" for name, value in keys.items())
        raise UserError(
            f"{len(found)} records with {wanted}" if found else f"no record with {wanted}",
            where=where,
            expected="exactly one",
            remedy="remove the file and run snakemake again",
        )
    return found[0]
