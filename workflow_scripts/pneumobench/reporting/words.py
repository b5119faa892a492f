"""What the two classes and the people examined are called, in the data at hand.

Texts of this room are written with these words when they are made: `f"{words.positives} missed"`.
Nothing that is written is searched for words afterwards.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.reporting.wording import capital

USUAL = ("pneumonia", "normal")
# Characters of a class's name; the longest finding of a published table has 20.
LONGEST_NAME = 200


@dataclass(frozen=True)
class Words:
    """The words for one data set.

    Attributes
    ----------
    positive, negative
        The classes in running text: `pneumonia` and `normal`, or `effusion` and `no finding`.
    adults
        Whether those examined are adults.
    """

    positive: str = USUAL[0]
    negative: str = USUAL[1]
    adults: bool = False

    @property
    def pneumonia(self) -> bool:
        """Whether the positive class is pneumonia."""
        return self.positive == USUAL[0]

    @property
    def Positive(self) -> str:
        """The positive class at the beginning of a sentence or a label."""
        return capital(self.positive)

    @property
    def Negative(self) -> str:
        """The negative class at the beginning of a sentence or a label."""
        return capital(self.negative)

    @property
    def positives(self) -> str:
        """Images of the positive class: `radiographs with pneumonia`."""
        return f"radiographs with {self.positive}"

    @property
    def negatives(self) -> str:
        """Images of the negative class: `normal radiographs`, `radiographs with no finding`."""
        if self.negative == USUAL[1]:
            return "normal radiographs"
        return f"radiographs with {self.negative}"

    @property
    def person(self) -> str:
        """One of those examined: `child` or `patient`."""
        return "patient" if self.adults else "child"

    @property
    def people(self) -> str:
        """Those examined: `children` or `patients`."""
        return "patients" if self.adults else "children"

    @property
    def disease(self) -> str:
        """What the experiment detects: `paediatric pneumonia`, `pneumonia`, `effusion`."""
        return self.positive if self.adults or not self.pneumonia else "paediatric pneumonia"

    @property
    def People(self) -> str:
        """Those examined at the beginning of a sentence or a label."""
        return capital(self.people)

    def radiographs(self, label: str) -> str:
        """Return what the images of the class `normal` or `pneumonia` are called."""
        return self.positives if label == USUAL[0] else self.negatives

    def name(self, label: str) -> str:
        """Return what the class `normal` or `pneumonia` is called, in the label's case."""
        name = self.positive if label.lower() == USUAL[0] else self.negative
        return name if label.islower() else capital(name)

    def subtype(self, subtype: str) -> str:
        """Return what the images of a subtype are called; without one, by their class."""
        return {"normal": self.negative, "unknown": self.positive}.get(subtype, subtype)


def words_of(audit: str | Path) -> Words:
    """Return the words for the data that an audit.json describes.

    Raises
    ------
    UserError
        If the name of a class is no text, or too long for one.
    """
    return words_from(read_json(audit).get("source", {}))


def words_from(source: dict[str, Any]) -> Words:
    """Return the words for the data of a source, by what audit.json says of it under `source`.

    Raises
    ------
    UserError
        If the name of a class is no text, or too long for one.
    """
    positive = _name(source, "positive", USUAL[0]).lower()
    negative = _name(source, "negative", USUAL[1])
    return Words(
        positive=positive,
        negative=negative if positive != USUAL[0] else USUAL[1],
        adults=source.get("population") == "adults",
    )


def _name(source: dict[str, Any], key: str, usual: str) -> str:
    """Return a class's name on one line, without characters that cannot be seen."""
    name = source.get(key, usual)
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise UserError(
            "the name of a class cannot be read",
            where=f"audit.json: source.{key}",
            expected=f"a text of at most {LONGEST_NAME} characters",
            remedy="remove audit.json and run snakemake again; of an archive, ask who made it",
        )
    seen = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(seen.split()) or usual
