"""A real scheduler for the tests of this folder, and workflows that run on it."""

import os
import shutil

import pytest
from scenes import AT_ONCE
from slurm_cluster import SlurmCluster, missing
from tiny_experiment import Workflow, make_workflow

__all__ = ["make_workflow"]


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
def trained(make_workflow) -> Workflow:
    """An experiment trained without a scheduler."""
    light = {"epochs": 8, "batch_size": 16, "offline_copies": False}
    workflow = make_workflow(
        compute={"device": "cpu"}, recipes={"light": light}, runs=["timm:resnet10t"]
    )
    workflow.succeed("train")
    return workflow


@pytest.fixture
def untrained(trained, make_workflow) -> Workflow:
    """A copy of it, all but the trainings done."""
    workflow = make_workflow(**trained.overlay)
    shutil.copytree(trained.folder, workflow.folder, dirs_exist_ok=True)
    shutil.rmtree(workflow.results / "runs")
    return workflow


@pytest.fixture(scope="session")
def submit(cluster):
    """Return a function that makes a copy of a workflow that runs on the cluster."""

    def on_cluster(workflow: Workflow, profile: str = "slurm") -> Workflow:
        return Workflow(workflow.folder, workflow.overlay, profile, AT_ONCE, cluster.environment)

    return on_cluster
