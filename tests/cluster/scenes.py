"""Looking into a run on the cluster while it goes on."""

import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from slurm_cluster import SlurmCluster
from tiny_experiment import Workflow

# Ask for jobs as soon as that is possible; on one machine files are there at once.
AT_ONCE = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")
# What must not depend on where, and in how many attempts, a training ran.
RESULTS = ("out_of_fold.csv", "test.csv", "history.csv", "weights.safetensors")


@contextlib.contextmanager
def running(workflow: Workflow, *arguments: str) -> Iterator[tuple[subprocess.Popen, Future]]:
    """Start Snakemake; yield its process, and its output as what is yet to come."""
    process = workflow.start(*arguments)
    with ThreadPoolExecutor() as pool:
        output = pool.submit(lambda: process.communicate()[0])
        try:
            yield process, output
            output.result()
        finally:
            # Whatever went wrong, a time limit of the test for one: nothing is left behind.
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(TimeoutError):
                    output.result(timeout=60)
                process.kill()


def in_mid_training(workflow: Workflow, cluster: SlurmCluster, output: Future) -> list[str]:
    """Wait until two trainings are behind their first epoch; return the ids of their SLURM jobs."""
    while not output.done():
        jobs = cluster.jobs("train_fold")
        if len(list(workflow.results.glob("resume/**/state.pt"))) >= 2 and len(jobs) == 2:
            return jobs
        time.sleep(0.1)
    raise AssertionError(output.result()[-6000:])


def assert_equal_results(first: Workflow, second: Workflow, trainings: int) -> None:
    """Insist on the same trainings in both, equal byte for byte."""
    folds = [sorted(flow.results.glob("runs/*/*/*/fold*")) for flow in (first, second)]
    assert [len(found) for found in folds] == [trainings, trainings]
    for here, there in zip(*folds, strict=True):
        for name in RESULTS:
            assert (here / name).read_bytes() == (there / name).read_bytes(), there / name


def training_logs(workflow: Workflow) -> list[str]:
    """Return what all trainings logged in their last attempt."""
    return [path.read_text() for path in sorted(workflow.results.glob("logs/train_fold/**/*.log"))]


def resumed(workflow: Workflow) -> int:
    """Count the trainings that went on from a state of an earlier attempt."""
    return sum("going on after" in log for log in training_logs(workflow))


def gpus_seen(workflow: Workflow) -> list[str]:
    """Return what each training's log says of its GPUs."""
    return [
        re.search(r"as SLURM job \d+ with GPU (\S+)", log)[1] for log in training_logs(workflow)
    ]
