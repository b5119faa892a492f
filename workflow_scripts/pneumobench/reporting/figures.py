"""The figures of an experiment, each declared once: of which files, and with which caption.

A figure `name` is drawn by `draw(inputs: FigureInputs)` of the module
`pneumobench.reporting.drawing.name`. Rules, the report and the captions in Snakemake's own report
follow this list. Every job reads it: it imports nothing that takes time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumobench.reporting.wording import listing

if TYPE_CHECKING:
    from pneumobench.core.layout import Layout

FILES = {
    "audit": "dataset/audit.json",
    "splits": "dataset/splits.csv",
    "images": "dataset/images_{size}.npy",
    "images_digest": "dataset/images_{size}.json",
    "comparison": "comparison/comparison.csv",
    "comparison_details": "comparison/comparison.json",
    "differences": "comparison/differences.csv",
    "differences_details": "comparison/differences.json",
    "shift": "comparison/shift.json",
    "external": "comparison/external.json",
    "randomisation": "comparison/randomisation.csv",
    "subtypes": "comparison/subtypes.json",
    "inflation": "inflation/inflation.csv",
    "inflation_details": "inflation/inflation.json",
    "scores": "runs/{run}/scores.csv",
    "metrics": "runs/{run}/metrics.json",
    "calibrations": "runs/{run}/calibration.json",
    "calibrated": "runs/{run}/calibrated.csv",
    "label_errors": "comparison/label_errors.csv",
    "robustness": "runs/{run}/robustness.csv",
    "histories": "runs/{run}/fold{fold}/history.csv",
    "explained": "explanations/{run}/explained.csv",
    "maps": "explanations/{run}/maps.npz",
}
"""What figures are drawn of, as patterns of `core.layout`."""


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes
    ----------
    name
        Its files are figures/<name>.png, .pdf and so on, its module is drawing/<name>.py, its rule
        plot_<name>.
    title
        Its heading in the report.
    caption
        What stands below it, in the report and in Snakemake's own; it names no class, so that it
        holds for all data.
    inputs
        Names from `FILES`; audit.json, which says what the classes are called, is always one.
    category, label
        Where Snakemake's own report lists it, and under which words.
    analysis
        The optional analysis that it shows, empty for what every experiment has.
    radiographs
        Whether radiographs are drawn in it, which not every archive holds.
    options
        Keys of the section `explanation` of the configuration that the drawing function takes.
    """

    name: str
    title: str
    caption: str
    inputs: tuple[str, ...]
    category: str
    label: str
    analysis: str = ""
    radiographs: bool = False
    options: tuple[str, ...] = ()

    @property
    def of_runs(self) -> bool:
        """Whether it shows runs; doubts on labels are those of all runs together."""
        return "comparison" in self.inputs and "label_errors" not in self.inputs

    @property
    def module(self) -> str:
        """The module with its drawing function."""
        return f"pneumobench.reporting.drawing.{self.name}"

    def caption_of(self, shown: Sequence[str] | None) -> str:
        """Return the caption; it names the runs that are shown, unless these are all (None)."""
        if shown is None or not self.of_runs:
            return self.caption
        return f"{self.caption} Shown: {listing(shown)}."

    def files(self, layout: "Layout") -> dict[str, str | list[str]]:
        """Return what it is drawn of, by name: a path, or those of all runs of a layout."""
        found = {name: layout.paths(FILES[name]) for name in ("audit", *self.inputs)}
        return {
            name: paths if "{run}" in FILES[name] else paths[0] for name, paths in found.items()
        }


def figures_of(analyses: Collection[str], *, radiographs: bool) -> list[Figure]:
    """Return the figures of an experiment, in the order in which they are listed.

    Parameters
    ----------
    analyses
        The optional analyses that it asks for.
    radiographs
        Whether there are radiographs to draw.
    """
    return [
        figure
        for figure in FIGURES
        if (not figure.analysis or figure.analysis in analyses)
        and (radiographs or not figure.radiographs)
    ]


_RANKED = ("comparison", "comparison_details")
_MAPS = ("comparison", "explained", "maps")
_IMAGES = ("images", "images_digest", "splits")

