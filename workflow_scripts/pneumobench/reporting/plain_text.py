"""Names and words of other people as a figure can show them: text, never markup, and short."""

import functools
import unicodedata

# Characters of one line; a page holds 130 in the smallest letters.
LONGEST_LINE = 200
# Characters of a run's name.
LONGEST_LABEL = 48
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_UNKNOWN = "\N{WHITE SQUARE}"
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"
_FAMILY = "DejaVu Sans"
# Marks above and below letters.
_SILENT = ("Mn", "Me")


def shown(text: str, longest: int = LONGEST_LINE) -> str:
    """Return a text as the figures' font can draw it.

    Lines stay lines. A character that the font lacks, or that controls something, becomes a square;
    marks without width that the font lacks are left out. A line that is too long loses its middle.
    """
    return "\n".join(shortened(_drawable(line), longest) for line in text.split("\n"))


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters: beginning and end, which tell names apart."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return f"{text[: longest - 1 - tail]}{_ELLIPSIS}{text[-tail:]}"


def _drawable(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    said = "".join(map(_sign, unicodedata.normalize("NFC", line)))
    # Else a name written from right to left turns round the whole line that it begins.
    turned = any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in said)
    return f"{_LEFT_TO_RIGHT}{said}" if turned else said


def _sign(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Cf":
        return ""
    if sign.isspace():
        # The font has the usual blanks; tabs and the like have no place in a line.
        return sign if ord(sign) in _glyphs() else " "
    if ord(sign) in _glyphs() and not category.startswith("C"):
        return sign
    return "" if category in _SILENT else _UNKNOWN


@functools.cache
def _glyphs() -> frozenset[int]:
    """Return the characters that the figures' font can draw."""
    # Here, because tables shorten names as well and start sooner without it.
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(_FAMILY)).get_charmap())
