"""A figure drawn and saved."""

from importlib import import_module
from pathlib import Path

from matplotlib.figure import Figure

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import save_figure, styled


def drawn_figure(module: str, inputs: FigureInputs) -> Figure:
    """Return a figure in the house style, as the function `draw` of its module draws it."""
    with styled():
        return import_module(module).draw(inputs)


def plot_figure(module: str, inputs: FigureInputs, stem: str | Path) -> None:
    """Draw a figure and save it as `stem`.png and `stem`.pdf.

    Parameters
    ----------
    module
        The module with its function `draw`.
    inputs
        What it is drawn of.
    stem
        Path without a suffix.
    """
    figure = drawn_figure(module, inputs)
    # What is drawn only as it is saved, such as labels of ticks, follows the style as well.
    with styled():
        save_figure(figure, stem)
