"""What every source says about its radiographs before any of them is opened."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Self

FILE_NAME, PATTERN, COLUMN = "file_name", "pattern", "column"
# How the reason of what lies beside the radiographs begins; the name of the folder follows.
IN_HELPER = "in a folder of masks, labels or copies: "
NO_FILE = "the table names it, but there is no such file"


@dataclass(frozen=True)
class Radiograph:
    """One image file, and what its folders, its name or a table say about it.

    Attributes
    ----------
    path
        Path relative to the root of the source, with forward slashes.
    size
        Bytes; -1 where the file cannot be asked (a broken link, a file that is not there).
    label
        normal or pneumonia; "" where `reason` says why there is none.
    official_split
        train, val or test, or none where the source does not divide its radiographs.
    subtype
        normal, bacterial, viral or unknown.
    patient
        Key of the patient; "" where nothing tells it: the radiograph is then its own patient.
    patient_from
        What told the patient: file_name, pattern, column, or "" for nothing.
    boxes
        Where the findings lie: a JSON list of [x, y, width, height] in pixels of the image, or "".
    mask_path
        Path of the lesions' mask, relative to the root, or "".
    place
        Equal for nested copies of one file; "" where the source knows no such copies.
    reason
        Why the radiograph is set aside without being opened; "" if it is not.
    """

    path: str
    size: int
    label: str
    official_split: str
    subtype: str = "unknown"
    patient: str = ""
    patient_from: str = ""
    boxes: str = ""
    mask_path: str = ""
    place: str = ""
    reason: str = ""

    @classmethod
    def of_row(cls, path: str, size: int, label: str, official_split: str, **told: str) -> Self:
        """Return a radiograph that a table names; set aside where there is no such file."""
        told = {"subtype": "normal" if label == "normal" else "unknown"} | told
        told["patient_from"] = COLUMN if told["patient"] else ""
        if size < 0:
            told["reason"] = NO_FILE
        return cls(path, size, label, official_split, **told)

    @property
    def stem(self) -> str:
        """The file name without its suffix."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class Listing:
    """The images of a source in the order of their paths, and what is to be said about all of them.

    Attributes
    ----------
    radiographs
        Every radiograph that takes part, or is set aside with a reason.
    title
        What the source is, in a few words.
    population
        Who was examined: children, adults (most of them), phantoms, or unknown.
    positive, negative
        What the labels pneumonia and normal stand for in this source.
    reference
        Where a radiograph's label comes from, one sentence.
    litter
        Number of other files.
    notes
        What a reader must know about the source, one sentence each.
    """

    radiographs: list[Radiograph]
    title: str
    population: str = "unknown"
    positive: str = "pneumonia"
    negative: str = "normal"
    reference: str = "The label of each image is that of the folder it lies in."
    litter: int = 0
    notes: list[str] = field(default_factory=list)
