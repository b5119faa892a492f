"""Which differences hold? Every pair of runs, every planned contrast, all against a reference.

The primary test exchanges the scores of whole patients (`permutation.py`); its p values are
adjusted within their family (Holm). DeLong, McNemar and the corrected resampled t-test stand beside
it, adjusted in the same way: readers know them, but the first two take the images of a patient as
independent, and five folds are few for the third.

differences.csv has a row for every pair of runs and data set. `first` is the run that ranks higher
out of fold; `difference` is its AUC minus the other's (out of fold the mean of the folds), with the
paired interval of the patient-clustered bootstrap; `*_p` of `pair_tests.TESTS` and `*_p_holm`,
adjusted over all pairs of the data set; `distinguishable`, whether the adjusted p of the
permutation test lies below 1 - `confidence`; `verdict` of `equivalence`, by two one-sided tests at
that level, not adjusted, and by `distinguishable`; `detectable`, the smallest true difference that
a single test shows with 80 % power; `curves_cross`, whether the ROC curves do so that the
permutation test, whose null is that runs are interchangeable, reacts to their shapes at equal
areas. `noise_floor` says why both are one model trained twice, or that their predictions are equal:
then there is nothing to test. McNemar's test compares decisions at the frozen thresholds
(`only_first_right`, `only_second_right` of the images).

differences.json holds what the tests follow from, the families, the planned contrasts, `reference`
(null, or the `model` named beforehand and its `pairs`, as those of a contrast), the seeds of each
architecture together, and the groups of runs that are not distinguishable.
"""

import logging
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import write_json, write_table
from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run
from pneumobench.statistics.contrast_tests import test_contrasts
from pneumobench.statistics.contrasts import PLANNED, Settings, against_reference, speaks_of
from pneumobench.statistics.estimates import number
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.pair_tests import (
    Areas,
    Level,
    distinguishable_matrix,
    indistinguishable_groups,
    test_pairs,
)
from pneumobench.statistics.scores import Compared, check_any, read_compared
from pneumobench.statistics.variation import Trainings, area_of_recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PairFiles:
    """What the tests are made of.

    Attributes
    ----------
    scores
        scores.csv of every complete run.
    run_jsons
        run.json of every fold of every complete run, for the settings of its recipe.
    selection
        selection.json, for the order of the runs.
    """

    scores: list[Path]
    run_jsons: list[Path]
    selection: Path


def compare_pairs(
    files: PairFiles,
    table: Path,
    details: Path,
    *,
    permutations: int,
    reference: str | None,
    margin: float,
    resampling: Resampling,
) -> None:
    """Test every pair of runs, the planned contrasts and a reference, and write what holds.

    Parameters
    ----------
    files
        What the tests are made of.
    table, details
        differences.csv and differences.json to write.
    permutations, margin
        As in `Level`; more permutations where a family is too large for so few.
    reference
        Architecture that all others are tested against as a family; or None.
    resampling
        How intervals are drawn; the seed is also that of the exchanges.

    Raises
    ------
    UserError
        If no run is complete, or runs are of different images or folds, or were not selected.
    """
    check_any(files.scores, table)
    settings, frozen = _read_settings(files.run_jsons), Frozen.read(files.selection)
    scores_of = frozen.by_rank(files.scores)
    order, compared = list(scores_of), read_compared(scores_of, resampling)
    areas = {dataset: part.areas() for dataset, part in compared.items()}
    level = Level(resampling.confidence, permutations, resampling.seed, margin)
    pairs = {
        dataset: test_pairs(dataset, part, areas[dataset], order, settings, level)
        for dataset, part in compared.items()
    }
    tested = _test_contrasts(reference, compared, areas, settings, level)
    families = [own for _, own in pairs.values()]
    families += [family for _, own in tested.values() for family in own]
    for family in families:
        logger.info("%(family)s, %(dataset)s: %(distinguishable)d of %(tests)d hold", family)
    write_table(table, pd.concat([rows for rows, _ in pairs.values()], ignore_index=True))
    content = {
        "datasets": {dataset: part.labels.counts() for dataset, part in compared.items()},
        "threshold_rule": frozen.rule,
        **resampling.facts,
        "margin": margin,
        "detectable": {name: _detectable(rows) for name, (rows, _) in pairs.items()},
        "families": families,
        "contrasts": tested["planned contrasts"][0],
        "reference": reference
        and {"model": reference, "pairs": tested["against the reference"][0][0]["pairs"]},
        "architectures": _architectures(compared, areas, order, level),
        "ranking": _ranking(pairs["out_of_fold"][0], order),
    }
    write_json(details, content)


def _detectable(pairs: pd.DataFrame) -> float | None:
    """Return the median over the pairs of the smallest difference that is detected.

    None where it is known of none.
    """
    found = pairs["detectable"].dropna()
    return None if found.empty else number(found.median())


def _ranking(pairs: pd.DataFrame, order: list[Run]) -> dict[str, Any]:
    """Return the runs in order of rank, and the ranks of groups that are indistinguishable."""
    groups = indistinguishable_groups(distinguishable_matrix(pairs, order))
    return {
        "runs": [vars(run) for run in order],
        "groups": [[position + 1 for position in group] for group in groups],
    }


def _read_settings(run_jsons: list[Path]) -> dict[Run, dict[str, Any]]:
    """Return what run.json says of each run's recipe."""
    contents = map(read_owned_json, run_jsons)
    return {Run.of(content): content["settings"] for content in contents}


def _test_contrasts(
    reference: str | None,
    compared: dict[str, Compared],
    areas: dict[str, Areas],
    settings: Settings,
    level: Level,
) -> dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return what `test_contrasts` does, by family."""
    asked = {"planned contrasts": PLANNED}
    if reference is not None:
        asked["against the reference"] = (against_reference(reference, settings),)
    return {
        family: test_contrasts(family, contrasts, compared, areas, settings, level)
        for family, contrasts in asked.items()
    }


def _architectures(
    compared: dict[str, Compared], areas: dict[str, Areas], order: list[Run], level: Level
) -> list[dict[str, Any]]:
    """Return the AUC of every model and recipe over its seeds, in order of their best run."""
    records = []
    pairs = dict.fromkeys((run.model, run.recipe) for run in order)
    for dataset, (model, recipe) in product(compared, pairs):
        runs = sorted(run for run in order if (run.model, run.recipe) == (model, recipe))
        trainings = Trainings.of_seeds(areas[dataset], runs)
        records.append(
            {
                "model": model,
                "recipe": recipe,
                "seeds": list(trainings.seeds),
                "speaks_of": speaks_of(len(runs)),
                "dataset": dataset,
                **area_of_recipe(trainings, compared[dataset], level.confidence),
                "spread": trainings.spread,
            }
        )
    return records
