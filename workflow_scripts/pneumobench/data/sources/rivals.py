"""Columns that nobody reads and that contradict one that is read: two splits, two patients."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.data.sources.lookalikes import MEANT, UNUSED, looks_like, speaks_of, split_meant
from pneumobench.data.sources.patients import NOBODY
from pneumobench.data.spelling import same_form

# (number of the row, what the read column says, what the other says), where both say anything.
_Pairs = list[tuple[int, str, str]]


def check_rivals(
    path: Path,
    numbers: Sequence[int],
    read: Mapping[str, Sequence[str]],
    others: Mapping[str, Sequence[str]],
    words: Mapping[str, Sequence[str]],
) -> None:
    """Stop where another column looks like one that is read, and says something else.

    Words differ where one row says test and development, or two subtypes; keys where one of them
    belongs to several patients. Columns of far fewer values than patients are no keys.

    Parameters
    ----------
    path
        The table, for messages.
    numbers
        Of the rows.
    read, others
        Cells of the columns that are read and of those that are not, by name.
    words
        The words of those columns that hold words.

    Raises
    ------
    UserError
        Naming both columns and the first rows that contradict each other.
    """
    for role, cells in read.items():
        for name, rivals in others.items():
            sought = {role: words[role]} if role in words else {}
            if not (looks_like(name, (role,)) or speaks_of(name, rivals, sought)):
                continue
            pairs = [found for found in zip(numbers, cells, rivals, strict=True) if all(found)]
            where = _of_words(pairs, words[role]) if sought else ""
            where = _of_keys(pairs) if role == "patient" else where
            if where:
                raise UserError(
                    f"the columns {role!r} and {name!r} contradict each other",
                    where=f"{path}: {where}",
                    expected=f"one column that tells the {role}",
                    remedy=f"keep the right one as {role!r}, and give the other a name that begins "
                    f"with {UNUSED!r}, as in '{UNUSED}_{name}'",
                )


def _of_words(pairs: _Pairs, words: Iterable[str]) -> str:
    for number, cell, rival in pairs:
        one, other = _meaning(cell), _meaning(rival)
        if one != other and {one, other} <= {_meaning(word) for word in words}:
            return f"row {number}, {cell[:40]!r} and {rival[:40]!r}"
    return ""


def _meaning(word: str) -> str:
    """Return what a word stands for; train and val are both development."""
    meant = split_meant(word) or MEANT.get(same_form(word), same_form(word))
    return "train" if meant == "val" else meant


def _of_keys(pairs: _Pairs) -> str:
    known = [
        (number, same_form(cell), same_form(rival))
        for number, cell, rival in pairs
        if same_form(rival) not in NOBODY
    ]
    keys, patients = {rival for *_, rival in known}, {cell for _, cell, _ in known}
    if 2 * len(keys) < len(patients):
        return ""
    first: dict[str, tuple[int, str]] = {}
    for number, cell, rival in known:
        row, patient = first.setdefault(rival, (number, cell))
        if patient != cell:
            return f"rows {row} and {number}, {rival[:40]!r} is both {patient!r} and {cell[:40]!r}"
    return ""
