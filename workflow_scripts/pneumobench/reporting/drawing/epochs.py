"""How many epochs each fold was trained for."""

from matplotlib.figure import Figure

from pneumobench.core.ownership import read_fold_table
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.rows import row_panels
from pneumobench.reporting.drawing.style import BLUE, LIGHT_GREY


def draw(inputs: FigureInputs) -> Figure:
    """Draw a dot for each fold of each run, in order of rank, at its number of epochs."""
    runs = inputs.of_runs("histories", depth=2)
    names = [f"{row['rank']:.0f}  {row['label']}" for row, _ in runs]
    figure, (axes,) = row_panels(
        names, 1, inputs.notes("One dot for each fold."),
        row=0.3, head=0.1, foot=0.4, numbers=0.1, gap=0,
    )  # fmt: skip
    for position, (_, paths) in enumerate(runs):
        epochs = [len(read_fold_table(path)) for path in paths]
        axes.plot(epochs, [position] * len(epochs), "o", color=BLUE, markersize=4.5, alpha=0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("Epochs trained")
    axes.grid(axis="x", color=LIGHT_GREY)
    return figure
