"""Data sets laid out as they are published, of images that the tests draw; and Kaggle's server."""

import contextlib
import errno
import io
import json
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from publisher_fixture import Handler, Publisher

TOKEN = "KGAT_0123456789abcdef"
KAGGLE_PORT = 7777
"""Where Kaggle's client looks with KAGGLE_API_ENVIRONMENT=TEST."""


def radiograph(draw: np.random.Generator, sick: bool, side: int = 64) -> np.ndarray:
    """Draw an image, uint8 [side, side], brighter in the middle if the child is sick."""
    rows = np.linspace(-1, 1, side)
    middle = np.exp(-3 * (rows[:, None] ** 2 + rows[None, :] ** 2))
    values = 90 + 30 * rows[:, None] + (60 if sick else -20) * middle
    return np.clip(values + draw.normal(0, 15, (side, side)), 0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=90)
    return content.getvalue()


def radiographs_below(folder: Path) -> list[str]:
    """Return the paths of all files below a folder, relative to it."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def kermany_radiographs(version: int = 2, patients: int = 24) -> dict[str, bytes]:
    """Return radiographs by path below chest_xray: {train,test}/{NORMAL,PNEUMONIA}/name.jpeg.

    A third of the patients is healthy, a third of them is in the test set; the sick have two
    images.
    """
    draw, radiographs = np.random.default_rng(0), {}
    for number in range(1, patients + 1):
        split = "test" if number % 3 == 0 else "train"
        kind = ("normal", "bacteria", "virus")[(number // 3) % 3]
        for shot in range(1 if kind == "normal" else 2):
            if version == 3:
                stem = f"{kind.upper()}-{1000000 + number}-{shot + 1:04}"
            elif kind == "normal":
                # Kaggle's numbers of the test set begin anew, under another prefix.
                stem = f"{'NORMAL2-' if split == 'test' else ''}IM-{number:04}-0001"
            else:
                stem = f"person{number}_{kind}_{2 * number + shot}"
            folder = "NORMAL" if kind == "normal" else "PNEUMONIA"
            radiographs[f"{split}/{folder}/{stem}.jpeg"] = jpeg(radiograph(draw, kind != "normal"))
    return radiographs


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return content.getvalue()


def kaggle_zip(radiographs: dict[str, bytes]) -> bytes:
    """Return Kaggle's archive: the radiographs twice, one inside the other, and a Mac's litter."""
    files = {"chest_xray/.DS_Store": b"1", "chest_xray/__MACOSX/train/._radiograph.jpeg": b"2"}
    for name, data in radiographs.items():
        files |= {f"chest_xray/{name}": data, f"chest_xray/chest_xray/{name}": data}
    return zipped(files)


def mendeley_zip(version: int, radiographs: dict[str, bytes]) -> bytes:
    """Return ChestXRay2017.zip (2), or ZhangLabData.zip (3) with its radiographs of eyes."""
    if version == 2:
        litter = {"__MACOSX/chest_xray/._train": b"1", "chest_xray/train/.DS_Store": b"2"}
        return zipped({f"chest_xray/{name}": data for name, data in radiographs.items()} | litter)
    others = {"CellData/OCT/train/CNV/CNV-1016042-1.jpeg": b"an eye", "CellData/code/a.py": b"1"}
    return zipped(
        {f"CellData/chest_xray/{name}": data for name, data in radiographs.items()} | others
    )


def medmnist_arrays(size: int = 64, number: int = 30) -> dict[str, np.ndarray]:
    """Return arrays under MedMNIST's keys: `number` images of train, a third of it of others."""
    draw, arrays = np.random.default_rng(1), {}
    for split, count in (("train", number), ("val", number // 3), ("test", number // 3)):
        labels = (np.arange(count) % 3 != 0).astype(np.uint8)
        arrays[f"{split}_images"] = np.stack(
            [radiograph(draw, bool(label), size) for label in labels]
        )
        arrays[f"{split}_labels"] = labels[:, None]
    return arrays


def npz(arrays: dict[str, np.ndarray], **options) -> bytes:
    content = io.BytesIO()
    (np.savez_compressed if options.get("compressed") else np.savez)(content, **arrays)
    return content.getvalue()


@dataclass
class Kaggle(Publisher):
    """What Kaggle's client speaks with: who asks is checked, the archive lies somewhere else.

    Attributes
    ----------
    storage
        The server that the client is sent to, with a signed address.
    said
        Path, body and Authorization of every call.
    status
        What every call is answered with instead, 0 for an answer.
    """

    storage: Publisher = field(default_factory=Publisher)
    said: list[tuple[str, dict, str | None]] = field(default_factory=list)
    status: int = 0
    redirects: bool = True
    described: dict = field(
        default_factory=lambda: {"currentVersionNumber": 2, "licenseName": "CC BY 4.0"}
    )
    dataset: str = "paultimothymooney/chest-xray-pneumonia"
    accepted: tuple[str, ...] = (f"Bearer {TOKEN}", "Basic bWU6a2V5MTIz")

    @property
    def archive(self) -> str:
        return "/kaggle-data-sets/17810/23812/bundle/archive.zip"


class KaggleHandler(Handler):
    def do_POST(self):
        kaggle, sent = self.publisher, int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(sent))
        call = self.path.rpartition("/")[2]
        kaggle.said.append((call, body, self.headers["Authorization"]))
        self.close_connection = True
        status = kaggle.status
        if not status and self.headers["Authorization"] not in kaggle.accepted:
            status = 401
        if not status and f"{body['ownerSlug']}/{body['datasetSlug']}" != kaggle.dataset:
            status = 404
        if status:
            said = json.dumps({"code": status, "message": f"no {TOKEN}"}).encode()
            self.answer(status, said, {"Content-Type": "application/json"})
        elif call == "GetDataset":
            said = {"ref": kaggle.dataset, **kaggle.described}
            content = json.dumps(said).encode()
            self.answer(200, content, {"Content-Type": "application/json"})
        elif kaggle.redirects:
            place = f"{kaggle.storage.url}{kaggle.archive}?X-Goog-Signature=signed0123"
            self.answer(302, b"", {"Location": place})
        else:
            self.answer(200, b"the archive", {"Content-Type": "application/zip"})


@contextlib.contextmanager
def kaggle_server(patience: float = 120.0):
    """Yield a running `Kaggle`; other tests may have its port for a while."""
    made = Kaggle()
    end = time.monotonic() + patience
    while True:
        try:
            made.start(KAGGLE_PORT, KaggleHandler)
            break
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                pytest.skip(f"port {KAGGLE_PORT}, which Kaggle's client asks, is taken ({error})")
            time.sleep(0.5)
    made.storage.start()
    try:
        yield made
    finally:
        made.stop()
        made.storage.stop()


def kaggle_environment(home: Path) -> dict[str, str]:
    """Return the variables by which Kaggle's client asks the test's server, without any token."""
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "KAGGLE_API_ENVIRONMENT": "TEST",
        "NO_PROXY": "localhost,127.0.0.1",
    }
