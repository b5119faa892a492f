"""How often the test set was used: counted from the log that evaluation keeps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import complete_runs
from pneumobench.reporting.section import Paragraph, Section
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import count, listing, plural
from pneumobench.reporting.words import Words
from pneumobench.statistics.looks import BAD_PRACTICE, EVALUATION

Looks = dict[tuple[Run | str, str], list[dict[str, Any]]]
"""The looks at each subject for each purpose."""

# What is judged beside runs, as looks name it.
_BESIDE = ("baseline", "ensemble")
# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    (
        "Uses of the test set",
        "test_looks/*.json",
        "evaluate_run, compare_runs, evaluate_external, evaluate_subtypes, measure_shift, "
        "measure_inflation",
    ),
)


_RULES = (
    "None of these evaluations chose anything that is ranked: thresholds, calibration, ensembles "
    "and ranking had been frozen before, from out-of-fold predictions. But people read the results "
    "and change things. Repeated use of the test set biases its results. External images are a "
    "test set of another source; their uses are counted as well."
)
_LOG = (
    "The log only grows; it is kept when results are recreated, and is lost only with the folder "
    "of the experiment. Uses of the same images in other experiments are not counted here."
)


def build(files: ReportFiles, words: Words) -> Section | None:  # noqa: ARG001 - one shape for all
    """Return the section; None where no log is kept, or there is nothing to say of it.

    A look at the same predictions, labels and selection as before is a repetition: it shows
    nothing that was not seen.

    Raises
    ------
    UserError
        If a look is not what was written. It cannot be recreated.
    """
    if files.looks is None:
        return None
    folder, judged = Path(files.looks), complete_runs(files.comparison)["run"]
    looks = list(map(_read_look, sorted(folder.glob("*.json"))))
    of_what: Looks = {}
    for look in looks:
        # The first logs knew one purpose.
        of_what.setdefault((_subject(look), look.get("purpose", EVALUATION)), []).append(look)
    answer = (*_reading(looks, of_what), *_lost(folder, judged, of_what))
    if not answer:
        return None
    rows = [
        _row(subject, purpose, of_what[subject, purpose])
        for subject, purpose in sorted(of_what, key=_order)
    ]
    return Section(
        name="looks",
        title="How often was the test set used?",
        short="Use of the test set",
        answer=answer,
        blocks=(Paragraph(_RULES), Table("looks", "Uses of the test set", rows, notes=(_LOG,))),
        origins=ORIGINS if looks else (),
    )


def _read_look(path: Path) -> dict[str, Any]:
    """Read one look, with everything that is shown of it."""
    try:
        look = read_json(path)
        _seen(look), look["looked_at"], _subject(look)
    except (UserError, TypeError, ValueError) as error:
        said = error.what if isinstance(error, UserError) else "the record of a look is damaged"
        raise UserError(
            said,
            where=str(path),
            expected="the record of a look at the test set, as it was written then",
            remedy="restore it from a backup or from an archive of the experiment. It cannot be "
            "recreated, and without it nobody knows that the test set was looked at: if it is "
            "lost, move it out of this folder, keep it, and say so beside the results",
        ) from error
    return look


def _subject(look: dict[str, Any]) -> Run | str:
    """Return the run, or what a baseline or an ensemble is called."""
    for kind in _BESIDE:
        if kind in look:
            return f"{kind} {look[kind]}"
    return Run(look["model"], look["recipe"], int(look["seed"]))


def _order(key: tuple[Run | str, str]) -> tuple[Any, ...]:
    """Runs first, by name; of each the evaluation first."""
    subject, purpose = key
    is_run = isinstance(subject, Run)
    name = tuple(vars(subject).values()) if is_run else (subject,)
    return not is_run, name, purpose != EVALUATION, purpose


def _lost(folder: Path, judged: Iterable[Run], of_what: Looks) -> list[str]:
    """Return what must be said of a log that is not whole, or not in its place."""
    lacking = [run.title for run in judged if (run, EVALUATION) not in of_what]
    said = []
    if lacking:
        said.append(
            f"No evaluation is on record for {listing(lacking)}, although test results are shown: "
            "the record was lost, or an earlier version made them without one."
        )
    if folder.is_symlink():
        said.append("The folder of the log is a link to another place.")
    return said


def _seen(look: dict[str, Any]) -> tuple[str, ...]:
    return tuple(look[f"{what}_sha256"] for what in ("predictions", "test_labels", "selection"))


def _row(subject: Run | str, purpose: str, looks: list[dict[str, Any]]) -> dict[str, Cell]:
    title = subject.title if isinstance(subject, Run) else subject
    return {
        "Run": title if purpose == EVALUATION else f"{title}, {purpose}",
        "First use": looks[0]["looked_at"],
        "Last use": looks[-1]["looked_at"],
        "Uses": len(looks),
        "With something new": len(set(map(_seen, looks))),
        "Trained models evaluated": len({look["predictions_sha256"] for look in looks}),
        "Selections": len({look["selection_sha256"] for look in looks}),
    }


def _reading(looks: list[dict[str, Any]], of_what: Looks) -> list[str]:
    if not looks:
        return []
    # What is new of a run is counted for each run and purpose: two may see the same.
    new = sum(len(set(map(_seen, seen))) for seen in of_what.values())
    subjects = {subject for subject, _ in of_what}
    runs = [subject for subject in subjects if isinstance(subject, Run)]
    others = len(subjects) - len(runs)
    beside = plural(others, "baseline or ensemble", "baselines and ensembles")
    whose = plural(len(runs), "run") + (f" and {beside}" if others else "")
    bad = sum(len(seen) for (_, purpose), seen in of_what.items() if purpose == BAD_PRACTICE)
    selections = len({look["selection_sha256"] for look in looks})
    text = (
        f"Predictions were compared with the labels of the test set {plural(len(looks), 'time')}, "
        f"for {whose}; {count(new)} of these evaluations showed something new, with "
        f"{plural(selections, 'frozen selection')}."
    )
    if bad:
        text += (
            f" {count(bad)} of them measured what bad practice adds, on networks and epochs that "
            "are reported nowhere else."
        )
    if new > len(of_what):
        text += (
            " Some runs were trained or selected anew after a look: test results may have "
            "influenced that, and are the more optimistic the more often it happened."
        )
    return [text]
