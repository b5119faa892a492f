"""One GPU for each job where no scheduler hands GPUs out.

Snakemake counts the GPUs that jobs ask for, but does not say which job has which (snakemake#281):
on a workstation all would land on the first. So each job takes a lock on a GPU before it uses one,
and sees no other. The system gives a lock back when its process ends, however it ends.
"""

import contextlib
import fcntl
import logging
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Which job of which scheduler this process belongs to.
_SCHEDULED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
_PAUSE = 0.5
# Ids by which the driver names a GPU whatever the order in which programs count them.
_LIST_IDS = ("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader")


@contextlib.contextmanager
def one_gpu(jobs_per_gpu: int) -> Iterator[str | None]:
    """Hold one of the machine's GPUs inside the block, and let this process see no other.

    Waits until a GPU is free. Nothing is done where a scheduler has given the job its GPU, where
    there is none, or where none is wanted. To be entered before CUDA is first used.

    Parameters
    ----------
    jobs_per_gpu
        How many jobs may share a GPU; they are spread over all GPUs first. 0 = none is wanted.

    Yields
    ------
    str or None
        The id of the GPU, as CUDA_VISIBLE_DEVICES has it then; None where nothing was done.
    """
    ids = present_gpus(os.environ) if jobs_per_gpu > 0 else []
    # A scheduler's job without ids has no GPU, one with several is a workstation in small.
    given = _scheduled_job(os.environ) and (VISIBLE not in os.environ or len(ids) == 1)
    if given or not ids:
        yield None
        return
    with _held(ids, jobs_per_gpu) as taken:
        before = os.environ.get(VISIBLE)
        os.environ[VISIBLE] = taken
        try:
            yield taken
        finally:
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


def present_gpus(environment: Mapping[str, str]) -> list[str]:
    """Return the ids of the GPUs that this process may use.

    Parameters
    ----------
    environment
        CUDA_VISIBLE_DEVICES in it, if there, is the list; otherwise the driver is asked.
    """
    given = environment.get(VISIBLE)
    if given is None:
        return driver_says(_LIST_IDS)
    ids = [part.strip() for part in given.split(",")]
    # As CUDA reads it: what stands behind an id that is none is not seen.
    none = next((place for place, part in enumerate(ids) if part in ("", "-1")), len(ids))
    return ids[:none]


def driver_says(command: tuple[str, ...]) -> list[str]:
    """Return the lines that nvidia-smi prints; none where there is no NVIDIA driver."""
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in finished.stdout.splitlines() if line.strip()]


def _scheduled_job(environment: Mapping[str, str]) -> str:
    """Return the name of the scheduler's job that this process belongs to, "" outside of any."""
    return next((environment[name] for name in _SCHEDULED if environment.get(name)), "")


@contextlib.contextmanager
def _held(ids: list[str], jobs_per_gpu: int) -> Iterator[str]:
    """Hold the lock of a GPU's place inside the block; wait until there is one."""
    folder, started, waited = _lock_folder(), time.monotonic(), False
    while True:
        # All GPUs take a first job before one takes a second.
        for place in range(jobs_per_gpu):
            for gpu in ids:
                with _lock(folder / f"{gpu.replace('/', '-')}.{place}.lock") as locked:
                    if locked:
                        if waited:
                            waiting = time.monotonic() - started
                            logger.info("GPU %s after waiting for %.0f s", gpu, waiting)
                        else:
                            logger.info("GPU %s", gpu)
                        yield gpu
                        return
        if not waited:
            logger.info("all slots on GPUs %s are taken: waiting", ", ".join(ids))
            waited = True
        time.sleep(_PAUSE)


def _lock_folder() -> Path:
    """Return a folder for the locks of this user on this machine.

    Inside a scheduler's job ids are counted from 0 in every job, so each job has locks of its own.
    """
    parts = ("pneumobench-gpus", str(os.getuid()), socket.gethostname(), _scheduled_job(os.environ))
    folder = Path(tempfile.gettempdir()) / "-".join(part for part in parts if part)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Take a lock without waiting; whether it was free."""
    # Never removed: another job may be about to lock the file.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
