"""A figure drawn and saved."""

from importlib import import_module
from pathlib import Path

from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import save_figure, styled


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
    with styled():
        save_figure(import_module(module).draw(inputs), stem)
