"""Every analysis that an experiment may or may not want, declared once: when, and which files.

Files are patterns of `core.layout`. To add an analysis, add an entry here and rules that make its
files; what waits for them, keeps weights for them or archives them follows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pneumobench.core.config.experiment import Experiment
from pneumobench.core.errors import UserError
from pneumobench.core.layout import FOLD, FURTHER_FOLD, MAPS, RUN, TRAINED, Layout
from pneumobench.core.repredictions import REPREDICTIONS
from pneumobench.core.task import BINARY


@dataclass(frozen=True)
class Analysis:
    """An analysis and its files.

    Attributes
    ----------
    name
        Its name.
    wanted
        Whether a checked configuration asks for it.
    archived
        Files that an archive holds, from which the others are rebuilt.
    made
        Files that an archive holds for those that are rebuilt to be compared with.
    others
        Files that no archive holds, since they are rebuilt.
    pictures
        Folders of pictures, which an archive holds where it holds radiographs.
    from_weights
        Those of its files that wait for trained weights, which must be kept until they are made.
    opens_test_labels
        Whether one of its files is made from labels of test images.
    fewest_runs
        The number of compared runs without which there is nothing to analyse.
    """

    name: str
    wanted: Callable[[Experiment], bool]
    archived: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    from_weights: tuple[str, ...] = ()
    opens_test_labels: bool = False
    fewest_runs: int = 1

    @property
    def files(self) -> tuple[str, ...]:
        """All its files."""
        return self.archived + self.made + self.others + self.pictures


def _below(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(folder + name for name in names)


def _predicted(kind: str) -> tuple[str, ...]:
    return _below(FOLD, *REPREDICTIONS[kind].files.values())


ALWAYS = Analysis(
    "comparison",
    wanted=lambda _experiment: True,
    archived=(
        "experiment.json",
        "precision.json",
        *_below("dataset/", "audit.json", "manifest.csv", "splits.csv"),
        *_below("dataset/", "development_labels.csv", "test_labels.csv"),
        "models/{slug}.json",
        *_below(FOLD, *TRAINED),
        *_below("baselines/{baseline}/", "out_of_fold.csv", "test.csv"),
        "selection/selection.json",
        *_below("shift/", "domains.csv", "blocks.csv"),
    ),
    made=(
        RUN + "metrics.json",
        *_below("comparison/", "comparison.csv", "comparison.json"),
        *_below("comparison/", "differences.csv", "differences.json"),
        *_below("tables/", "comparison.csv", "comparison.md", "comparison.tex"),
        "tables/report_tables.tex",
        "figures/manifest.json",
    ),
    opens_test_labels=True,
)

ANALYSES = (
    Analysis(
        "views",
        wanted=lambda experiment: experiment.prediction.test_time_augmentation != "none",
        archived=_predicted("views"),
        from_weights=_predicted("views"),
    ),
    Analysis(
        "robustness",
        wanted=lambda experiment: bool(experiment.robustness.strengths),
        archived=_predicted("corrupted"),
        others=(*_below(RUN, "robustness.csv", "robustness.json"), "comparison/robustness.csv"),
        from_weights=_predicted("corrupted"),
    ),
    Analysis(
        "renormalised",
        wanted=lambda experiment: experiment.robustness.test_time_normalisation,
        archived=_predicted("renormalised"),
        from_weights=_predicted("renormalised"),
    ),
    Analysis(
        "external",
        wanted=lambda experiment: experiment.external is not None,
        archived=(
            *_predicted("external"),
            "baselines/{baseline}/external.csv",
            *_below("external/", "audit.json", "labels.csv"),
        ),
        made=_below("comparison/", "external.csv", "external.json"),
        from_weights=_predicted("external"),
    ),
    Analysis(
        "ensembles",
        wanted=lambda experiment: bool(experiment.ensembles),
        others=_below("ensembles/{ensemble}/", "out_of_fold.csv", "test.csv"),
        fewest_runs=2,
    ),
    Analysis(
        "explanations",
        wanted=lambda experiment: experiment.explanation.method != "none",
        archived=_below(MAPS, "explained.csv", "maps.npz", "measures.csv", "randomisation.csv"),
        others=_below("comparison/", "explanations.csv", "explanations.json", "randomisation.csv"),
        pictures=_below(MAPS, "panels"),
        from_weights=_below(MAPS, "maps.npz", "measures.csv"),
    ),
    Analysis(
        "inflation",
        wanted=lambda experiment: experiment.inflated_run is not None,
        archived=("inflation/{arm}/fold{fold}/epochs.csv",),
        others=_below("inflation/", "inflation.csv", "inflation.json"),
        opens_test_labels=True,
    ),
    Analysis(
        "subtypes",
        wanted=lambda experiment: experiment.task != BINARY,
        archived=_below("baselines/subtypes/fold{fold}/", "out_of_fold.csv", "test.csv"),
        made=_below("comparison/", "subtypes.csv", "subtypes.json"),
        opens_test_labels=True,
    ),
    Analysis(
        "label_errors",
        wanted=lambda experiment: experiment.evaluation.label_errors,
        others=_below("comparison/", "label_errors.csv", "label_errors.json"),
    ),
    Analysis(
        "variation",
        wanted=lambda experiment: experiment.trained_anew,
        archived=(
            "dataset/repeat{repeat}/splits.csv",
            *_below(FURTHER_FOLD, "run.json", "out_of_fold.csv"),
        ),
        others=_below("comparison/", "variation.csv", "variation.json"),
    ),
)


def wanted_analyses(layout: Layout) -> list[Analysis]:
    """Return the optional analyses that an experiment wants and its runs allow."""
    return [
        analysis
        for analysis in ANALYSES
        if analysis.wanted(layout.experiment) and len(layout.runs) >= analysis.fewest_runs
    ]


def names_wanted(layout: Layout) -> list[str]:
    """Return the names of the analyses of `wanted_analyses`."""
    return [analysis.name for analysis in wanted_analyses(layout)]


def wanted(layout: Layout, *names: str) -> list[str]:
    """Return files of optional analyses, none of those that are not wanted.

    Parameters
    ----------
    layout
        Where files lie, and which runs they are of.
    names
        The patterns of the files; of files of a run, a fold or a run's maps their name is enough.

    Raises
    ------
    ValueError
        If no analysis, or more than one, has files of this name.
    """
    owners = [_owner(name) for name in names]
    analyses = wanted_analyses(layout)
    return [path for owner, file in owners if owner in analyses for path in layout.paths(file)]


def _owner(name: str) -> tuple[Analysis, str]:
    """Return the analysis that a file is of, and its whole pattern."""
    found = [
        (analysis, file)
        for analysis in ANALYSES
        for file in analysis.files
        if name in (file, file.rpartition("/")[2] if "{run}" in file else file)
    ]
    if len(found) != 1:
        raise ValueError(f"{len(found)} kinds of files of optional analyses are called {name}")
    return found[0]


def rebuilt_from(layout: Layout) -> list[str]:
    """Return all that tables, figures and report follow from, weights and images apart."""
    pictures = layout.experiment.archive_radiographs
    return [
        path
        for analysis in _all(layout)
        for path in layout.paths(*analysis.archived, *analysis.pictures * pictures)
    ]


def made_of_archived(layout: Layout) -> list[str]:
    """Return metrics and tables that are compared with those that an archive holds."""
    return [path for analysis in _all(layout) for path in layout.paths(*analysis.made)]


def made_from_weights(layout: Layout) -> list[str]:
    """Return all that is made from trained weights, beside the predictions of their trainings."""
    return [path for analysis in _all(layout) for path in layout.paths(*analysis.from_weights)]


def maps_asked_for(layout: Layout) -> list[str]:
    """Return the table on the maps, or stop where maps are asked for that are turned off."""
    if table := wanted(layout, "comparison/explanations.csv"):
        return table
    raise UserError(
        "there is nothing to explain",
        where="explanation.method: none",
        expected="the method of the maps",
        remedy="set explanation.method to grad_cam; nothing is retrained",
    )


def _all(layout: Layout) -> Iterator[Analysis]:
    yield ALWAYS
    yield from wanted_analyses(layout)
