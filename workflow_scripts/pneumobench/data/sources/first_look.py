"""What names of files and rows of tables tell against a source, before an image is opened."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pneumobench.core.config.experiment import Experiment
from pneumobench.core.config.identity import check_data_source
from pneumobench.core.errors import UserError
from pneumobench.core.sources import Source
from pneumobench.data.sources.listing import list_radiographs
from pneumobench.data.sources.radiograph import IN_HELPER, NO_FILE, Listing, Radiograph


def check_before_start(experiment: Experiment, source: Source, folder: str) -> None:
    """Stop before the first job where indexing would stop on names alone.

    Parameters
    ----------
    experiment
        The configuration.
    source
        Its radiographs, or its external ones. Nobody looks at those that are drawn or fetched.
    folder
        Where indexing writes. Where its manifest is there, the source was sound when it was made.

    Raises
    ------
    UserError
        As `check_data_source` and `list_usable`.
    """
    check_data_source(experiment)
    if not source.made and not Path(folder, "manifest.csv").exists():
        maximum = source.data.checks.maximum_rejected_fraction
        list_usable(source.name, Path(source.root), source.options, maximum)


def list_usable(
    source: str, root: Path, options: Mapping[str, Any], maximum_rejected_fraction: float
) -> Listing:
    """List the radiographs of a source, and stop where too few of them can be used.

    Parameters
    ----------
    source, root, options
        As for `pneumobench.data.sources.listing.list_radiographs`.
    maximum_rejected_fraction
        Largest tolerated share (0 to 1) of files set aside; folders of masks do not count.

    Raises
    ------
    UserError
        As `list_radiographs`; if the names of more files, or their absence, say that they are no
        radiographs; or if all others are of one class.
    """
    listing = list_radiographs(source, root, options)
    own = [found for found in listing.radiographs if not found.reason.startswith(IN_HELPER)]
    unusable = [found for found in own if found.reason]
    if len(unusable) > maximum_rejected_fraction * len(own):
        if all(found.reason == NO_FILE for found in unusable):
            raise _not_found(source, root, options, unusable, len(own))
        raise _no_radiographs(root, unusable, len(own), maximum_rejected_fraction)
    check_classes(root, {found.label for found in own if not found.reason}, listing)
    return listing


def check_classes(root: Path, labels: Collection[str], listing: Listing) -> None:
    """Stop where the images that can be used are not of both classes.

    Raises
    ------
    UserError
        If they are of one class, or there are none.
    """
    if len(labels) < 2:
        raise UserError(
            "the data hold no image of one of the two classes",
            where=f"{root}: readable images only of {', '.join(labels) or 'no class'}",
            expected=f"readable images of both: {listing.negative} and {listing.positive}",
            remedy="add the missing class's images",
        )


def _not_found(
    source: str, root: Path, options: Mapping[str, Any], missing: Sequence[Radiograph], rows: int
) -> UserError:
    paths = [found.path for found in missing]
    remedy = "correct the paths in the table, or unpack the missing images there"
    if source == "table":
        other = _folder_of(paths[0], Path(options["path"]))
        key = "table.images, the folder that the paths of the table are relative to"
        there = f"write images: {other}, where {paths[0]} lies" if other else f"correct {key}"
        remedy = f"{there}; or {remedy}"
    return UserError(
        f"{len(missing)} of the {rows} images that the table names were not found",
        where=f"looked in {root.absolute()} for {', '.join(paths[:3])}",
        expected="the images, or all but a few of them, at the paths that the table gives",
        remedy=remedy,
    )


def _folder_of(path: str, table: Path) -> Path | None:
    """Return a folder near a table that a path of the table is relative to, if there is one."""
    candidates = (table.parent, *table.parent.glob("*/"), Path(), *Path().glob("*/"))
    return next((folder for folder in candidates if (folder / path).is_file()), None)


def _no_radiographs(
    root: Path, unusable: Sequence[Radiograph], number: int, maximum: float
) -> UserError:
    (reason, count), *_ = Counter(found.reason for found in unusable).most_common(1)
    paths = [PurePosixPath(found.path) for found in unusable if found.reason == reason]
    folders = ", ".join(
        f"{folder} ({files})"
        for folder, files in Counter(str(path.parent) for path in paths).most_common(3)
    )
    return UserError(
        f"{len(unusable)} of {number} image files cannot be used, {count} of them: {reason}",
        where=f"looked in {root.absolute()}: {folders}, such as {paths[0]}",
        expected=f"at most a share of {maximum:g} (data.checks.maximum_rejected_fraction)",
        remedy="name the folders of the two classes NORMAL and PNEUMONIA, list the images in a "
        "table (data.source: table), or move away what is no radiograph",
    )
