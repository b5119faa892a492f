"""Which images, and how they are prepared: the sections data, split, images and offline_copies."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pneumobench.core.config.recipe import Augmentation
from pneumobench.core.config.section import FilePath, Section, Seed, Share, Text
from pneumobench.core.findings import FINDINGS


def _with_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    # Counts beyond all limits, and groups within thousands of groups.
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if not groups:
        raise ValueError("no group (?P<patient>...) that would be the patient")
    return pattern


Pattern = Annotated[
    str,
    AfterValidator(_with_group),
    Field(
        min_length=1,
        max_length=1000,
        json_schema_extra={"$comment": "a regular expression with a group (?P<patient>...)"},
    ),
]


class Phantom(Section):
    """Radiographs drawn by the pipeline, with known truth."""

    patients: int = Field(ge=10, le=1_000_000)
    """Number of patients; some have several images."""
    test_fraction: float = Field(gt=0, le=0.5)
    """Share of the patients in the official test set."""
    seed: Seed
    """Everything about the phantoms follows from this seed."""
    image_px: int = Field(ge=64, le=4096)
    """Height of the images in pixels; widths vary as real radiographs do."""
    difficulty: Share
    """0 = conspicuous lesions, 1 = hardly visible lesions."""
    shift: Share
    """0 = development and test acquired alike, 1 = strongly different exposure, blur and noise."""
    marker_confounder: Share
    """0 = uninformative side marker, 1 = its corner gives pneumonia away (for shortcut tests)."""


Population = Literal["children", "adults", "unknown"]


class Directory(Section):
    """Images in a folder."""

    path: Text
    """A folder, or a link to one, with {train,val,test}/{NORMAL,PNEUMONIA} or
    {NORMAL,PNEUMONIA}."""
    patient_pattern: Pattern | None
    """A regular expression found in the path of an image, whose group (?P<patient>...), or first
    group, is the patient; null = file names as in Kaggle's and Mendeley's data."""
    population: Population
    """Who was examined (adults: most of them); decides the wording and warnings of the report."""


class Table(Section):
    """Images that a table lists."""

    path: Text
    """A CSV file with the columns path and label (normal, pneumonia, bacterial, viral, 0, 1) and,
    where known, patient, split (train, val, test), subtype and boxes."""
    images: Text | None
    """The folder that the column path is relative to; null = the folder of the table."""
    population: Population
    """Who was examined (adults: most of them); decides the wording and warnings of the report."""


class Kaggle(Section):
    """Fetched from Kaggle, with an account and its token."""

    dataset: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9-]+$",
            json_schema_extra={"$comment": "owner/name, as in the address of the data set"},
        ),
    ]
    """Owner and name of the data set, which must have the same layout as this one."""


class Mendeley(Section):
    """The same radiographs without an account."""

    version: Literal[2, 3]
    """2 = file names as on Kaggle; 3 = names with patient numbers."""


class PneumoniaMNIST(Section):
    """The same radiographs in small, without patients."""

    size: Literal[28, 64, 128, 224]
    """Side of the images in pixels."""
    file: FilePath | None
    """An existing file pneumoniamnist*.npz; null = it is downloaded."""


class NIH(Section):
    """NIH ChestX-ray14, unpacked: adults for the most part, labels mined by a program."""

    path: Text
    """The folder with Data_Entry_2017.csv, the split lists and the image folders."""
    positive: Literal["abnormal", *FINDINGS]  # type: ignore[valid-type]
    """The finding to detect, compared with radiographs without any finding; abnormal = any
    finding."""


class RSNA(Section):
    """RSNA Pneumonia Detection Challenge 2018, unpacked: DICOM files, adults for the most part."""

    path: Text
    """The folder with stage_2_train_labels.csv, stage_2_detailed_class_info.csv and the images."""
    negatives: Literal["normal", "all"]
    """What opacities are compared with: normal = radiographs read as normal; all = all radiographs
    without opacity."""


class Checks(Section):
    """What the images must satisfy."""

    reading: Literal["whole", "header"]
    """whole = every image is decoded, checked and compared with all others; header = only sizes are
    read, for data too large to be decoded twice: damaged images stop the packing, and no duplicates
    except nested copies are detected."""
    minimum_px: int = Field(ge=1)
    """Images with a side shorter than this are set aside."""
    maximum_megapixels: float = Field(gt=0, le=1000)
    """Images with more pixels (in millions) are set aside before they are decoded."""
    maximum_megabytes: float = Field(gt=0, le=2000)
    """Files larger than this are set aside before they are read."""
    minimum_bits: int = Field(ge=1, le=16)
    """Images with fewer bits per grey value are set aside."""
    minimum_spread: float = Field(ge=0, le=127)
    """Images whose grey values (0-255) have a standard deviation below this are blank and set
    aside."""
    maximum_colour: Share
    """Images whose colour channels differ by more than this (mean, 0-1) are colour images and set
    aside."""
    maximum_rejected_fraction: Share
    """The pipeline stops when a larger share of the files is set aside."""
    maximum_near_duplicate_fraction: Share
    """The pipeline stops when a larger share of the images are near duplicates of another
    patient's, such as augmented copies under other names."""
    allow_crossings: Annotated[
        tuple[Literal["patient", "exact_duplicate"], ...], Field(strict=False)
    ]
    """Kinds of leakage between the official splits that are tolerated: patient, exact_duplicate."""


