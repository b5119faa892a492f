"""The answer: which run is best, and what speaks against taking that for granted."""

from typing import Any

import pandas as pd

from pneumobench.core.estimates import Estimate
from pneumobench.reporting.baselines import baseline_sentence
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.inputs import complete_runs, missing_runs
from pneumobench.reporting.section import FigureOf, Section
from pneumobench.reporting.sections.robustness import read_worst_pairs, robustness_sentence
from pneumobench.reporting.shift import Shifted, change_sentence, name_scored
from pneumobench.reporting.wording import count, listing, percent, row_interval
from pneumobench.reporting.words import Words
from pneumobench.statistics.contrasts import SEEDS_FOR_ARCHITECTURES

# Less than this rounds to nothing.
SMALLEST_OPTIMISM = 0.0005
# A loss of this much sensitivity or specificity from out-of-fold to test is called by its name.
COLLAPSE = 0.10


def build(files: ReportFiles, words: Words) -> Section:
    """Return the section: the sentences, and the ranking beside them."""
    return Section(
        name="answer",
        title=f"Which architecture detects {words.positive} best?",
        short="Answer",
        answer=tuple(
            summarise(
                files.comparison,
                files.facts,
                words,
                shift=files.json("shift"),
                pairs=read_worst_pairs(files),
            )
        ),
        blocks=(FigureOf("ranking"),),
    )


def summarise(
    comparison: pd.DataFrame,
    facts: dict[str, Any],
    words: Words,
    *,
    shift: dict[str, Any] | None = None,
    pairs: pd.DataFrame | None = None,
) -> list[str]:
    """Return the report's opening sentences, one or two an entry.

    Parameters
    ----------
    comparison
        From `inputs.read_comparison`.
    facts
        comparison.json.
    words
        What the classes are called.
    shift
        shift.json, which decides whether a threshold carries over.
    pairs
        From `robustness.read_worst_pairs`.
    """
    rows = complete_runs(comparison)
    best = rows[rows["best"].astype(bool)].iloc[0]
    sentences = [_best(best, facts, words), _rivals(rows), _picked(rows, facts), _failures(rows)]
    sentences += [baseline_sentence(comparison, facts), _missing(comparison)]
    sentences += [
        _test(best, facts, words),
        *(_collapses(name_scored(shift["scored"], comparison), facts, words) if shift else []),
        robustness_sentence(rows, pairs),
        *few_sentence(facts["datasets"], facts["datasets"], words),
        _seeds(comparison),
    ]
    return [sentence for sentence in sentences if sentence]


def _best(best: pd.Series, facts: dict[str, Any], words: Words) -> str:
    lead = "" if best["learned"] else "No run is shown to have learned. "
    return (
        f"{lead}Highest out-of-fold AUC: {best['label']} with "
        f"{row_interval(best, 'out_of_fold_roc_auc')}, "
        f"{_size(facts['datasets']['out_of_fold'], words)}. Brackets hold "
        f"{percent(facts['confidence'])} intervals."
    )


def _size(part: dict[str, Any], words: Words) -> str:
    return (
        f"n = {count(part['n'])} images of {count(part['patients'])} patients, "
        f"{count(part['events'])} images with {words.positive}"
    )


def _rivals(rows: pd.DataFrame) -> str:
    others = rows[~rows["best"].astype(bool)]
    if others.empty:
        return "It is the only complete run, so there is nothing to compare it with."
    close = [
        row["label"] for _, row in others.iterrows() if row["distinguishable_from_best"] is False
    ]
    if not close:
        return (
            "It is statistically distinguishable from every other run (permutation test, adjusted "
            "for the number of pairs)."
        )
    if len(others) == 1:
        return (
            f"The only other complete run, {close[0]}, is not statistically distinguishable "
            "from it."
        )
    if len(close) == len(others):
        return (
            f"None of the {len(others)} other complete runs is statistically distinguishable from "
            f"it: {listing(close)}."
        )
    verb = "is" if len(close) == 1 else "are"
    return (
        f"{len(close)} of the {len(others)} other complete runs {verb} not statistically "
        f"distinguishable from it: {listing(close)}."
    )


