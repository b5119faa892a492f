"""Why a text is no YAML, in words for whoever wrote it, and the lines that it is about."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import yaml

from pneumobench.core.config.secrets import has_credentials, is_secret
from pneumobench.core.names import either

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What may be a key, with what follows it.
NAME = re.compile(r"([\w-]+)['\"]?\s*[:=]")
# A line that has a value, and one whose value begins with a mark that has an end.
WITH_VALUE = re.compile(r"\s*(- +)*[^\s:][^:]*: +[^\s#&|>]")
MARKED = re.compile(r"[^:]*: +(['\"{\[])")
LONGEST_LINE = 100
TABS = "write spaces instead of tabs (editors have a setting for it)"
# What parsers say of lines that stand too far to the left or to the right.
OF_PLACES = (
    *("mapping values are not allowed", "did not find expected key", "expected '-' indicator"),
    *("expected <document start>", "expected <block end>"),
)


class Reason(NamedTuple):
    """What is wrong, in which line (the first is 1; None where nobody knows), and what to do."""

    said: str
    line: int | None
    remedy: str | None = None


def why_unreadable(text: str, error: yaml.YAMLError) -> Reason:
    """Return why a parser stopped, as precisely as its words and the lines around it tell."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Reason(_words(error), None)
    lines = BREAK.split(text)
    number = _filled(lines, mark.line)
    if "\t" in _margin(lines[number]):
        return Reason(
            "the line begins with a tab, where YAML takes spaces alone",
            number + 1,
            TABS,
        )
    return (
        _of_begun(lines, error)
        or _of_places(lines, number, str(error.problem))
        or _of_line(lines[number], number, mark.column, str(error.problem))
        or Reason(_words(error), number + 1)
    )


def shown_lines(text: str, number: int | None) -> str:
    """Return a line and the one above it with their numbers, tabs made visible.

    Nothing is shown of a text that may hold a secret anywhere: its value may stand in any line.
    """
    secret = any(map(is_secret, NAME.findall(text))) or has_credentials(text, address=True)
    if number is None or secret:
        return ""
    lines = BREAK.split(text)
    above = [line for line in range(number - 1, 0, -1) if _has_content(lines[line - 1])]
    width = len(str(number))
    return "".join(
        f"\n    {line:>{width}} | {_printable(lines[line - 1])}" for line in (*above[:1], number)
    )


def _printable(line: str) -> str:
    shown = line.rstrip().replace("\t", "<tab>")
    shown = shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 3]}..."
    return "".join(letter if letter.isprintable() else "?" for letter in shown)


def _of_begun(lines: Sequence[str], error: yaml.MarkedYAMLError) -> Reason | None:
    """Return what a mark that was begun and not ended as it should tells."""
    mark, context, problem = error.context_mark, str(error.context), str(error.problem)
    if mark is None:
        return None
    number = _filled(lines, mark.line)
    begun = lines[number][mark.column : mark.column + 1]
    if "flow" in context:
        return Reason(f"{begun} is not closed, or a comma is missing after it", number + 1)
    if "quoted scalar" in context and "end of stream" in problem:
        return Reason(f"the quotation mark {begun} is not closed", number + 1)
    if "quoted scalar" in context:
        return Reason(
            "between double quotes a backslash begins a code",
            number + 1,
            "write single quotes around the text",
        )
    if "simple key" in context:
        dash = lines[number].lstrip().startswith("-")
        lacking = "a space is missing after the dash" if dash else "a colon is missing"
        return Reason(lacking, number + 1)
    return None


def _of_places(lines: Sequence[str], number: int, problem: str) -> Reason | None:
    """Return what the indentation of a line tells, compared with the lines above it."""
    if not any(words in problem for words in OF_PLACES):
        return None
    above = [line for line in range(number) if _has_content(lines[line])]
    if not above:
        return None
    before, here = lines[above[-1]], len(_margin(lines[number]))
    levels = _levels([lines[line] for line in above])
    remedy = "indent the keys of one section, and the dashes of one list, equally"
    if here > levels[-1] and WITH_VALUE.match(before):
        said = f"the line is indented by {_spaces(here)}, the one above it by {levels[-1]}"
        return Reason(f"{said}, and that one has a value of its own", number + 1, remedy)
    if "mapping values" in problem and ":" not in before:
        return Reason("a colon is missing after the key", above[-1] + 1)
    if "mapping values" in problem and re.fullmatch(r"\s*(- +)*[\w-]+:\S.*", before):
        return Reason("a space is missing after the colon", above[-1] + 1)
    if here not in levels and here < levels[-1]:
        levels_above = either(list(map(str, levels)))
        said = f"the line is indented by {_spaces(here)}, the lines above it by {levels_above}"
        return Reason(said, number + 1, remedy)
    if "'-' indicator" in problem:
        said = (
            "the line is no entry of the list (a dash is missing), nor a key of the entry above it "
            f"(which is indented by {_spaces(levels[-1])})"
        )
        return Reason(said, number + 1, remedy)
    return None


def _of_line(line: str, number: int, column: int, problem: str) -> Reason | None:
    """Return what a line alone tells."""
    if "mapping values" in problem:
        return Reason("a text with a colon and a space needs quotes", number + 1)
    if "cannot start any token" in problem and "\t" in line:
        return Reason("a tab, where YAML takes spaces alone", number + 1, TABS)
    if "cannot start any token" in problem:
        return Reason(
            f"a text that begins with {line[column : column + 1]} needs quotes", number + 1
        )
    if "block sequence" in problem:
        return Reason("a list with dashes begins in the line below its key", number + 1)
    if "expected key" in problem and (marked := MARKED.match(line)):
        said = f"after what begins with {marked[1]} there is more: the whole text needs quotes"
        return Reason(said, number + 1)
    return None


def _levels(lines: Sequence[str]) -> list[int]:
    """Return how far the sections and lists are indented that are open behind some lines."""
    open_: list[int] = []
    for line in lines:
        place = len(_margin(line))
        open_ = [level for level in open_ if level < place]
        open_.append(place)
        # What stands behind a dash is a level of its own.
        while found := re.compile(r"- +(?=\S)").match(line, place):
            place = found.end()
            open_.append(place)
    return open_


def _filled(lines: Sequence[str], number: int) -> int:
    """Return the last line, at a number or before it, that is not empty; 0 if all are."""
    return max((line for line in range(len(lines))[: number + 1] if lines[line].strip()), default=0)


def _has_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _spaces(number: int) -> str:
    return f"{number} space{'s' * (number != 1)}"


def _margin(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _words(error: yaml.YAMLError) -> str:
    """Return what a parser says, on one line, without pieces of the file."""
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    return " ".join(str(said).split())
