"""The files below a folder as users have it: litter, links, folders of programs. Few are opened."""

import errno
import os
import re
import stat
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pneumobench.core.errors import UserError

IMAGE_SUFFIXES = frozenset(
    (
        *(".bmp", ".btf", ".dcm", ".dib", ".dic", ".dicom", ".gif", ".ima", ".jfif", ".jpe"),
        *(".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tf8", ".tif", ".tiff"),
        ".webp",
    )
)
# Pictures, or files that hold some, which are not read: told, since patients may be missing.
OTHER_PICTURES = frozenset(
    (
        *(
            ".avif",
            ".heic",
            ".heif",
            ".j2k",
            ".jp2",
            ".jpx",
            ".jxl",
            ".mha",
            ".mhd",
            ".nii",
            ".nrrd",
        ),
        *(".psd", ".svg", ".7z", ".gz", ".rar", ".tar", ".tgz", ".zip"),
    )
)
# Not opened to see whether they are DICOM.
NO_PICTURES = OTHER_PICTURES | frozenset(
    (
        *(
            ".csv",
            ".db",
            ".doc",
            ".docx",
            ".htm",
            ".html",
            ".ini",
            ".ipynb",
            ".js",
            ".json",
            ".lnk",
        ),
        *(".log", ".md", ".npy", ".npz", ".pdf", ".pkl", ".py", ".rtf", ".sh", ".tmp", ".toml"),
        *(".tsv", ".txt", ".url", ".xls", ".xlsx", ".xml", ".yaml", ".yml"),
    )
)
# Folders that systems, servers and programs keep for themselves, beside those whose names begin
# with a dot.
OF_PROGRAMS = frozenset(
    (
        *("__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),
        *("$recycle.bin", "recycler", "system volume information", "lost+found", "found.000"),
        *("__pycache__", "node_modules", "ipynb_checkpoints"),
    )
)
# Of the pipeline, in the folder that it runs in; folders of an experiment and of phantoms, which
# are told by what lies in them, anywhere.
OWN_FOLDERS = ("results", "resources")
OWN_CONTENTS = ({"experiment.json", "logs"}, {"phantoms.csv", "chest_xray"})
DICOM_DIRECTORY = "DICOMDIR"
DEEPEST = 100

# Where a DICOM file says so.
_PREAMBLE, _DICOM = 128, b"DICM"
# JPEG, PNG, GIF, TIFF and BigTIFF, BMP with one of its headers, WebP, PNM (a number or a comment
# follows); JPEG 2000 and JPEG XL, which are refused by name.
_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|II[*+]\0|MM\0[*+]"
    rb"|BM.{12}[\x0c(48@l|]\0\0\0|RIFF.{4}WEBP|P[1-6]\s+[#\d]"
    rb"|\xff\x4f\xff\x51|\0\0\0\x0c(?:jP  |JXL )",
    re.DOTALL,
)
# Data sets without a preamble begin with one of these groups.
_FIRST_GROUPS = (b"\x02\0", b"\x08\0")

Parts = tuple[str, ...]
Identity = tuple[int, int]


class Scan(NamedTuple):
    """What lies below a folder.

    Attributes
    ----------
    files
        (path, bytes) of the image files, sorted; -1 bytes where a file cannot be asked.
    litter
        Number of other files.
    notes
        What was left out though it may be data, one sentence each.
    """

    files: list[tuple[str, int]]
    litter: int
    notes: list[str]


class _Entry(NamedTuple):
    entry: os.DirEntry[str]
    status: os.stat_result | None
    """None where it cannot be asked: a broken link."""

    @property
    def is_folder(self) -> bool:
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @property
    def identity(self) -> Identity:
        return _identity(self.status)


