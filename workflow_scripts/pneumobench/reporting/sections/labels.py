"""Labels that the networks doubt, for somebody who reads the radiographs."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.core.files import read_table
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import FigureOf, Paragraph, Section
from pneumobench.reporting.table import Number, Of, Table
from pneumobench.reporting.wording import count, percent, plural, with_interval
from pneumobench.reporting.words import Words

ORIGINS = (
    ("Doubted labels", "comparison/label_errors.csv, label_errors.json", "find_label_errors"),
)
# Longer lists stay in label_errors.csv.
LISTED = 50
_WRONG = (
    "That any label is wrong is not shown: an image that the networks misread counts as well, and "
    "the number is usually above 0 where every label is right."
)
_RIGHT = (
    "That every label is right is not shown: networks learn wrong labels, too, and may misread an "
    "image as its reader did."
)


def build(files: ReportFiles, words: Words) -> Section | None:
    """Return the section; None where labels were not examined."""
    facts = files.json("label_errors_details")
    if facts is None:
        return None
    text = ("image_id", "patient", "label", "subtype")
    doubted = read_table(files.one("label_errors"), text=text)
    expected, listed = Estimate.of(facts["expected"]), len(doubted)
    of_each = ", ".join(
        f"{count(number)} labelled {words.name(label)}"
        for label, number in facts["by_label"].items()
    )
    return Section(
        name="labels",
        title="Which labels do the networks doubt?",
        short="Doubted labels",
        answer=(
            f"The networks doubt {plural(listed, 'label')} of {count(facts['n'])} development "
            f"images ({of_each}). Confident learning puts the number of wrong labels at "
            f"{with_interval(expected.value, expected.low, expected.high, digits=0)}. "
            f"{_WRONG if listed else _RIGHT} Only readers can tell.",
            *few_sentence(files.facts["datasets"], ("out_of_fold",), words),
        ),
        blocks=(
            Paragraph(
                "Confident learning (Northcutt et al., 2021; library cleanlab) on calibrated "
                "probabilities of networks that were not trained on the image: a label is doubted "
                "where they are as sure of the other class as they usually are of images that have "
                "it. No image was dropped or changed. A reader who does not know the label should "
                "look at these images; normal and doubted ones mixed."
            ),
            FigureOf("doubted_labels"),
            _table(doubted, facts, words),
        ),
        origins=ORIGINS,
    )


def _table(doubted: pd.DataFrame, facts: dict[str, Any], words: Words) -> Table:
    more, expected = len(doubted) - LISTED, facts["expected"]
    rows = [
        {
            "Image": row["image_id"],
            "Label": words.name(row["label"]),
            f"Probability of {words.positive}": Number(row["probability"]),
            "Support of the label": Number(row["support"]),
            "Runs against it": Of(int(row["against"]), facts["runs"]),
        }
        for _, row in doubted.head(LISTED).iterrows()
    ]
    notes = (
        "Probability: mean of all runs, calibrated. Support: that of the image's own label. In "
        f"brackets: {percent(facts['confidence'])} interval of the estimate over patients "
        f"({count(expected['replicates'])} draws), not of the true number.",
    )
    if more > 0:
        notes += (f"And {count(more)} more in comparison/label_errors.csv.",)
    return Table("doubted_labels", "Doubted labels, the most doubtful first", rows, notes=notes)
