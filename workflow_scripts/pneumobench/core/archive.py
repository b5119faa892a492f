"""An archive of an experiment: one zip with all that its tables and figures are rebuilt from."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumobench.core.errors import UserError

# Of the layout of the zip, not of the files in it.
ARCHIVE_FORMAT = 1
INDEX, CONFIG = "archive.json", "config.json"
# Below the first lies what is rebuilt from, below the second what to hold the rebuilt against.
RESULTS, MADE = "results/", "made/"
# Rows of the packed images that figures show, and their pixels.
FILM_ROWS, FILM_IMAGES = "films/rows.npy", "films/images.npy"
PANELS, LOOKS = "panels", "test_looks"


@dataclass(frozen=True)
class Archive:
    """What an archive says of itself.

    Attributes
    ----------
    path
        The zip.
    config
        The whole configuration of its experiment.
    missing
        Runs that were not complete: model, recipe, seed and a note.
    films
        Whether it holds the films that figures show.
    hashes
        SHA-256 of every file in it, by name.
    """

    path: str
    config: dict[str, Any]
    missing: list[dict[str, Any]]
    films: bool
    hashes: Mapping[str, str]

    @property
    def files(self) -> list[str]:
        """The files to rebuild from, as paths below the experiment's results."""
        return [name.removeprefix(RESULTS) for name in self.hashes if name.startswith(RESULTS)]

    @property
    def single_files(self) -> list[str]:
        """Those that do not lie in a folder which is unpacked as a whole."""
        return [name for name in self.files if not {PANELS, LOOKS} & set(name.split("/"))]

    @property
    def folders_of_panels(self) -> list[str]:
        """The folders with pictures of single films."""
        folders = (str(Path(name).parent) for name in self.files)
        return sorted({folder for folder in folders if Path(folder).name == PANELS})


def read_archive(path: str | Path) -> Archive:
    """Read what an archive says of itself; no file in it but two small ones is opened.

    Raises
    ------
    UserError
        If there is no such file, or it is no archive of this kind.
    """
    try:
        with zipfile.ZipFile(path) as container:
            index = json.loads(container.read(INDEX))
            config = json.loads(container.read(CONFIG))
        found = index["archive_format"]
    except FileNotFoundError as error:
        raise UserError(
            "the archive does not exist",
            where=f"archive: {path} (seen from {Path.cwd()})",
            expected="a zip made by `snakemake archive_results`",
            remedy="correct the path",
        ) from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"the archive cannot be read ({type(error).__name__}: {error})",
            where=f"archive: {path}",
            expected=f"a zip with {INDEX} and {CONFIG}, made by `snakemake archive_results`",
            remedy="fetch the archive again, or name another one",
        ) from error
    if found != ARCHIVE_FORMAT:
        maker = index.get("made_by", "another program")
        raise UserError(
            f"the archive has format {found}; it was made by {maker}",
            where=f"archive: {path}",
            expected=f"format {ARCHIVE_FORMAT}",
            remedy="rebuild with the version of pneumobench that made it",
        )
    hashes = {name: entry["sha256"] for name, entry in index["files"].items()}
    if outside := [name for name in hashes if {"", "..", "."} & set(name.split("/"))]:
        raise UserError(
            f"the archive would write outside the results: {outside[0]}",
            where=f"archive: {path}",
            expected="an archive made by `snakemake archive_results`",
            remedy="do not use this file",
        )
    return Archive(str(path), config, index["missing"], index["films"], hashes)


def check_unpacked(results: str | Path, archive: Archive | None) -> None:
    """Stop where results that were computed and results from an archive would mix.

    Parameters
    ----------
    results
        results/<experiment>.
    archive
        The archive to rebuild from, None where results are computed.

    Raises
    ------
    UserError
        If the folder holds results of the other kind, or of another archive.
    """
    folder, mark = Path(results), Path(results) / INDEX
    if archive is None and mark.exists():
        raise UserError(
            "these results were rebuilt from an archive",
            where=str(mark),
            expected="a results folder of its own for what is computed",
            remedy=f"name the archive again (--config archive=...), give the experiment another "
            f"name, or remove {folder}",
        )
    if archive is not None and (folder / "experiment.json").exists() and not mark.exists():
        raise UserError(
            "the results folder of the archive's experiment holds computed results",
            where=str(folder),
            expected="an empty folder to rebuild in, so that nothing computed is lost",
            remedy="rebuild elsewhere: add --directory another_folder and the archive's full path",
        )
