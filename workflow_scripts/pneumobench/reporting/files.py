"""The files that a report is made of, by what they are to it; each is read once."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import read_comparison, read_metrics
from pneumobench.reporting.run_records import read_runs


class ReportFiles:
    """What rule render_report is given, under the names that the rule gives its inputs.

    Parameters
    ----------
    inputs
        One path or a list of paths for each name; an empty list where an experiment has none.
    settings
        The part of the configuration that the report states; `settings["data"]["source"]` says
        whether the images are phantoms.
    looks
        The folder of the log of looks at the test set, or None.
    map_method
        How maps are made, or None.
    """

    def __init__(
        self,
        inputs: Mapping[str, str | Path | list[str | Path]],
        *,
        settings: dict[str, Any],
        looks: str | Path | None = None,
        map_method: str | None = None,
    ) -> None:
        self._inputs = dict(inputs)
        self.settings, self.looks, self.map_method = settings, looks, map_method

    @classmethod
    def of_job(cls, job: Any) -> Self:
        """Return what a job's `snakemake` object names: its inputs and three of its params."""
        params = job.params
        return cls(
            dict(job.input.items()),
            settings=params.settings,
            looks=params.looks,
            map_method=params.map_method,
        )

    def all(self, name: str) -> list[Path]:
        """Return the paths under a name; none where an experiment has none."""
        found = self._inputs.get(name, [])
        return [Path(found)] if isinstance(found, str | Path) else list(map(Path, found))

    def one(self, name: str) -> Path | None:
        """Return the one path under a name, None where an experiment has none."""
        return next(iter(self.all(name)), None)

    def json(self, name: str) -> dict[str, Any] | None:
        """Return what the one JSON file under a name holds, None where there is none."""
        path = self.one(name)
        return None if path is None else read_json(path)

    @property
    def phantoms(self) -> bool:
        """Whether the radiographs are drawn."""
        return self.settings["data"]["source"] == "phantom"

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """The ranked table, as `inputs.read_comparison` returns it."""
        return read_comparison(self._inputs["table"])

    @cached_property
    def facts(self) -> dict[str, Any]:
        """comparison.json."""
        return read_json(self._inputs["details"])

    @cached_property
    def audit(self) -> dict[str, Any]:
        """audit.json."""
        return read_json(self._inputs["audit"])

    @cached_property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """metrics.json of every complete run, by its folder."""
        return read_metrics(self.all("metrics"))

    @cached_property
    def runs(self) -> Any:
        """run.json of every fold of every complete run, as `methods.read_runs` returns them."""
        return read_runs(self.all("run_jsons"))
