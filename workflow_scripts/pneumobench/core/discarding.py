"""Weights are removed when all that needs them is made; what they were is written down."""

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pneumobench.core.files import read_json, write_json
from pneumobench.core.provenance import file_sha256

WEIGHTS = "weights.safetensors"


def discard_weights(
    folds: Iterable[str | Path],
    selection: str | Path,
    record: str | Path,
    log: str | Path,
    *,
    keep: str,
) -> None:
    """Remove the weights of all folds but those to keep.

    Parameters
    ----------
    folds
        run.json of every fold; the weights lie beside it.
    selection
        selection.json, for the run that ranks first.
    record
        JSON file to write: the folds whose weights are there, and those whose weights are not.
    log
        Folder where each removal is written down, one file each that nothing removes.
    keep
        all, best (the run that ranks first) or none.
    """
    best = read_json(selection)["best"]
    kept, gone = [], []
    for path in sorted(map(Path, folds)):
        fold, weights = read_json(path), path.with_name(WEIGHTS)
        wanted = keep == "all" or (keep == "best" and all(fold[key] == best[key] for key in best))
        if weights.exists() and not wanted:
            _remove(weights, fold, Path(log))
        (kept if weights.exists() else gone).append(path.parent.as_posix())
    write_json(record, {"keep_weights": keep, "kept": kept, "not_there": gone})


def _remove(weights: Path, fold: dict[str, Any], log: Path) -> None:
    at = datetime.datetime.now(datetime.UTC)
    slug = "_".join(weights.parent.parts[-4:])
    content = {
        "removed_at": at.isoformat(timespec="seconds"),
        **{key: fold[key] for key in ("model", "recipe", "seed", "fold", "code_hash")},
        "file": weights.as_posix(),
        "bytes": weights.stat().st_size,
        "sha256": file_sha256(weights),
    }
    # Written first: nothing is removed that is not written down.
    write_json(log / f"{at:%Y%m%dT%H%M%S%f}_{slug}.json", content)
    weights.unlink()