def _picked(rows: pd.DataFrame, facts: dict[str, Any]) -> str:
    """Say which runs may be the best, and what picking the highest adds; nothing of one run."""
    if len(rows) == 1:
        return ""
    may = [row["label"] for _, row in rows.iterrows() if row["may_be_best"]]
    text = (
        f"The best of these trained models is, with {percent(facts['confidence'])} confidence, "
        f"{'one of ' if len(may) > 1 else ''}{listing(may)}."
    )
    text += _disagreement(rows)
    optimism = facts.get("optimism_of_the_best")
    if optimism is None or optimism < SMALLEST_OPTIMISM:
        return text
    return (
        f"{text} Because it was picked as the highest of {len(rows)}, its AUC is too high by about "
        f"{optimism:.3f} (bootstrap estimate of the bias)."
    )


def _disagreement(rows: pd.DataFrame) -> str:
    """Name the runs on which the confidence set of the best and the tests of pairs disagree."""
    open_ = [
        row["label"]
        for _, row in rows[~rows["best"].astype(bool)].iterrows()
        if bool(row["may_be_best"]) != (row["distinguishable_from_best"] is False)
    ]
    if not open_:
        return ""
    return (
        f" On {listing(open_)}, this and the permutation test disagree: whether "
        f"{'it is' if len(open_) == 1 else 'they are'} as good remains open."
    )


def _failures(rows: pd.DataFrame) -> str:
    failed = [row["label"] for _, row in rows.iterrows() if not row["learned"]]
    if not failed:
        return ""
    return (
        f"Not shown to have learned (the interval of the AUC does not lie above 0.5): "
        f"{listing(failed)}."
    )


def _missing(comparison: pd.DataFrame) -> str:
    missing = missing_runs(comparison)
    if missing.empty:
        return ""
    names = [
        row["label"] + (f" ({row['note']})" if row["note"] else "") for _, row in missing.iterrows()
    ]
    return f"Missing, and not in any result: {listing(names)}."


def _test(best: pd.Series, facts: dict[str, Any], words: Words) -> str:
    return (
        f"On the test set ({_size(facts['datasets']['test'], words)}), on which nothing was "
        f"chosen, it reaches an AUC of {row_interval(best, 'test_roc_auc')}. With its threshold "
        "chosen out of fold, its sensitivity there is "
        f"{row_interval(best, 'test_sensitivity')} and its specificity "
        f"{row_interval(best, 'test_specificity')}."
    )


def _collapses(scored: list[Shifted], facts: dict[str, Any], words: Words) -> list[str]:
    """Say where the threshold loses much on the test set; shift.json decides whether by chance."""
    first = next(one for one in scored if one.is_run)
    part, sentences = facts["datasets"]["test"], []
    for metric, whose, errors, n in (
        ("specificity", f"without {words.positive}", "false alarms", part["n"] - part["events"]),
        ("sensitivity", f"with {words.positive}", "missed", part["events"]),
    ):
        found = first.transfer(metric)
        own, new = (Estimate.of(found[name]) for name in ("out_of_fold", "test"))
        if None in (own.value, new.low) or own.value - new.value < COLLAPSE:
            continue
        fall = (
            f"{metric} falls from {own.value:.3f} out-of-fold to {new.value:.3f}, "
            f"{change_sentence(found)}"
        )
        if found["difference"]["excludes_zero"]:
            least, most = (f"{100 * (1 - bound):.0f}" for bound in (new.high, new.low))
            sentences.append(
                f"The threshold does not carry over to the test set: {fall}. Of 100 radiographs "
                f"{whose}, {least} to {most} are {errors} (n = {count(n)} radiographs)."
            )
        else:
            sentences.append(f"On the test set {fall} (n = {count(n)} radiographs {whose}).")
    return sentences


def _seeds(comparison: pd.DataFrame) -> str:
    seeds = comparison.groupby(["model", "recipe"])["seed"].nunique()
    if seeds.min() >= SEEDS_FOR_ARCHITECTURES:
        return ""
    trained = "once" if seeds.max() == 1 else f"with fewer than {SEEDS_FOR_ARCHITECTURES} seeds"
    return (
        f"{'Each' if seeds.max() < SEEDS_FOR_ARCHITECTURES else 'At least one'} architecture was "
        f"trained {trained}, so the results describe these trained models, not architectures in "
        "general."
    )
