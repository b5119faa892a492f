"""What a publisher offers: one file, what is known of it beforehand, and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CITATION = (
    "Kermany D, Zhang K, Goldbaum M (2018). Labeled Optical Coherence Tomography (OCT) and Chest "
    "X-Ray Images for Classification. Mendeley Data, V{version}, doi:10.17632/rscbjbr9sj.{version}"
)
"""Of the radiographs that all three sources hold."""


@dataclass(frozen=True)
class Located:
    """Where a file can be fetched from right now.

    Attributes
    ----------
    url
        Address; it may hold a secret.
    version, licence
        What the publisher said on being asked; None where it was not asked.
    """

    url: str
    version: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Published:
    """A data set as one file.

    Attributes
    ----------
    title
        What it is.
    page
        Address, without secrets, where a person finds it.
    version, licence, citation
        As published; None where that is unknown.
    file
        Name of the file.
    locate
        Returns where to fetch it; asks the publisher where that is needed.
    unpack
        Makes a folder of images, which is whole or not there, of the file: unpack(file, folder).
    sha256, md5
        What it must be, hexadecimal; "" where nobody states it.
    patients, subtypes
        What tells them.
    local
        The user's own file, used instead of the published one.
    """

    title: str
    page: str
    version: str | None
    licence: str | None
    citation: str | None
    file: str
    locate: Callable[[], Located]
    unpack: Callable[[Path, Path], None]
    sha256: str = ""
    md5: str = ""
    patients: str = "from the file names"
    subtypes: str = "from the file names"
    local: Path | None = None
