"""Data sets from the network: fetched once for all experiments, each a folder of images in the end.

Beside the folder `<name>/` lie

* `<name>.json`, the record that rules wait for: source, address, version, licence, citation,
  SHA-256 and bytes of what was fetched, number of images; nothing in it depends on the day or on
  the way by which the file came, so that fetching again changes no result;
* `<name>.origin.json`, the same, kept when the record is made anew: publishers may exchange files;
* `.<name>/`, while something is missing: what came so far.
"""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumobench.core.download import check_md5, check_sha256, download
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.folders import remove_folder
from pneumobench.core.provenance import file_sha256
from pneumobench.data.sources.directory import LAYOUT, list_directory
from pneumobench.data.sources.kaggle import published_by_kaggle
from pneumobench.data.sources.mendeley import published_by_mendeley
from pneumobench.data.sources.pneumoniamnist import published_by_medmnist
from pneumobench.data.sources.published import Located, Published

logger = logging.getLogger(__name__)

PUBLISHED = {
    "kaggle": published_by_kaggle,
    "mendeley": published_by_mendeley,
    "pneumoniamnist": published_by_medmnist,
}


def fetch_dataset(
    source: str, options: Mapping[str, Any], record: Path, mirror: str | None = None
) -> None:
    """Make sure that the radiographs of a data set lie beside `record`, and write it.

    Radiographs that are there stay as they are. A published file that somebody put beside `record`
    is used instead of the network.

    Parameters
    ----------
    source
        kaggle, mendeley or pneumoniamnist.
    options
        The source's own section of the configuration.
    record
        The JSON file to write, `<name>.json`.
    mirror
        Address of a folder with the published files; None = the publisher.

    Raises
    ------
    UserError
        If the file cannot be had, is not the published one or another one than before, or holds
        no radiographs.
    """
    published, place = PUBLISHED[source](options), _Place(record)
    known = place.known()
    if known and place.folder.is_dir() and _is_of(known, published):
        logger.info("%s is there already", place.folder)
        _check_number(place, known)
    else:
        known = _fetch(source, published, place, known, mirror)
    write_json(record, known)


@dataclass(frozen=True)
class _Place:
    """Where everything of one data set lies."""

    record: Path

    @property
    def folder(self) -> Path:
        return self.record.with_suffix("")

    @property
    def origin(self) -> Path:
        return self.record.with_name(f"{self.record.stem}.origin.json")

    @property
    def downloads(self) -> Path:
        return self.record.with_name(f".{self.record.stem}")

    def known(self) -> dict[str, Any] | None:
        """Return what was fetched before, None if nothing was."""
        try:
            return read_json(self.origin) if self.origin.exists() else None
        except UserError:
            return None


def _is_of(known: dict[str, Any], published: Published) -> bool:
    """Tell whether images are of the user's own file as it is now; published ones always are."""
    return published.local is None or known["sha256"] == file_sha256(published.local)


def _fetch(
    source: str,
    published: Published,
    place: _Place,
    known: dict[str, Any] | None,
    mirror: str | None,
) -> dict[str, Any]:
    """Bring the file and make radiographs of it; return the record."""
    if place.folder.is_dir():
        _free_folder(published, place)
    file, located = _bring(published, place, mirror)
    record = _describe(source, published, located, file)
    if published.local is None and known and known["sha256"] != record["sha256"]:
        raise UserError(
            "the publisher's file is another one than the one fetched before",
            where=f"{file}: SHA-256 {record['sha256']}",
            expected=f"SHA-256 {known['sha256']}, as in {place.origin}",
            remedy=f"put the former file there; or, to go on with the new one, remove {file} and "
            f"{place.origin}, and give the experiment another name",
        )
    if known and known["sha256"] == record["sha256"]:
        # Version and licence, which are asked for together with the address alone.
        record = known | {"images": None}
    write_json(place.origin, record)
    published.unpack(file, place.folder)
    record["images"] = _count(published, place, file)
    write_json(place.origin, record)
    shutil.rmtree(place.downloads, ignore_errors=True)
    return record


def _free_folder(published: Published, place: _Place) -> None:
    """Remove images of an earlier file of the user's; images of unknown origin are not touched."""
    if published.local is not None:
        remove_folder(place.folder)
        return
    raise UserError(
        "there is a folder already of which nothing says what it holds",
        where=str(place.folder),
        expected="no folder, or one that was fetched",
        remedy="move it away; if these are your images, name it with data.source: directory and "
        "data.directory.path",
    )


def _bring(published: Published, place: _Place, mirror: str | None) -> tuple[Path, Located]:
    """Return the published file, from here or from the network, and what was said of it."""
    by_hand = published.local or place.record.parent / published.file
    file = place.downloads / published.file
    for here in (by_hand, file):
        if here.exists():
            logger.info("taking %s", here)
            remedy = f"remove {here}, or put the published file there"
            check_sha256(file_sha256(here), published.sha256, where=str(here), remedy=remedy)
            check_md5(here, published.md5, where=str(here), remedy=remedy)
            return here, Located(str(here))
    located = Located(f"{mirror.rstrip('/')}/{published.file}") if mirror else published.locate()
    remedy = (
        "run the same command again, which goes on where this one stopped, where there is network "
        f"(`snakemake fetch` on the login node); or download {published.file} from "
        f"{published.page} as {by_hand}; or name a mirror in downloads.data_mirror"
    )
    download(located.url, file, sha256_start=published.sha256, md5=published.md5, remedy=remedy)
    return file, located


def _describe(source: str, published: Published, located: Located, file: Path) -> dict[str, Any]:
    return {
        "source": source,
        "title": published.title,
        "address": published.page,
        "version": located.version or published.version,
        "licence": located.licence or published.licence,
        "citation": published.citation,
        "file": published.file,
        "bytes": file.stat().st_size,
        "sha256": file_sha256(file),
        "images": None,
        "patients": published.patients,
        "subtypes": published.subtypes,
    }


def _count(published: Published, place: _Place, file: Path) -> int:
    """Return the number of radiographs; a folder without any is taken away again."""
    try:
        radiographs = list_directory(place.folder).radiographs
    except UserError as error:
        remove_folder(place.folder)
        raise UserError(
            f"{published.file} holds no data set of radiographs: {error.what}",
            where=str(file),
            expected=LAYOUT,
            remedy="see whether the name of the data set is right; if its layout is its own, "
            "unpack it by hand and use data.source: directory or table",
        ) from error
    return len(radiographs)


def _check_number(place: _Place, known: dict[str, Any]) -> None:
    """Notice radiographs that were added or removed since."""
    found = len(list_directory(place.folder).radiographs)
    # A job that was killed between unpacking and counting.
    known["images"] = found if known["images"] is None else known["images"]
    if found != known["images"]:
        raise UserError(
            f"{found} radiographs lie where {known['images']} were fetched",
            where=str(place.folder),
            expected="the radiographs as they were fetched",
            remedy=f"remove {place.folder}, then run the same command again",
        )
