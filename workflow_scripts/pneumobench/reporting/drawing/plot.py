"""A figure drawn and saved."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import Look, save_figure, styled


def drawn_figure(module: str, inputs: FigureInputs, look: Look | None = None) -> Figure:
    """Return a figure in the house style, as the function `draw` of its module draws it."""
    with styled(look):
        return import_module(module).draw(inputs)


def plot_figure(
    module: str,
    inputs: FigureInputs,
    stem: str | Path,
    *,
    formats: Sequence[str] = ("png", "pdf"),
    look: Look | None = None,
) -> None:
    """Draw a figure and save it as `stem`.png, .pdf, .svg.

    Parameters
    ----------
    module
        The module with its function `draw`.
    inputs
        What it is drawn of.
    stem
        Path without a suffix.
    formats
        Which of png, pdf and svg.
    look
        How large it is; None = as the report has it.
    """
    figure = drawn_figure(module, inputs, look)
    # What is drawn only as it is saved, such as labels of ticks, follows the style as well.
    with styled(look):
        save_figure(figure, stem, formats)
