"""What zip and tar archives hold, member by member, as they say themselves: nothing is believed."""

import contextlib
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FILE, FOLDER, LINK, SPECIAL = "file", "folder", "link", "device, pipe or sparse file"

BLOCK = 1 << 20
"""Bytes that are read at once; a header of a tar archive may be no longer."""

LONGEST_END = 64 << 20
"""Bytes that may follow the last member of a tar archive."""

LONGEST_LIST = 64 << 20
"""Bytes of the list at the end of a zip archive, which is read in one go: half a million names."""

# What the readers of the standard library raise on damaged content.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class BadArchiveError(Exception):
    """An archive that cannot be read, or none; its text says why in a few words."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes
    ----------
    name
        As the archive spells it, with everything that may be wrong about it.
    kind
        FILE, FOLDER, LINK or SPECIAL.
    size
        Unpacked bytes that the archive states.
    encrypted
        Whether a password is needed.
    open
        Opens the content of a file; only until the next member is asked for.
    """

    name: str
    kind: str
    size: int
    encrypted: bool
    open: Callable[[], IO[bytes]]

    def blocks(self) -> Iterator[bytes]:
        """Yield the content of a file, whatever size the archive states.

        Raises
        ------
        BadArchiveError
            If it cannot be read to its end.
        """
        with _reading(), self.open() as stream:
            while block := stream.read(BLOCK):
                yield block


@contextlib.contextmanager
def members_of(archive: Path) -> Iterator[Iterator[Member]]:
    """Open an archive for one pass over its members; its first bytes say of which kind it is.

    Raises
    ------
    BadArchiveError
        If it is no zip, tar or tar.gz archive, or, from the iterator too, if it is damaged.
    """
    with contextlib.ExitStack() as stack:
        with _reading():
            members = _open(archive, stack)
        yield _read(members)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise BadArchiveError(f"it is damaged: {error}") from error


def _read(members: Iterator[Member]) -> Iterator[Member]:
    with _reading():
        yield from members


def _open(archive: Path, stack: contextlib.ExitStack) -> Iterator[Member]:
    stream = stack.enter_context(archive.open("rb"))
    start = stream.read(512)
    stream.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        measured = _Measured(stream, LONGEST_LIST)
        return _of_zip(stack.enter_context(zipfile.ZipFile(measured)))
    if start.startswith(b"\x1f\x8b"):
        return _of_tar(stack.enter_context(gzip.GzipFile(fileobj=stream)))
    if start[257:262] == b"ustar":
        return _of_tar(stream)
    raise BadArchiveError("it begins like no zip, tar or tar.gz archive")


def _of_zip(packed: zipfile.ZipFile) -> Iterator[Member]:
    kinds = {0: FILE, stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER, stat.S_IFLNK: LINK}
    for entry in packed.infolist():
        # Unlike `filename`, it is not cut off at a null character.
        name = entry.orig_filename
        kind = kinds.get(stat.S_IFMT(entry.external_attr >> 16), SPECIAL)
        yield Member(
            name=name,
            kind=FOLDER if kind == FILE and name.endswith("/") else kind,
            size=entry.file_size,
            encrypted=bool(entry.flag_bits & 1),
            open=lambda entry=entry: packed.open(entry),
        )


def _of_tar(stream: IO[bytes]) -> Iterator[Member]:
    # Its caller closes the stream; there is nothing else to close.
    packed = tarfile.TarFile(fileobj=_Measured(stream, BLOCK))
    while (entry := packed.next()) is not None:
        yield Member(
            name=entry.name,
            kind=_kind_in_tar(entry),
            size=entry.size,
            encrypted=False,
            open=lambda entry=entry: packed.extractfile(entry),
        )
        # tarfile keeps every entry, which a pass over many files does not need.
        packed.members = []
    _check_end(stream, packed.offset)


def _kind_in_tar(entry: tarfile.TarInfo) -> str:
    if entry.issym() or entry.islnk():
        return LINK
    if entry.isdir():
        return FOLDER
    return FILE if entry.isreg() and not entry.issparse() else SPECIAL


def _check_end(stream: IO[bytes], offset: int) -> None:
    """Read to the end, where gzip's checksum stands; tarfile takes any break-off for an end."""
    stream.seek(offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it breaks off")
    for _ in range(LONGEST_END // BLOCK):
        if not stream.read(BLOCK):
            return
    raise tarfile.ReadError("much follows behind its end")


class _Measured(io.RawIOBase):
    """A stream of which no more than `most` bytes can be had at once.

    tarfile reads a long name or a pax header in one go, zipfile the list of all members, of the
    size that the archive states.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self.stream, self.most = stream, most

    def read(self, size: int = -1) -> bytes:
        # zipfile asks for all that follows, where that is little.
        found = b"" if size > self.most else self.stream.read(self.most + 1 if size < 0 else size)
        if max(size, len(found)) > self.most:
            raise tarfile.ReadError("a header or the list of its members is too long")
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
