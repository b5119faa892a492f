"""Room on the disk: asked for before writing, and said plainly where it ends."""

import errno
import re
import shutil
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


def errno_of(error: BaseException) -> int | None:
    """Return the number of an error of the operating system; Rust says it in its text alone."""
    if isinstance(error, OSError):
        return error.errno
    said = re.search(r"\(os error (\d+)\)", str(error))
    return int(said[1]) if said else None


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
