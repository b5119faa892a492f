"""Figures that stand in no other section."""

from collections.abc import Sequence

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import FigureOf, Section
from pneumobench.reporting.words import Words


def gather(files: ReportFiles, words: Words, others: Sequence[Section]) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where every figure stands elsewhere."""
    shown = {name for section in others for name in section.figures}
    left = [path.stem for path in files.all("figures") if path.stem not in shown]
    if not left:
        return None
    return Section(
        name="figures",
        title="ROC, precision-recall and training curves",
        short="Curves",
        blocks=tuple(map(FigureOf, left)),
    )
