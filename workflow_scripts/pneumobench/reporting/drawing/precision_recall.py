"""Precision-recall curves of all runs."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumobench.reporting.curves import precision_recall_curve
from pneumobench.reporting.drawing.curve_panels import CurveKind, draw_curves
from pneumobench.reporting.drawing.inputs import FigureInputs
from pneumobench.reporting.drawing.style import chance_line


def draw(inputs: FigureInputs) -> Figure:
    """Draw the precision-recall curves of all complete runs.

    Steps, not lines: the area under the steps is the average precision (AP). Out-of-fold the steps
    of the folds are averaged at equal recall, on the test set they are those of the mean
    prediction. The dotted line is the prevalence, the precision of guessing.
    """
    prevalence = f"the prevalence of {inputs.words.positive}"
    kind = CurveKind(
        curve=precision_recall_curve,
        metric="average_precision",
        metric_title="AP",
        xlabel="Recall (sensitivity)",
        ylabel="Precision (positive predictive value)",
        reference=_prevalence,
        reference_note=f"{prevalence}, which is the precision of guessing",
        corner=((0.695, 1.005), (0.695, 1.005)),
        drawstyle="steps-pre",
    )
    return draw_curves(kind, inputs)


def _prevalence(axes: Axes, counts: dict[str, int]) -> None:
    share = counts["events"] / counts["n"]
    chance_line(axes, (0, 1), (share, share))
