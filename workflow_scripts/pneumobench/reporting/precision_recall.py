"""Precision-recall curves of all runs."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.axes import Axes

from pneumobench.reporting.curve_figure import CurveKind, chance_line, plot_curves
from pneumobench.reporting.curves import precision_recall_curve
from pneumobench.reporting.style import styled


def _prevalence(axes: Axes, counts: dict[str, int]) -> None:
    share = counts["events"] / counts["n"]
    chance_line(axes, (0, 1), (share, share))


_PRECISION_RECALL = CurveKind(
    curve=precision_recall_curve,
    metric="average_precision",
    metric_title="AP",
    xlabel="Recall (sensitivity)",
    ylabel="Precision (positive predictive value)",
    reference=_prevalence,
    reference_note="the share of pneumonias, which is the precision of guessing",
    corner=((0.695, 1.005), (0.695, 1.005)),
    drawstyle="steps-pre",
)


@styled()
def plot_precision_recall(
    scores: Iterable[str | Path],
    comparison_csv: str | Path,
    comparison_json: str | Path,
    stem: str | Path,
) -> None:
    """Draw the precision-recall curves of all complete runs as `stem`.png and `stem`.pdf.

    Steps, not lines: the area under the steps is the average precision (AP). Out-of-fold the steps
    of the folds are averaged at equal recall, on the test set they are those of the mean
    prediction. The dotted line is the share of pneumonias, the precision of guessing.

    Parameters
    ----------
    scores
        scores.csv of every complete run.
    comparison_csv, comparison_json
        The comparison: order, areas and intervals, and the level of these.
    stem
        Path of the figure without a suffix.
    """
    plot_curves(_PRECISION_RECALL, scores, comparison_csv, comparison_json, stem)
