"""Which images, and how they are prepared: the sections data, split, images and offline_copies."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pneumobench.core.config.recipe import Augmentation
from pneumobench.core.config.section import FilePath, Section, Seed, Share, Text
from pneumobench.core.findings import FINDINGS


def _with_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    # Counts beyond all limits, and groups within thousands of groups.
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from error
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
    """0 = lesions stand out, 1 = lesions hardly visible."""
    shift: Share
    """0 = development and test acquired alike, 1 = strongly different exposure, blur and noise."""
    marker_confounder: Share
    """0 = side marker says nothing, 1 = its corner gives pneumonia away (for shortcut tests)."""


Population = Literal["children", "adults", "unknown"]


class Directory(Section):
    """Images in a folder."""

    path: Text
    """A folder with {train,val,test}/{NORMAL,PNEUMONIA} or {NORMAL,PNEUMONIA}; a link will do."""
    patient_pattern: Pattern | None
    """A regular expression found in the path of an image, whose group (?P<patient>...), or first
    group, is the patient; null = file names as in Kaggle's and Mendeley's data."""
    population: Population
    """Who was examined (adults: most of them), for the report's words and its warnings."""


class Table(Section):
    """Images that a table lists."""

    path: Text
    """A CSV file with the columns path and label (normal, pneumonia, bacterial, viral, 0, 1), and
    where they are known patient, split (train, val, test), subtype and boxes."""
    images: Text | None
    """The folder that the column path is relative to; null = the folder of the table."""
    population: Population
    """Who was examined (adults: most of them), for the report's words and its warnings."""


class Kaggle(Section):
    """Fetched from Kaggle, with an account and its token."""

    dataset: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9-]+$",
            json_schema_extra={"$comment": "owner/name, as in the address of the data set"},
        ),
    ]
    """Owner and name of the data set; it must have the layout of the one that is named here."""


class Mendeley(Section):
    """The same radiographs without an account."""

    version: Literal[2, 3]
    """2 = the file names that Kaggle has; 3 = names with the numbers of the patients."""


class PneumoniaMNIST(Section):
    """The same radiographs in small, without patients."""

    size: Literal[28, 64, 128, 224]
    """Side of the images in pixels."""
    file: FilePath | None
    """A file pneumoniamnist*.npz that is there already; null = it is fetched."""


class NIH(Section):
    """NIH ChestX-ray14, unpacked: adults for the most part, labels mined by a program."""

    path: Text
    """The folder with Data_Entry_2017.csv, the lists of the split and the folders of images."""
    positive: Literal["abnormal", *FINDINGS]  # type: ignore[valid-type]
    """The finding to detect, against radiographs with none; abnormal = any finding."""


class RSNA(Section):
    """RSNA Pneumonia Detection Challenge 2018, unpacked: DICOM files, adults for the most part."""

    path: Text
    """The folder with stage_2_train_labels.csv, stage_2_detailed_class_info.csv and the images."""
    negatives: Literal["normal", "all"]
    """What stands against opacities: normal = images read as normal; all = all images without."""


class Checks(Section):
    """What the images must satisfy."""

    reading: Literal["whole", "header"]
    """whole = every image is decoded, checked and compared with all others; header = only sizes are
    read, for data too large to be decoded twice: damaged images stop the packing, and no duplicate
    but nested copies is found."""
    minimum_px: int = Field(ge=1)
    """Images with a side shorter than this are set aside."""
    maximum_megapixels: float = Field(gt=0, le=1000)
    """Images with more pixels (in millions) are set aside before they are decoded."""
    maximum_megabytes: float = Field(gt=0, le=2000)
    """Files larger than this are set aside before they are read."""
    minimum_bits: int = Field(ge=1, le=16)
    """Images with fewer bits for a grey value are set aside."""
    minimum_spread: float = Field(ge=0, le=127)
    """Images whose grey values (0-255) spread less than this (standard deviation) are blank and set
    aside."""
    maximum_colour: Share
    """Images whose colour channels differ by more than this (mean, 0-1) are pictures in colour and
    set aside."""
    maximum_rejected_fraction: Share
    """The pipeline stops when a larger share of the files is set aside."""
    maximum_near_duplicate_fraction: Share
    """The pipeline stops when a larger share of the images looks nearly like one of another
    patient, as augmented copies under names of their own do."""
    allow_crossings: Annotated[
        tuple[Literal["patient", "exact_duplicate"], ...], Field(strict=False)
    ]
    """Leaks between the official splits that are tolerated by name: patient, exact_duplicate."""


class Data(Section):
    """Where the images come from and what they must satisfy."""

    source: Literal[
        *("phantom", "directory", "table", "kaggle", "mendeley", "pneumoniamnist", "nih", "rsna")
    ]
    """Where the images come from; each has a section of its own below, the others are not used."""
    phantom: Phantom
    """phantom: drawn by the pipeline."""
    directory: Directory
    """directory: a folder laid out as Kaggle's chest_xray."""
    table: Table
    """table: your own table of images."""
    kaggle: Kaggle
    """kaggle: the children of Kermany et al. 2018, fetched with your account (snakemake fetch)."""
    mendeley: Mendeley
    """mendeley: the same, fetched without an account."""
    pneumoniamnist: PneumoniaMNIST
    """pneumoniamnist: the same in small, from MedMNIST; patients and subtypes are not known."""
    nih: NIH
    """nih: ChestX-ray14, in a folder of yours."""
    rsna: RSNA
    """rsna: the pneumonia challenge of 2018, in a folder of yours."""
    checks: Checks
    """What stops the pipeline, and what is set aside and reported."""


class Split(Section):
    """How the images are divided."""

    folds: int = Field(ge=2, le=20)
    """Number of cross-validation folds; patients never cross them."""
    seed: Seed
    """Seed of the folds, of the hold-out and of the early-stopping part."""
    holdout_fraction: float = Field(gt=0, le=0.5)
    """Share of the patients held out for testing when the data bring no official test set."""
    inner_fraction: float = Field(ge=0, le=0.5)
    """Share of each fold's training side that is kept for early stopping; 0 = none."""


class Images(Section):
    """What the networks see."""

    size: int = Field(ge=64, le=1024)
    """Side of the square images in pixels; every architecture takes 64 and more."""
    resize: Literal["squash", "pad", "crop"]
    """How a radiograph becomes a square: squash (stretch), pad (black bars) or crop (centre)."""


class OfflineCopies(Section):
    """Augmented copies written to disk once."""

    per_image: int = Field(ge=0, le=100)
    """Number of copies of each cross-validation image."""
    seed: Seed
    """Seed of the copies."""
    augmentation: Augmentation
    """How the copies differ from their image."""
