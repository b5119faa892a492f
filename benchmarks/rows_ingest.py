"""Rows of the suite about ingest: speed against decoding alone, memory against the images."""

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from measure import median_of, ratio_of, take_turns
from PIL import Image

from pneumobench.data.doorkeeper import Limits
from pneumobench.data.index import index_dataset
from pneumobench.data.pack import pack_images

ROOT = Path(__file__).resolve().parents[1]
RADIOGRAPHS, RADIOGRAPH_SIZE, PACKED_SIZE = 384, (1320, 980), 224
# The set of Kermany et al., and that of NIH.
MANY = (5_856, 112_120)
SMALL = (48, 40)
# As the default configuration has them.
_CHECKS = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["data"]["checks"]
LIMITS = Limits(**{field.name: _CHECKS[field.name] for field in fields(Limits)})


def ingest_row(repetitions: int, threads: int) -> dict[str, Any]:
    """Measure packing of radiographs of the usual size against decoding and resizing them alone.

    Packing also checks that each file is still the one that was indexed; the second bound does so.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _radiographs(folder / "radiographs", RADIOGRAPHS, RADIOGRAPH_SIZE)
        _index(folder, threads)
        files = sorted(folder.rglob("*.jpeg"))

        def ours(workers: int) -> Callable[[], int]:
            def run() -> int:
                _pack(folder, workers)
                return RADIOGRAPHS

            return run

        def decode(hashed: bool) -> int:
            for path in files:
                if hashed:
                    hashlib.sha256(path.read_bytes()).hexdigest()
                with Image.open(path) as image:
                    image.convert("L").resize((PACKED_SIZE, PACKED_SIZE), Image.Resampling.BILINEAR)
            return RADIOGRAPHS

        contenders = {
            "decoding, one core": partial(decode, hashed=False),
            "decoding and SHA-256, one core": partial(decode, hashed=True),
        }
        contenders |= {f"ours, {n} workers": ours(n) for n in sorted({1, threads})}
        speeds = take_turns(contenders, repetitions)
    row = {
        "row": f"ingest, {RADIOGRAPH_SIZE[0]} x {RADIOGRAPH_SIZE[1]} px JPEG",
        "unit": "images/s",
        "speeds": {name: median_of(values).record() for name, values in speeds.items()},
        "ours / bound": ratio_of(speeds, "ours, 1 workers", "decoding, one core").record(),
        "ours / bound with SHA-256": ratio_of(
            speeds, "ours, 1 workers", "decoding and SHA-256, one core"
        ).record(),
    }
    if threads > 1:
        more = ratio_of(speeds, f"ours, {threads} workers", "ours, 1 workers")
        row[f"{threads} workers / 1 worker"] = more.record()
    return row


def memory_row(threads: int) -> dict[str, Any]:
    """Measure the peak memory of indexing and packing few and many small radiographs."""
    row: dict[str, Any] = {"row": "peak memory of ingest, MiB"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")}
    for count in MANY:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _radiographs(folder / "radiographs", count, SMALL)
            for step in ("index", "pack"):
                command = [sys.executable, __file__, step, name, str(threads)]
                finished = subprocess.run(
                    command, env=environment, check=True, capture_output=True, text=True
                )
                row[f"{step}, {count:,} images"] = round(float(finished.stdout), 1)
            row[f"packed file, {count:,} images"] = round(
                (folder / "images.npy").stat().st_size / 2**20, 1
            )
    return row


def _index(folder: Path, workers: int) -> None:
    index_dataset(
        folder / "manifest.csv",
        folder / "source.json",
        source="directory",
        root=folder / "radiographs",
        options={"patient_pattern": None, "population": "unknown"},
        reading="whole",
        limits=LIMITS,
        maximum_rejected_fraction=0.0,
        workers=workers,
    )


def _pack(folder: Path, workers: int) -> None:
    pack_images(
        folder / "manifest.csv", folder / "radiographs", folder / "images.npy",
            folder / "images.json",
        size=PACKED_SIZE, resize="squash", workers=workers,
    )  # fmt: skip


def _radiographs(root: Path, count: int, size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for kind in ("NORMAL", "PNEUMONIA"):
        (root / "train" / kind).mkdir(parents=True)
    for number in range(count):
        coarse = random.integers(0, 256, (size[1] // 16, size[0] // 16), dtype=np.uint8)
        # One of 112,120 small radiographs would be blank by chance.
        coarse[0, 0], coarse[-1, -1] = 0, 255
        radiograph = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        kind = "NORMAL" if number % 2 else "PNEUMONIA"
        stem = f"IM-{number:06d}-0001" if number % 2 else f"person{number}_bacteria_{number}"
        radiograph.save(root / "train" / kind / f"{stem}.jpeg", quality=90)


def _peak_memory() -> float:
    """Return this process's peak in MiB.

    On Linux not `ru_maxrss`, which counts what the parent held when it started the process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    # One step in a process of its own, which prints its peak memory in MiB.
    step, folder, workers = sys.argv[1:]
    {"index": _index, "pack": _pack}[step](Path(folder), int(workers))
    sys.stdout.write(f"{_peak_memory()}\n")
