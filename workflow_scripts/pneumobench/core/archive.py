"""An archive of an experiment: one zip with all that its tables and figures are rebuilt from."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from pneumobench.core.config.across import TIMM_NAME
from pneumobench.core.config.earlier import as_written_today
from pneumobench.core.earlier import FORMATS, index_today, path_today
from pneumobench.core.errors import UserError
from pneumobench.core.extract import Kind, Limits, Packed, shown
from pneumobench.core.job import REBUILT_MARK

# Of the layout of the zip and of the names in its files.
ARCHIVE_FORMAT = FORMATS[-1]
INDEX, CONFIG, CRATE = REBUILT_MARK, "config.json", "ro-crate-metadata.json"
README, ENVIRONMENT, LOCK, CODE = "README.md", "environment.json", "requirements.lock", "code.json"
# Below the first lies what is rebuilt from, below the second what to hold the rebuilt against.
RESULTS, MADE = "results/", "made/"
# Rows of the packed images that figures show, and their pixels.
RADIOGRAPH_ROWS, RADIOGRAPH_IMAGES = "radiographs/rows.npy", "radiographs/images.npy"
PANELS, LOOKS = "panels", "test_looks"

KIND = Kind(
    contents="results",
    expected="a zip made by `snakemake archive_results`, whole",
    remedy="do not use this file; ask those who passed it on for the one that was made",
    damaged="fetch the archive again, or name another one",
)
LIMITS = Limits(bytes=16_000_000_000, files=200_000)
# Bytes of the list of files and of the configuration, which every job reads.
_LONGEST_TEXT = 32_000_000
# What may lie in the folders whose files the configuration does not name one by one.
_IN_FOLDERS = {PANELS: r"[^/.][^/]*\.png", LOOKS: r"[A-Za-z0-9_-][A-Za-z0-9_.-]*\.json"}


class _Listed(BaseModel, strict=True):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]


class _Missing(BaseModel, strict=True):
    model: str
    recipe: str
    seed: int
    note: str


class _Index(BaseModel, strict=True):
    radiographs: bool
    missing: list[_Missing]
    files: dict[str, _Listed]


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
    radiographs
        Whether it holds the radiographs that figures show.
    hashes
        SHA-256 of every file in it, by the name that the archive gives it.
    earlier
        Whether it has names of format 1, in its files and of them.
    digest
        SHA-256 of its list of files, and so of all of them.
    packed
        Its members, which are checked.
    """

    path: str
    config: dict[str, Any]
    missing: list[dict[str, Any]]
    radiographs: bool
    hashes: Mapping[str, str]
    earlier: bool
    digest: str
    packed: Packed

    @property
    def names(self) -> list[str]:
        """Today's names of all files in it."""
        return [path_today(name) if self.earlier else name for name in self.hashes]

    @property
    def files(self) -> list[str]:
        """The files to rebuild from, as paths below the experiment's results."""
        return [name.removeprefix(RESULTS) for name in self.names if name.startswith(RESULTS)]

    @property
    def architectures(self) -> list[str]:
        """The architectures that it describes; their code need not exist where it is rebuilt."""
        slugs = (re.fullmatch(r"models/([^/]+)\.json", name) for name in self.files)
        models = (found[1].replace("timm-", "timm:", 1) for found in slugs if found)
        return [model for model in models if model.isidentifier() or TIMM_NAME.fullmatch(model)]


def read_archive(path: str | Path) -> Archive:
    """Read what an archive says of itself; no file in it but two small ones is opened.

    Raises
    ------
    UserError
        If there is no such file, it is no archive of this kind, or its members are not exactly the
        files that it lists.
    """
    _check_path(path)
    packed = Packed(Path(path), limits=LIMITS, kind=KIND)
    packed.check()
    content = _read(packed, INDEX)
    listed = _parse(packed, INDEX, content)
    earlier = _format(path, listed) == 1
    try:
        index = _Index.model_validate(index_today(listed) if earlier else listed)
    except ValidationError as error:
        first = error.errors()[0]
        place = ": ".join(map(str, first["loc"]))
        raise _wrong(
            path, f"its list of files is not valid: {shown(place)}: {first['msg']}"
        ) from error
    _check_members(packed, {name: entry.bytes for name, entry in index.files.items()})
    if earlier:
        _place_today(packed)
    return Archive(
        path=str(path),
        config=as_written_today(_parse(packed, CONFIG, _read(packed, CONFIG))),
        missing=[run.model_dump() for run in index.missing],
        radiographs=index.radiographs,
        hashes={name: entry.sha256 for name, entry in index.files.items()},
        earlier=earlier,
        digest=hashlib.sha256(content).hexdigest(),
        packed=packed,
    )


def check_contents(archive: Archive, rebuilt_from: Iterable[str], made: Iterable[str]) -> None:
    """Stop unless an archive holds what its configuration leads to, and nothing else.

    Parameters
    ----------
    archive
        The archive.
    rebuilt_from
        Files to rebuild from, as paths below the experiment's results; a folder of panels stands
        for the pictures in it.
    made
        Files to hold the rebuilt against, which may be missing.

    Raises
    ------
    UserError
        Naming the first file that is missing, or that an experiment like this has no place for.
    """
    wanted = [RESULTS + path for path in rebuilt_from]
    folders = {path for path in wanted if path.endswith(f"/{PANELS}")}
    needed = {README, CONFIG, ENVIRONMENT, LOCK, CODE, *set(wanted) - folders}
    needed |= {RADIOGRAPH_ROWS, RADIOGRAPH_IMAGES} if archive.radiographs else set()
    known = needed | {MADE + path for path in made}
    for name in archive.names:
        folder, _, file = name.rpartition("/")
        inside = folder in folders or folder == RESULTS + LOOKS
        if name not in known and not (
            inside and re.fullmatch(_IN_FOLDERS[folder.rpartition("/")[2]], file)
        ):
            raise _wrong(
                archive.path, f"it holds {shown(name)}, for which its experiment has no place"
            )
    if missing := sorted(needed - set(archive.names)):
        raise _wrong(archive.path, f"it lacks {missing[0]} (files missing: {len(missing)})")


