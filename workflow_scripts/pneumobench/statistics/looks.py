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
RENORMALISED = "statistics of the test images"


def record_look(
    folder: str | Path | None,
    run: Run,
    *,
    purpose: str,
    test: list[Path],
    test_labels: Path,
    selection: Path,
) -> Path | None:
    """Write down that predictions of a run are about to be judged on the test set.

    Files of a look are never written over: the log only grows, also when results are recreated.

    Parameters
    ----------
    folder
        Where the looks of an experiment lie; None where a look that was logged is only repeated,
        from an archive.
    run
        The run.
    purpose
        `EVALUATION`, `BAD_PRACTICE`, `OF_SUBTYPES` or `RENORMALISED`: to evaluate the run, to
        measure what bad practice adds, to evaluate subtypes, or to judge it with batch
        normalisation by statistics of the test images.
    test
        Its predictions of the test set.
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
    name = f"{at:%Y%m%dT%H%M%S%f}_{run.slug}_{run.recipe}_seed{run.seed}.json"
    content = {
        "looked_at": at.isoformat(timespec="seconds"),
        "purpose": purpose,
        "model": run.model,
        "recipe": run.recipe,
        "seed": run.seed,
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
