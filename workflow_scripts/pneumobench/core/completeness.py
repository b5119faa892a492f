"""Which runs are compared: all, or with `allow_partial` those that are complete."""

from collections.abc import Sequence
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.layout import Layout
from pneumobench.core.run import Run


def compared_runs(layout: Layout, missing: Sequence[dict[str, Any]]) -> tuple[Run, ...]:
    """Return the runs that tables and figures wait for.

    Parameters
    ----------
    layout
        The runs of the experiment, and where their files lie.
    missing
        Those of `missing_runs`, or those that an archive lacks.

    Raises
    ------
    UserError
        If no run is complete.
    """
    lacking = {(run["model"], run["recipe"], run["seed"]) for run in missing}
    compared = tuple(run for run in layout.runs if (run.model, run.recipe, run.seed) not in lacking)
    if not compared:
        raise UserError(
            "allow_partial is true and no run is complete yet",
            where=f"{layout.results}/runs",
            expected="at least one run with all its folds",
            remedy="run `snakemake train --keep-going` without allow_partial first",
        )
    return compared


def missing_runs(layout: Layout) -> list[dict[str, Any]]:
    """Name the runs that are not compared since they are not complete, with what there is of them.

    Parameters
    ----------
    layout
        The runs of the experiment, and where their files lie.
    """
    if not layout.experiment.allow_partial:
        return []
    folds = layout.experiment.split.folds * layout.experiment.split.repeats
    finished = {run: layout.finished_folds(run) for run in layout.runs}
    return [
        vars(run) | {"note": f"{count} of {folds} folds finished"}
        for run, count in finished.items()
        if count < folds
    ]
