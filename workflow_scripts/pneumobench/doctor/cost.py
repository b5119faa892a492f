"""What an experiment costs: jobs, hours of processors or GPUs, storage; from measured throughput.

Written tables: PYTHONPATH=workflow_scripts python -m pneumobench.doctor.cost docs/scaling.md
"""

import csv
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pneumobench.doctor.finding import GIB, OK, WARNING, Finding, Plan

MEASURED = Path(__file__).with_name("throughput.csv")
# Side of the images for which the packaged figures were measured, and the cores that were used.
MEASURED_PX, MEASURED_CORES = 224, 2
# A resume state: weights, best weights and two moments of the optimiser; the one before stays, too.
STATES, PARTS_OF_STATE = 2, 4
_BYTES = 4
BEGIN, END = "<!-- tables of costs, written -->", "<!-- end of the tables of costs -->"


@dataclass(frozen=True)
class Measured:
    """What was measured of one architecture with this project.

    Attributes
    ----------
    parameters
        Number of parameters, one logit.
    cpu_images_per_second
        Training images a second at 224 px on two cores, float32, batches of 32.
    """

    parameters: int
    cpu_images_per_second: float

    @property
    def weights_bytes(self) -> int:
        """Size of weights.safetensors."""
        return self.parameters * _BYTES

    @property
    def resume_bytes(self) -> int:
        """Most that an unfinished training keeps on disk."""
        return self.weights_bytes * PARTS_OF_STATE * STATES

    def core_hours(self, images: float, px: int) -> float:
        """Return core-hours to train on so many images (all epochs together).

        Assumes time in proportion to the number of pixels, which holds for convolutions and is
        too low for small images of networks with large linear layers.
        """
        seconds = images / self.cpu_images_per_second * (px / MEASURED_PX) ** 2
        return seconds * MEASURED_CORES / 3600


def measured_architectures() -> dict[str, Measured]:
    """Return what was measured of each of the thirteen architectures."""
    with MEASURED.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return {
            row["model"]: Measured(int(row["parameters"]), float(row["cpu_images_per_second"]))
            for row in rows
        }


