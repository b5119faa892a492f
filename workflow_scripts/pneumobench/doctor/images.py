"""The images: whether they are there, and how many."""

import csv
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.fetched import FETCHED_SOURCES, FILMS, KERMANY_ON_KAGGLE
from pneumobench.data.sources.listing import list_films
from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, PlannedFilms

# Of the phantoms' cohorts: some patients have several images.
IMAGES_PER_PATIENT = 1.4


def films_finding(films: PlannedFilms) -> tuple[Finding, int]:
    """Say whether the films are there; return their number as well, 0 if unknown."""
    subject, root, manifest = films.subject, Path(films.root), Path(films.manifest)
    if manifest.exists():
        with manifest.open(encoding="utf-8", newline="") as stream:
            accepted = sum(row["status"] == "ok" for row in csv.DictReader(stream))
        return Finding(OK, subject, f"{accepted:,} images, indexed and accepted"), accepted
    if films.source == "phantom":
        number = round(films.patients * IMAGES_PER_PATIENT)
        return Finding(OK, subject, f"some {number:,} phantoms, drawn by the pipeline"), number
    if films.source in FETCHED_SOURCES and not root.is_dir():
        remedy = "run `snakemake --cores 1 fetch` where there is network"
        if films.options.get("dataset", KERMANY_ON_KAGGLE) != KERMANY_ON_KAGGLE:
            return Finding(WARNING, subject, "films to be fetched, unknown how many", remedy), 0
        return Finding(WARNING, subject, f"some {FILMS:,} films, to be fetched", remedy), FILMS
    if not root.is_dir():
        remedy = f"unpack the images there, or link them: ln -s /where/they/are {films.root}"
        return Finding(FAILS, subject, f"no folder of images at {films.root}", remedy), 0
    try:
        listed = list_films(films.source, root, films.options).films
    except UserError as error:
        return Finding(FAILS, subject, f"{error.what} ({error.where})", error.remedy), 0
    usable = sum(not film.reason for film in listed)
    return Finding(OK, subject, f"{usable:,} labelled image files in {films.root}"), usable
