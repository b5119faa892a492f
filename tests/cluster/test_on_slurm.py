"""The tiny experiment on a real scheduler: no network in jobs, one killed and one requeued.

One run of it is what all tests of this file look at: a run takes minutes.
"""

import re
import shutil
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file
from scenes import assert_equal_results, gpus_seen, in_mid_training, resumed, running
from tiny_experiment import NO_NETWORK

WEIGHTS = "resnet10t.c3_in1k.safetensors"


@pytest.fixture(scope="module")
def fetched(make_workflow, tmp_path_factory, make_mirror):
    """The experiment after `snakemake fetch`, the only command that has a network."""
    mirror = make_mirror()
    torch.manual_seed(0)
    save_file(timm.create_model("resnet10t").state_dict(), mirror.folder / WEIGHTS)
    light = {"epochs": 5, "batch_size": 16, "offline_copies": False, "pretrained": True}
    workflow = make_workflow(
        # Named: `auto` asks which is faster, and a busy machine may answer differently elsewhere.
        compute={"device": "cpu", "precision": "float32"},
        recipes={"light": light},
        runs=["timm:resnet10t"],
        downloads={"weights_mirror": mirror.url},
    )
    workflow.succeed("fetch")
    assert mirror.asked == [f"/{WEIGHTS}"]
    mirror.stop()
    return workflow


@pytest.fixture(scope="module")
def local(fetched, make_workflow):
    """The experiment trained without a scheduler, and without network."""
    workflow = make_workflow(**fetched.overlay)
    shutil.copytree(fetched.folder / "resources", workflow.folder / "resources")
    workflow = replace(workflow, prefix=NO_NETWORK)
    workflow.succeed("train")
    return workflow


@pytest.fixture(scope="module")
def disturbed(fetched, cluster, submit):
    """The experiment from nothing to the report on SLURM; one training is killed, one requeued."""
    workflow = submit(fetched)
    workflow.environment = cluster.environment | {"PNEUMOBENCH_TEST_STEP": " ".join(NO_NETWORK)}
    with running(workflow) as (process, output):
        killed, requeued = in_mid_training(workflow, cluster, output)
        assert sorted(gpus_seen(workflow)) == ["0", "1"]
        cluster.command("scancel", "--signal=KILL", killed)
        cluster.command("scontrol", "requeue", requeued)
    assert process.returncode == 0, output.result()[-6000:]
    return workflow, output.result(), cluster.details(killed), cluster.details(requeued)


def test_runs_to_the_report(disturbed):
    workflow, output, _killed, _requeued = disturbed
    assert (workflow.results / "report/report.html").stat().st_size > 0
    assert "Nothing to be done" in workflow.succeed("--dry-run")
    assert "has been submitted with SLURM jobid" in output


def test_predictions_equal_those_of_a_local_run(disturbed, local):
    assert_equal_results(local, disturbed[0], trainings=2)


@pytest.mark.slow
def test_rules_beside_jobs_need_no_network_either(local):
    local.succeed()
    assert (local.results / "report/report.html").stat().st_size > 0


def test_killed_and_requeued_trainings_go_on(disturbed):
    workflow, output, killed, requeued = disturbed
    assert killed["JobState"] in ("FAILED", "CANCELLED") and "Trying to restart" in output
    assert requeued["JobState"] == "COMPLETED" and requeued["Restarts"] == "1"
    assert resumed(workflow) == 2
    assert not list(workflow.results.glob("resume/**/state.pt"))


def test_a_second_attempt_asks_for_more(disturbed, cluster):
    _workflow, _output, killed, _requeued = disturbed
    again = [cluster.details(job) for job in cluster.jobs("train_fold", "COMPLETED")]
    limits = {details["Comment"]: details for details in again}
    second = limits[killed["Comment"]]
    assert killed["TimeLimit"] == "00:30:00" and second["TimeLimit"] == "01:00:00"
    assert megabytes(second) >= 1.5 * megabytes(killed)


def megabytes(details):
    number, unit = re.search(r"mem=([0-9.]+)([MG])", details["TRES"]).groups()
    return float(number) * (1024 if unit == "G" else 1)


def test_each_training_sees_one_gpu(disturbed):
    """At a time they saw different ones, in the end whichever was free."""
    seen = gpus_seen(disturbed[0])
    assert len(seen) == 2 and set(seen) <= {"0", "1"}


def test_only_networks_get_a_gpu(disturbed, cluster):
    jobs = {details["Comment"]: details for details in map(cluster.details, all_jobs(cluster))}
    with_gpu = {comment for comment, details in jobs.items() if "TresPerJob" in details}
    assert with_gpu == {
        comment for comment in jobs if re.match("rule_(train_fold|decide_precision)", comment)
    }
    asked = {details.get("TresPerJob") for details in jobs.values()} - {None}
    assert asked == {"gres:gpu:1"}


def all_jobs(cluster):
    return cluster.command("squeue", "--noheader", "--states=all", "--format=%i").split()


def test_jobs_had_no_network(cluster, tmp_path):
    """What the jobs above ran in reaches no server, not even one on the same machine."""
    ping = f"echo > /dev/tcp/127.0.0.1/{cluster.port} && echo reached || echo cut off"
    found = {}
    for step in ("", " ".join(NO_NETWORK)):
        output = tmp_path / f"{len(step)}.txt"
        cluster.command(
            "sbatch", "--wait", "--mem=100", f"--output={output}", "--error=/dev/null",
            f"--export=ALL,PNEUMOBENCH_TEST_STEP={step}", f"--wrap=srun bash -c '{ping}'",
        )  # fmt: skip
        found[step] = output.read_text().strip()
    assert found == {"": "reached", " ".join(NO_NETWORK): "cut off"}
