"""The files of a rule, as the dataclass that a function of the library takes."""

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

Files = TypeVar("Files")


def files_of(kind: type[Files], named: Any) -> Files:
    """Return a rule's inputs or outputs as paths under the names of a dataclass.

    Parameters
    ----------
    kind
        A dataclass of paths and lists of paths. Files of the rule that it does not name are left
        out; a field with a default may have none.
    named
        `snakemake.input` or `snakemake.output`.
    """
    names = [field.name for field in fields(kind) if hasattr(named, field.name)]
    return kind(**{name: _paths(getattr(named, name)) for name in names})


def _paths(given: Any) -> Path | list[Path]:
    return Path(given) if isinstance(given, str) else [Path(path) for path in given]
