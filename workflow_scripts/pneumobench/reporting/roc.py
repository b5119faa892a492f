"""ROC curves of all runs."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.axes import Axes

from pneumobench.reporting.curve_figure import CurveKind, chance_line, plot_curves
from pneumobench.reporting.curves import roc_curve
from pneumobench.reporting.style import styled


def _diagonal(axes: Axes, _counts: dict[str, int]) -> None:
    chance_line(axes, (0, 1), (0, 1))


_ROC = CurveKind(
    curve=roc_curve,
    metric="roc_auc",
    metric_title="AUC",
    xlabel="False-positive rate (1 - specificity)",
    ylabel="True-positive rate (sensitivity)",
    reference=_diagonal,
    reference_note="a classifier that guesses",
    corner=((-0.005, 0.305), (0.695, 1.005)),
)


@styled()
def plot_roc(
    scores: Iterable[str | Path],
    comparison_csv: str | Path,
    comparison_json: str | Path,
    stem: str | Path,
) -> None:
    """Draw the ROC curves of all complete runs and save them as `stem`.png and `stem`.pdf.

    Out-of-fold the curves of the folds are averaged vertically, because the logits of different
    fold models have no common scale; the area under the mean is the fold-mean AUC by which runs are
    ranked. On the test set the curve is that of the mean prediction. Where models are good, a
    second row of panels enlarges the top-left corner.

    Parameters
    ----------
    scores
        scores.csv of every complete run.
    comparison_csv, comparison_json
        The comparison: order, areas and intervals, and the level of these.
    stem
        Path of the figure without a suffix.
    """
    plot_curves(_ROC, scores, comparison_csv, comparison_json, stem)
