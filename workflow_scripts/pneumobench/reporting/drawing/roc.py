"""ROC curves of all runs."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.curves import roc_curve
from pneumobench.reporting.drawing.curve_panels import CurveKind, draw_curves
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import chance_line


def draw(inputs: FigureInputs) -> Figure:
    """Draw the ROC curves of all complete runs.

    Out-of-fold the curves of the folds are averaged vertically, because the logits of different
    fold models have no common scale; the area under the mean is the fold-mean AUC by which runs are
    ranked. On the test set the curve is that of the mean prediction. Where models are good, a
    second row of panels enlarges the top-left corner.
    """
    kind = CurveKind(
        curve=roc_curve,
        metric="roc_auc",
        metric_title="AUC",
        xlabel="False-positive rate (1 - specificity)",
        ylabel="True-positive rate (sensitivity)",
        reference=_diagonal,
        reference_note="a classifier that guesses",
        corner=((-0.005, 0.305), (0.695, 1.005)),
    )
    return draw_curves(kind, inputs)


def _diagonal(axes: Axes, _counts: dict[str, int]) -> None:
    chance_line(axes, (0, 1), (0, 1))
