"""A model card: what a user of one run's networks must know before using them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.estimates import Estimate
from pneumobench.core.files import atomic_path, read_json
from pneumobench.core.ownership import read_owned_json
from pneumobench.reporting.few import few_sentence
from pneumobench.reporting.inputs import DATASET_TITLES, DECISION_AGGREGATE
from pneumobench.reporting.measures import SHOWN
from pneumobench.reporting.origin import phantom_notice
from pneumobench.reporting.run_records import flatten, values_of, versions_of
from pneumobench.reporting.table import Cell, Table
from pneumobench.reporting.wording import count, millions, percent
from pneumobench.reporting.words import Words
from pneumobench.reporting.writers.markdown import code_span, escape_markdown, markdown_table


@dataclass(frozen=True)
class CardInputs:
    """What a card is made of.

    Attributes
    ----------
    metrics
        metrics.json of the run.
    run_jsons
        run.json of every fold.
    description
        models/{slug}.json.
    selection
        selection.json.
    robustness
        robustness.json of the run, or None.
    external
        Whether the experiment judges its runs on radiographs of another source.
    """

    metrics: str | Path
    run_jsons: Iterable[str | Path]
    description: str | Path
    selection: str | Path
    robustness: str | Path | None = None
    external: bool = False


def write_model_card(
    inputs: CardInputs, card: str | Path, *, settings: dict[str, Any], words: Words
) -> None:
    """Write the card of one run as Markdown.

    Parameters
    ----------
    inputs
        The run's files.
    card
        model_card.md to write.
    settings
        The configuration as the report states it.
    words
        What the classes are called.
    """
    metrics, description = read_owned_json(inputs.metrics), read_json(inputs.description)
    folds = sorted(map(read_owned_json, inputs.run_jsons), key=lambda fold: fold["fold"])
    selection = read_json(inputs.selection)
    title = f"{description['title']}, recipe {metrics['recipe']}, seed {metrics['seed']}"
    phantom = settings["data"]["source"] == "phantom"
    positive = escape_markdown(words.positive)
    parts = [
        f"# Model card: {escape_markdown(title)}",
        *(
            [f"**Phantoms, not patients.** {escape_markdown(phantom_notice(words))}"]
            if phantom
            else []
        ),
        "## What it is",
        _what_it_is(metrics, description, folds, positive),
        "## What it is for, and what not",
        "For research on methods. It is not a medical device: it must not decide about a "
        f"{words.person}, nor replace a reading. It knows the images of one source; "
        f"{'children' if words.adults else 'adults'}, other devices, views and diseases were never "
        "shown to it, and it cannot detect out-of-distribution images.",
        "## What it was trained on",
        _training(metrics, folds, positive),
        "## How well it performs",
        _performance(metrics, words),
        *_subgroups(metrics, words),
        *_robustness(inputs.robustness),
        "## How its answers are made",
        _answers(metrics, _entry(selection, metrics), selection),
        "## Known limits",
        _limits(metrics, words, phantom=phantom, external=inputs.external),
        "## Where it comes from",
        _origin(folds, metrics),
    ]
    with atomic_path(card) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _entry(selection: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    keys = ("model", "recipe", "seed")
    (found,) = [
        entry for entry in selection["runs"] if all(entry[key] == metrics[key] for key in keys)
    ]
    return found


def _what_it_is(
    metrics: dict[str, Any],
    description: dict[str, Any],
    folds: list[dict[str, Any]],
    positive: str,
) -> str:
    size = escape_markdown(values_of(folds, "image_size"))
    learned = (
        ""
        if metrics["learned"]
        else " **It is not shown to have learned: its AUC may be that of chance.**"
    )
    given = (
        f"one logit of {positive}"
        if folds[0]["outputs"] == 1
        else f"logits of normal, bacterial and viral images, from which that of {positive} follows"
    )
    return (
        f"{len(folds)} networks of one architecture ({code_span(metrics['model'])}, "
        f"{millions(description['parameters'])} million parameters each), one for each fold. They "
        f"take a chest radiograph of {size} x {size} pixels and give {given}. "
        f"Used together, their logits are averaged.{learned}"
    )


def _training(metrics: dict[str, Any], folds: list[dict[str, Any]], positive: str) -> str:
    part = metrics["datasets"]["out_of_fold"]
    rows = [{"Key": key, "Value": value} for key, value in flatten(folds[0]["settings"])]
    started = folds[0].get("starting_weights")
    return (
        f"{count(part['n'])} images of {count(part['patients'])} patients, "
        f"{count(part['events'])} with {positive}; no network saw its own fold. Started "
        f"from {'published weights (run.json names them)' if started else 'random weights'}; kept "
        f"epochs: {escape_markdown(', '.join(str(fold['best_epoch']) for fold in folds))}.\n\n"
        "<details><summary>Recipe</summary>\n\n" + _markdown(rows) + "\n</details>"
    )


def _performance(metrics: dict[str, Any], words: Words) -> str:
    found = {
        (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"]): entry
        for entry in metrics["estimates"]
    }
    heads = {
        name: f"{title} (n = {count(metrics['datasets'][name]['n'])}, "
        f"{count(metrics['datasets'][name]['events'])} with {words.positive})"
        for name, title in DATASET_TITLES.items()
    }
    rows = []
    for metric in SHOWN:
        if metric.on_card:
            cells: dict[str, Cell] = {"Metric": metric.heading}
            for dataset, head in heads.items():
                cells[head] = Estimate.of(found[metric.key(dataset)])
            rows.append(cells)
    interval = metrics["interval"]
    return (
        _markdown(rows)
        + f"\nIn brackets: {percent(interval['confidence'])} intervals, {interval['method']}, "
        f"{count(interval['replicates'])} replicates. Predictive values hold only at the "
        "prevalence of each set. From metrics.json beside this file."
    )


def _subgroups(metrics: dict[str, Any], words: Words) -> list[str]:
    rows = [
        {
            "Images": DATASET_TITLES[entry["dataset"]],
            "Subtype": words.subtype(entry["subtype"]),
            "n": int(entry["n"]),
            "Sensitivity": Estimate.of(entry, "sensitivity"),
        }
        for entry in metrics["subgroups"]
        if entry["threshold"] == "out_of_fold"
        and entry["aggregate"] == DECISION_AGGREGATE[entry["dataset"]]
    ]
    return [f"By subtype:\n\n{_markdown(rows)}"] if rows else []


def _robustness(path: str | Path | None) -> list[str]:
    if path is None:
        return []
    rows = [
        {
            "Worst": record["metric"].capitalize(),
            "Strength": int(record["strength"]),
            "Corruption": CORRUPTIONS[record["corruption"]].title,
            "Value": Estimate.of(record),
        }
        for record in read_json(path)["worst"]
    ]
    return [
        "On corrupted out-of-fold images, at thresholds found on other, uncorrupted ones:\n\n"
        + _markdown(rows)
    ]


def _markdown(rows: list[dict[str, Cell]]) -> str:
    return markdown_table(Table("", "", rows))


def _answers(metrics: dict[str, Any], entry: dict[str, Any], selection: dict[str, Any]) -> str:
    cuts = ", ".join(f"{cut:.3f}" for cut in metrics["thresholds"])
    return (
        f"Thresholds on the logits by the rule {escape_markdown(metrics['threshold_rule'])}, fold "
        f"by fold: {cuts}. Calibration by the method "
        f"{escape_markdown(selection.get('calibration', 'none'))}. Both were found on "
        "out-of-fold images and frozen before labels of the test set were read "
        f"(selection/selection.json). Of {len(selection['runs'])} runs this one is ranked "
        f"{entry['rank']} by its out-of-fold AUC."
    )


def _limits(metrics: dict[str, Any], words: Words, *, phantom: bool, external: bool) -> str:
    limits = [
        *metrics.get("warnings", []),
        *few_sentence(metrics["datasets"], DATASET_TITLES, words),
        (
            "Its results on radiographs of one other source are in comparison/external.csv."
            if external
            else "The test set is of the same source as the training images: no external "
            "validation."
        ),
        "Age, sex, origin and device are not read: fairness towards groups of "
        f"{words.people} could not be examined.",
        "Intervals show what other patients would change, not another training.",
        *(
            []
            if phantom
            else [f"Labels are readings of radiographs, not proof of {words.positive}."]
        ),
    ]
    return "\n".join(f"- {escape_markdown(limit)}" for limit in limits)


def _origin(folds: list[dict[str, Any]], metrics: dict[str, Any]) -> str:
    found = {
        "Weights": "fold*/weights.safetensors",
        "Software": versions_of(folds),
        "Git commit": values_of(folds, "git_commit"),
        "Code hash": values_of(folds, "code_hash"),
        "Data (SHA-256)": values_of(folds, "data_hash"),
        "Selection (SHA-256)": metrics["selection_sha256"],
        "Device, precision": f"{values_of(folds, 'device')}, {values_of(folds, 'precision')}",
    }
    return _markdown([{"What": title, "Value": value} for title, value in found.items()])
