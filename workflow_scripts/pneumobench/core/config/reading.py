"""Configuration files read more strictly than YAML is: a parser keeps the last of equal keys."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pneumobench.core.config.unreadable import shown_lines, why_unreadable
from pneumobench.core.errors import UserError

# Far above every configuration; below what a parser, a merge or an editor stumbles over.
LONGEST_FILE = 1_000_000
DEEPEST, MOST_VALUES = 50, 100_000
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A parser needs no constructor to tell what stands in these: kinds of plain values.
PLAIN_TAGS = tuple(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")
)
# YAML reads 010 as eight, 1:30 as ninety and 1_0 as ten.
ODD_NUMBER = re.compile(
    r"[+-]?(0[0-9_]+|0[xb][0-9a-fA-F_]+|[0-9][0-9_]*(:[0-5]?[0-9])+|[0-9]+_[0-9_]*)"
)
# Snakemake runs Python code that stands in a file with this key.
TEMPLATE_KEY = "__use_yte__"
EXPECTED = "a configuration in YAML: keys and values as in config.yaml, in UTF-8"
UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def check_config_files(paths: Iterable[str | Path]) -> None:
    """Stop where a configuration file does not say one thing.

    Parameters
    ----------
    paths
        The files; one that does not exist is left to whoever reads it.

    Raises
    ------
    UserError
        If a file is no text in UTF-8, no YAML or JSON, has no keys, gives a key twice at any depth,
        or refers to itself; naming file and lines.
    """
    for path in map(Path, paths):
        if path.exists():
            check_config_text(_text(path), str(path))


def check_config_text(text: str, name: str, subject: str = "the file") -> None:
    """Stop where the text of a configuration does not say one thing; see `check_config_files`.

    Parameters
    ----------
    text
        YAML or JSON.
    name, subject
        What messages call it.
    """
    try:
        duplicates = list(_Reader(name).duplicates(yaml.parse(text, Loader=LOADER)))
        content = _as_snakemake(text)
    except yaml.YAMLError as error:
        why = why_unreadable(text, error)
        said = f"{subject} is no valid YAML: {why.said}{shown_lines(text, why.line)}"
        raise _refused(said, name, why.line, why.remedy or f"correct {subject}") from None
    # Dates and numbers that there are not.
    except (ValueError, TypeError, OverflowError) as error:
        raise _refused(f"a value cannot be read: {error}", name) from None
    if duplicates:
        listed = "".join(f"\n    {duplicate}" for duplicate in duplicates[:20])
        raise UserError(
            f"a key is given twice in one section, and only the last would count:{listed}",
            where=name,
            expected="every key once in its section",
            remedy="keep one of the two lines, or merge the two sections",
        )
    if content is None:
        raise _refused("the file has no keys", name, remedy="write keys into it, or leave it out")
    if not isinstance(content, dict):
        kind = {list: "a list"}.get(type(content), "a single value")
        raise _refused(f"the file holds {kind} instead of keys", name)


def _as_snakemake(text: str) -> Any:
    """Return what Snakemake reads in a text; its parsers are not as tolerant as `LOADER`."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, Loader=yaml.FullLoader)


def _text(path: Path) -> str:
    """Return the text of a configuration file."""
    if not path.is_file():
        raise _refused("a folder, a pipe or a device is not a configuration file", str(path))
    try:
        with path.open("rb") as stream:
            content = stream.read(LONGEST_FILE + 1)
    except OSError as error:
        raise _refused(f"the file cannot be read: {error.strerror}", str(path)) from None
    if len(content) > LONGEST_FILE:
        raise _refused("the file is larger than 1 MB", str(path))
    save = "save the file as UTF-8 (in an editor: Save as ..., encoding UTF-8)"
    if content.startswith(UTF_16_OR_32) or b"\0" in content:
        wide = content.startswith(UTF_16_OR_32) or content.count(b"\0") > len(content) // 4
        kind = "is written in UTF-16 or UTF-32, not in UTF-8" if wide else "holds a NUL byte"
        raise _refused(f"the file {kind}", str(path), remedy=save)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(
            f"the file is not written in UTF-8 (byte 0x{content[error.start]:02x}); perhaps in "
            "Latin-1 or Windows-1252",
            str(path),
            line,
            remedy=save,
        ) from None


