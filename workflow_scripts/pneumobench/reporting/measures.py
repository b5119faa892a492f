"""Which metrics tables show, and what they, measures of calibration and rules are called."""

from dataclasses import dataclass

from pneumobench.reporting.inputs import DECISION_AGGREGATE
from pneumobench.statistics.metrics import DECISION_METRICS, JUDGED

_DATASETS = {"out_of_fold": "Out-of-fold", "test": "Test"}


@dataclass(frozen=True)
class Metric:
    """A metric of metrics.json as tables show it.

    Attributes
    ----------
    name, title
        Its key, and what it is called within a sentence.
    compared
        The data sets on which the comparison of all runs shows it.
    on_card
        Whether model cards show it.
    """

    name: str
    title: str
    compared: tuple[str, ...] = ()
    on_card: bool = True

    @property
    def heading(self) -> str:
        """Its title at the beginning of a line."""
        return self.title[0].upper() + self.title[1:]

    def titled(self, dataset: str) -> str:
        """Return its title with that of a data set."""
        return f"{_DATASETS[dataset]} {self.title}"

    def key(self, dataset: str) -> tuple[str, str, str, str]:
        """Return data set, aggregate, threshold and metric of the estimate that is shown."""
        decided = self.name in DECISION_METRICS
        whole = decided or dataset == "test"
        aggregate = DECISION_AGGREGATE[dataset] if whole else "fold_mean"
        return dataset, aggregate, "out_of_fold" if decided else "none", self.name


# Computed in statistics/metrics.py; what is to be shown has a line here.
SHOWN = (
    Metric("roc_auc", "AUC", compared=("out_of_fold", "test")),
    Metric("average_precision", "average precision"),
    Metric("brier", "Brier score"),
    Metric("accuracy", "accuracy", compared=("out_of_fold", "test"), on_card=False),
    Metric("balanced_accuracy", "balanced accuracy", on_card=False),
    Metric("sensitivity", "sensitivity", compared=("test",)),
    Metric("specificity", "specificity", compared=("test",)),
    Metric("ppv", "positive predictive value"),
    Metric("npv", "negative predictive value"),
)
METRICS = {metric.name: metric.heading for metric in SHOWN if metric.name in JUDGED}
INTERVAL_COLUMNS = {
    f"{dataset}_{metric.name}": metric.titled(dataset)
    for dataset in _DATASETS
    for metric in SHOWN
    if dataset in metric.compared
}
"""Columns of comparison.csv that the comparison of all runs shows, and their titles."""
PATIENT_CELLS = {
    metric.titled(dataset): metric.key(dataset)
    for dataset in _DATASETS
    for metric in SHOWN
    if metric.name in JUDGED
}
"""Title and key of what is said of patients instead of images."""

CALIBRATION = {
    "calibration_error": "Calibration error",
    "brier": "Brier score",
    "slope": "Slope",
    "in_the_large": "Calibration in the large",
}
RULES = {"youden": "Youden", "sensitivity_95": "sensitivity 95 %", "cost": "cost"}
# The metric that says how often images of a class are called right.
RIGHT = {"normal": "specificity", "pneumonia": "sensitivity"}
