"""How often the test set was looked at: counted from the log that evaluation keeps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.reporting.wording import count, listing, plural
from pneumobench.statistics.looks import BAD_PRACTICE, EVALUATION

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    (
        "Looks at the test set",
        "test_looks/*.json",
        "evaluate_run, evaluate_subtypes, measure_shift, measure_inflation",
    ),
)


def looks_section(folder: str | Path | None, judged: Iterable[Run] = ()) -> dict[str, Any]:
    """Return what the template shows: sentences, one row a run and purpose; nothing without a log.

    A look at the same predictions, labels and selection as before is a repetition: it shows
    nothing that was not seen.

    Parameters
    ----------
    folder
        The folder of the looks, or None where no look is logged.
    judged
        Runs whose figures of the test set are shown: those without a look are named.

    Raises
    ------
    UserError
        If a look is not what was written. It cannot be made anew.
    """
    if folder is None:
        return {"rows": [], "reading": "", "origins": ()}
    looks = list(map(_read_look, sorted(Path(folder).glob("*.json"))))
    of_what: dict[tuple[Run, str], list[dict[str, Any]]] = {}
    for look in looks:
        # The first logs knew one purpose.
        of_what.setdefault((_run_of(look), look.get("purpose", EVALUATION)), []).append(look)
    return {
        "rows": [
            _row(run, purpose, of_what[run, purpose])
            for run, purpose in sorted(of_what, key=lambda key: (key[0], key[1] != EVALUATION))
        ],
        "reading": " ".join([*_reading(looks, of_what), *_lost(Path(folder), judged, of_what)]),
        "origins": ORIGINS if looks else (),
    }


def _read_look(path: Path) -> dict[str, Any]:
    """Read one look, with everything that is shown of it."""
    try:
        look = read_json(path)
        _seen(look), look["looked_at"], _run_of(look)
    except (UserError, TypeError, ValueError) as error:
        said = error.what if isinstance(error, UserError) else "the record of a look is damaged"
        raise UserError(
            said,
            where=str(path),
            expected="the record of a look at the test set, as it was written then",
            remedy="put it back from a backup or from an archive of the experiment. It cannot be "
            "made anew, and without it nobody knows that the test set was looked at: if it is "
            "lost, move it out of this folder, keep it, and say so beside the figures",
        ) from error
    return look


def _run_of(look: dict[str, Any]) -> Run:
    return Run(look["model"], look["recipe"], int(look["seed"]))


def _lost(
    folder: Path, judged: Iterable[Run], of_what: dict[tuple[Run, str], list[dict[str, Any]]]
) -> list[str]:
    """Return what must be said of a log that is not whole, or not in its place."""
    lacking = [run.title for run in judged if (run, EVALUATION) not in of_what]
    said = []
    if lacking:
        said.append(
            f"No look is on record for {listing(lacking)}, although figures of the test set are "
            "shown: the record was lost, or an earlier version made them without one."
        )
    if folder.is_symlink():
        said.append("The folder of the records is a link to another place.")
    return said


def _seen(look: dict[str, Any]) -> tuple[str, ...]:
    return tuple(look[f"{what}_sha256"] for what in ("predictions", "test_labels", "selection"))


def _row(run: Run, purpose: str, looks: list[dict[str, Any]]) -> dict[str, str]:
    return {
        "Run": run.title if purpose == EVALUATION else f"{run.title}, {purpose}",
        "First look": looks[0]["looked_at"],
        "Last look": looks[-1]["looked_at"],
        "Looks": count(len(looks)),
        "At something new": count(len(set(map(_seen, looks)))),
        "Trained models seen": count(len({look["predictions_sha256"] for look in looks})),
        "Selections": count(len({look["selection_sha256"] for look in looks})),
    }


def _reading(
    looks: list[dict[str, Any]], of_what: dict[tuple[Run, str], list[dict[str, Any]]]
) -> list[str]:
    if not looks:
        return []
    # What is new of a run is counted for each run and purpose: two may see the same.
    new = sum(len(set(map(_seen, seen))) for seen in of_what.values())
    runs = {run for run, _ in of_what}
    bad = sum(len(seen) for (_, purpose), seen in of_what.items() if purpose == BAD_PRACTICE)
    selections = len({look["selection_sha256"] for look in looks})
    text = (
        f"The labels of the test set met predictions {plural(len(looks), 'time')}, for "
        f"{plural(len(runs), 'run')}; {count(new)} of these looks showed something that had not "
        f"been seen, with {plural(selections, 'frozen selection')}."
    )
    if bad:
        text += (
            f" {count(bad)} of them to measure what bad practice adds, which shows networks and "
            "epochs that are reported nowhere else."
        )
    if new > len(of_what):
        text += (
            " Some runs were trained or selected anew after a look: figures of the test set may "
            "have had a say in that, and are the more optimistic the more often this happened."
        )
    return [text]
