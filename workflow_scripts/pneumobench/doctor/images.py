"""The images: whether they are there, how many, and whether the run would take them."""

from collections import Counter
from pathlib import Path
from typing import Any

from pneumobench.core.config.identity import check_paths
from pneumobench.core.errors import UserError
from pneumobench.core.fetched import KERMANY_ON_KAGGLE, RADIOGRAPHS
from pneumobench.core.sources import Source
from pneumobench.data.sources.listing import list_radiographs
from pneumobench.data.sources.radiograph import Listing
from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan, PlannedRadiographs
from pneumobench.doctor.software import installed

# Of the phantoms' cohorts: some patients have several images.
IMAGES_PER_PATIENT = 1.4
# Of more phantoms, laying out takes longer than it tells.
MOST_PATIENTS = 5000
# What indexing, audit and split import; missing where conda makes the environments of jobs.
_NEEDED = ("pandas", "scikit-learn", "pillow")


def radiographs_finding(
    radiographs: PlannedRadiographs, plan: Plan, folder: Path
) -> tuple[Finding, int]:
    """Say whether the radiographs are there and would be taken; return their number, 0 if unknown.

    Parameters
    ----------
    radiographs
        Where they come from.
    plan
        The plan they are part of.
    folder
        An empty folder for what is tried with them, the same for all sources of the plan.
    """
    subject, source = radiographs.subject, radiographs.source
    try:
        check_paths(subject, source.data)
        if source.fetched and not Path(source.root).is_dir():
            return _to_be_fetched(subject, source, plan)
        if source.name == "phantom" and not Path(source.root).is_dir():
            return _phantoms(subject, source, plan, folder)
        return _listed(subject, source, plan, folder)
    except UserError as error:
        return _refused(subject, error), 0


def _to_be_fetched(subject: str, source: Source, plan: Plan) -> tuple[Finding, int]:
    remedy = f"run `{plan.command('fetch', cores=1)}` where there is network"
    if source.options.get("dataset", KERMANY_ON_KAGGLE) != KERMANY_ON_KAGGLE:
        text = "radiographs to be fetched, unknown how many"
        return Finding(WARNING, subject, text, remedy), 0
    text = f"some {RADIOGRAPHS:,} radiographs, to be fetched"
    return Finding(WARNING, subject, text, remedy), RADIOGRAPHS


def _phantoms(subject: str, source: Source, plan: Plan, folder: Path) -> tuple[Finding, int]:
    patients = source.data.phantom.patients
    number, some = round(patients * IMAGES_PER_PATIENT), "some "
    if patients <= MOST_PATIENTS and _can_rehearse():
        number, some = _rehearse(folder, subject, source, number, plan.split)[0], ""
    return Finding(OK, subject, f"{some}{number:,} phantoms, drawn by the pipeline"), number


def _listed(subject: str, source: Source, plan: Plan, folder: Path) -> tuple[Finding, int]:
    listing = list_radiographs(source.name, Path(source.root), source.options)
    classes = Counter(found.label for found in listing.radiographs if not found.reason)
    number = classes.total()
    named = {"normal": listing.negative, "pneumonia": listing.positive}
    counts = ", ".join(f"{classes[label]:,} {name}" for label, name in named.items())
    text = f"{number:,} labelled image files in {source.root}: {counts}"
    if min(classes[label] for label in named) == 0:
        return _lacking(subject, text, listing), number
    if not _can_rehearse():
        note = "whether they can be divided into folds is not looked at without pandas"
        return Finding(OK, subject, f"{text}; {note}"), number
    number, opened = _rehearse(folder, subject, source, number, plan.split)
    read = f"{number:,} can be used" if opened else "contents not looked at, only names"
    return Finding(OK, subject, f"{text}; {read}"), number


def _lacking(subject: str, text: str, listing: Listing) -> Finding:
    reasons = Counter(found.reason for found in listing.radiographs if found.reason)
    if reasons:
        reason, count = reasons.most_common(1)[0]
        first = next(found.path for found in listing.radiographs if found.reason == reason)
        text += f"; {count:,} cannot be used: {reason} (as {first})"
    remedy = f"add images of both classes: {listing.negative} and {listing.positive}"
    return Finding(FAILS, subject, text, remedy)


def _can_rehearse() -> bool:
    return all(installed(package) for package in _NEEDED)


def _rehearse(*order: Any) -> tuple[int, bool]:
    # Here, because it takes pandas, which the driver's environment lacks.
    from pneumobench.data.rehearsal import rehearse

    return rehearse(*order)


def _refused(subject: str, error: UserError) -> Finding:
    return Finding(FAILS, subject, f"{error.what} ({error.where})", error.remedy)
