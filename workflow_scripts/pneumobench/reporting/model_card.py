"""A model card: what a user of one run's networks must know before using them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import atomic_path, read_json
from pneumobench.core.ownership import read_owned_json
from pneumobench.reporting.inputs import DATASET_TITLES, DECISION_AGGREGATE
from pneumobench.reporting.methods import flatten, values_of, versions_of
from pneumobench.reporting.summary import PHANTOM_NOTICE
from pneumobench.reporting.typeset import code_span, escape_markdown, markdown_table
from pneumobench.reporting.vocabulary import in_words
from pneumobench.reporting.wording import count, millions, percent, with_interval

# Metric, its title, the threshold it is taken at.
_METRICS = (
    ("roc_auc", "AUC", "none"),
    ("average_precision", "Average precision", "none"),
    ("brier", "Brier score", "none"),
    ("sensitivity", "Sensitivity", "out_of_fold"),
    ("specificity", "Specificity", "out_of_fold"),
    ("ppv", "Positive predictive value", "out_of_fold"),
    ("npv", "Negative predictive value", "out_of_fold"),
)


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


def write_model_card(inputs: CardInputs, card: str | Path, *, settings: dict[str, Any]) -> None:
    """Write the card of one run as Markdown.

    Parameters
    ----------
    inputs
        The run's files.
    card
        model_card.md to write.
    settings
        The configuration as the report states it.
    """
    metrics, description = read_owned_json(inputs.metrics), read_json(inputs.description)
    folds = sorted(map(read_owned_json, inputs.run_jsons), key=lambda fold: fold["fold"])
    selection = read_json(inputs.selection)
    title = f"{description['title']}, recipe {metrics['recipe']}, seed {metrics['seed']}"
    phantom = settings["data"]["source"] == "phantom"
    parts = [
        f"# Model card: {escape_markdown(title)}",
        *([f"**Phantoms, not patients.** {PHANTOM_NOTICE}"] if phantom else []),
        "## What it is",
        _what_it_is(metrics, description, folds),
        "## What it is for, and what not",
        "For research on methods. It is no medical device: it must not decide about a child, nor "
        "stand in for a reading. It knows the images of one source; adults, other devices, views "
        "and diseases were never shown to it, and it has no way to say that an image is none of its "
        "business.",
        "## What it was trained on",
        _training(metrics, folds),
        "## How well it does",
        _performance(metrics),
        *_subgroups(metrics),
        *_robustness(inputs.robustness),
        "## How its answers are made",
        _answers(metrics, _entry(selection, metrics), selection),
        "## Known limits",
        _limits(metrics, phantom, inputs.external),
        "## Where it comes from",
        _origin(folds, metrics),
    ]
    with atomic_path(card) as temporary:
        temporary.write_text(in_words("\n\n".join(parts), escape_markdown) + "\n", encoding="utf-8")


def _entry(selection: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    keys = ("model", "recipe", "seed")
    (found,) = [
        entry for entry in selection["runs"] if all(entry[key] == metrics[key] for key in keys)
    ]
    return found


def _what_it_is(
    metrics: dict[str, Any], description: dict[str, Any], folds: list[dict[str, Any]]
) -> str:
    size = escape_markdown(values_of(folds, "image_size"))
    learned = "" if metrics["learned"] else " **It did not learn: its AUC may be that of chance.**"
    given = (
        "one logit of pneumonia"
        if folds[0]["outputs"] == 1
        else "logits of normal, bacterial and viral images, from which that of pneumonia follows"
    )
    return (
        f"{len(folds)} networks of one architecture ({code_span(metrics['model'])}, "
        f"{millions(description['parameters'])} million parameters each), one for each fold, that "
        f"look at a chest radiograph of {size} x {size} pixels and give {given}. "
        f"Used together, their logits are averaged.{learned}"
    )


def _training(metrics: dict[str, Any], folds: list[dict[str, Any]]) -> str:
    part = metrics["datasets"]["out_of_fold"]
    rows = [[key, value] for key, value in flatten(folds[0]["settings"])]
    started = folds[0].get("starting_weights")
    return (
        f"{count(part['n'])} images of {count(part['patients'])} patients, "
        f"{count(part['events'])} with pneumonia; no network saw its own fold. Started "
        f"from {'published weights (run.json names them)' if started else 'random weights'}; kept "
        f"epochs: {escape_markdown(', '.join(str(fold['best_epoch']) for fold in folds))}.\n\n"
        "<details><summary>Recipe</summary>\n\n"
        + markdown_table(["Key", "Value"], rows, [True, True])
        + "\n</details>"
    )


def _performance(metrics: dict[str, Any]) -> str:
    found = {
        (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"]): entry
        for entry in metrics["estimates"]
    }
    rows = []
    for metric, title, threshold in _METRICS:
        cells = [title]
        for dataset in DATASET_TITLES:
            decided = threshold != "none" or dataset == "test"
            aggregate = DECISION_AGGREGATE[dataset] if decided else "fold_mean"
            entry = found[dataset, aggregate, threshold, metric]
            cells.append(with_interval(entry["value"], entry["low"], entry["high"]))
        rows.append(cells)
    heads = [
        f"{title} (n = {count(metrics['datasets'][name]['n'])}, "
        f"{count(metrics['datasets'][name]['events'])} with pneumonia)"
        for name, title in DATASET_TITLES.items()
    ]
    interval = metrics["interval"]
    return (
        markdown_table(["", *heads], rows, [True, False, False])
        + f"\nIn brackets: {percent(interval['confidence'])} intervals, {interval['method']}, "
        f"{count(interval['replicates'])} replicates. Predictive values hold at the prevalence of "
        "each set and nowhere else. From metrics.json beside this file."
    )


def _subgroups(metrics: dict[str, Any]) -> list[str]:
    rows = [
        [
            DATASET_TITLES[entry["dataset"]],
            entry["subtype"],
            count(entry["n"]),
            with_interval(entry["sensitivity"], entry["low"], entry["high"]),
        ]
        for entry in metrics["subgroups"]
        if entry["threshold"] == "out_of_fold"
        and entry["aggregate"] == DECISION_AGGREGATE[entry["dataset"]]
    ]
    if not rows:
        return []
    head = ["Images", "Subtype", "n", "Sensitivity"]
    table = markdown_table(head, rows, [True, True, False, False])
    return [f"By subtype of pneumonia:\n\n{table}"]


def _robustness(path: str | Path | None) -> list[str]:
    if path is None:
        return []
    rows = [
        [
            record["metric"].capitalize(),
            str(record["strength"]),
            CORRUPTIONS[record["corruption"]].title,
            with_interval(record["value"], record["low"], record["high"]),
        ]
        for record in read_json(path)["worst"]
    ]
    head = ["Worst", "Strength", "On radiographs", "Value"]
    table = markdown_table(head, rows, [True, False, True, False])
    return [f"On out-of-fold radiographs made worse, at the same thresholds:\n\n{table}"]


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


def _limits(metrics: dict[str, Any], phantom: bool, external: bool) -> str:
    limits = [
        *metrics.get("warnings", []),
        (
            "What is left on radiographs of one other source stands in comparison/external.csv."
            if external
            else "The test set is of the same source as the training images: no external "
            "validation."
        ),
        "Age, sex, origin and device are not read: fairness towards groups of children could not "
        "be looked at.",
        "Intervals say what other patients would change, not another training.",
        *([] if phantom else ["Labels are readings of radiographs, not proofs of an infection."]),
    ]
    return "\n".join(f"- {escape_markdown(limit)}" for limit in limits)


def _origin(folds: list[dict[str, Any]], metrics: dict[str, Any]) -> str:
    rows = [
        ["Weights", "fold*/weights.safetensors"],
        ["Software", versions_of(folds)],
        ["Git commit", values_of(folds, "git_commit")],
        ["Code hash", values_of(folds, "code_hash")],
        ["Data (SHA-256)", values_of(folds, "data_hash")],
        ["Selection (SHA-256)", metrics["selection_sha256"]],
        ["Device, precision", f"{values_of(folds, 'device')}, {values_of(folds, 'precision')}"],
    ]
    return markdown_table(["What", "Value"], rows, [True, True])