@dataclass
class _Level:
    """A section or list that is being read: the lines of its keys, and the key that waits."""

    path: str
    mapping: bool
    anchor: str | None
    values_before: int
    lines: dict[Any, int] = field(default_factory=dict)
    key: str | None = None
    count: int = 0


class _Reader:
    """Walks over YAML's events without recursion and counts what aliases stand for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open: list[_Level] = []
        self.sizes: dict[str, int] = {}
        self.values = self.documents = 0

    def duplicates(self, events: Iterable[yaml.Event]) -> Iterator[str]:
        """Yield a line for each key that its section gives twice; raise for what is refused."""
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    raise self._refused("the file holds several documents (a line ---)", line)
            elif isinstance(event, yaml.CollectionEndEvent):
                level = self.open.pop()
                if level.anchor:
                    self.sizes[level.anchor] = self.values - level.values_before
            elif isinstance(event, yaml.NodeEvent):
                yield from self._node(event, line)

    def _node(self, event: yaml.NodeEvent, line: int) -> Iterator[str]:
        self._check(event, line)
        level = self.open[-1] if self.open else None
        is_key = level is not None and level.mapping and level.count % 2 == 0
        if level is not None:
            level.count += 1
            if is_key:
                level.key = None
        path = _place(level) if level and not is_key else ""
        if isinstance(event, yaml.CollectionStartEvent):
            mapping = isinstance(event, yaml.MappingStartEvent)
            self.open.append(_Level(path, mapping, event.anchor, self.values))
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                self.sizes[event.anchor] = 1
            if level is not None and is_key:
                yield from self._key(level, event, line)

    def _key(self, level: _Level, event: yaml.ScalarEvent, line: int) -> Iterator[str]:
        level.key = event.value
        if event.value == TEMPLATE_KEY:
            raise self._refused(f"{TEMPLATE_KEY} would run code that stands in the file", line)
        # Plain 1 and quoted "1" are two keys; yes and true are one. << stands for keys of others.
        resolved = event.implicit[0] and event.value != "<<"
        key = yaml.load(event.value, Loader=LOADER) if resolved else event.value
        identity = (type(key).__name__, str(key))
        if identity in level.lines:
            yield f"{_place(level)}: lines {level.lines[identity]} and {line}"
        level.lines[identity] = line

    def _check(self, event: yaml.NodeEvent, line: int) -> None:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in {level.anchor for level in self.open}:
                raise self._refused(f"*{event.anchor} stands within &{event.anchor} itself", line)
            self.values += self.sizes.get(event.anchor, 1)
        else:
            self.values += 1
            if event.tag is not None and event.tag not in (*PLAIN_TAGS, "!"):
                raise self._refused(f"the tag {event.tag} is none of a configuration's", line)
            if _is_odd_number(event):
                said = yaml.load(event.value, Loader=LOADER)
                what = f"YAML reads {event.value} as the number {said}: write that, or quotes"
                raise self._refused(what, line)
        if self.values > MOST_VALUES:
            raise self._refused(f"the file stands for more than {MOST_VALUES:,} values", line)
        if len(self.open) >= DEEPEST:
            raise self._refused(f"sections are nested more than {DEEPEST} deep", line)

    def _refused(self, what: str, line: int) -> UserError:
        return _refused(what, self.name, line)


def _is_odd_number(event: yaml.NodeEvent) -> bool:
    """Whether a plain value is a whole number for YAML, though in a form that few would read so."""
    if not isinstance(event, yaml.ScalarEvent) or not event.implicit[0]:
        return False
    odd = ODD_NUMBER.fullmatch(event.value[:100]) is not None
    return odd and isinstance(yaml.load(event.value, Loader=LOADER), int)


def _place(level: _Level) -> str:
    """Return where a value of a section or list stands, as `recipes.light.epochs`."""
    if not level.mapping:
        return f"{level.path}[{level.count - 1}]"
    name = "?" if level.key is None else level.key
    return f"{level.path}.{name}" if level.path else name


def _refused(
    what: str, name: str, line: int | None = None, remedy: str = "correct the file"
) -> UserError:
    where = name if line is None else f"{name}, line {line}"
    return UserError(what, where=where, expected=EXPECTED, remedy=remedy)
