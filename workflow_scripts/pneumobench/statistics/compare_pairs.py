"""Which differences hold? Every pair of runs, every planned contrast, all against a reference.

The primary test exchanges the scores of whole patients (`permutation.py`); its p values are
adjusted within their family (Holm). DeLong, McNemar and the corrected resampled t-test stand beside
it, adjusted in the same way: readers know them, but the first two take the images of a patient as
independent, and five folds are few for the third.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.core.ownership import read_owned_json
from pneumobench.core.run import Run
from pneumobench.statistics.compared_scores import read_compared, replicate_areas
from pneumobench.statistics.contrast_tests import over_seeds, test_contrasts
from pneumobench.statistics.contrasts import PLANNED, Settings, against_reference
from pneumobench.statistics.estimates import number, summarise
from pneumobench.statistics.indistinguishable import indistinguishable_groups
from pneumobench.statistics.pair_tests import Areas, Level, distinguishable_matrix, test_pairs
from pneumobench.statistics.seeds import speaks_of
from pneumobench.statistics.selection import find_fitted

logger = logging.getLogger(__name__)


def compare_pairs(
    scores: list[Path],
    run_jsons: list[Path],
    selection: Path,
    table: Path,
    details: Path,
    *,
    confidence: float,
    replicates: int,
    bootstrap_seed: int,
    permutations: int,
    reference: str | None,
) -> None:
    """Test every pair of runs, the planned contrasts and a reference, and write what holds.

    Parameters
    ----------
    scores
        scores.csv of every complete run.
    run_jsons
        run.json of every fold of every complete run, for the settings of its recipe.
    selection
        selection.json, for the order of the runs.
    table
        differences.csv to write: a row for every pair of runs and data set. `first` is the run that
        ranks higher out of fold; `difference` is its AUC minus the other's (out of fold the mean of
        the folds), with the paired interval of the patient-clustered bootstrap; `*_p` of
        `pair_tests.TESTS` and `*_p_holm`, adjusted over all pairs of the data set; `distinguishable`,
        whether the adjusted p of the permutation test lies below 1 - `confidence`. `noise_floor`
        says why both are one model trained twice, or that their predictions are equal: then there
        is nothing to test. McNemar's test compares decisions at the frozen thresholds
        (`only_first_right`, `only_second_right` of the images).
    details
        differences.json to write: what the tests follow from, the families, the planned contrasts,
        `reference` (null, or the `model` named beforehand and its `pairs`, as those of a contrast),
        the seeds of each architecture together, and the groups of runs that are not distinguishable.
    confidence
        Level of the intervals in (0, 1); 1 - `confidence` is that of the tests.
    replicates, bootstrap_seed
        Number of bootstrap replicates; the seed of the bootstrap and of the exchanges.
    permutations
        Exchanges of the permutation test; more are made where a family is so large that fewer
        could hardly separate a pair of it.
    reference
        Architecture that was named beforehand and that all others are tested against, as a family
        of its own; None = no such family.

    Raises
    ------
    UserError
        If no run is complete, if runs are of different images or folds, or if the selection does
        not know a run.
    """
    settings = _read_settings(run_jsons)
    scores_of = _name_runs(scores, settings, table)
    order = sorted(scores_of, key=lambda run: find_fitted(selection, run)[1]["rank"])
    compared = read_compared(scores_of, {"replicates": replicates, "seed": bootstrap_seed})
    areas = {dataset: replicate_areas(part) for dataset, part in compared.items()}
    level = Level(confidence, permutations, bootstrap_seed)
    pairs = {
        dataset: test_pairs(dataset, part, areas[dataset], order, settings, level)
        for dataset, part in compared.items()
    }
    asked = {"planned contrasts": PLANNED}
    if reference is not None:
        asked["against the reference"] = (against_reference(reference, settings),)
    tested = {
        family: test_contrasts(family, contrasts, compared, areas, settings, level)
        for family, contrasts in asked.items()
    }
    families = [family for _, family in pairs.values()]
    families += [family for _, own in tested.values() for family in own]
    write_table(table, pd.concat([rows for rows, _ in pairs.values()], ignore_index=True))
    groups = indistinguishable_groups(distinguishable_matrix(pairs["out_of_fold"][0], order))
    content = {
        "datasets": {dataset: part.labels.counts() for dataset, part in compared.items()},
        "threshold_rule": read_json(selection)["threshold_rule"],
        "confidence": confidence,
        "replicates": replicates,
        "bootstrap_seed": bootstrap_seed,
        "families": families,
        "contrasts": tested["planned contrasts"][0],
        "reference": reference
        and {"model": reference, "pairs": tested["against the reference"][0][0]["pairs"]},
        "architectures": [
            record
            for dataset in compared
            for record in _architectures(dataset, areas[dataset], order, level)
        ],
        "ranking": {
            "runs": [_identity(run) for run in order],
            "groups": [[position + 1 for position in group] for group in groups],
        },
    }
    write_json(details, content)
    for family in families:
        logger.info("%(family)s, %(dataset)s: %(distinguishable)d of %(tests)d hold", family)


def _read_settings(run_jsons: list[Path]) -> dict[Run, dict[str, Any]]:
    """Return what run.json says of each run's recipe."""
    contents = map(read_owned_json, run_jsons)
    return {
        Run(content["model"], content["recipe"], int(content["seed"])): content["settings"]
        for content in contents
    }


def _name_runs(scores: list[Path], settings: Settings, table: Path) -> dict[Run, Path]:
    """Return the file of each run, which lies in the run's folder."""
    if not scores:
        raise UserError(
            "no run is complete: there is nothing to test",
            where=str(table),
            expected="at least one run with all its folds",
            remedy="run snakemake again; the logs of the training jobs say why they failed",
        )
    runs = {run.folder: run for run in settings}
    return {runs["/".join(path.parts[-4:-1])]: path for path in scores}


def _architectures(
    dataset: str, areas: Areas, order: list[Run], level: Level
) -> list[dict[str, Any]]:
    """Return the AUC of every model and recipe over its seeds, in order of their best run."""
    records = []
    for model, recipe in dict.fromkeys((run.model, run.recipe) for run in order):
        runs = sorted(run for run in order if (run.model, run.recipe) == (model, recipe))
        single = np.array([areas[run][0] for run in runs])
        records.append(
            {
                "model": model,
                "recipe": recipe,
                "seeds": [run.seed for run in runs],
                "speaks_of": speaks_of(len(runs)),
                "dataset": dataset,
                **summarise(over_seeds(areas, runs, level.seed), level.confidence),
                "spread": number(np.std(single, ddof=1) if len(runs) > 1 else np.nan),
            }
        )
    return records


def _identity(run: Run) -> dict[str, Any]:
    return {"model": run.model, "recipe": run.recipe, "seed": run.seed}
