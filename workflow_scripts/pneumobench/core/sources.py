"""Where the radiographs of a section `data` or `external` lie, before any of them is looked at."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any

from pneumobench.core.code_hash import code_hash
from pneumobench.core.config.data import Data
from pneumobench.core.fetched import FETCHED_SOURCES, fetched_name

FOLDER = "resources/datasets"
"""What is drawn or fetched lies here, for all experiments."""
# They decide whether the pipeline stops, not whether a file is let in.
_STOPPING = {
    *("reading", "maximum_rejected_fraction", "maximum_near_duplicate_fraction"),
    "allow_crossings",
}


@dataclass(frozen=True)
class Source:
    """The radiographs of a section.

    Attributes
    ----------
    data
        The section of the checked configuration.
    """

    data: Data

    @property
    def name(self) -> str:
        """The source's name, as phantom or directory."""
        return self.data.source

    @property
    def options(self) -> dict[str, Any]:
        """The source's own section, as plain values."""
        return getattr(self.data, self.name).model_dump()

    @property
    def limits(self) -> dict[str, Any]:
        """What a file must be to be let in: `pneumobench.data.doorkeeper.Limits`."""
        return self.data.checks.model_dump(exclude=_STOPPING)

    @property
    def phantoms(self) -> str:
        """The folder of phantoms, named after all they follow from: experiments share them."""
        knobs = "-".join(f"{key}{value}" for key, value in self.data.phantom.model_dump().items())
        code = code_hash("pneumobench.data.phantoms.generate")
        digest = hashlib.sha256(f"{knobs}\n{code}".encode()).hexdigest()
        return f"{FOLDER}/phantom-{digest[:10]}"

    @property
    def fetched(self) -> str | None:
        """The name of the folder of a published data set that is fetched; None for others."""
        return fetched_name(self.name, self.options) if self.name in FETCHED_SOURCES else None

    @property
    def root(self) -> str:
        """The folder that the images lie in."""
        if self.name == "phantom":
            return f"{self.phantoms}/chest_xray"
        if self.fetched:
            return f"{FOLDER}/{self.fetched}"
        if self.name == "table":
            return self.options["images"] or os.path.dirname(self.options["path"]) or "."
        return self.options["path"]

    @property
    def records(self) -> list[str]:
        """The record of a data set that is fetched; none of others."""
        return [f"{FOLDER}/{self.fetched}.json"] if self.fetched else []

    @property
    def made(self) -> list[str]:
        """The files that say that the radiographs are there; none for a user's own."""
        return [f"{self.phantoms}/phantoms.csv"] if self.name == "phantom" else self.records
