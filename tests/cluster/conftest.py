"""A real scheduler for the tests of this folder, and workflows that run on it."""

import os

import pytest
from slurm_cluster import SlurmCluster, missing
from tiny_experiment import Workflow, make_workflow

__all__ = ["make_workflow"]

# Ask for jobs as soon as that is possible; on one machine files are there at once.
AT_ONCE = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running cluster of one node with two GPUs; without SLURM a test is skipped and says so."""
    if reason := missing():
        # Continuous integration sets it: there a skipped test would hide that nothing was tried.
        if os.environ.get("PNEUMOBENCH_CLUSTER_TESTS") == "required":
            pytest.fail(f"PNEUMOBENCH_CLUSTER_TESTS=required, and {reason}")
        pytest.skip(reason)
    with SlurmCluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="session")
def submit(cluster):
    """Return a function that makes a copy of a workflow that runs on the cluster."""

    def on_cluster(workflow: Workflow, profile: str = "slurm") -> Workflow:
        return Workflow(workflow.folder, workflow.overlay, profile, AT_ONCE, cluster.environment)

    return on_cluster