FIGURES = (
    Figure(
        "data_flow",
        "From files to folds",
        "Image files found, excluded with their reasons, and accepted; images and groups of "
        "patients in each fold and in the test set. A group is a patient, together with the "
        "owners of identical images.",
        ("splits",),
        category="Data",
        label="data flow",
    ),
    Figure(
        "ranking",
        "Ranking",
        "AUC with intervals (bootstrap over patients). Filled circles: out-of-fold, by which "
        "runs are ranked; hollow squares: test set. Dashed line: out-of-fold AUC of the best "
        "baseline, a linear model of very simple features.",
        _RANKED,
        category="Comparison",
        label="ranking",
    ),
    Figure(
        "critical_difference",
        "Which runs are statistically distinguishable",
        "Runs on a scale of their out-of-fold AUC (mean of the folds). A bar joins neighbouring "
        "runs of which no pair is distinguishable: permutation of whole patients' scores, "
        "adjusted over all pairs (Holm).",
        ("comparison", "differences", "differences_details"),
        category="Comparison",
        label="critical differences",
    ),
    Figure(
        "differences",
        "All pairs of runs",
        "AUC of the higher-ranked run minus that of the other, in points (hundredths). Below "
        "the diagonal: out-of-fold; above: test set. The darker, the smaller the p value "
        "(permutation of whole patients' scores, adjusted over all pairs by Holm); white: not "
        "significant. Hatched: the same model trained twice, where any difference is chance.",
        ("comparison", "differences", "differences_details"),
        category="Comparison",
        label="all pairs of runs",
    ),
    Figure(
        "roc",
        "ROC curves",
        "Left: out-of-fold, vertical mean of the fold curves; right: mean prediction of the "
        "fold models on the test set. Markers: decisions at the out-of-fold threshold.",
        ("scores", *_RANKED),
        category="Comparison",
        label="ROC curves",
    ),
    Figure(
        "precision_recall",
        "Precision-recall curves",
        "Left: out-of-fold, mean of the folds at equal recall; right: mean prediction of the "
        "fold models on the test set. The area under the steps is the average precision (AP). "
        "Dotted: the prevalence, which is the precision of guessing.",
        ("scores", *_RANKED),
        category="Comparison",
        label="precision-recall curves",
    ),
    Figure(
        "confusion",
        "Confusion matrices",
        "Numbers of images, and shares of each row, at the out-of-fold threshold. Out-of-fold: "
        "all folds together; test set: mean prediction of the fold models.",
        ("metrics", "comparison"),
        category="Comparison",
        label="confusion matrices",
    ),
    Figure(
        "calibration",
        "Reliability curves",
        "Predicted probability against observed frequency, before (hollow) and after (filled) "
        "calibration, in bins of equally many images. Out-of-fold, an image's calibration was "
        "fitted to the other folds. Numbers: mean distance between the two.",
        ("calibrations", "comparison"),
        category="Calibration",
        label="reliability curves",
    ),
    Figure(
        "decision_curves",
        "Decision curves",
        "Above: net benefit of treating by the calibrated probability, at every threshold; "
        "dotted: treat all, treat none. Below: what a run adds to the better of these two. It "
        "holds at the prevalence in these images.",
        ("calibrations", "comparison"),
        category="Calibration",
        label="decision curves",
    ),
    Figure(
        "worst_cases",
        "Most confident errors",
        "Out-of-fold images on the wrong side of the frozen threshold, the most confident error "
        "first: of the best run, and of most of the runs. The network may be wrong, or the "
        "label.",
        ("calibrated", "comparison", *_IMAGES),
        category="Calibration",
        label="most confident errors",
        radiographs=True,
    ),
    Figure(
        "doubted_labels",
        "Labels that the networks doubt",
        "Out-of-fold images whose labels the networks doubt most, by confident learning on "
        "calibrated probabilities. The label may be wrong, or the networks.",
        ("label_errors", "comparison", *_IMAGES),
        category="Data",
        label="doubted labels",
        analysis="label_errors",
        radiographs=True,
    ),
    Figure(
        "training_curves",
        "Training curves",
        "Loss, accuracy and held-out AUC over the epochs. Thin lines: folds; thick lines: their "
        "mean. Early stopping watches the held-out part of the training side. Models that fuse "
        "two branches have a fourth panel: each branch's share of the norm of the features.",
        ("histories", "comparison"),
        category="Training",
        label="training curves",
    ),
    Figure(
        "cost",
        "Parameters, training time and AUC",
        "Out-of-fold AUC with intervals (bootstrap over patients) against the number of "
        "parameters and the training time of all folds. The number in a disc is the rank; runs "
        "that are not shown to have learned are named, not drawn.",
        _RANKED,
        category="Training",
        label="cost against AUC",
    ),
    Figure(
        "shift",
        "Scores on development and test images",
        "Distance of the scores from the frozen threshold, by class: median (mark), 25 to 75 % "
        "(bar) and 5 to 95 % (line). Images right of the threshold are called positive. "
        "Numbers: specificity or sensitivity, out-of-fold and on the test set.",
        ("shift", "comparison"),
        category="Dataset shift",
        label="development against test",
    ),
    Figure(
        "external",
        "External validation",
        "AUC, sensitivity and specificity with intervals (bootstrap over patients): "
        "out-of-fold, on the test set and on images of another source, with networks and "
        "thresholds as they were frozen. Nothing was tuned on the external images.",
        ("external", "comparison"),
        category="Dataset shift",
        label="external validation",
        analysis="external",
    ),
    Figure(
        "robustness",
        "Robustness to image corruption",
        "Specificity and sensitivity on the clean and the corrupted out-of-fold images, each "
        "fold at its frozen threshold; darker is lower. A frame marks the worst value of a run; "
        "the worst specificity is the criterion for robustness.",
        ("robustness", "comparison"),
        category="Robustness",
        label="runs against corruptions",
        analysis="robustness",
    ),
    Figure(
        "inflation",
        "How much bad practice inflates the results",
        "Left: the result that bad practice reports, which is OPTIMISTIC (filled), and the "
        "honest one (hollow), with intervals (bootstrap over patients). Right: the difference "
        "in points; grey where its interval includes 0.",
        ("inflation", "inflation_details"),
        category="Leakage",
        label="optimism of bad practice",
        analysis="inflation",
    ),
    Figure(
        "subtypes",
        "Normal, bacterial and viral radiographs",
        "Above: images by reference standard (rows, each 100 %) and decision (columns, the "
        "class with the largest logit) of the runs that rank first. Below: AUC of each class "
        "against the rest, and of bacterial against viral, with intervals; circles: "
        "out-of-fold; squares: test set; dashed: a linear model of thumbnails; dotted: chance.",
        ("subtypes", "comparison"),
        category="Subtypes",
        label="normal, bacterial, viral",
        analysis="subtypes",
    ),
    Figure(
        "explanations",
        "The same radiographs, explained by all networks",
        "Out-of-fold maps over the first two images of each class, or of each subtype where "
        "subtypes are known, with the predicted probability. Colours run from 0 to the peak of "
        "each map; a white line surrounds what lies above half of it.",
        (*_MAPS, *_IMAGES),
        category="Explanations",
        label="maps of all runs",
        analysis="explanations",
        radiographs=True,
        options=("colour_map",),
    ),
    Figure(
        "every_map",
        "One radiograph, all explanation methods",
        "The class activation map is one of several. Integrated gradients and occlusion need no "
        "layer of the network; gates and tokens show where signals pass. Colours run from 0 to "
        "the peak of each map; those of gates and tokens span the numbers below them.",
        (*_MAPS, *_IMAGES),
        category="Explanations",
        label="one radiograph, every map",
        analysis="explanations",
        radiographs=True,
        options=("colour_map",),
    ),
    Figure(
        "mean_maps",
        "Mean maps",
        "Mean of the maps of each class, and of each known subtype, each scaled to a sum of 1; "
        "empty maps are left out, and where the predicted class is explained, wrong answers are. "
        "A network that looks at corners, borders or letters looks there in most images.",
        _MAPS,
        category="Explanations",
        label="mean maps",
        analysis="explanations",
        options=("colour_map",),
    ),
    Figure(
        "randomisation",
        "Maps of randomised networks",
        "Similarity to the trained network's maps as more and more of its stages, from the "
        "logits down, are given random weights. It should fall: what remains was not learnt.",
        ("randomisation", "maps", "comparison"),
        category="Explanations",
        label="cascading randomisation",
        analysis="explanations",
    ),
)
