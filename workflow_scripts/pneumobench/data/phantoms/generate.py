"""Drawing of a whole data set of phantoms in the layout of Kaggle's chest radiographs."""

import hashlib
import io
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_table
from pneumobench.data.phantoms.acquisition import draw_acquisition, encode, expose
from pneumobench.data.phantoms.anatomy import draw_patient, draw_pose
from pneumobench.data.phantoms.cohort import Radiograph, plan_cohort
from pneumobench.data.phantoms.lesions import LUNG_AIR, draw_disease, infect
from pneumobench.data.phantoms.projection import project

logger = logging.getLogger(__name__)

_FOLDERS = ("chest_xray", "masks")
_NOTICE = "PHANTOMS.txt"


@dataclass(frozen=True)
class Knobs:
    """What the radiographs of a data set have in common."""

    seed: int
    image_px: int
    difficulty: float
    shift: float
    marker_confounder: float


@dataclass(frozen=True)
class DrawnRadiograph:
    """A finished image: the JPEG file, its lesion mask (None if healthy) and the lungs' place."""

    jpeg: bytes
    lesion: np.ndarray | None
    lungs: np.ndarray


def draw_radiograph(radiograph: Radiograph, knobs: Knobs) -> DrawnRadiograph:
    """Draw one image; it follows from the seed, the patient and the image's number only."""
    patient = radiograph.patient
    # Streams of their own: whether a child is ill changes nothing but the lesion.
    anatomy = draw_patient(np.random.default_rng([knobs.seed, 1, patient.index]))
    lesion_rng = np.random.default_rng([knobs.seed, 2, patient.index])
    disease = draw_disease(lesion_rng, anatomy, patient.subtype)
    rng, course_rng, marker_rng = (
        np.random.default_rng([knobs.seed, stream, patient.index, radiograph.number])
        for stream in (3, 4, 5)
    )
    shift = knobs.shift if patient.split == "test" else 0.0
    aspect = float(np.clip(rng.normal(1.36, 0.17), 1.0, 1.85))
    pose = draw_pose(rng, knobs.image_px, aspect, shift)
    # The confounder: R at the left edge for pneumonia, L at the right edge for normal.
    telling = marker_rng.random() < knobs.marker_confounder
    marker = ("L" if disease is None else "R") if telling else None
    acquisition = draw_acquisition(rng, knobs.image_px, shift, marker)
    scene = project(anatomy, pose)
    attenuation, lesion = scene.attenuation, None
    if disease is not None:
        attenuation, lesion = infect(scene, anatomy, pose, disease, knobs.difficulty, course_rng)
    pixels = expose(attenuation, acquisition, rng)
    return DrawnRadiograph(
        encode(pixels, acquisition.bytes_per_pixel), lesion, scene.air > LUNG_AIR
    )


def generate_phantoms(
    table: Path,
    *,
    patients: int,
    test_fraction: float,
    seed: int,
    image_px: int,
    difficulty: float,
    shift: float,
    marker_confounder: float,
    workers: int = 1,
) -> None:
    """Draw a data set below the folder of `table`, and write the table last.

    Written are `chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg`, `masks/...` (PNG, 255 =
    lesion, one for each pneumonia radiograph) and the table: path and mask_path (relative to
    `chest_xray`), label, subtype, patient, official_split, sha256. An earlier set is replaced.

    Parameters
    ----------
    table
        CSV file to write.
    patients
        Number of patients, at least 20.
    test_fraction
        Share of the patients in the official test set, 0 to 1.
    seed
        Everything follows from it.
    image_px
        Height of the images in pixels, at least 48; widths vary.
    difficulty, shift, marker_confounder
        Knobs from 0 to 1; see docs/phantoms.md.
    workers
        Number of threads; the files do not depend on it.

    Raises
    ------
    UserError
        If a value lies outside its range, or the folder holds images that are not phantoms.
    """
    _check(patients, test_fraction, image_px, difficulty, shift, marker_confounder)
    table = Path(table)
    root = table.parent
    _clear(root, table)
    knobs = Knobs(seed, image_px, difficulty, shift, marker_confounder)
    radiographs = plan_cohort(patients, test_fraction, seed)
    # The set grows under another name: what was interrupted cannot pass as complete.
    partial = root / ".partial"
    for radiograph in radiographs:
        for folder in _FOLDERS:
            (partial / folder / radiograph.path).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers) as pool:
        rows = list(
            pool.map(lambda radiograph: _write_radiograph(partial, radiograph, knobs), radiographs)
        )
    for folder in _FOLDERS:
        (partial / folder).rename(root / folder)
    partial.rmdir()
    write_table(table, pd.DataFrame(rows).sort_values("path", ignore_index=True))
    logger.info("drew %d radiographs of %d patients in %s", len(rows), patients, root)


def _write_radiograph(folder: Path, radiograph: Radiograph, knobs: Knobs) -> dict[str, str]:
    drawn = draw_radiograph(radiograph, knobs)
    (folder / "chest_xray" / radiograph.path).write_bytes(drawn.jpeg)
    mask_path = ""
    if drawn.lesion is not None:
        name = Path(radiograph.path).with_suffix(".png").as_posix()
        stream = io.BytesIO()
        Image.fromarray(drawn.lesion.astype(np.uint8) * 255).convert("1").save(stream, "PNG")
        (folder / "masks" / name).write_bytes(stream.getvalue())
        mask_path = f"../masks/{name}"
    return {
        "path": radiograph.path,
        "mask_path": mask_path,
        "label": radiograph.label,
        "subtype": radiograph.patient.subtype,
        "patient": radiograph.patient_name,
        "official_split": radiograph.patient.split,
        "sha256": hashlib.sha256(drawn.jpeg).hexdigest(),
    }


def _clear(root: Path, table: Path) -> None:
    """Remove an earlier set, but nothing that this module did not write."""
    notice = root / _NOTICE
    if (root / _FOLDERS[0]).exists() and not notice.exists():
        raise UserError(
            "the folder holds images that are not phantoms",
            where=str(root / _FOLDERS[0]),
            expected=f"an empty folder, or an earlier set of phantoms with its {_NOTICE}",
            remedy="choose another folder, or move the images away",
        )
    root.mkdir(parents=True, exist_ok=True)
    notice.write_text("Phantoms drawn by pneumobench; the next run replaces this folder.\n")
    table.unlink(missing_ok=True)
    for folder in (*_FOLDERS, ".partial"):
        if (root / folder).exists():
            shutil.rmtree(root / folder)


def _check(
    patients: int,
    test_fraction: float,
    image_px: int,
    difficulty: float,
    shift: float,
    marker_confounder: float,
) -> None:
    for name, value, low, high in (
        ("patients", patients, 20, 100_000),
        ("test_fraction", test_fraction, 0.0, 0.9),
        ("image_px", image_px, 48, 4096),
        ("difficulty", difficulty, 0.0, 1.0),
        ("shift", shift, 0.0, 1.0),
        ("marker_confounder", marker_confounder, 0.0, 1.0),
    ):
        if not low <= value <= high:
            raise UserError(
                f"{name} is {value}",
                where=f"data.phantom.{name}",
                expected=f"a number from {low} to {high}",
                remedy="correct the value in the configuration",
            )
