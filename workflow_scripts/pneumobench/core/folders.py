"""Folders that are whole or not there, as single files are through core/files.py."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.room import writing_failed


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new, empty folder beside `folder` that takes its place only if the block succeeds.

    Raises
    ------
    UserError
        If something cannot be written.
    """
    with new_folder(folder.with_name(f".{folder.name}.partial")) as temporary:
        yield temporary
        os.rename(temporary, folder)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a new, empty folder that is removed when the block ends.

    Raises
    ------
    UserError
        If something cannot be written.
    """
    try:
        # Left behind where a process was killed.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise writing_failed(error, folder) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_own_folder(folder: Path) -> None:
    """Make a folder, and those above it, for files of one job.

    Raises
    ------
    UserError
        If the disk does not let it be made, or something else lies in its place.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"the folder cannot be made: {error.strerror}",
            where=str(folder),
            expected="a folder, or nothing yet, at every step of this path",
            remedy=f"look at {error.filename or folder}: move the file or the link that lies there "
            "away, and run snakemake again",
        ) from error
    except OSError as error:
        raise writing_failed(error, folder) from error


def remove_folder(folder: Path) -> None:
    """Remove a folder so that never a part of it stands under its name."""
    doomed = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    os.rename(folder, doomed)
    shutil.rmtree(doomed, ignore_errors=True)
