"""Unpacking archives of strangers: all that is wanted, and only below one folder, or nothing."""

import contextlib
import hashlib
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pneumobench.core.errors import UserError
from pneumobench.core.folders import atomic_folder
from pneumobench.core.members import FOLDER, LINK, SPECIAL, BadArchiveError, Member, members_of
from pneumobench.core.room import check_room

logger = logging.getLogger(__name__)

LONGEST_PART, LONGEST_NAME = 255, 1024
"""Bytes of one part of a name and of a whole one, as common file systems allow them."""

SLACK = 10_000_000
"""Unpacked bytes that are never too many for the size of their archive."""


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to.

    Attributes
    ----------
    bytes
        All files together.
    ratio
        Unpacked bytes for each byte of the archive; images hardly shrink.
    files
        Number of files.
    """

    bytes: int = 64_000_000_000
    ratio: float = 50.0
    files: int = 500_000


@dataclass(frozen=True)
class Kind:
    """What archives are of, for messages.

    Attributes
    ----------
    contents
        What they hold, in the plural or as a mass: "images".
    expected
        What a whole one is.
    remedy
        What to do about one that is refused.
    damaged
        What to do about one that cannot be read.
    """

    contents: str
    expected: str
    remedy: str
    damaged: str


IMAGES = Kind(
    contents="images",
    expected="a zip, tar or tar.gz archive, whole",
    remedy="take the archive from its publisher; if this is the publisher's, unpack what you trust "
    "by hand and use data.source: directory",
    damaged="remove the file, then run the same command again",
)


def unpack(
    archive: Path,
    folder: Path,
    *,
    keep: Callable[[PurePosixPath], bool] | None = None,
    limits: Limits | None = None,
) -> None:
    """Unpack a zip, tar or tar.gz archive, so that `folder` holds what is wanted or is not there.

    A folder that is there is complete, and stays as it is. Only contents are unpacked: modes,
    owners and times of the archive count for nothing.

    Parameters
    ----------
    archive
        The file.
    folder
        Where its members go.
    keep
        Tells by its name whether a file is wanted; None = all are.
    limits
        What the wanted files may come to; counted while they are unpacked, too.

    Raises
    ------
    UserError
        Naming archive and member: if it is damaged or no archive, if it holds links, devices,
        encrypted files or names that are absolute, lead out of the folder, are too long, hold
        control characters or would overwrite each other, if a limit is passed, or if there is no
        room.
    """
    if folder.is_dir():
        logger.info("%s is there already", folder)
        return
    packed = Packed(archive, keep, limits or Limits())
    packed.check()
    folder.parent.mkdir(parents=True, exist_ok=True)
    check_room(folder.parent, packed.size)
    with atomic_folder(folder) as place:
        packed.write(place)
    logger.info("%s: %d files unpacked", archive, len(packed.wanted))


@dataclass
class Packed:
    """An archive whose members are looked at first and read then.

    Attributes
    ----------
    archive
        The file.
    keep
        Tells by its name whether a file is wanted; None = all are.
    limits
        What the wanted files may come to.
    kind
        What the archive is of.
    wanted
        Where each wanted file goes, by its name in the archive; known once it is checked.
    sizes
        Bytes that the archive states for them, by the same names.
    """

    archive: Path
    keep: Callable[[PurePosixPath], bool] | None = None
    limits: Limits = Limits()
    kind: Kind = IMAGES
    wanted: dict[str, PurePosixPath] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that the archive states for all wanted files together."""
        return sum(self.sizes.values())

    def check(self) -> None:
        """Refuse the archive for its first member that is not as it should be.

        Raises
        ------
        UserError
            As for `unpack`.
        """
        names, size = _Names(), 0
        with self._members() as members:
            for member in members:
                path = self._checked_path(member)
                if member.kind == FOLDER or (self.keep and not self.keep(path)):
                    continue
                if member.encrypted:
                    self._refuse(member, "is encrypted", "files that can be read")
                if (other := names.clash(path)) is not None:
                    self._refuse(member, f"would overwrite {shown(other)}", "different names")
                self.wanted[member.name] = path
                self.sizes[member.name] = member.size
                size += member.size
                self._check_amount(member, size)

    def write(self, place: Path) -> None:
        """Write the wanted files below `place`."""
        for name, blocks in self._contents():
            target = place / self.wanted[name]
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                for block in blocks:
                    stream.write(block)

    def read(self, name: str) -> bytes:
        """Return the content of a wanted file; its size is known before, from `sizes`."""
        for found, blocks in self._contents():
            if found == name:
                return b"".join(blocks)
        raise KeyError(name)

    def hashes(self) -> Iterator[tuple[str, str]]:
        """Yield name and SHA-256 of every wanted file."""
        for name, blocks in self._contents():
            digest = hashlib.sha256()
            for block in blocks:
                digest.update(block)
            yield name, digest.hexdigest()

    @contextlib.contextmanager
    def _members(self) -> Iterator[Iterator[Member]]:
        with self._readable(), members_of(self.archive) as members:
            yield members

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except BadArchiveError as error:
            raise UserError(
                f"the archive cannot be read: {error}",
                where=str(self.archive),
                expected=self.kind.expected,
                remedy=self.kind.damaged,
            ) from error

    def _contents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each wanted file with its blocks, no more of them than the archive states."""
        with self._members() as members:
            for member in members:
                if member.kind != FOLDER and member.name in self.wanted:
                    yield member.name, self._blocks(member)

    def _blocks(self, member: Member) -> Iterator[bytes]:
        left = self.sizes[member.name]
        with self._readable():
            for block in member.blocks():
                left -= len(block)
                if left < 0:
                    self._refuse(member, "is larger than it says", "sizes that are true")
                yield block

    def _checked_path(self, member: Member) -> PurePosixPath:
        """Return where a member goes, relative; all are checked, wanted or not."""
        if member.kind in (LINK, SPECIAL):
            self._refuse(member, f"is a {member.kind}", "files and folders")
        name = member.name
        if wrong := _wrong_name(name):
            self._refuse(member, wrong, "plain names below one folder")
        path = PurePosixPath(name)
        # A folder may well be called "./": all of the archive.
        if not path.parts and member.kind != FOLDER:
            self._refuse(member, "has no name", "files with names")
        return path

    def _check_amount(self, member: Member, size: int) -> None:
        if len(self.wanted) > self.limits.files:
            self._refuse(member, "is one file too many", f"at most {self.limits.files:,} files")
        if size > self.limits.bytes:
            most = f"at most {self.limits.bytes / 1e9:,.1f} GB"
            self._refuse(member, f"makes it larger than any archive of {self.kind.contents}", most)
        packed = self.archive.stat().st_size
        if size > max(SLACK, self.limits.ratio * packed):
            most = f"at most {self.limits.ratio:g} times the {packed:,} bytes of the archive"
            self._refuse(member, "swells like a decompression bomb", most)

    def _refuse(self, member: Member, what: str, expected: str) -> None:
        raise UserError(
            f"the archive is refused: a member {what}",
            where=f"{self.archive}: {shown(member.name)}",
            expected=f"{expected} in an archive of {self.kind.contents}",
            remedy=self.kind.remedy,
        )


def _wrong_name(name: str) -> str:
    """Say what is wrong about a member's name, "" for nothing."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "has a name that is no valid text"
    parts = name.split("/")
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return "has a control character in its name"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute name"
    if "\\" in name:
        return "has a backslash in its name"
    if ".." in parts:
        return "leads out of its folder"
    if len(encoded) > LONGEST_NAME or any(len(part.encode()) > LONGEST_PART for part in parts):
        return "has a name that is too long"
    return ""


class _Names:
    """Names as the least discerning file system sees them: without case and Unicode form."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, ...], str] = {}
        self.folders: dict[tuple[str, ...], str] = {}

    def clash(self, path: PurePosixPath) -> str | None:
        """Return the name that a file would overwrite or stand in the way of, None for none."""
        key = tuple(_folded(part) for part in path.parts)
        above = [key[:length] for length in range(1, len(key))]
        for taken in (self.files.get(key), self.folders.get(key), *map(self.files.get, above)):
            if taken is not None:
                return taken
        self.files[key] = str(path)
        self.folders |= dict.fromkeys(above, str(path))
        return None


def _folded(part: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", part).casefold())


def shown(value: object) -> str:
    """Return a name of an archive with everything odd escaped, and not at any length."""
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:100]}...{text[-17:]}"