def measured_here(folder: Path, px: int) -> dict[tuple[str, str], float]:
    """Return training images a second by model and device, from finished folds of that size.

    Parameters
    ----------
    folder
        The folder results/; the median of all folds of all experiments in it counts.
    px
        Side of the images.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for path in folder.glob("*/runs/*/*/seed*/fold*/timing.csv"):
        try:
            record = json.loads(path.with_name("run.json").read_text(encoding="utf-8"))
            with path.open(encoding="utf-8", newline="") as stream:
                speeds = {row["phase"]: row["images_per_second"] for row in csv.DictReader(stream)}
            if record["image_size"] == px:
                key = (record["model"], record["device"])
                found.setdefault(key, []).append(float(speeds["train"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # A fold in the making; its neighbours will do.
            continue
    return {key: statistics.median(speeds) for key, speeds in found.items()}


def cost_finding(plan: Plan, images: int, devices: Sequence[str]) -> Finding:
    """Say how many jobs and hours the trainings take.

    Parameters
    ----------
    plan
        The plan.
    images
        Number of images, 0 if unknown.
    devices
        cpu, cuda or mps: where the trainings will run, as far as can be seen from here. If several
        are possible, each run counts on the first for which its speed is known.
    """
    repeats = f" x {plan.repeats} repeats" if plan.repeats > 1 else ""
    jobs = f"{plan.jobs:,} training jobs ({len(plan.runs)} runs x {plan.folds} folds{repeats})"
    if not images:
        return Finding(OK, "cost", f"{jobs}; hours unknown without data")
    here = measured_here(Path(plan.results).parent, plan.image_size)
    seconds: dict[tuple[str, str], float] = {}
    unknown = []
    for run in plan.runs:
        seen = images * (1 - 1 / plan.folds) * run.epochs * run.items * plan.jobs_of_a_run
        priced = _priced(plan, run.model, seen, devices, here)
        if priced is None:
            unknown.append(run)
            continue
        device, origin, needed = priced
        seconds[device, origin] = seconds.get((device, origin), 0.0) + needed
    parts = [
        f"{_duration(time)} of {device}, {origin}" for (device, origin), time in seconds.items()
    ]
    text = "; ".join([jobs, *parts])
    if len(devices) > 1:
        text += "; compute.device is auto: the scheduler's nodes decide which it will be"
    elif not plan.elsewhere and devices[0] == "cpu":
        text += f"; {plan.jobs_at_once} at once on {plan.cores} cores"
    if not unknown:
        return Finding(OK, "cost", text)
    listed, first = ", ".join(sorted({run.model for run in unknown})), unknown[0]
    where = f"{' or '.join(devices)} at {plan.image_size} px"
    text += f"; without those not measured on {where}: {listed}"
    one = f"{plan.results}/runs/{first.slug}/{first.recipe}/seed{first.seed}/fold0/run.json"
    return Finding(WARNING, "cost", text, f"train one fold, then ask again: `{plan.command(one)}`")


def _priced(
    plan: Plan,
    model: str,
    seen: float,
    devices: Sequence[str],
    here: dict[tuple[str, str], float],
) -> tuple[str, str, float] | None:
    """Return the device that a run counts on, how its speed is known, seconds for all epochs."""
    packaged = measured_architectures()
    for device in devices:
        if (model, device) in here:
            return device, "by folds that finished here", seen / here[model, device]
        if device == "cpu" and model in packaged:
            hours = packaged[model].core_hours(seen, plan.image_size) / plan.threads
            return device, "by docs/benchmarks.md, scaled", hours * 3600
    return None


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:,.0f} minutes" if minutes < 120 else f"{minutes / 60:,.1f} hours"


@dataclass(frozen=True)
class Scale:
    """A size of experiment that docs/scaling.md speaks of: all architectures, folds, seeds."""

    title: str
    images: int
    folds: int = 5
    seeds: int = 3
    epochs: int = 20
    px: int = 224

    @property
    def jobs(self) -> int:
        """Training jobs of one architecture."""
        return self.folds * self.seeds

    @property
    def seen(self) -> float:
        """Images that all training jobs of one architecture see."""
        return self.images * (1 - 1 / self.folds) * self.epochs * self.jobs


SCALES = (Scale("5,856 images", 5_856), Scale("112,120 images", 112_120))


def cost_tables(scales: Iterable[Scale] = SCALES) -> str:
    """Return the tables of docs/scaling.md, as Markdown."""
    return "\n".join(line for scale in scales for line in _table(scale))


def _table(scale: Scale) -> Iterator[str]:
    yield (
        f"**{scale.title}**, {scale.px} px, {scale.folds} folds x {scale.seeds} seeds, "
        f"{scale.epochs} epochs\n"
    )
    yield (
        "| architecture | parameters (M) | images/s on 2 cores | jobs | images to train on (M) | "
        "core-hours | weights (GB) |"
    )
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    totals = [0.0, 0.0, 0.0, 0.0]
    for model, measured in measured_architectures().items():
        figures = [
            scale.jobs,
            scale.seen / 1e6,
            measured.core_hours(scale.seen, scale.px),
            measured.weights_bytes * scale.jobs / 1e9,
        ]
        totals = [total + figure for total, figure in zip(totals, figures, strict=True)]
        speed = f"{measured.cpu_images_per_second:g}"
        yield f"| {model} | {measured.parameters / 1e6:.1f} | {speed} | {_cells(figures)} |"
    yield f"| all | | | {_cells(totals)} |"
    packed = scale.images * scale.px**2 / 1e9
    largest = max(entry.resume_bytes for entry in measured_architectures().values()) / GIB
    yield (
        f"\nPacked images: {packed:.2f} GB. Resume states: at most {largest:.1f} GiB (VGG16) for "
        "each unfinished job.\n"
    )


def _cells(figures: list[float]) -> str:
    jobs, images, cores, weights = figures
    return f"{jobs:,.0f} | {images:,.1f} | {cores:,.0f} | {weights:,.1f}"


def with_tables(document: str) -> str:
    """Return docs/scaling.md with its tables as they follow from what was measured."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{cost_tables()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
