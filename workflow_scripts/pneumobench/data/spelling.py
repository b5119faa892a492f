"""How names are written: the same name in other characters is told to be the same."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

# What no screen shows, beside characters of the categories Cf and Cc: joiners, fillers, selectors.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]"
)
_QUOTES = str.maketrans("\u2018\u2019\u02bc\u00b4`\u201c\u201d\u201e", "'''''\"\"\"")
# How spreadsheets keep a number from being read as one: ="007", '007; and quotation marks around.
_GUARDED = re.compile(r"""=?(["'])(?P<within>.+)\1|'(?P<text>.+)""")
_SIGN = re.compile(r"[+#] ?(?=\d)")
# Thousands apart: 12,000 is no 12 with decimals.
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
# A whole number that a program wrote with decimals.
_WHOLE = re.compile(r"(?<![\d.,])(\d+)[.,]0*$")
# Zeros before a number; within a word of letters and digits they may tell two words apart.
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d+(?![0-9a-z]))")


def visible(text: str) -> str:
    """Return a text as it is seen: composed (NFKC), without unseen characters, single blanks.

    >>> visible("Jose\\u0301\\u00a0\\u200b 7\\r")
    'José 7'
    """
    if not (text.isascii() and text.isprintable()):
        seen = (char for char in _UNSEEN.sub("", text) if char.isspace() or not _is_unseen(char))
        text = unicodedata.normalize("NFKC", "".join(seen))
    return " ".join(text.split())


def same_form(text: str) -> str:
    """Return what is equal for all ways to write one name.

    Case, kinds of dashes, quotation marks and digits, quotation marks around, a + or # before a
    number, commas between thousands, decimals of whole numbers and zeros before a number make no
    other name.

    >>> same_form("P\\u20110070") == same_form("p-70"), same_form("7.0") == same_form('="007"')
    (True, True)
    """
    text = visible(text).casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", "".join(map(_plain, text.translate(_QUOTES))))
    if guarded := _GUARDED.fullmatch(text):
        text = " ".join((guarded["within"] or guarded["text"]).split())
    text = _SIGN.sub("", text, count=1) if text[:1] in ("+", "#") else text
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    return _LEADING_ZEROS.sub("", _WHOLE.sub(r"\1", text))


def unite_spellings(names: Iterable[str]) -> tuple[dict[str, str], list[list[str]]]:
    """Return the key of each name, equal for all ways to write it, and what was united by that.

    Two that are one patient would stand on both sides of a split; two patients under one key only
    stay together. So whatever may be one name is one.

    Parameters
    ----------
    names
        As they are written; equal ones may repeat.

    Returns
    -------
    keys
        Of each name the first of its spellings, as it is seen; "" where nothing is seen.
    united
        The spellings of each key that has several, sorted.
    """
    spellings: dict[str, set[str]] = defaultdict(set)
    form_of = {name: same_form(name) for name in dict.fromkeys(names)}
    for name, form in form_of.items():
        spellings[form].add(name)
    key_of = {form: min(map(visible, found)) for form, found in spellings.items()}
    united = sorted(sorted(found) for form, found in spellings.items() if form and len(found) > 1)
    return {name: key_of[form] for name, form in form_of.items()}, united


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf")


def _plain(char: str) -> str:
    """Return a digit of any script as 0 to 9, any dash as a hyphen."""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return "-" if unicodedata.category(char) == "Pd" or char == "\u2212" else char