def check_bytes(archive: Archive) -> None:
    """Stop unless every file of an archive is the one that was archived; reads all of them.

    Raises
    ------
    UserError
        Naming the first that is another one.
    """
    for name, digest in archive.packed.hashes():
        if name in archive.hashes and digest != archive.hashes[name]:
            raise UserError(
                "a file in the archive is not the one that was archived: its SHA-256 differs",
                where=f"{name} in {archive.path}",
                expected=f"the file that {INDEX} lists",
                remedy=KIND.damaged,
            )


def _check_path(path: object) -> None:
    if not isinstance(path, str | Path) or not Path(path).is_file():
        there = isinstance(path, str | Path) and Path(path).exists()
        raise UserError(
            "the archive is not a file" if there else "the archive does not exist",
            where=f"archive: {path} (seen from {Path.cwd()})",
            expected="a zip made by `snakemake archive_results`",
            remedy="correct the path",
        )
    if found := re.search(r"<[a-z][a-z0-9_]*>", str(path)):
        raise UserError(
            f"the archive's path holds {found[0]}, which would be taken for a variable",
            where=f"archive: {path}",
            expected="a path without words in angle brackets",
            remedy="rename the file or the folder",
        )


def _format(path: str | Path, index: dict[str, Any]) -> int:
    """Return the format that an archive has, or stop if it is none of those that are read."""
    found = index.get("archive_format")
    if type(found) is not int or found not in FORMATS:
        maker = shown(index.get("made_by", "another program"))
        raise UserError(
            f"the archive has format {shown(found)}; it was made by {maker}",
            where=f"archive: {path}",
            expected=f"format {' or '.join(map(str, FORMATS))}",
            remedy="rebuild with the version of pneumobench that made it",
        )
    return found


def _place_today(packed: Packed) -> None:
    """Let the files of an archive of format 1 be written by their names of today."""
    for name in packed.wanted:
        if path_today(name) != name:
            if path_today(name) in packed.wanted:
                raise _wrong(packed.archive, f"it holds {shown(name)} and {path_today(name)}")
            packed.wanted[name] = PurePosixPath(path_today(name))


def _check_members(packed: Packed, listed: dict[str, int]) -> None:
    """Insist on the members that the index lists, of their sizes, and on no others."""
    for name, size in packed.sizes.items():
        if name not in (INDEX, CRATE) and listed.get(name) != size:
            what = "of another size" if name in listed else "which its list of files does not name"
            raise _wrong(packed.archive, f"it holds {shown(name)}, {what}")
    if missing := sorted(set(listed) - set(packed.sizes)):
        raise _wrong(
            packed.archive, f"it lacks {shown(missing[0])} (files missing: {len(missing)})"
        )


def _read(packed: Packed, name: str) -> bytes:
    if packed.sizes.get(name, _LONGEST_TEXT) >= _LONGEST_TEXT:
        what = "is too long" if name in packed.sizes else "is missing"
        raise _wrong(packed.archive, f"its {name} {what}")
    return packed.read(name)


def _parse(packed: Packed, name: str, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise _wrong(packed.archive, f"its {name} cannot be read: {shown(error)}") from error
    if not isinstance(found, dict):
        raise _wrong(packed.archive, f"its {name} is not a JSON object")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _wrong(path: str | Path, what: str) -> UserError:
    return UserError(
        f"the archive is refused: {what}",
        where=f"archive: {path}",
        expected="an archive as `snakemake archive_results` of this version makes it",
        remedy=f"{KIND.remedy}; if another version made it, rebuild with that one",
    )


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
    if archive is not None and (mark.exists() or _holds_files(folder)):
        _check_same(folder, mark, archive)
    if archive is None and mark.exists():
        raise UserError(
            "these results were rebuilt from an archive",
            where=str(mark),
            expected="a results folder of its own for what is computed",
            remedy=f"name the archive again (--config archive=...), give the experiment another "
            f"name, or remove {folder}",
        )


def _check_same(folder: Path, mark: Path, archive: Archive) -> None:
    if not mark.exists():
        what = "holds computed results" if (folder / "experiment.json").exists() else "is not empty"
    elif hashlib.sha256(mark.read_bytes()).hexdigest() != archive.digest:
        what = "holds what was rebuilt from another archive"
    else:
        return
    raise UserError(
        f"the results folder of the archive's experiment {what}",
        where=str(folder),
        expected="an empty folder to rebuild in, so that nothing is lost or mixed",
        remedy="rebuild elsewhere: add --directory another_folder and the archive's full path",
    )


def _holds_files(folder: Path) -> bool:
    """Tell whether anything lies in a folder but logs, and folders in which files are to come."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return any(path.relative_to(folder).parts[0] != "logs" for path in paths)
