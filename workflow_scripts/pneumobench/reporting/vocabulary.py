"""What the two classes and the people examined are called, where they are not pneumonia and children.

The texts of this room are written for pneumonia in children. Where the data are of another finding
or of adults, what is about to be shown is put into other words: a figure as it is saved, a page as
it is written. So no text can be forgotten, and each stands in one place, in plain words.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.reporting.plain_text import shortened

USUAL = ("pneumonia", "normal")
# Characters of a line of a class's name in a figure, and of the name there.
LABEL_WIDTH, LABEL_LENGTH = 18, 54
# Characters of a class's name; the longest finding of a published table has 20.
LONGEST_NAME = 200
# What is said of another finding than pneumonia, and what of adults; both may begin or end in the
# middle of a sentence, and # is a number. Longer pieces of text are looked for first.
_OF_ANOTHER_FINDING = {
    "A missed pneumonia is a child sent home with it; a false alarm is a healthy child treated": (
        "A missed image is one of a patient sent home with {positive}; a false alarm is a patient "
        "without it treated"
    ),
    "Paediatric pneumonia": "{Positive}",
    "Bacterial and viral pneumonia": "Subtypes",
    "subtype of pneumonia": "subtype",
    "called pneumonia": "called positive",
    "calls nothing pneumonia": "calls nothing positive",
    "it calls # pneumonia": "it calls # positive",
    "pneumonia to the right": "positive to the right",
    "a pneumonia": "a radiograph with {positive}",
    "A pneumonia": "A radiograph with {positive}",
    "a missed pneumonia": "a missed radiograph with {positive}",
    "A missed pneumonia": "A missed radiograph with {positive}",
    "pneumonias": "radiographs with {positive}",
    "pneumonia": "{positive}",
    "True class: normal": "True class: {negative}",
    "The network says normal": "The network says {negative}",
    "Class explained: normal": "Class explained: {negative}",
    "speaks for normal": "speaks for {negative}",
    "Pneumonia:": "{Positive}:",
    "Normal:": "{Negative}:",
    "normal radiographs": "{radiographs_of_negative}",
    "Test radiograph higher, normal": "Test radiograph higher, {negative}",
    "share of normal, bacterial and viral radiographs": "share of either class",
    "of an infection": "of a disease",
}
_OF_ADULTS = {
    "Paediatric pneumonia": "Pneumonia",
    "Children of other ages, adults, other hospitals": "Children, other hospitals",
    "of one source; adults, other devices": "of one source; children, other devices",
    "device of the images are unknown": "device of the images are not looked at",
    "children": "patients",
    "Children": "Patients",
    "child": "patient",
}
# Running text alone: words inside paths, names and keys are left as they are.
_BEFORE, _AFTER = r"(?<![\w/.-])", r"(?![\w/-])"
# What holds the name of a class and no more: a cell of a page, the beginning of a figure's label.
_CELL = re.compile(r"(?<=>)(?:[Nn]ormal|[Pp]neumonia)(?=<)")
_LABEL = re.compile(r"^normal\b")


@dataclass(frozen=True)
class Vocabulary:
    """What is said in place of the usual words.

    Attributes
    ----------
    positive, negative
        The classes, in running text: "effusion", "no finding".
    adults
        Whether those examined are adults.
    """

    positive: str = USUAL[0]
    negative: str = USUAL[1]
    adults: bool = False

    @property
    def usual(self) -> bool:
        """Whether nothing is to be said in other words."""
        return self == Vocabulary()

    @property
    def another_finding(self) -> bool:
        """Whether the positive class is not pneumonia."""
        return self.positive != USUAL[0]

    def spelt(self, spell: Callable[[str], str]) -> "Vocabulary":
        """Return the words as a kind of markup spells them, which `spell` knows.

        Names of classes come from data: put into a page as they are, they could be a part of it.
        """
        return replace(self, positive=spell(self.positive), negative=spell(self.negative))

    def translate(self, text: str) -> str:
        """Return a text in these words."""
        if self.another_finding:
            text = _CELL.sub(lambda found: self.name(found[0]), text)
        rules = self._rules
        if not rules:
            return text
        # A name that is in its place already stays, though it may hold the word pneumonia.
        own = {self.positive, _capital(self.positive)} if self.another_finding else set()
        patterns = {piece: r"\s+".join(map(_pattern, piece.split())) for piece in rules}
        patterns |= {name: r"\s+".join(map(re.escape, name.split())) for name in own}
        anyone = "|".join(patterns[piece] for piece in sorted(patterns, key=len, reverse=True))

        def said(found: re.Match) -> str:
            piece = " ".join(found[0].split())
            if piece in own:
                return piece
            number = re.search(r"\d+", piece)
            template = rules[re.sub(r"\d+", "#", piece)]
            return template.replace("#", number[0] if number else "#").format_map(self._names)

        # In one go: what is said by one rule is not said anew by another.
        return re.sub(f"{_BEFORE}(?:{anyone}){_AFTER}", said, text)

    def label(self, text: str) -> str:
        """Return a text of a figure in these words; a class's name alone is broken in lines."""
        if self.another_finding:
            if text in USUAL:
                return fill(shortened(self.name(text), LABEL_LENGTH), LABEL_WIDTH)
            text = _LABEL.sub(lambda _: self.negative, text)
        return self.translate(text)

    def name(self, label: str) -> str:
        """Return what the class `normal` or `pneumonia` is called, in the label's case."""
        name = self.positive if label.lower() == USUAL[0] else self.negative
        return name if label.islower() else _capital(name)

    def subtype(self, subtype: str) -> str:
        """Return what the images of a subtype are called; a finding has none that are known."""
        if not self.another_finding:
            return subtype
        return {"normal": self.negative, "unknown": self.positive}.get(subtype, subtype)

    @property
    def _rules(self) -> dict[str, str]:
        return (_OF_ADULTS if self.adults else {}) | (
            _OF_ANOTHER_FINDING if self.another_finding else {}
        )

    @property
    def _names(self) -> dict[str, str]:
        return {
            "positive": self.positive,
            "Positive": _capital(self.positive),
            "negative": self.negative,
            "Negative": _capital(self.negative),
            "radiographs_of_negative": (
                "normal radiographs"
                if self.negative == USUAL[1]
                else f"radiographs with {self.negative}"
            ),
        }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _pattern(word: str) -> str:
    return r"\d+" if word == "#" else re.escape(word)


def vocabulary_from(source: dict[str, Any]) -> Vocabulary:
    """Return the words for the data of a source, by what audit.json says of it under `source`.

    Raises
    ------
    UserError
        If the name of a class is no text, or too long for one.
    """
    positive = _name(source, "positive", USUAL[0]).lower()
    negative = _name(source, "negative", USUAL[1])
    return Vocabulary(
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


_USUALLY = Vocabulary()
_SPOKEN: ContextVar[Vocabulary] = ContextVar("vocabulary", default=_USUALLY)


@contextmanager
def words_of(audit: str | Path) -> Iterator[Vocabulary]:
    """Speak in the words for the data of an audit.json until the block ends."""
    token = _SPOKEN.set(vocabulary_from(read_json(audit).get("source", {})))
    try:
        yield _SPOKEN.get()
    finally:
        _SPOKEN.reset(token)


def spoken() -> Vocabulary:
    """Return the words that are spoken now."""
    return _SPOKEN.get()


def in_words(text: str, spell: Callable[[str], str] = str) -> str:
    """Return a text in the words that are spoken now, spelt as its markup wants it."""
    return spoken().spelt(spell).translate(text)
