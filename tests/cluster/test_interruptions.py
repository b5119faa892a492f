"""What takes jobs, a node or Snakemake itself away, and that the run ends as if nothing had."""

import os
import re
import signal
import time
from dataclasses import replace

import pytest
from scenes import assert_equal_results, gpus_seen, in_mid_training, resumed, running
from tiny_experiment import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture
def before_training(submit, untrained):
    """An experiment on the cluster, all but the trainings done."""
    return submit(untrained)


def wait_for_state(cluster, job, states):
    end = time.monotonic() + 180
    while (state := cluster.details(job)["JobState"]) not in states:
        assert time.monotonic() < end, state
        time.sleep(0.5)


def test_time_limit(before_training, cluster, trained):
    """A training that hangs until SLURM ends it."""
    with running(before_training, "train") as (process, output):
        hanging, _other = in_mid_training(before_training, cluster, output)
        cluster.command("scancel", "--signal=STOP", hanging)
        cluster.command("scontrol", "update", f"JobId={hanging}", "TimeLimit=1")
        wait_for_state(cluster, hanging, ("TIMEOUT",))
    assert process.returncode == 0, output.result()[-6000:]
    assert resumed(before_training) == 1
    assert_equal_results(trained, before_training, trainings=2)


def test_node_down(before_training, cluster, trained):
    """Both trainings lose their node and are queued again by SLURM."""
    with running(before_training, "train") as (process, output):
        jobs = in_mid_training(before_training, cluster, output)
        node = f"NodeName={cluster.host}"
        cluster.command("scontrol", "update", node, "State=DOWN", "Reason=test")
        for job in jobs:
            wait_for_state(cluster, job, ("PENDING",))
        cluster.command("scontrol", "update", node, "State=RESUME")
    assert process.returncode == 0, output.result()[-6000:]
    assert [cluster.details(job)["Restarts"] for job in jobs] == ["1", "1"]
    assert resumed(before_training) == 2
    assert_equal_results(trained, before_training, trainings=2)


def test_snakemake_killed(before_training, cluster, trained):
    """The commands of docs/cluster.md after the login node went down."""
    with running(before_training, "train") as (driver, output):
        jobs = in_mid_training(before_training, cluster, output)
        os.killpg(driver.pid, signal.SIGKILL)
    logs = sorted((before_training.folder / ".snakemake/log").glob("*.log"))
    *_, run = re.findall(r"SLURM run ID: (\S+)", "".join(path.read_text() for path in logs))
    mine = ("--me", f"--name={run}")
    left = cluster.command("squeue", *mine, "--noheader", "--format=%i").split()
    assert sorted(left) == sorted(jobs) and run.startswith("pneumobench_")
    cluster.command("scancel", *mine)
    assert "--unlock" in before_training.run("train").stdout
    before_training.succeed("--unlock")
    before_training.succeed("train")
    assert resumed(before_training) == 2
    assert_equal_results(trained, before_training, trainings=2)


def test_clusters_that_know_only_gres(before_training, trained, tmp_path):
    """The profile with the other line for GPUs."""
    text = (PROJECT / "profiles/slurm/config.yaml").read_text()
    assert text.count("&one_gpu {gpu: 1}") == 1
    (tmp_path / "config.yaml").write_text(
        text.replace("&one_gpu {gpu: 1}", '&one_gpu {gpu: 0, gres: "gpu:1"}')
    )
    workflow = replace(before_training, profile=str(tmp_path))
    workflow.succeed("train")
    assert sorted(gpus_seen(workflow)) == ["0", "1"]
    assert_equal_results(trained, workflow, trainings=2)
