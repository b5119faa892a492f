"""Which images are explained: by a rule that is stated, not by hand."""

import hashlib

import numpy as np
import pandas as pd

from pneumobench.core.explained import MISTAKE, SAMPLE

# Places in the order of certainty, as a share of the way from the most to the least certain.
PLACES = {"most_certain": 0.0, "median": 0.5, "least_certain": 1.0}
MISTAKES = ("false_negative", "false_positive")


def outcomes(predicted: pd.DataFrame) -> pd.Series:
    """Return what came of each decision: true_positive, false_negative and so on.

    Parameters
    ----------
    predicted
        Columns label (normal, pneumonia), logit and threshold (of logits); an image is called
        pneumonia when its logit is greater.
    """
    positive = predicted["label"] == "pneumonia"
    called = predicted["logit"] > predicted["threshold"]
    names = np.where(positive == called, "true", "false") + np.where(
        called, "_positive", "_negative"
    )
    return pd.Series(names, index=predicted.index)


def choose_images(
    predicted: pd.DataFrame, *, per_subtype: int, mistakes: int | None, seed: int
) -> pd.DataFrame:
    """Choose images of each outcome, mistakes, and a sample that is the same for every model.

    Of each outcome: the image farthest from the threshold, the one in the middle of that order and
    the nearest. Mistakes: those farthest from the threshold. The sample: so many images of each
    subtype, the first in the order of a hash of the seed and their names.

    Parameters
    ----------
    predicted
        One row an image: image_id, label, subtype, logit and threshold.
    per_subtype
        Size of the sample of each subtype.
    mistakes
        Number of missed pneumonias, and of false alarms; None = all.
    seed
        Of the sample.

    Returns
    -------
    pandas.DataFrame
        The chosen rows in their order, with the columns outcome and chosen (why: outcome:median,
        mistake, sample, ..., joined by + where there are several reasons).
    """
    table = predicted.assign(outcome=outcomes(predicted), chosen="")
    distance = (table["logit"] - table["threshold"]).abs()
    for outcome, rows in table.groupby("outcome"):
        ordered = rows.index[np.argsort(-distance[rows.index].to_numpy(), kind="stable")]
        for name, place in PLACES.items():
            _note(table, [ordered[round(place * (len(ordered) - 1))]], f"outcome:{name}")
        if outcome in MISTAKES:
            _note(table, ordered[:mistakes], MISTAKE)
    _note(table, first_of_subtypes(table, per_subtype, seed), SAMPLE)
    return table[table["chosen"] != ""]


def first_of_subtypes(table: pd.DataFrame, count: int, seed: int) -> pd.Index:
    """Return the rows of the first `count` images of each subtype by a hash of seed and name."""
    hashes = table["image_id"].map(lambda image_id: _hash(seed, image_id)).sort_values()
    return table.loc[hashes.index].groupby("subtype").head(count).index


def sample_names(names: list[str], count: int, seed: int) -> list[str]:
    """Return `count` of the names, the first in the order of a hash of the seed and the name."""
    return sorted(sorted(names, key=lambda name: _hash(seed, name))[:count])


def _note(table: pd.DataFrame, rows: list | pd.Index, reason: str) -> None:
    present = table.loc[rows, "chosen"]
    table.loc[rows, "chosen"] = present.where(present == "", present + "+") + reason


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
