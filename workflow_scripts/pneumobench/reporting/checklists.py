"""Checklists of reporting guidelines, filled in by the run that they are about."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path, read_json, write_json
from pneumobench.reporting.inputs import complete_runs, missing_runs, read_comparison
from pneumobench.reporting.preregistration import declared, is_declared
from pneumobench.reporting.run_records import read_runs, values_of, versions_of
from pneumobench.reporting.table import Table
from pneumobench.reporting.wording import count, listing, percent, plural, row_interval
from pneumobench.reporting.words import Words, words_from
from pneumobench.reporting.writers.markdown import markdown_table

GUIDELINES = Path(__file__).with_name("guidelines")
STATUSES = {
    "reported": "reported",
    "not available": "not available in this data set",
    "not applicable": "not applicable",
    "not computed": "not computed in this experiment",
    "authors": "left to the authors",
}

# What labels are worth, and where images come from, with real images and with phantoms.
_PHANTOM, _OWN = "phantom", "own"
_REFERENCE = (
    "{reference} The files do not say who read an image. Readings of a radiograph are no proof of "
    "{positive}."
)
_REFERENCE_OF_PHANTOMS = "What the generator drew: known without error."
_SOURCE = "Images as they were published: {title} (configuration: data)."
_SOURCE_OF_AUTHORS = (
    "The authors' own files: {title} (configuration: data). Where they come from is the authors' "
    "to add."
)
_SOURCE_OF_PHANTOMS = "Phantoms: drawings by the pipeline, no {people}."


def fill_checklists(
    comparison_csv: str | Path,
    comparison_json: str | Path,
    audit: str | Path,
    run_jsons: Iterable[str | Path],
    details: str | Path,
    folder: str | Path,
    *,
    settings: dict[str, Any],
    computed: Iterable[str],
) -> None:
    """Fill in every checklist: one Markdown file each, and all of them as JSON for the report.

    Parameters
    ----------
    comparison_csv, comparison_json
        The comparison of all runs.
    audit
        audit.json.
    run_jsons
        run.json of every fold of every complete run.
    details
        checklists.json to write.
    folder
        Where the Markdown files go.
    settings
        The configuration as the report states it.
    computed
        Which optional parts the experiment has, of `robustness`, `explanations`, `ensembles`,
        `inflation`, `subtypes`, `external`.
    """
    kind = _kind(settings)
    facts = _facts(comparison_csv, comparison_json, audit, run_jsons, settings)
    have = {*computed, *(["preregistration"] if is_declared(settings) else [])}
    filled = [
        _fill(name, content, facts, have, kind) for name, content in read_guidelines().items()
    ]
    write_json(details, {"checklists": filled})
    for content in filled:
        with atomic_path(Path(folder) / f"{content['file']}.md") as temporary:
            temporary.write_text(_markdown(content), encoding="utf-8")


def read_guidelines() -> dict[str, dict[str, Any]]:
    """Return the guidelines' contents by file name: `name`, `title`, `note` and `items`."""
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(GUIDELINES.glob("*.toml"))
    }


def _kind(settings: dict[str, Any]) -> str:
    """Return whose answers differ from those on published images: `phantom`, `own`, or empty."""
    source = settings["data"]["source"]
    return {"phantom": _PHANTOM, "directory": _OWN, "table": _OWN}.get(source, "")


def _fill(
    file: str, guideline: dict[str, Any], facts: dict[str, str], have: set[str], kind: str
) -> dict[str, Any]:
    rows, statuses = [], []
    for item in guideline["items"]:
        status, answer = item["status"], item["answer"]
        if "needs" in item and item["needs"] not in have:
            status, answer = item.get("lacking", "not computed"), item["otherwise"]
        elif kind in item:
            answer = item[kind]
            if kind == _OWN:
                status = "authors"
            elif status == "not available":
                status = "not applicable"
        # What more there is to say where a part was computed that the item does not need.
        added = [text for part, text in item.get("also", {}).items() if part in have]
        if added:
            status, answer = "reported", " ".join([answer, *added])
        statuses.append(status)
        rows.append(
            {
                "Item": item["number"],
                "What is asked": item["asks"],
                "Status": STATUSES[status],
                "Answer": answer.format_map(facts),
            }
        )
    counts = Counter(statuses)
    summary = ", ".join(
        f"{count(counts[status])} {text}" for status, text in STATUSES.items() if counts[status]
    )
    return {key: guideline[key] for key in ("name", "title", "note")} | {
        "file": file,
        "summary": summary,
        "rows": rows,
    }


