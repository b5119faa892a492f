"""Each time labels of the test set meet predictions: written down, one small file a look."""

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pneumobench.core.files import content_sha256, write_json
from pneumobench.core.provenance import git_commit
from pneumobench.core.run import Run
from pneumobench.statistics.selection import hash_files

# What a look is for.
EVALUATION, BAD_PRACTICE, OF_SUBTYPES = "evaluation", "bad practice", "subtypes"
RENORMALISED, EXTERNAL = "statistics of the test images", "external validation"

Subject = Run | Mapping[str, str]
"""Whose predictions they are: a run, or what stands beside runs: {"baseline": "thumbnail"}."""


def record_look(
    folder: str | Path | None,
    subject: Subject,
    *,
    purpose: str,
    test: list[Path],
    test_labels: Path,
    selection: Path,
) -> Path | None:
    """Write down that predictions are about to be judged on the test set.

    Files of a look are never written over: the log only grows, also when results are recreated.

    Parameters
    ----------
    folder
        Where the looks of an experiment lie; None where a look that was logged is only repeated,
        from an archive.
    subject
        Whose predictions they are.
    purpose
        `EVALUATION`, `BAD_PRACTICE`, `OF_SUBTYPES`, `RENORMALISED` or `EXTERNAL`: to evaluate a
        run, a baseline or an ensemble, to measure what bad practice adds, to evaluate subtypes, to
        judge a run with batch normalisation by statistics of the test images, or to judge on
        external images, which are a test set of another source.
    test
        The predictions of the test set.
    test_labels
        The labels that they meet.
    selection
        selection.json: what was chosen before.

    Returns
    -------
    pathlib.Path or None
        The file that was written.
    """
    if folder is None:
        return None
    folder = Path(folder)
    at = datetime.datetime.now(datetime.UTC)
    of_run = isinstance(subject, Run)
    identity = vars(subject) if of_run else dict(subject)
    parts = (
        (subject.slug, subject.recipe, f"seed{subject.seed}")
        if of_run
        else [part for pair in identity.items() for part in pair]
    )
    name = f"{at:%Y%m%dT%H%M%S%f}_{'_'.join(parts)}.json"
    content = {
        "looked_at": at.isoformat(timespec="seconds"),
        "purpose": purpose,
        **identity,
        "predictions_sha256": hash_files(test),
        "test_labels_sha256": content_sha256(test_labels),
        "selection_sha256": content_sha256(selection),
        "git_commit": git_commit(),
    }
    write_json(folder / name, content)
    return folder / name


def record_looks(
    folder: str | Path | None,
    runs: Iterable[Mapping[str, Any]],
    *,
    purpose: str,
    test_labels: Path,
    selection: Path,
) -> None:
    """Write down a look of each run; parameters as for `record_look`.

    Parameters
    ----------
    runs
        `run` (model, recipe, seed) and `test`, the paths of its predictions, of each.
    """
    for entry in runs:
        record_look(
            folder,
            Run(**entry["run"]),
            purpose=purpose,
            test=[Path(path) for path in entry["test"]],
            test_labels=test_labels,
            selection=selection,
        )


def record_beside(
    folder: str | Path | None,
    beside: Mapping[str, Iterable[str | Path]],
    *,
    purpose: str,
    test_labels: Path,
    selection: Path,
) -> None:
    """Write down a look of each baseline and ensemble; parameters as for `record_look`.

    Parameters
    ----------
    beside
        For `baseline` and `ensemble` the files of predictions, each in the folder of its name.
    """
    for kind, paths in beside.items():
        for path in map(Path, paths):
            record_look(
                folder,
                {kind: path.parent.name},
                purpose=purpose,
                test=[path],
                test_labels=test_labels,
                selection=selection,
            )
