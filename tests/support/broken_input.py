"""Radiographs and lists with one thing wrong in them, and a run that is refused."""

import numpy as np
from PIL import Image

MANIFEST, SPLITS = "results/tiny/dataset/manifest.csv", "results/tiny/dataset/splits.csv"


def fill(folder, patients, kind="bacteria"):
    """Write grey noise as X-rays of so many patients."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(patients):
        # No two radiographs are alike, in whatever folder: copies would unite patients.
        seed = list(f"{folder.parent.name} {kind} {number}".encode())
        grey = np.random.default_rng(seed).integers(0, 255, (80, 90), dtype=np.uint8)
        stem = f"IM-{number:04d}-0001" if kind == "normal" else f"person{number}_{kind}_{number}"
        Image.fromarray(grey).save(folder / f"{stem}.jpeg")


def refused(flow, *arguments) -> str:
    """Run, insist on failure without a traceback, return the output."""
    finished = flow.run(*arguments)
    assert finished.returncode == 1
    assert "Traceback" not in finished.stdout, finished.stdout
    return finished.stdout
