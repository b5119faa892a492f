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
    absent = [slug for slug in published if not _fetched(RECORDS / f"{slug}.json")]
    if absent:
        return Finding(
            WARNING,
            subject,
            f"not fetched yet: {', '.join(absent)}",
            "run `snakemake --cores 1 fetch` where there is a network (a cluster's login node)",
        )
    return Finding(OK, subject, f"all {len(published) + len(own)} are there")


def _fetched(record: Path) -> bool:
    try:
        json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
