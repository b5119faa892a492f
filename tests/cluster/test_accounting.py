"""Where accounting works, Snakemake asks sacct: it knows jobs that squeue has forgotten."""

import contextlib
import os
import signal
import time

import pytest
from accounted_cluster import AccountedCluster, missing
from scenes import AT_ONCE, assert_equal_results, in_mid_training, resumed, running
from slurm_cluster import missing as missing_slurm
from tiny_experiment import Workflow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def accounted(tmp_path_factory):
    # Skipped even where cluster tests are required: continuous integration installs no slurmdbd and
    # no MariaDB, and runs no slow tests.
    if reason := missing_slurm() or missing():
        pytest.skip(reason)
    with AccountedCluster(tmp_path_factory.mktemp("accounted")) as cluster:
        yield cluster


def forgotten(cluster: AccountedCluster, jobs: list[str]) -> None:
    """Wait until sacct alone knows these jobs."""
    end = time.monotonic() + 240
    while set(jobs) & set(
        cluster.command("squeue", "--noheader", "--states=all", "--format=%i").split()
    ):
        assert time.monotonic() < end
        time.sleep(1)


def kill(cluster: AccountedCluster, job: str) -> None:
    """Kill a job's processes, as a node without memory does; scancel would leave another state."""
    _head, *rows = cluster.command("scontrol", "listpids", job).splitlines()
    for row in rows:
        if (process := int(row.split()[0])) > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def test_jobs_that_ended_unseen(accounted, untrained, trained):
    """One job is killed, and squeue forgets both while Snakemake is suspended."""
    options = (*AT_ONCE, "--slurm-status-command", "sacct")
    flow = Workflow(untrained.folder, untrained.overlay, "slurm", options, accounted.environment)
    with running(flow, "train") as (driver, output):
        killed, finishing = in_mid_training(flow, accounted, output)
        os.killpg(driver.pid, signal.SIGSTOP)
        kill(accounted, killed)
        forgotten(accounted, [killed, finishing])
        os.killpg(driver.pid, signal.SIGCONT)
    assert driver.returncode == 0, output.result()[-6000:]
    listed = accounted.command(
        "sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State"
    )
    state_of = dict(line.split("|") for line in listed.splitlines())
    assert state_of.pop(killed) == "FAILED" and set(state_of.values()) == {"COMPLETED"}
    assert len(state_of) == 2 and resumed(flow) == 1
    assert_equal_results(trained, flow, trainings=2)


def test_doctor_finds_accounting(accounted, untrained):
    flow = Workflow(untrained.folder, untrained.overlay, environment=accounted.environment)
    assert "accounting answers" in flow.run("doctor").stdout
