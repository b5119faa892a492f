"""Numbers as people read them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

EN_DASH = "\N{EN DASH}"
EMPTY = "\N{EM DASH}"
MULTIPLICATION = "\N{MULTIPLICATION SIGN}"


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty: None, "" or not-a-number."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def with_interval(
    value: float, low: float, high: float, *, digits: int = 3, factor: float = 1.0
) -> str:
    """Write a figure with its interval: `0.982 (0.970-0.991)`, with an en dash.

    Without a value the result is an em dash, without an interval the value alone. Intervals that
    reach below zero are written with the word `to`.
    """
    if is_missing(value):
        return EMPTY
    # z: what rounds to zero has no sign.
    text = f"{value * factor:z.{digits}f}"
    if is_missing(low) or is_missing(high):
        return text
    bounds = [f"{bound * factor:z.{digits}f}" for bound in (low, high)]
    return f"{text} ({(' to ' if bounds[0].startswith('-') else EN_DASH).join(bounds)})"


def p_value(p: float) -> str:
    """Write a p value: 0.034, <0.001; an em dash where nothing was tested."""
    if is_missing(p):
        return EMPTY
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def said_p(p: float) -> str:
    """Write a p value beside a claim: `p = 0.034`, `p < 0.001`."""
    text = p_value(p)
    return f"p {text.replace('<', '< ')}" if text.startswith("<") else f"p = {text}"


def row_interval(row: Mapping[str, Any], column: str) -> str:
    """Write a figure of a table's row with its interval, from `column`, `_low` and `_high`."""
    return with_interval(row[column], row[f"{column}_low"], row[f"{column}_high"])


def record_interval(record: Mapping[str, Any], key: str = "value", *, digits: int = 3) -> str:
    """Write a figure of a JSON record with its interval, from `key`, `low` and `high`."""
    return with_interval(record[key], record["low"], record["high"], digits=digits)


def brackets(confidence: float, more: str = "") -> str:
    """Say what stands in brackets behind a figure, and `more` of how intervals were drawn."""
    return f"In brackets: {percent(confidence)} intervals, bootstrap over patients{more}."


def capital(text: str) -> str:
    """Write the first letter large and leave the others as they are."""
    return text[:1].upper() + text[1:]


def count(value: float) -> str:
    """Write a count with thousands separated by narrow spaces that no line breaks at: 5 232."""
    return (
        EMPTY if is_missing(value) else f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    )


def millions(value: float) -> str:
    """Write a number of parameters or operations in millions: 11.2, 0.37."""
    if is_missing(value):
        return EMPTY
    return f"{value / 1e6:.1f}" if value >= 1e6 else f"{value / 1e6:.2g}"


def duration(seconds: float) -> str:
    """Write a duration: 42 s, 3 min 20 s, 2 h 05 min."""
    if is_missing(seconds):
        return EMPTY
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def percent(share: float, digits: int = 0) -> str:
    """Write a share as a percentage: 0.95 becomes `95 %`, with a space that does not break."""
    return f"{share * 100:.{digits}f}\N{NO-BREAK SPACE}%"


def interval_note(facts: dict[str, Any]) -> str:
    """Say what stands in brackets behind a figure; `facts` is comparison.json."""
    return (
        f"In brackets: {percent(facts['confidence'])} interval, bootstrap over patients "
        f"({count(facts['replicates'])} replicates)."
    )


def listing(items: Sequence[str]) -> str:
    """Join words into an enumeration: `a`, `a and b`, `a, b and c`."""
    items = list(items)
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Write a count with its noun: 1 image, 2 images; `nouns` where the plural is another."""
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"
