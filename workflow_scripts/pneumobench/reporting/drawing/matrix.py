"""A confusion matrix, shaded by the share of each row."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from pneumobench.reporting.drawing.style import luminance
from pneumobench.reporting.wording import count, percent


def draw_matrix(axes: Axes, counts: np.ndarray, title: str, *, digits: int, size: float) -> None:
    """Draw numbers of images, with the percentage of its row in each cell.

    The shade follows the share, so that classes can be compared although one has more images.

    Parameters
    ----------
    axes
        Where to.
    counts
        [reference standard, decision].
    title
        The data set; the number of images follows it.
    digits
        Digits of the percentages.
    size
        Size of the letters.
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = matplotlib.colormaps["Blues"]
    axes.imshow(share, cmap=colours, vmin=0, vmax=1.15, aspect="auto")
    for (row, column), value in np.ndenumerate(counts):
        dark = luminance(colours(share[row, column] / 1.15)) < 0.3
        axes.text(
            column, row, f"{count(value)}\n{percent(share[row, column], digits)}",
            ha="center", va="center", fontsize=size, color="white" if dark else "black",
        )  # fmt: skip
    axes.set_title(f"{title}, n = {count(counts.sum())}", fontsize=7.5)
    axes.spines[:].set_visible(False)
