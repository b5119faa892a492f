"""How figures are drawn: the section figures."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from pneumobench.core.config.section import Section, Text
from pneumobench.core.run import Run


class Figures(Section):
    """How figures are drawn, for instance for a paper; no other result follows from it."""

    runs: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)] | None
    """Runs that figures show, in this order: the name of a model stands for all its runs, the
    folder below runs/, such as custom_cnn_lstm/light/seed42, for one; null = all in order of rank.
    Ranks, intervals and tests remain those of all runs."""
    font_size: float = Field(ge=4, le=24)
    """Size of the letters in points (small print is smaller); lines and marks grow with it."""
    width: float = Field(ge=60, le=420)
    """Width of the figures in mm. Usual in journals: 85 to 90 (a column), 170 to 190 (a page)."""
    format: Annotated[tuple[Literal["png", "pdf", "svg"], ...], Field(min_length=1, strict=False)]
    """Formats of the files: png, pdf, svg. The report shows the PNG, which is always drawn."""

    @property
    def formats(self) -> list[str]:
        """All formats that are drawn, each once, the report's first."""
        return list(dict.fromkeys(("png", *self.format)))

    def shown(self, runs: Sequence[Run]) -> list[Run] | None:
        """Return those of an experiment's runs that figures show, None for all by rank."""
        if self.runs is None:
            return None
        return list(dict.fromkeys(run for name in self.runs for run in named_runs(name, runs)))

    @property
    def look(self) -> dict[str, float]:
        """What `reporting.drawing.style.Look` is made of."""
        return {"font_size": self.font_size, "width": self.width}


def named_runs(name: str, runs: Iterable[Run]) -> list[Run]:
    """Return the runs that a name in `figures.runs` stands for."""
    return [run for run in runs if name in (run.model, run.folder)]