def _facts(
    comparison_csv: str | Path,
    comparison_json: str | Path,
    audit: str | Path,
    run_jsons: Iterable[str | Path],
    settings: dict[str, Any],
) -> dict[str, str]:
    """Return what the answers may name, as text."""
    comparison, numbers = read_comparison(comparison_csv), read_json(comparison_json)
    complete, missing = complete_runs(comparison), missing_runs(comparison)
    if complete.empty:
        raise UserError(
            "no run is complete: a checklist would be empty",
            where=str(comparison_csv),
            expected="at least one complete run",
            remedy="run snakemake again; the logs of the training jobs say why they failed",
        )
    best, findings = complete.iloc[0], read_json(audit)
    words = words_from(findings.get("source", {}))
    named = findings["source"] | _named(words)
    folds = [fold for run in read_runs(run_jsons).values() for fold in run]
    kind = _kind(settings)
    source = {_PHANTOM: _SOURCE_OF_PHANTOMS, _OWN: _SOURCE_OF_AUTHORS}.get(kind, _SOURCE)
    facts = {
        **_named(words),
        "source": source.format_map(named),
        "reference": (_REFERENCE_OF_PHANTOMS if kind == _PHANTOM else _REFERENCE).format_map(named),
        "files": count(findings["counts"]["files"]),
        "accepted": count(findings["counts"]["ok"]),
        "rejected": count(findings["counts"]["rejected"]),
        "duplicates": count(findings["counts"]["redundant_duplicates"]),
        "crossings": count(sum(map(len, findings["crossings"].values()))),
        "folds": count(len({fold["fold"] for fold in folds})),
        "runs": plural(len(complete), "run"),
        "architectures": listing(sorted(set(complete["title"]))),
        "recipes": listing(sorted(set(complete["recipe"]))),
        "seeds": listing([str(seed) for seed in sorted(set(complete["seed"]))]),
        "missing": listing(list(missing["label"])) or "none",
        "weights": _weights(folds),
        "software": versions_of(folds),
        "commit": values_of(folds, "git_commit"),
        "data_hash": values_of(folds, "data_hash"),
        "image_size": values_of(folds, "image_size"),
        "threshold_rule": numbers["threshold_rule"],
        "calibration": str(settings.get("evaluation", {}).get("calibration", "none")),
        "confidence": percent(numbers["confidence"]),
        "replicates": count(numbers["replicates"]),
        "declared": declared(settings),
        "best": best["label"],
        "best_auc": row_interval(best, "out_of_fold_roc_auc"),
        "best_test_auc": row_interval(best, "test_roc_auc"),
        "best_sensitivity": row_interval(best, "test_sensitivity"),
        "best_specificity": row_interval(best, "test_specificity"),
    }
    for dataset, short in (("out_of_fold", "development"), ("test", "test")):
        part = numbers["datasets"][dataset]
        facts |= {f"{name}_{short}": count(part[name]) for name in ("n", "events", "patients")}
        facts[f"prevalence_{short}"] = percent(part["events"] / part["n"], 1)
    return facts


def _named(words: Words) -> dict[str, str]:
    return {name: getattr(words, name) for name in ("positive", "negative", "person", "people")}


def _weights(folds: list[dict[str, Any]]) -> str:
    started = {fold["model"]: fold.get("starting_weights") for fold in folds}
    known = [model for model, weights in started.items() if weights]
    if not known:
        return "Random, from the seed of each run."
    return f"Published weights for {listing(known)}, with source and hash in run.json; else random."


def _markdown(content: dict[str, Any]) -> str:
    head = [f"# {content['title']}", content["note"], f"In short: {content['summary']}."]
    return "\n\n".join([*head, markdown_table(Table(content["file"], "", content["rows"]))])
