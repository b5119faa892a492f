"""Disk and memory: what the experiment needs, and what there is."""

import os
import shutil
from pathlib import Path

from pneumobench.doctor.cost import measured_architectures
from pneumobench.doctor.finding import FAILS, GIB, OK, WARNING, Finding, Plan, PlannedRun

# Measured: the virtual environment of requirements.lock; predictions, maps and logs of a fold.
ENVIRONMENT_BYTES, BYTES_OF_A_FOLD = 5.8e9, 20e6
# Measured at 64 px: a training job's process beside images and weights (PyTorch and its buffers).
BYTES_OF_A_JOB = 1.0e9
# For timm backbones, whose size is known only when they are built.
_OTHER_PARAMETERS = 25e6


def disk_finding(plan: Plan, images: int) -> Finding:
    """Say what weights, resume states, packed images and environments take, and what is free.

    Parameters
    ----------
    plan
        The plan.
    images
        Number of images, external ones among them.
    """
    parts = {
        "weights": _weights(plan),
        "resume states": _resume_states(plan),
        "packed images": _packed(plan, images),
        "predictions and maps": plan.jobs * BYTES_OF_A_FOLD,
        "environments": ENVIRONMENT_BYTES if plan.conda else 0.0,
    }
    free, needed = shutil.disk_usage(".").free, sum(parts.values())
    listed = ", ".join(f"{name} {size / GIB:.1f}" for name, size in parts.items() if size)
    text = f"{free / GIB:,.1f} GiB free here, {needed / GIB:,.1f} needed ({listed})"
    remedy = "make room, or run on another disk"
    # What stays to the end; the others are the most that may be needed.
    if parts["packed images"] + parts["weights"] > free:
        return Finding(FAILS, "disk", text, remedy)
    if needed > free:
        return Finding(WARNING, "disk", text, remedy)
    return Finding(OK, "disk", text)


def memory_finding(plan: Plan, images: int, available: int | None) -> Finding:
    """Say what the training jobs take at least, side by side.

    Parameters
    ----------
    plan
        The plan.
    images
        Number of images.
    available
        Bytes that are free for new processes here, None if the system does not say. Says nothing of
        jobs that a scheduler gets.
    """
    heaviest = max(_resume_bytes(run.model) / 2 for run in plan.runs)
    job = BYTES_OF_A_JOB + heaviest + images * plan.image_size**2
    text = f"a training job takes {job / GIB:.1f} GiB and its batch's maps"
    if plan.elsewhere:
        return Finding(OK, "memory", f"{text}, on the scheduler's nodes")
    if available is None:
        return Finding(OK, "memory", text)
    text = f"{available / GIB:.1f} GiB free; {text}; {plan.jobs_at_once} at once"
    if job > available:
        return Finding(FAILS, "memory", text, "use smaller images or fewer of them, or more memory")
    if plan.jobs_at_once * job > available:
        fit = max(1, int(available // job))
        return Finding(WARNING, "memory", text, f"at most --cores {fit * plan.threads}")
    return Finding(OK, "memory", text)


def available_memory() -> int | None:
    """Return the bytes that new processes may take, None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        free = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        names = getattr(os, "sysconf_names", {})
        if "SC_PHYS_PAGES" not in names:
            return None
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _limit_of_group()
    return free if limit is None else min(free, limit)


def _limit_of_group() -> int | None:
    """Return the memory that a container's limit leaves, None without a limit."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        return limit - int((group / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _weights(plan: Plan) -> float:
    # Those that are not kept lie there until the end.
    return sum(_resume_bytes(run.model) / 8 * _untrained(plan, run) for run in plan.runs)


def _untrained(plan: Plan, run: PlannedRun) -> int:
    """Return how many folds of a run are not trained yet."""
    trained = Path(plan.results, "runs", run.slug, run.recipe, f"seed{run.seed}")
    return max(0, plan.jobs_of_a_run - len(list(trained.glob("fold*/run.json"))))


def _resume_states(plan: Plan) -> float:
    heaviest = sorted((_resume_bytes(run.model) for run in plan.runs), reverse=True)
    at_once = [size for size in heaviest for _ in range(plan.jobs_of_a_run)][: plan.jobs_at_once]
    return sum(at_once)


def _packed(plan: Plan, images: int) -> float:
    if any(Path(plan.results, "dataset").glob("images_*.npy")):
        return 0.0
    return images * plan.image_size**2 * (1 + plan.preprocessings) * (1 + plan.copies)


def _resume_bytes(model: str) -> float:
    known = measured_architectures()
    if model in known:
        return known[model].resume_bytes
    return _OTHER_PARAMETERS * 4 * 8
