"""Rows of the suite about everything around training: start-up, resume, Snakemake."""

import json
import os
import re
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

from pneumobench.core.files import read_table

ROOT = Path(__file__).resolve().parents[1]
# Inputs and outputs of a job of train_fold.
FILES_OF_A_FOLD = (7, 6)


def start_up_row(repetitions: int) -> dict[str, Any]:
    """Measure what a job costs before its work: its imports, against bare Python and torch."""
    codes = {
        "train_fold": "import pneumobench.training.fold",
        "train_fold, timm backbone": "import pneumobench.training.fold as fold; "
        "fold.registry.load('timm:resnet10t')",
        "torch alone": "import torch",
        "plot_roc": "import pneumobench.reporting.drawing.roc",
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
    """Measure a dry run of 13 x 5 folds x 3 seeds against as many jobs of one rule.

    Those jobs have no inputs and one output, and for a second bound as many files as ours.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overlay = folder / "overlay.yaml"
        overlay.write_text("experiment: benchmark_dag\ndefaults: {seeds: [1, 2, 3]}\n")
        whole = ["-n", "--configfile", "experiments/all.yaml", str(overlay)]
        jobs = _count_jobs(_snakemake(*whole))
        contenders = {"ours": _process(_snakemake(*whole, "--quiet"))}
        for name, inputs, outputs in (("bare", 0, 1), ("bare, as many files", *FILES_OF_A_FOLD)):
            (folder / name).mkdir()
            snakefile = _BARE.format(jobs=jobs, inputs=inputs, outputs=outputs)
            (folder / name / "Snakefile").write_text(snakefile)
            for path in ("job.py", *(f"input{number}" for number in range(inputs))):
                (folder / name / path).touch()
            contenders[name] = _process(_snakemake("-n", "--quiet"), cwd=folder / name)
        speeds = take_turns(contenders, repetitions)
    return _seconds_row(f"dry run of {jobs} jobs", speeds) | {
        f"ours / {name} (seconds)": ratio_of(speeds, name, "ours").record()
        for name in contenders
        if name != "ours"
    }


def no_op_row(repetitions: int) -> dict[str, Any]:
    """Measure running the finished default experiment again."""
    _finished_demo()
    run = _process(_snakemake("--cores", "1", "--quiet"))
    return _seconds_row("rerun of a finished experiment", take_turns({"ours": run}, repetitions))


def overhead_row() -> dict[str, Any]:
    """State the share of the default experiment's job time outside training and prediction.

    Jobs that make, measure and draw maps are neither, and those that predict corrupted images have
    no timing.csv: the seconds of both stand apart.
    """
    demo = _finished_demo()
    seconds, apart = _seconds_of_jobs()
    timings = pd.concat(read_table(path) for path in demo.glob("runs/**/timing.csv"))
    work = float(timings.loc[timings["phase"] != "load", "seconds"].sum())
    total = sum(seconds)
    return {
        "row": "share of the demo's job seconds outside training and prediction",
        "jobs": len(seconds),
        "job seconds": round(total, 1),
        "training and prediction": round(work, 1),
        "outside, seconds a job": round((total - work) / len(seconds), 2),
        "share": round(1 - work / total, 4),
        "jobs of maps and corrupted images": len(apart),
        "their seconds": round(sum(apart), 1),
    }


def _seconds_of_jobs() -> tuple[list[float], list[float]]:
    """Return what the default experiment's jobs took: most, and those that stand apart."""
    apart = re.findall(r"^rule (\w+):", (ROOT / "rules/explanation.smk").read_text(), re.M)
    apart.append("predict_corrupted")
    jobs: dict[str, tuple[str, float]] = {}
    for path in (ROOT / ".snakemake" / "metadata").rglob("*"):
        # One file for each output; jobs are told apart by their logs.
        job = json.loads(path.read_text()) if path.is_file() else {"log": []}
        for log in job["log"]:
            if log.startswith("results/demo/"):
                jobs[log] = (job["rule"], job["endtime"] - job["starttime"])
    return tuple(
        [seconds for rule, seconds in jobs.values() if (rule in apart) == wanted]
        for wanted in (False, True)
    )


_BARE = """
rule all:
    input:
        expand("out/{{n}}/0", n=range({jobs} - 1)),


rule job:
    input:
        ["input%d" % number for number in range({inputs})],
    output:
        ["out/{{n}}/%d" % number for number in range({outputs})],
    script:
        "job.py"
"""


def _process(command: list[str], cwd: Path = ROOT) -> Callable[[], int]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")}

    def run() -> int:
        subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
        return 1

    return run


def _snakemake(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", *arguments]


def _count_jobs(dry_run: list[str]) -> int:
    finished = subprocess.run(dry_run, cwd=ROOT, check=True, capture_output=True, text=True)
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
