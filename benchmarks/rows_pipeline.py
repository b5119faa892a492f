"""Rows of the suite about everything around training: ingest, start-up, resume, Snakemake."""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import median_of, ratio_of, take_turns
from PIL import Image

from pneumobench.core.files import read_table
from pneumobench.data.index import index_dataset
from pneumobench.data.pack import pack_images

ROOT = Path(__file__).resolve().parents[1]
FILMS, FILM_SIZE, PACKED_SIZE = 96, (1320, 980), 224


def ingest_row(repetitions: int, threads: int) -> dict[str, Any]:
    """Measure packing of films of the usual size against decoding and resizing them alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = _films(folder / "films")
        manifest = folder / "manifest.csv"
        index_dataset(
            root,
            manifest,
            masks=None,
            minimum_px=32,
            maximum_rejected_fraction=0.0,
            workers=threads,
        )
        files = sorted(root.rglob("*.jpeg"))

        def ours(workers: int) -> Callable[[], int]:
            def run() -> int:
                pack_images(
                    manifest, root, folder / "images.npy", folder / "images.json",
                    size=PACKED_SIZE, resize="squash", workers=workers,
                )  # fmt: skip
                return len(files)

            return run

        def decode() -> int:
            for path in files:
                with Image.open(path) as image:
                    image.convert("L").resize((PACKED_SIZE, PACKED_SIZE), Image.Resampling.BILINEAR)
            return len(files)

        contenders = {"decoding, one core": decode}
        contenders |= {f"ours, {n} workers": ours(n) for n in sorted({1, threads})}
        speeds = take_turns(contenders, repetitions)
    row = {
        "row": f"ingest, {FILM_SIZE[0]} x {FILM_SIZE[1]} px JPEG",
        "unit": "images/s",
        "speeds": {name: median_of(values).record() for name, values in speeds.items()},
        "ours / bound": ratio_of(speeds, "ours, 1 workers", "decoding, one core").record(),
    }
    if threads > 1:
        more = ratio_of(speeds, f"ours, {threads} workers", "ours, 1 workers")
        row[f"{threads} workers / 1 worker"] = more.record()
    return row


def start_up_row(repetitions: int) -> dict[str, Any]:
    """Measure what a job costs before its work: its imports, against bare Python and torch."""
    codes = {
        "train_fold": "import pneumobench.training.fold",
        "train_fold, timm backbone": "import pneumobench.training.fold, timm",
        "torch alone": "import torch",
        "plot_roc": "import pneumobench.reporting.roc",
        "Python alone": "pass",
    }
    contenders = {name: _process([sys.executable, "-c", code]) for name, code in codes.items()}
    return _seconds_row("start-up of a job", take_turns(contenders, repetitions))


def resume_row(model: str, repetitions: int) -> dict[str, Any]:
    """Measure writing the state of a training, which happens once an epoch."""
    import rows_training
    import torch

    from pneumobench.data.augmentation.policy import draw_variations
    from pneumobench.training.resume import ResumeState
    from pneumobench.training.trainer import Training, TrainingData

    device, precision = rows_training.numerics(1)
    recipe = rows_training.plain_recipe(batch_size=2)
    data = TrainingData(
        torch.zeros(2, 64, 64, dtype=torch.uint8, device=device),
        torch.arange(2, device=device), torch.tensor([0.0, 1.0], device=device),
        np.empty(0, dtype=np.int64), torch.empty(0),
    )  # fmt: skip
    network = rows_training.build_model(model, recipe, device)
    training = Training(network, data, recipe, 0, 0, device, precision)
    training.history = [{}]
    variations = draw_variations(np.random.default_rng(0), 2, recipe.augmentation).to(device)
    training.step(data.images, variations, data.labels)
    training.best.take(0, network)
    with tempfile.TemporaryDirectory() as folder:
        resume = ResumeState(Path(folder) / "resume", {})

        def save() -> int:
            resume.save(training.state())
            return 1

        speeds = take_turns({"writing the state": save}, repetitions)
        size = resume.newest.stat().st_size / 2**20
    return _seconds_row(f"resume state, {model}", speeds) | {"MiB": round(size, 1)}


def dag_row(repetitions: int) -> dict[str, Any]:
    """Measure a dry run of 13 architectures x 5 folds x 3 seeds against as many empty jobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overlay = folder / "overlay.yaml"
        overlay.write_text("experiment: benchmark_dag\ndefaults: {seeds: [1, 2, 3]}\n")
        whole = [
            "-n", "--quiet", "--configfile", "experiments/all.yaml", str(overlay),
        ]  # fmt: skip
        jobs = _count_jobs(_snakemake([*whole[:1], *whole[2:]], ROOT))
        (folder / "Snakefile").write_text(_BARE.format(jobs=jobs))
        contenders = {
            "ours": _process(_snakemake(whole, ROOT).args, cwd=ROOT),
            "bare": _process(_snakemake(["-n", "--quiet"], folder).args, cwd=folder),
        }
        speeds = take_turns(contenders, repetitions)
    return _seconds_row(f"dry run of {jobs} jobs", speeds) | {
        "ours / bare (seconds)": ratio_of(speeds, "bare", "ours").record()
    }


