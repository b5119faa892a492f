"""The planned contrasts and those with a reference, tested on each data set, family by family."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pneumobench.core.run import Run
from pneumobench.statistics.contrasts import (
    Contrast,
    PlannedPair,
    Settings,
    find_pairs,
    speaks_of,
)
from pneumobench.statistics.estimates import number
from pneumobench.statistics.pair_tests import (
    Areas,
    Level,
    delong_p,
    describe_family,
    equal_predictions,
    exchange,
    shares_of,
)
from pneumobench.statistics.scores import Compared
from pneumobench.statistics.significance import holm
from pneumobench.statistics.variation import Trainings, difference_of_recipes

_EQUAL = "both give every image the same score to the last bit"


def test_contrasts(
    family: str,
    contrasts: Sequence[Contrast],
    compared: dict[str, Compared],
    areas: dict[str, Areas],
    settings: Settings,
    level: Level,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Test one family of contrasts, as far as the runs allow it.

    Parameters
    ----------
    family
        Its name.
    contrasts
        What is asked, for instance `contrasts.PLANNED`.
    compared, areas
        What the runs say about each data set, and their areas.
    settings
        For each run what run.json says of its recipe.
    level
        Level and exchanges.

    Returns
    -------
    tuple
        For each contrast its `name`, `title` and `pairs`; and the family as it is on each data
        set. A pair has `reference`, `model`, `reference_recipe`, `recipe`, `seeds`,
        `speaks_of`, `status` (`tested` or `not_testable`), `reason`, `noise_floor` (one network
        trained twice, or equal predictions) and `results`: for each data set the `difference` =
        model - reference averaged over the seeds that both have, `low` and `high` (patients and
        several seeds are a sample), `p` of the permutation test, `p_holm` and `holds`;
        `delong_p` and `delong_p_holm`, null with several seeds, for DeLong's test compares two
        single scores. With several seeds it holds only if the interval excludes 0 as well.
    """
    planned = [
        (contrast, names, pair)
        for contrast in contrasts
        for names in contrast.pairs
        for pair in find_pairs(contrast, *names, settings)
    ]
    present = [pair for *_, pair in planned if pair.model]
    results: list[list[dict[str, Any]]] = [[] for _ in present]
    families = []
    for dataset, part in compared.items():
        found, described = _test(family, dataset, part, areas[dataset], present, level)
        for own, result in zip(results, found, strict=True):
            own.append(result)
        families.append(described)
    of_pair = iter(results)
    pairs: dict[str, list[dict[str, Any]]] = {contrast.name: [] for contrast in contrasts}
    for contrast, names, pair in planned:
        equal = bool(pair.model) and all(_all_equal(part, pair) for part in compared.values())
        record = _describe(names, pair, equal) | {"results": next(of_pair) if pair.model else []}
        pairs[contrast.name].append(record)
    records = [
        {"name": contrast.name, "title": contrast.title, "pairs": pairs[contrast.name]}
        for contrast in contrasts
    ]
    return records, families


def _test(
    family: str,
    dataset: str,
    part: Compared,
    areas: Areas,
    present: list[PlannedPair],
    level: Level,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    # The mean over seeds of the differences is tested: its shares are the means of theirs.
    shares = [
        np.mean([shares_of(part, *both) for both in _by_seed(pair)], axis=0) for pair in present
    ]
    exchanged = exchange(shares, level)
    p = np.where([_all_equal(part, pair) for pair in present], np.nan, exchanged["p"])
    by_delong = np.array([_delong_p(part, pair, level.confidence) for pair in present])
    # One network trained twice is no question that was asked: it is left out of the family.
    noise = [pair.noise_floor for pair in present]
    adjusted, delong_adjusted = (holm(np.where(noise, np.nan, own)) for own in (p, by_delong))
    results = []
    for position, pair in enumerate(present):
        sides = [Trainings.of_seeds(areas, runs) for runs in (pair.model, pair.reference)]
        apart = difference_of_recipes(*sides, level.confidence)
        agreed = len(pair.model) == 1 or apart["excludes_zero"]
        results.append(
            {
                "dataset": dataset,
                "difference": apart["difference"],
                "low": apart["low"],
                "high": apart["high"],
                "p": number(p[position]),
                "p_holm": number(adjusted[position]),
                "delong_p": number(by_delong[position]),
                "delong_p_holm": number(delong_adjusted[position]),
                "holds": bool(adjusted[position] < 1 - level.confidence) and agreed,
            }
        )
    return results, describe_family(family, dataset, adjusted, exchanged, level)


def _delong_p(part: Compared, pair: PlannedPair, confidence: float) -> float:
    """Return p of DeLong's test, NaN with several seeds or equal predictions."""
    if len(pair.model) > 1 or _all_equal(part, pair):
        return np.nan
    return delong_p(part, pair.model[0], pair.reference[0], confidence)


def _by_seed(pair: PlannedPair) -> list[tuple[Run, Run]]:
    return list(zip(pair.model, pair.reference, strict=True))


def _all_equal(part: Compared, pair: PlannedPair) -> bool:
    return all(equal_predictions(part, *both) for both in _by_seed(pair))


def _describe(names: tuple[str, str], pair: PlannedPair, equal: bool) -> dict[str, Any]:
    reasons = [reason for reason in (pair.reason, _EQUAL if equal else "") if reason]
    return {
        "reference": names[0],
        "model": names[1],
        "reference_recipe": pair.reference[0].recipe if pair.reference else None,
        "recipe": pair.model[0].recipe if pair.model else None,
        "seeds": [run.seed for run in pair.model],
        "speaks_of": speaks_of(len(pair.model)) if pair.model else None,
        "status": "not_testable" if reasons else "tested",
        "reason": "; ".join(reasons),
        "noise_floor": pair.noise_floor or equal,
    }
