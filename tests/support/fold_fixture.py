"""A small fold on disk, and training jobs on it: here, or in a process that a test may kill."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from packed_fixture import write_packed
from recipe_fixture import ROOT, settings

from pneumobench.core.files import write_json, write_table
from pneumobench.core.run import Run
from pneumobench.training.files import FoldInputs, FoldJob, FoldOutputs
from pneumobench.training.fold import train_fold

IMAGES, INNER, TEST, SIZE = 250, 100, 20, 64


def write_fold(folder: Path) -> FoldInputs:
    """Write packed noise, brighter for pneumonia: 80 training, 100 inner, 50 held out, 20 test."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    positive = np.arange(IMAGES) % 2 == 0
    images = random.integers(0, 200, (IMAGES, SIZE, SIZE)) + 40 * positive[:, None, None]
    held_out = (IMAGES - TEST - INNER) // 130 * 50
    role = np.where(np.arange(IMAGES) < IMAGES - TEST, "cv", "test")
    fold = np.where(np.arange(IMAGES) < held_out, 0, 1)
    inner = np.where(
        (np.arange(IMAGES) >= held_out) & (np.arange(IMAGES) < held_out + INNER), "0", ""
    )
    names = [f"image{number}" for number in range(IMAGES)]
    table = pd.DataFrame(
        {"image_id": names, "role": role, "fold": fold, "inner": inner, "group": names}
    )
    write_table(folder / "splits.csv", table)
    labels = np.where(positive, "pneumonia", "normal")
    development = pd.DataFrame({"image_id": names, "label": labels})[role == "cv"]
    write_table(folder / "development_labels.csv", development)
    write_packed(folder / "images.npy", images.astype(np.uint8), names)
    numerics = {"device": "cpu", "precision": "float32", "reason": "a test"}
    write_json(folder / "precision.json", numerics)
    return fold_inputs(folder)


def fold_inputs(folder: Path) -> FoldInputs:
    return FoldInputs(
        images=folder / "images.npy",
        images_digest=folder / "images.json",
        splits=folder / "splits.csv",
        development_labels=folder / "development_labels.csv",
        precision=folder / "precision.json",
    )


def fold_outputs(folder: Path) -> FoldOutputs:
    return FoldOutputs(
        weights=folder / "weights.safetensors",
        run=folder / "run.json",
        history=folder / "history.csv",
        timing=folder / "timing.csv",
        out_of_fold=folder / "out_of_fold.csv",
        test=folder / "test.csv",
    )


def train(data: Path, results: Path, model: str, recipe: dict, **options) -> None:
    """Run one training job in this process."""
    told = {
        "run": Run(model, "changed", 7), "fold": 0, "settings": recipe, "threads": 1,
        "code_hash": "code", "resume_folder": results / "resume",
    }  # fmt: skip
    board = options.pop("board_folder", results / "board")
    job = FoldJob(**told | options)
    train_fold(fold_inputs(data), fold_outputs(results), job, board_folder=board)


def start(data: Path, results: Path, model: str, recipe: dict, **options) -> subprocess.Popen:
    """Run one training job in a process of its own, logging to job.log in the results."""
    results.mkdir(parents=True, exist_ok=True)
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from pneumobench.core.job import job_log\n"
        "given = json.loads(sys.argv[1])\n"
        "with job_log(Path(given['results']) / 'job.log'):\n"
        "    from fold_fixture import train\n"
        "    train(Path(given['data']), Path(given['results']), given['model'], given['recipe'],\n"
        "          **given['options'])\n"
    )
    given = {
        "data": str(data), "results": str(results), "model": model, "recipe": recipe,
        "options": options,
    }  # fmt: skip
    path = f"{ROOT / 'workflow_scripts'}:{ROOT / 'tests' / 'support'}"
    return subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(given)],
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )


def result_bytes(results: Path) -> dict[str, bytes]:
    """Return the files that must be the same whatever happened on the way."""
    names = ("weights.safetensors", "history.csv", "out_of_fold.csv", "test.csv", "run.json")
    return {name: (results / name).read_bytes() for name in names}


def busy_recipe(**changes) -> dict:
    """Return a recipe in which everything that has a state is on."""
    augmentation = {"horizontal_flip": 0.5, "rotation_degrees": 10.0, "noise": 0.05}
    keys = {
        "epochs": 3, "batch_size": 16, "schedule": "plateau", "ema_decay": 0.9,
        "plateau": {"factor": 0.5, "patience": 0}, "gradient_clip": 1.0,
        "head": {"kind": "mlp", "width": 16}, "augmentation": augmentation,
    }  # fmt: skip
    return settings(**{**keys, **changes})
