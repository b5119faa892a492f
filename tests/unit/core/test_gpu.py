"""One GPU for each job: real processes that fight for GPUs which exist by name only."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pneumobench.core import gpu
from pneumobench.core.gpu import VISIBLE, one_gpu, present_gpus

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"
# Holds a GPU for a while and writes down which, from when to when.
JOB = """
import os, sys, time
from pathlib import Path
from pneumobench.core.gpu import one_gpu
with one_gpu(int(sys.argv[1])) as taken:
    started = time.monotonic()
    Path(sys.argv[2] + ".started").write_text(str(taken))
    time.sleep(float(sys.argv[3]))
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    Path(sys.argv[2]).write_text(f"{taken} {seen} {started} {time.monotonic()}")
"""


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Two GPUs that are none, locks of the test's own, no scheduler."""
    for name in (*gpu._SCHEDULED, VISIBLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv(VISIBLE, "7,GPU-9a")
    return tmp_path


def start(folder: Path, name: str, jobs_per_gpu: int, seconds: float = 1.0) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(jobs_per_gpu), str(folder / name), str(seconds)],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
    )


def finish(folder: Path, jobs: dict[str, subprocess.Popen]) -> list[tuple[str, float, float]]:
    """Return which GPU each job had, from when to when."""
    assert [job.wait(timeout=60) for job in jobs.values()] == [0] * len(jobs)
    found = []
    for name in jobs:
        taken, seen, started, ended = (folder / name).read_text().split()
        assert taken == seen
        found.append((taken, float(started), float(ended)))
    return found


def most_at_once(spans: list[tuple[str, float, float]], name: str) -> int:
    own = [(started, ended) for taken, started, ended in spans if taken == name]
    return max((sum(a <= start < b for a, b in own) for start, _ in own), default=0)


@pytest.mark.parametrize("jobs_per_gpu", [1, 2])
def test_jobs_share_gpus_as_they_were_told(environment, jobs_per_gpu):
    number = 3 * jobs_per_gpu
    jobs = {str(place): start(environment, str(place), jobs_per_gpu) for place in range(number)}
    spans = finish(environment, jobs)
    assert {taken for taken, _, _ in spans} == {"7", "GPU-9a"}
    # All wanted to start together, and more than there is room for; none is left unused.
    assert [most_at_once(spans, name) for name in ("7", "GPU-9a")] == [jobs_per_gpu] * 2


def test_each_gpu_gets_a_job_before_one_gets_two(environment):
    jobs = {}
    for name in ("first", "second", "third"):
        jobs[name] = start(environment, name, 2, seconds=4)
        while not (environment / f"{name}.started").exists():
            time.sleep(0.05)
    assert [taken for taken, _, _ in finish(environment, jobs)] == ["7", "GPU-9a", "7"]


def test_a_killed_job_gives_its_gpu_back(environment, monkeypatch):
    monkeypatch.setenv(VISIBLE, "7")
    killed = start(environment, "killed", 1, seconds=600)
    while not (environment / "killed.started").exists():
        time.sleep(0.05)
    waiting = start(environment, "waiting", 1, seconds=0)
    time.sleep(1.5)
    assert waiting.poll() is None and not (environment / "waiting.started").exists()
    killed.send_signal(signal.SIGKILL)
    ((taken, _, _),) = finish(environment, {"waiting": waiting})
    assert taken == "7"
    killed.wait()


def test_what_a_scheduler_gave_is_left_alone(environment, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv(VISIBLE, "0")
    # Both see their own GPU as 0, and neither waits.
    with one_gpu(1) as first, one_gpu(1) as second:
        assert first is None and second is None
        assert os.environ[VISIBLE] == "0"
    monkeypatch.delenv(VISIBLE)
    monkeypatch.setattr(gpu, "driver_says", lambda _: ["GPU-1", "GPU-2"])
    with one_gpu(1) as taken:
        assert taken is None and VISIBLE not in os.environ


def test_several_gpus_of_one_allocation_are_shared_out(environment, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv(VISIBLE, "0,1")
    with one_gpu(1) as first:
        assert first == os.environ[VISIBLE] == "0"
        monkeypatch.setenv("SLURM_JOB_ID", "13")
        monkeypatch.setenv(VISIBLE, "0,1")
        # Another allocation counts from 0, too, and means other GPUs.
        with one_gpu(1) as second:
            assert second == "0"


def test_nothing_happens_without_a_gpu_or_a_wish_for_one(environment, monkeypatch):
    with one_gpu(0) as taken:
        assert taken is None and os.environ[VISIBLE] == "7,GPU-9a"
    monkeypatch.delenv(VISIBLE)
    monkeypatch.setattr(gpu, "driver_says", lambda _: [])
    with one_gpu(1) as taken:
        assert taken is None and VISIBLE not in os.environ


def test_the_list_is_read_as_cuda_reads_it(monkeypatch):
    monkeypatch.setattr(gpu, "driver_says", lambda _: ["GPU-1", "GPU-2"])
    assert present_gpus({}) == ["GPU-1", "GPU-2"]
    assert present_gpus({VISIBLE: ""}) == present_gpus({VISIBLE: "-1"}) == []
    assert present_gpus({VISIBLE: "0, 2"}) == ["0", "2"]
    assert present_gpus({VISIBLE: "0,-1,2"}) == ["0"]


def test_the_variable_is_put_back(environment):
    with one_gpu(1):
        assert os.environ[VISIBLE] == "7"
    assert os.environ[VISIBLE] == "7,GPU-9a"
