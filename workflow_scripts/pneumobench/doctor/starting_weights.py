"""Weights that runs start from: whether they are there, for jobs have no network."""

import json
from pathlib import Path

from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan

RECORDS = Path("resources/weights")


def weights_finding(plan: Plan) -> Finding:
    """Say whether the weights that runs start from are there."""
    subject = "starting weights"
    published = sorted({run.slug for run in plan.runs if run.pretrained is True})
    own = sorted({run.pretrained for run in plan.runs if isinstance(run.pretrained, str)})
    lost = [path for path in own if not Path(path).is_file()]
    if lost:
        return Finding(FAILS, subject, f"no file {', '.join(lost)}", "correct recipes.*.pretrained")
    if not published and not own:
        return Finding(OK, subject, "none wanted, all networks start at random")
    where = "where there is a network (a cluster's login node)"
    absent = [slug for slug in published if not _record(slug).is_file()]
    if absent:
        text, remedy = f"not fetched yet: {', '.join(absent)}", plan.command("fetch", cores=1)
        return Finding(WARNING, subject, text, f"run `{remedy}` {where}")
    emptied = [slug for slug in published if not _complete(_record(slug))]
    if emptied:
        # A record that is there is no reason for Snakemake to fetch again.
        again = plan.command("fetch", cores=1, further=" --forcerun fetch_weights")
        remedy = f"run `{again}` {where}"
        text = f"recorded as fetched, but not there: {', '.join(emptied)}"
        return Finding(FAILS, subject, text, remedy)
    return Finding(OK, subject, f"all {len(published) + len(own)} are there")


def _record(slug: str) -> Path:
    return RECORDS / f"{slug}.json"


def _complete(record: Path) -> bool:
    """Whether the record can be read and the files that it names lie beside it."""
    try:
        checkpoints = json.loads(record.read_text(encoding="utf-8"))["checkpoints"]
        files = [entry["file"] for entry in checkpoints.values()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
    return all(record.with_name(file).is_file() for file in files)
