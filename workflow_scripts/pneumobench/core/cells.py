"""Texts as cells of a CSV file: each on one line, none of them a formula to a spreadsheet.

A text that a spreadsheet would run, or that a CSV file cannot hold, stands behind an apostrophe:
`=1+1` becomes `'=1+1`. Behind it, `\\\\` is a backslash and `\\xNN` or `\\uNNNN` a character.
See https://owasp.org/www-community/attacks/CSV_Injection.
"""

import re
from collections.abc import Sequence

# Also the wide signs, which are formulas where such letters are written.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
# In the middle of a text, spreadsheets of some countries begin a cell at these.
_INNER_SIGN = re.compile(rf"([;\t|][^\S\n]*[\"']*[^\S\n]*)([{_SIGNS}])")
_UNWRITABLE = re.compile(r"[\0\r\n\ud800-\udfff]")
_MARKED = re.compile(
    rf"^(?:['\t]|[^\S\n]*[\"']*[^\S\n]*[{_SIGNS}])|{_INNER_SIGN.pattern}|[\0\r\ud800-\udfff]",
    re.MULTILINE,
)
_ESCAPED = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")


def written_cells(values: Sequence[object]) -> list[object]:
    """Return values as a CSV file can hold them; what is no text stays as it is."""
    values = list(values)
    texts = [value for value in values if isinstance(value, str)]
    # One search for all of them: hardly any column has such a text.
    joined = "\n".join(texts)
    if joined.count("\n") < max(len(texts), 1) and not _MARKED.search(joined):
        return values
    return [written_cell(value) if isinstance(value, str) else value for value in values]


def written_cell(text: str) -> str:
    """Return a text as a CSV file can hold it."""
    if not _UNWRITABLE.search(text) and not _MARKED.search(text):
        return text
    text = _UNWRITABLE.sub(lambda found: _escape(found[0]), text.replace("\\", "\\\\"))
    return "'" + _INNER_SIGN.sub(lambda found: found[1] + _escape(found[2]), text)


def read_cell(text: str) -> str:
    """Return the text that `written_cell` was given."""
    if not text.startswith("'"):
        return text
    return _ESCAPED.sub(lambda found: _unescape(found[1] or found[2]), text[1:])


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _unescape(digits: str | None) -> str:
    return chr(int(digits, 16)) if digits else "\\"
