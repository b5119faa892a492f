"""What indexing, audit and split would stop on, found out in a folder that is thrown away."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError
from pneumobench.core.sources import Source
from pneumobench.data.audit import audit_dataset
from pneumobench.data.doorkeeper import Limits
from pneumobench.data.external import admit_external
from pneumobench.data.index import NAME, index_dataset
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.data.phantoms.cohort import plan_cohort
from pneumobench.data.split import split_dataset

READ_WHOLE = 1000
"""So many files are read as the run reads them, in seconds; of more, only names are looked at."""


def rehearse(
    folder: Path, subject: str, source: Source, files: int, split: dict[str, Any]
) -> tuple[int, bool]:
    """Do what the run does between radiographs and training, by the same functions.

    Parameters
    ----------
    folder
        Where to write; the same for data and external, which are held against each other.
    subject
        data, or external, which is not split.
    source
        The radiographs. Phantoms that are not drawn yet are laid out as empty files.
    files
        How many there are.
    split
        What `split_dataset` takes.

    Returns
    -------
    tuple
        Number of images that were let in, and whether their files were opened.

    Raises
    ------
    UserError
        What the run would stop on; it names the radiographs' folder instead of `folder`.
    """
    own, root = folder / subject, Path(source.root)
    own.mkdir()
    if source.name == "phantom" and not root.is_dir():
        root = _lay_out_phantoms(own, source)
        opened = False
    else:
        opened = files <= READ_WHOLE
    with _quiet(), _naming(source.root, instead_of=folder):
        _index(own, source, root, opened=opened)
        if subject == "data":
            _audit_and_split(own, source, split)
        elif (folder / "data/manifest.csv").exists():
            _admit(own, source, folder / "data/manifest.csv")
    return len(accepted_images(read_manifest(own / "manifest.csv"))), opened


def _lay_out_phantoms(folder: Path, source: Source) -> Path:
    root, knobs = folder / "chest_xray", source.data.phantom
    for radiograph in plan_cohort(knobs.patients, knobs.test_fraction, knobs.seed):
        path = root / radiograph.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def _index(folder: Path, source: Source, root: Path, *, opened: bool) -> None:
    checks = source.data.checks
    index_dataset(
        folder / "manifest.csv",
        folder / "source.json",
        source=source.name,
        root=root,
        options=source.options,
        reading=checks.reading if opened else NAME,
        limits=Limits(**source.limits),
        maximum_rejected_fraction=checks.maximum_rejected_fraction,
        workers=os.cpu_count() or 1,
    )


def _audit_and_split(folder: Path, source: Source, split: dict[str, Any]) -> None:
    checks = source.data.checks
    audit_dataset(
        *(folder / name for name in ("manifest.csv", "source.json", "audit.json")),
        allow_crossings=list(checks.allow_crossings),
        maximum_near_duplicate_fraction=checks.maximum_near_duplicate_fraction,
    )
    labels = ("splits.csv", "development_labels.csv", "test_labels.csv")
    split_dataset(folder / "manifest.csv", *(folder / name for name in labels), **split)


def _admit(folder: Path, source: Source, known: Path) -> None:
    admit_external(
        *(folder / name for name in ("manifest.csv", "source.json")),
        known,
        *(folder / name for name in ("splits.csv", "labels.csv", "audit.json")),
        maximum_near_duplicate_fraction=source.data.checks.maximum_near_duplicate_fraction,
    )


@contextmanager
def _naming(place: str, *, instead_of: Path) -> Iterator[None]:
    """Let messages name what the user knows, not files that are thrown away."""
    try:
        yield
    except UserError as error:
        words = [place if str(instead_of) in word else word for word in error.where.split(" ")]
        where, expected, remedy = " ".join(words), error.expected, error.remedy
        raise UserError(error.what, where=where, expected=expected, remedy=remedy) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings for the run, which gives them in their place."""
    logger = logging.getLogger("pneumobench.data")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