class Data(Section):
    """Where the images come from and what they must satisfy."""

    source: Literal[
        *("phantom", "directory", "table", "kaggle", "mendeley", "pneumoniamnist", "nih", "rsna")
    ]
    """Source of the images; each has a section of its own below, and the others are ignored."""
    phantom: Phantom
    """phantom: drawn by the pipeline."""
    directory: Directory
    """directory: a folder laid out like Kaggle's chest_xray."""
    table: Table
    """table: your own table of images."""
    kaggle: Kaggle
    """kaggle: the children of Kermany et al. 2018, fetched with your account (snakemake fetch)."""
    mendeley: Mendeley
    """mendeley: the same, fetched without an account."""
    pneumoniamnist: PneumoniaMNIST
    """pneumoniamnist: the same, reduced in size, from MedMNIST; patients and subtypes are
    unknown."""
    nih: NIH
    """nih: ChestX-ray14, in a folder of your own."""
    rsna: RSNA
    """rsna: the pneumonia challenge of 2018, in a folder of your own."""
    checks: Checks
    """What stops the pipeline, and which images are set aside."""


class Split(Section):
    """How the images are divided."""

    folds: int = Field(ge=2, le=20)
    """Number of cross-validation folds; all images of a patient are in one fold."""
    repeats: int = Field(ge=1, le=20)
    """How often the development patients are divided into folds anew, every run trained on each:
    the spread between trainings, with its own intervals. 1 = once; the ranking is of the first."""
    seed: Seed
    """Seed of the folds, of the hold-out and of the early-stopping split."""
    holdout_fraction: float = Field(gt=0, le=0.5)
    """Share of the images held out for testing, whole patients together, when the data have no
    official test set."""
    inner_fraction: float = Field(ge=0, le=0.5)
    """Share of each fold's training images that is kept for early stopping; 0 = none."""
    patient_key: Literal["name", "number"]
    """What tells patients apart: name, as the source names them (file names of Kermany's data: the
    number with its subtype), or number, the number alone, to see what changes if equal numbers were
    one child; development images of patients in the official test set are then left out."""

    @property
    def once(self) -> dict[str, Any]:
        """What the split follows from, however often it is repeated; plain values.

        The key that patients usually have is left out: there was no other in earlier versions.
        """
        usual = {"patient_key"} if self.patient_key == "name" else set()
        return self.model_dump(exclude={"repeats"} | usual)

    @property
    def folding(self) -> dict[str, float]:
        """What the division of a pool of groups into folds follows from; plain values."""
        return self.model_dump(include={"folds", "seed", "inner_fraction"})


class Images(Section):
    """What the networks see."""

    size: int = Field(ge=64, le=1024)
    """Side of the square images in pixels; every architecture accepts 64 and more."""
    resize: Literal["squash", "pad", "crop"]
    """How a radiograph is made square: squash (stretch), pad (black bars) or crop (centre)."""


class OfflineCopies(Section):
    """Augmented copies written to disk once."""

    per_image: int = Field(ge=0, le=100)
    """Number of copies of each cross-validation image."""
    seed: Seed
    """Seed of the copies."""
    augmentation: Augmentation
    """How the copies differ from their image."""
