"""The images: whether they are there, and how many."""

import csv
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.fetched import FETCHED_SOURCES, KERMANY_ON_KAGGLE, RADIOGRAPHS
from pneumobench.data.sources.listing import list_radiographs
from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, PlannedRadiographs

# Of the phantoms' cohorts: some patients have several images.
IMAGES_PER_PATIENT = 1.4


def radiographs_finding(radiographs: PlannedRadiographs) -> tuple[Finding, int]:
    """Say whether the radiographs are there; return their number as well, 0 if unknown."""
    subject, root, manifest = (
        radiographs.subject,
        Path(radiographs.root),
        Path(radiographs.manifest),
    )
    if manifest.exists():
        with manifest.open(encoding="utf-8", newline="") as stream:
            accepted = sum(row["status"] == "ok" for row in csv.DictReader(stream))
        return Finding(OK, subject, f"{accepted:,} images, indexed and accepted"), accepted
    if radiographs.source == "phantom":
        number = round(radiographs.patients * IMAGES_PER_PATIENT)
        return Finding(OK, subject, f"some {number:,} phantoms, drawn by the pipeline"), number
    if radiographs.source in FETCHED_SOURCES and not root.is_dir():
        remedy = "run `snakemake --cores 1 fetch` where there is network"
        if radiographs.options.get("dataset", KERMANY_ON_KAGGLE) != KERMANY_ON_KAGGLE:
            return Finding(
                WARNING, subject, "radiographs to be fetched, unknown how many", remedy
            ), 0
        return Finding(
            WARNING, subject, f"some {RADIOGRAPHS:,} radiographs, to be fetched", remedy
        ), RADIOGRAPHS
    if not root.is_dir():
        remedy = f"unpack the images there, or link them: ln -s /where/they/are {radiographs.root}"
        return Finding(FAILS, subject, f"no folder of images at {radiographs.root}", remedy), 0
    try:
        listed = list_radiographs(radiographs.source, root, radiographs.options).radiographs
    except UserError as error:
        return Finding(FAILS, subject, f"{error.what} ({error.where})", error.remedy), 0
    usable = sum(not radiograph.reason for radiograph in listed)
    return Finding(OK, subject, f"{usable:,} labelled image files in {radiographs.root}"), usable