def no_op_row(repetitions: int) -> dict[str, Any]:
    """Measure running the finished default experiment again."""
    _finished_demo()
    run = _process(_snakemake(["--cores", "1", "--quiet"], ROOT).args, cwd=ROOT)
    return _seconds_row("rerun of a finished experiment", take_turns({"ours": run}, repetitions))


def overhead_row() -> dict[str, Any]:
    """State the share of the default experiment's job time outside training and prediction."""
    demo = _finished_demo()
    seconds: dict[str, float] = {}
    for path in (ROOT / ".snakemake" / "metadata").rglob("*"):
        if not path.is_file():
            continue
        output = base64.b64decode(path.name.replace("/", ""), altchars=b"+_").decode(
            errors="ignore"
        )
        if not output.startswith("results/demo/"):
            continue
        entry = json.loads(path.read_text())
        job = f"{entry['rule']} {entry['starttime']}"
        seconds[job] = entry["endtime"] - entry["starttime"]
    timings = pd.concat(read_table(path) for path in demo.glob("runs/**/timing.csv"))
    work = timings.loc[timings["phase"] != "load", "seconds"].sum()
    total = sum(seconds.values())
    return {
        "row": "share of the demo's job seconds outside training and prediction",
        "job seconds": round(total, 1),
        "training and prediction": round(float(work), 1),
        "share": round(1 - float(work) / total, 4),
    }


_BARE = """
rule all:
    input:
        expand("out/{{n}}", n=range({jobs} - 1)),


rule job:
    output:
        "out/{{n}}",
    shell:
        "touch {{output}}"
"""


def _films(root: Path) -> Path:
    random = np.random.default_rng(0)
    for number in range(FILMS):
        coarse = random.integers(0, 256, (60, 80), dtype=np.uint8)
        film = Image.fromarray(coarse).resize(FILM_SIZE, Image.Resampling.BICUBIC)
        kind = "NORMAL" if number % 2 else "PNEUMONIA"
        stem = f"IM-{number:04d}-0001" if number % 2 else f"person{number}_bacteria_{number}"
        path = root / "train" / kind / f"{stem}.jpeg"
        path.parent.mkdir(parents=True, exist_ok=True)
        film.save(path, quality=90)
    return root


def _process(command: list[str], cwd: Path = ROOT) -> Callable[[], int]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")}

    def run() -> int:
        subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
        return 1

    return run


def _snakemake(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)


def _count_jobs(finished: subprocess.CompletedProcess) -> int:
    lines = (finished.stdout + finished.stderr).splitlines()
    return next(int(line.split()[-1]) for line in lines if line.startswith("total"))


def _finished_demo() -> Path:
    demo = ROOT / "results" / "demo"
    if not (demo / "report" / "report.html").exists():
        raise SystemExit("The default experiment is not finished: run `make run` first.")
    return demo


def _seconds_row(title: str, speeds: dict[str, list[float]]) -> dict[str, Any]:
    figures = {name: median_of([1 / value for value in turn]) for name, turn in speeds.items()}
    return {
        "row": title,
        "unit": "s",
        "speeds": {name: figure.record() for name, figure in figures.items()},
    }


def now() -> str:
    """Return the date and time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
