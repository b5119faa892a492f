"""Room on the disk: asked for before writing, and said plainly where it ends."""

import errno
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from pneumobench.core.errors import UserError

WRITING = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the disk takes no file of this size",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "there is no right to write here",
    errno.EPERM: "there is no right to write here",
    errno.EIO: "the disk reports an error",
    errno.ENAMETOOLONG: "its name is longer than the file system allows",
    errno.EEXIST: "a file stands where a folder belongs",
    errno.ENOTDIR: "a file stands where a folder belongs",
    errno.EISDIR: "a folder stands where the file belongs",
}
LEADING_NOWHERE = {
    errno.ENOENT: "what it names does not exist",
    errno.ELOOP: "it names itself",
}
# Bytes of what is written before anything large is.
SMALL_FILES = 1_000_000


def errno_of(error: BaseException) -> int | None:
    """Return the number of an error of the operating system, None for errors of another kind.

    Rust says it in its text alone, torch raises an error of its own while it handles the system's.
    """
    if isinstance(error, OSError):
        return error.errno
    if said := re.search(r"\(os error (\d+)\)", str(error)):
        return int(said[1])
    return errno_of(error.__context__) if error.__context__ else None


def check_room(folder: Path, needed: int) -> None:
    """Stop before writing what a disk has no room for; quotas are met only on writing.

    Parameters
    ----------
    folder
        An existing folder on the disk.
    needed
        Bytes to be written.

    Raises
    ------
    UserError
        If less is free.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            "there is not enough room on the disk",
            where=f"{folder}: {free / 1e6:,.1f} MB free, {needed / 1e6:,.1f} MB more needed",
            expected="room for the whole of it",
            remedy="make room, or link the folder to another disk; then run the same command again",
        )


def check_folder(folder: Path, otherwise: str = "") -> Path:
    """Return a folder, or the first one on the way to it that is there.

    Parameters
    ----------
    folder
        A folder that is there or will be made.
    otherwise
        What else to do, put behind the remedy.

    Raises
    ------
    UserError
        If there can be no such folder: where a link leads nowhere, or something else stands.
    """
    place = folder.absolute()
    try:
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        mode = place.stat().st_mode
    except OSError as error:
        said = LEADING_NOWHERE.get(error.errno, error.strerror)
        what = f"a link where a folder belongs leads nowhere: {said}"
        if not place.is_symlink():
            what = f"the path of a folder cannot be asked for: {said}"
    else:
        if stat.S_ISDIR(mode):
            return place
        what = "a file stands where a folder belongs"
    raise UserError(
        what,
        where=f"{place}, on the way to {folder}",
        expected="a folder, a link to one, or nothing",
        remedy=f"remove or rename {place}, or correct where it leads{otherwise}",
    )


def check_writing(folder: Path, otherwise: str = "") -> None:
    """Stop where a folder, or the first one on the way to it that is there, takes no files.

    Parameters
    ----------
    folder, otherwise
        As `check_folder` has them.

    Raises
    ------
    UserError
        If nothing can be written there, or there can be no such folder.
    """
    place = check_folder(folder, otherwise)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
        check_room(place, SMALL_FILES)
    except OSError as error:
        failed = writing_failed(error, folder)
        raise UserError(
            failed.what.replace("the file", "a folder of results, records or caches"),
            where=failed.where,
            expected=failed.expected,
            remedy=f"make room, or correct the rights of {place}{otherwise}",
        ) from None


def is_disk_trouble(error: OSError) -> bool:
    """Whether an error tells of a disk that takes no more."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def writing_failed(error: Exception, path: Path) -> UserError:
    """Return the error to raise where a file could not be written."""
    other = getattr(error, "strerror", None) or type(error).__name__
    said = WRITING.get(errno_of(error), other)
    return UserError(
        f"the file cannot be written: {said}",
        where=str(path),
        expected="room on the disk (and within the quota), and the right to write there",
        remedy="make room, then run the same command again",
    )
