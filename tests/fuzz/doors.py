"""The doors through which files come in: sound samples, the code behind each, how much is tried."""

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import intermediates
import mutation
import numpy as np
import samples
import torch
import yaml
from dataset_fixture import LIMITS
from hostile_archive import FILES, rebuild, write_archive
from mutation import Mutation
from safetensors.torch import save
from snakemake.utils import update_config

from pneumobench.core.archive import CONFIG, INDEX
from pneumobench.core.config.check import check_config
from pneumobench.core.config.reading import check_config_files
from pneumobench.core.errors import UserError
from pneumobench.core.extract import unpack
from pneumobench.data.doorkeeper import UnreadableImageError, check_picture
from pneumobench.data.images import read_header, read_picture
from pneumobench.data.sources.table import list_table
from pneumobench.models import registry
from pneumobench.models.weights.state_file import read_state
from pneumobench.training.resume import ResumeState

# How a door refuses. Whatever else comes out of it would be a traceback for a user.
REFUSALS = (UserError, UnreadableImageError)
# Only these have a checksum over all that makes their pixels; docs/doorkeeper.md says so.
WITH_CHECKSUM = ("PNG",)


Samples = Callable[[], Mapping[str, bytes]]
Enter = Callable[[bytes, str, Path], None]


class AcceptedDamageError(AssertionError):
    """A damaged image was let in, with other pixels than the sound one."""


@dataclass(frozen=True)
class Door:
    """One way in.

    Attributes
    ----------
    name
        As a test shows it, and of the folder of its findings.
    samples
        Gives sound files, by variant.
    enter
        Reads the bytes of a file of a variant; a folder is the door's own to write into.
    inputs
        How many damaged files the whole fuzzing tries.
    mutations
        The faults that are tried.
    """

    name: str
    samples: Samples
    enter: Enter
    inputs: int
    mutations: Sequence[Mutation] = mutation.OF_BYTES


def _image(kind: str, content: bytes, variant: str, folder: Path) -> None:
    picture = read_picture(content, LIMITS.maximum_megapixels)
    check_picture(picture.image, picture.grey, picture.bits, LIMITS)
    if kind in WITH_CHECKSUM:
        sound = read_picture(samples.images()[kind][variant])
        if not np.array_equal(np.asarray(picture.grey), np.asarray(sound.grey)):
            raise AcceptedDamageError(f"a damaged {kind} was let in with other pixels")
    # What is let in whole must be let in by its header, and be of the same size.
    path = folder / "image"
    path.write_bytes(content)
    outline = read_header(path, LIMITS.maximum_megapixels)
    assert (outline.width, outline.height) == picture.image.size


def _summed_png(content: bytes, variant: str, folder: Path) -> None:
    """Make every checksum right, so that damage comes as far as it can."""
    summed, place = content[:8], 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4])
        summed += content[place:end] + zlib.crc32(content[place + 4 : end]).to_bytes(4)
        place = end + 4
    _image("PNG with right sums", summed, variant, folder)


def _header(content: bytes, variant: str, folder: Path) -> None:
    path = folder / "image"
    path.write_bytes(content)
    read_header(path, LIMITS.maximum_megapixels)


def _all_images() -> dict[str, bytes]:
    return {
        f"{kind}, {variant}": content
        for kind, variants in samples.images().items()
        if kind != "DICOM"
        for variant, content in variants.items()
    }


def _table(content: bytes, variant: str, folder: Path) -> None:
    path = folder / "images.csv"
    path.write_bytes(content)
    list_table(path, folder)


def _unpacked(
    reader: Callable[[Path, Path], None], content: bytes, variant: str, folder: Path
) -> None:
    """Read an archive by what unpacks it into a folder, and take the folder away."""
    path, target = folder / "some.zip", folder / "unpacked"
    path.write_bytes(content)
    try:
        reader(path, target)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _archives() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return {"small": write_archive(Path(folder, "experiment.zip"), FILES).read_bytes()}


def _index(content: bytes, variant: str, folder: Path) -> None:
    """Put another list of files, and files, into an archive that is sound as a zip."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(_archives()["small"])) as sound,
        zipfile.ZipFile(packed, "w") as changed,
    ):
        for name in sound.namelist():
            changed.writestr(name, content if name == variant else sound.read(name))
    _unpacked(rebuild, packed.getvalue(), variant, folder)


def _indexes() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(_archives()["small"])) as sound:
        return {name: sound.read(name) for name in (INDEX, CONFIG)}


def _configuration(content: bytes, variant: str, folder: Path) -> None:
    path = folder / "overlay.yaml"
    path.write_bytes(content)
    check_config_files([path])
    given = samples.whole_configuration()
    update_config(given, yaml.safe_load(content.decode("utf-8-sig")))
    check_config(given, architectures=registry.names())


def _weights(content: bytes, suffix: str, folder: Path) -> None:
    path = folder / f"weights{suffix}"
    path.write_bytes(content)
    read_state(path, where="weights", remedy="none")


def _weight_files() -> dict[str, bytes]:
    tensors = {"a": torch.arange(12.0).reshape(3, 4), "b": torch.zeros(2, dtype=torch.int64)}
    pickled = io.BytesIO()
    torch.save(tensors, pickled)
    return {".safetensors": save(tensors), ".pth": pickled.getvalue()}


def _resume_state(content: bytes, variant: str, folder: Path) -> None:
    state = ResumeState(folder, {"seed": 1})
    state.newest.write_bytes(content)
    state.load()


def _resume_states() -> dict[str, bytes]:
    target = io.BytesIO()
    torch.save({"fingerprint": '{"seed": 1}', "state": {"w": torch.ones(3), "epoch": 1}}, target)
    return {"state": target.getvalue()}


def _images_of(kind: str, inputs: int) -> Door:
    return Door(kind, lambda: samples.images()[kind], partial(_image, kind), inputs)


def _text(name: str, files: Samples, enter: Enter, inputs: int) -> Door:
    return Door(name, files, enter, inputs, mutation.OF_TEXT)


DOORS = (
    _images_of("PNG", 2000),
    Door("PNG with right sums", lambda: samples.images()["PNG"], _summed_png, 1000),
    _images_of("JPEG", 2000),
    _images_of("GIF", 500),
    _images_of("BMP", 500),
    _images_of("PPM", 500),
    _images_of("TIFF", 2000),
    _images_of("WEBP", 500),
    _images_of("DICOM", 2000),
    Door("outside DICOM", samples.outside_dicoms, partial(_image, "DICOM"), 200),
    Door("header", _all_images, _header, 1000),
    _text("table", samples.tables, _table, 2000),
    Door("data archive", samples.data_archives, partial(_unpacked, unpack), 1500),
    _text("configuration", samples.configurations, _configuration, 1500),
    Door("archive", _archives, partial(_unpacked, rebuild), 1000),
    _text("list of an archive", _indexes, _index, 500),
    Door("weights", _weight_files, _weights, 1000),
    Door("resume state", _resume_states, _resume_state, 500),
    _text("dataset", intermediates.dataset_samples, intermediates.read_dataset, 1500),
    _text("experiment", intermediates.samples, intermediates.read, 1500),
)