def scan_folder(root: Path) -> Scan:
    """Find the image files below `root`; links to folders are followed.

    An image file has the suffix of one, or is DICOM by its content; without a suffix it may be any
    image by its content. Files in hidden folders and in those of programs, hidden files (.DS_Store,
    ._radiograph.jpeg) and all others are litter. The pipeline's own folders are not entered.

    Raises
    ------
    UserError
        If the folder is missing or is none, or one below it cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(
            "the data folder is a file" if root.exists() else "there is no data folder",
            where=str(root),
            expected="a folder of images",
            remedy="correct the path in the configuration, or put the data or a link to them there",
        )
    files, litter, own = [], 0, []
    left_out: Counter[tuple[str, str]] = Counter()
    for parts, found in _walk(root, own):
        if _is_image(parts, found):
            # Names that are no valid text cannot stand in a table; the escaped form is rejected
            # on reading.
            path = _as_text("/".join(parts))
            files.append((path, -1 if found.status is None else found.status.st_size))
        else:
            litter += 1
            left_out.update(_worth_a_word(parts, found))
    return Scan(sorted(files), litter, list(_notes(left_out, own)))


def is_litter(parts: Sequence[str]) -> bool:
    """Tell by the parts of its path whether a file is no part of a data set."""
    return is_apart(parts) or _suffix(parts) not in IMAGE_SUFFIXES


def is_apart(parts: Sequence[str]) -> bool:
    """Tell whether a path is hidden, or lies in a folder that a program keeps for itself."""
    return any(part.startswith(".") or part.lower() in OF_PROGRAMS for part in parts)


def _suffix(parts: Sequence[str]) -> str:
    return PurePosixPath(parts[-1]).suffix.lower()


def _is_image(parts: Parts, found: _Entry) -> bool:
    suffix = _suffix(parts)
    if is_apart(parts) or suffix in NO_PICTURES or parts[-1].upper() == DICOM_DIRECTORY:
        return False
    return suffix in IMAGE_SUFFIXES or _begins_as_image(found, suffix)


def _begins_as_image(found: _Entry, suffix: str) -> bool:
    """Look at the first bytes of a file whose name says nothing; pipes are left alone."""
    start = _start(found)
    if start[_PREAMBLE:] == _DICOM:
        return True
    # What another program names in its own way (radiograph.jpg.bak) is no second image.
    return not suffix and (_PICTURE.match(start) is not None or _begins_as_data_set(start))


def _start(found: _Entry) -> bytes:
    """Return the first bytes of a regular file, none of another or of one that cannot be read."""
    if found.status is None or not stat.S_ISREG(found.status.st_mode):
        return b""
    try:
        with open(found.entry.path, "rb", buffering=0) as stream:
            return stream.read(_PREAMBLE + len(_DICOM))
    except OSError:
        return b""


def _begins_as_data_set(start: bytes) -> bool:
    """Tell whether bytes are the first element of a DICOM data set: a tag, a type or a length."""
    typed = start[4:6].isalpha() and start[4:6].isupper()
    return start[:2] in _FIRST_GROUPS and start[3:4] == b"\0" and (typed or start[5:8] == b"\0\0\0")


def _worth_a_word(parts: Parts, found: _Entry) -> Iterator[tuple[str, str]]:
    """Yield why a file that may be data is none, and in which folder or of what kind it is."""
    suffix = _suffix(parts)
    if parts[-1].startswith("._"):
        return
    if found.status is None:
        yield "links lead nowhere", parts[-1]
    elif suffix in IMAGE_SUFFIXES:
        apart = next(part for part in parts if is_apart((part,)))
        hidden = apart is parts[-1]
        yield "image files are hidden or in folders of programs", "hidden" if hidden else apart
    elif is_apart(parts):
        return
    elif suffix in OTHER_PICTURES:
        yield "files are of kinds that are not read", suffix
    elif suffix not in NO_PICTURES and _PICTURE.match(_start(found)):
        yield "files begin as images do but end in another suffix", suffix


def _notes(left_out: Counter[tuple[str, str]], own: Sequence[str]) -> Iterator[str]:
    for reason in sorted({reason for reason, _ in left_out}):
        found = {what: count for (why, what), count in left_out.items() if why == reason}
        named = ", ".join(f"{what} ({count:,})" for what, count in sorted(found.items())[:10])
        yield _as_text(f"{sum(found.values()):,} {reason}, left out: {named}")
    if own:
        yield _as_text(
            "folders of the pipeline itself lie below the data folder, left out: "
            f"{', '.join(sorted(own)[:10])}"
        )


def _as_text(name: str) -> str:
    """Return a name that may be no valid text as one that may stand in a table or a log."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _walk(root: Path, own: list[str]) -> Iterator[tuple[Parts, _Entry]]:
    """Yield the parts of the relative path of every file; add skipped folders of our own to `own`.

    Every link is followed once, and none to a folder that it lies in, above `root` either: links in
    circles end, and links to each other's folders do not multiply. What can be reached without a
    link is walked first.
    """
    ours = _own_folders()
    real = root.resolve()
    # A folder above may be closed to us, where we came from inside.
    above = tuple(_identity(path.stat()) for path in (real, *real.parents) if os.path.exists(path))
    plain = [(str(root), (), above)]
    links: deque[tuple[str, Parts, tuple[Identity, ...]]] = deque()
    followed: set[Identity] = set()
    while plain or links:
        folder, parts, above = plain.pop() if plain else links.popleft()
        entries = _entries(folder, parts)
        names = {found.entry.name for found in entries}
        if parts and any(names >= content for content in OWN_CONTENTS):
            own.append("/".join(parts))
            continue
        for found in entries:
            inner = (*parts, found.entry.name)
            if not found.is_folder:
                yield inner, found
            elif found.identity in ours:
                own.append("/".join(inner))
            elif found.identity not in above:
                place = (found.entry.path, inner, (*above, found.identity))
                if not found.entry.is_symlink():
                    plain.append(place)
                elif (link := _identity(found.entry.stat(follow_symlinks=False))) not in followed:
                    followed.add(link)
                    links.append(place)


def _own_folders() -> set[Identity]:
    """Return the folders that the pipeline writes to, where it runs."""
    there = (Path(name) for name in OWN_FOLDERS)
    return {_identity(path.stat()) for path in there if path.is_dir()}


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _entries(folder: str, parts: Parts) -> list[_Entry]:
    """Return what lies in a folder, by name."""
    if len(parts) > DEEPEST:
        raise UserError(
            f"folders lie more than {DEEPEST} deep in each other",
            where=f"{folder[:200]} ...",
            expected="a folder of images, as it was unpacked or collected",
            remedy="move these folders out of the data folder, or name a folder further down",
        )
    try:
        with os.scandir(folder) as entries:
            return sorted(map(_asked, entries), key=lambda found: found.entry.name)
    except OSError as error:
        raise UserError(
            "a folder or link below the data folder cannot be read",
            where=f"{error.filename or folder}: {error.strerror}",
            expected="folders that may be entered",
            remedy="allow yourself to read it, mend the link, or move it out of the data folder",
        ) from error


def _asked(entry: os.DirEntry[str]) -> _Entry:
    try:
        return _Entry(entry, entry.stat())
    except OSError as error:
        # A link to nothing, or to itself.
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return _Entry(entry, None)
        raise
