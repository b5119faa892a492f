"""Weights that are not kept, GPUs that are shared out, and doctor, in real workflows."""

import os
import re

import pytest
import yaml
from pipeline_runs import job_counts

from pneumobench.core.files import read_json


@pytest.fixture(scope="module")
def discarded(make_workflow):
    """A run whose weights are removed in the end, on a machine with two GPUs by name."""
    flow = make_workflow(
        runs=["timm:resnet10t"], keep_weights="none", ensembles=[],
        robustness={"strengths": [1]}, compute={"jobs_per_gpu": 1},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "7,9")
        patch.delenv("SLURM_JOB_ID", raising=False)
        flow.succeed()
    return flow


def test_weights_are_removed_and_nothing_is_done_again(discarded):
    assert not list(discarded.results.rglob("*.safetensors"))
    assert len(list((discarded.results / "discarded_weights").iterdir())) == 2
    assert len(read_json(discarded.results / "kept_weights.json")["not_there"]) == 2
    output = discarded.succeed("--dry-run")
    assert "Nothing to be done" in output and "keep_weights: none" in output


def test_another_run_trains_its_own_folds_only(discarded):
    more = type(discarded)(
        discarded.folder, discarded.overlay | {"runs": ["timm:resnet10t", "custom_resnet18"]}
    )
    counts = job_counts(more.succeed("--dry-run"))
    assert counts["train_fold"] == counts["predict_corrupted"] == 2
    assert counts["discard_weights"] == 1


def test_what_needs_the_weights_later_trains_again_and_says_so(discarded):
    stronger = type(discarded)(
        discarded.folder, discarded.overlay | {"robustness": {"strengths": [1, 2]}}
    )
    assert job_counts(stronger.succeed("--dry-run"))["train_fold"] == 2


def test_every_job_that_computes_has_one_gpu_and_it_is_logged(discarded):
    logs = sorted((discarded.results / "logs/train_fold").rglob("*.log"))
    taken = [re.findall(r"pneumobench.core.gpu: GPU (\S+)", path.read_text()) for path in logs]
    assert len(taken) == 2 and all(len(ids) == 1 and ids[0] in ("7", "9") for ids in taken)


def test_doctor_works_before_there_are_data_and_every_time(make_workflow):
    flow = make_workflow()
    for _ in range(2):
        output = flow.succeed("doctor")
        assert re.search(r"ok       data: \d+ phantoms, drawn by the pipeline", output)
        assert "nothing found that would make the run fail" in output
    assert not (flow.results / "dataset").exists()
    flow.overlay["data"] = {"source": "directory", "directory": {"path": "radiographs"}}
    finished = flow.run("doctor")
    assert finished.returncode != 0
    assert "fails    data: " in finished.stdout and "radiographs" in finished.stdout
    assert "ln -s /where/they/are radiographs" in finished.stdout
    # Anything else stops before it begins.
    assert "the folder of images was not found" in flow.run("--dry-run").stdout


def test_doctor_under_the_slurm_profile(make_workflow, tmp_path):
    """No --cores there, jobs run elsewhere, and nothing that fails is tried again."""
    scheduler = {"sbatch": "", "squeue": "", "sacct": "exit 1", "scontrol": "echo MinJobAge = 300"}
    for name, script in scheduler.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    flow = make_workflow()
    flow.profile = "slurm"
    flow.options = ("--slurm-init-seconds-before-status-checks", "1")
    flow.environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    output = flow.succeed("doctor")
    assert "GPU: not looked for here" in output
    assert "nothing found that would make the run fail" in output
    flow.overlay["data"] = {"source": "directory", "directory": {"path": "radiographs"}}
    finished = flow.run("doctor")
    assert finished.returncode != 0
    assert finished.stdout.count("fails    data: ") == 1


def test_how_jobs_are_packed_retrains_nothing(discarded):
    packed = type(discarded)(discarded.folder, discarded.overlay | {"compute": {"jobs_per_gpu": 3}})
    assert "Nothing to be done" in packed.succeed("--dry-run")
    assert yaml.safe_load((discarded.folder / "overlay.yaml").read_text())["compute"] == {
        "jobs_per_gpu": 3
    }
