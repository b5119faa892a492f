"""How often the test set was looked at: counted from the log that evaluation keeps."""

from pathlib import Path
from typing import Any

from pneumobench.core.files import read_json
from pneumobench.core.run import Run
from pneumobench.reporting.wording import count, plural
from pneumobench.statistics.looks import BAD_PRACTICE, EVALUATION

# What is shown, where it comes from, which rule writes it.
ORIGINS = (
    (
        "Looks at the test set",
        "test_looks/*.json",
        "evaluate_run, evaluate_subtypes, measure_shift, measure_inflation",
    ),
)


def looks_section(folder: str | Path | None) -> dict[str, Any]:
    """Return what the template shows: a sentence, one row a run and purpose; no rows without a log.

    A look at the same predictions, labels and selection as before is a repetition: it shows
    nothing that was not seen.

    Parameters
    ----------
    folder
        The folder of the looks, or None.
    """
    paths = sorted(Path(folder).glob("*.json")) if folder is not None else []
    looks = [read_json(path) for path in paths]
    if not looks:
        return {"rows": [], "reading": "", "origins": ()}
    of_what: dict[tuple[Run, str], list[dict[str, Any]]] = {}
    for look in looks:
        run = Run(look["model"], look["recipe"], int(look["seed"]))
        # The first logs knew one purpose.
        of_what.setdefault((run, look.get("purpose", EVALUATION)), []).append(look)
    return {
        "rows": [
            _row(run, purpose, of_what[run, purpose])
            for run, purpose in sorted(of_what, key=lambda key: (key[0], key[1] != EVALUATION))
        ],
        "reading": _reading(looks, of_what),
        "origins": ORIGINS,
    }


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
) -> str:
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
    return text
