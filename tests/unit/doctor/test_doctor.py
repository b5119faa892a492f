"""Doctor: what it finds on machines of many kinds, whose commands are a few lines of shell."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pneumobench.core.errors import UserError
from pneumobench.core.fetched import KERMANY_ON_KAGGLE, RADIOGRAPHS
from pneumobench.core.gpu import VISIBLE
from pneumobench.doctor import gpus, storage
from pneumobench.doctor.cost import (
    SCALES,
    cost_finding,
    measured_architectures,
    measured_here,
    with_tables,
)
from pneumobench.doctor.examination import examine, findings
from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan, PlannedRadiographs, said
from pneumobench.doctor.gpus import ask_driver, gpu_finding
from pneumobench.doctor.images import radiographs_finding
from pneumobench.doctor.scheduler import slurm_findings
from pneumobench.doctor.software import (
    locked_versions,
    packages_finding,
    python_finding,
    snakemake_finding,
)
from pneumobench.doctor.starting_weights import weights_finding
from pneumobench.doctor.storage import disk_finding, memory_finding
from pneumobench.models import registry

PROJECT = Path(__file__).resolve().parents[3]
LOCK = PROJECT / "requirements.lock"
RUN = {"model": "vgg16", "recipe": "light", "seed": 42, "epochs": 4, "items": 1.0}
PHANTOMS = {
    "subject": "data", "source": "phantom", "root": "resources/none", "options": {},
    "patients": 100, "manifest": "results/demo/dataset/manifest.csv",
}  # fmt: skip
PLAN = Plan.of(
    results="results/demo", radiographs=[PHANTOMS], image_size=64, folds=5,
    runs=[RUN | {"pretrained": False}], device="auto", threads=1, cores=2, jobs_per_gpu=1,
    preprocessings=0, copies=0, elsewhere=False, conda=False,
)  # fmt: skip


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with no commands but those that a test adds; the test's folder is its own."""
    commands = tmp_path / "commands"
    commands.mkdir()
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.chdir(tmp_path)

    def add(name: str, script: str) -> None:
        path = commands / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    add.folder = tmp_path
    return add


def with_runs(**changes) -> Plan:
    return replace(PLAN, runs=(replace(PLAN.runs[0], **changes),))


def folder_of_radiographs(root: str) -> PlannedRadiographs:
    options = {"patient_pattern": None, "population": "unknown"}
    return replace(PLAN.radiographs[0], source="directory", root=root, options=options)


def test_a_line_says_level_subject_and_what_to_do():
    assert Finding(OK, "disk", "enough").lines() == "ok       disk: enough"
    lines = Finding(FAILS, "data", "none", "fetch them").lines().splitlines()
    assert lines == ["fails    data: none", "         to do: fetch them"]


def test_old_software_is_named():
    assert python_finding((3, 10, 4)).level == FAILS and python_finding((3, 11, 0)).level == OK
    assert snakemake_finding({"snakemake": "9.19.1"}.get).level == FAILS
    assert snakemake_finding({"snakemake": "10.0"}.get).level == OK
    assert snakemake_finding({}.get).level == FAILS


def test_packages_are_held_against_the_lock():
    tested = {name: min(versions) for name, versions in locked_versions(LOCK).items()}
    assert packages_finding(PLAN, LOCK, tested.get).level == OK
    assert packages_finding(PLAN, LOCK, (tested | {"torch": "2.15.0+cpu"}).get).level == OK
    other = packages_finding(PLAN, LOCK, (tested | {"timm": "0.9.1"}).get)
    assert other.level == WARNING and "timm 0.9.1 (tested: " in other.text
    absent = packages_finding(PLAN, LOCK, {**tested, "torch": None}.get)
    assert absent.level == FAILS and absent.text == "not installed: torch"
    assert packages_finding(replace(PLAN, conda=True), LOCK, {}.get).level == OK


SMI = """
case "$1" in
*index*) echo "0, NVIDIA H200, 143771, 580.65.06"; echo "1, NVIDIA H200, 143771, 580.65.06";;
*uuid*) echo GPU-1; echo GPU-2;;
*) echo "| NVIDIA-SMI 580   Driver Version: 580.65.06   CUDA Version: {cuda} |";;
esac"""


def gpus_found(plan: Plan) -> Finding:
    return gpu_finding(plan, ask_driver(plan))


def test_gpus_are_counted_and_the_driver_is_held_against_torch(machine, monkeypatch):
    monkeypatch.setattr(gpus, "torch_cuda", lambda: (13, 0))
    machine("nvidia-smi", SMI.format(cuda="13.0"))
    found = gpus_found(replace(PLAN, jobs_per_gpu=3))
    assert found.level == OK and "--resources gpu=6 network=1" in found.text
    assert "NVIDIA H200, 140 GiB; NVIDIA H200, 140 GiB; driver 580.65.06" in found.text
    machine("nvidia-smi", SMI.format(cuda="12.4"))
    assert gpus_found(PLAN).level == WARNING
    assert gpus_found(replace(PLAN, device="cuda")).level == FAILS
    monkeypatch.setenv(VISIBLE, "")
    assert "hides" in gpus_found(PLAN).text
    assert not ask_driver(PLAN).usable
    monkeypatch.setenv(VISIBLE, "1")
    assert ask_driver(PLAN).usable


def test_no_gpu_matters_only_to_those_who_insist(machine):
    assert gpus_found(PLAN).level == gpus_found(replace(PLAN, device="cpu")).level == OK
    insisting = replace(PLAN, device="cuda")
    assert gpus_found(insisting).level == FAILS
    machine("sbatch", "exit 0")
    assert gpus_found(insisting).level == WARNING
    assert gpus_found(replace(insisting, elsewhere=True)).level == OK


def test_torchs_cuda_is_read_without_importing_it():
    code = (
        "import sys; from pneumobench.doctor.gpus import torch_cuda; print(torch_cuda());"
        "assert 'torch' not in sys.modules"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT/"workflow_scripts"
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "None" or finished.stdout.startswith("(")


def test_the_status_command_that_works_is_named(machine):
    (absent,) = slurm_findings(PLAN)
    assert absent.level == OK
    for name in ("sbatch", "squeue"):
        machine(name, "exit 0")
    (half,) = slurm_findings(replace(PLAN, elsewhere=True))
    assert half.level == FAILS and "scontrol" in half.text
    machine("scontrol", "exit 1")
    assert [found.level for found in slurm_findings(PLAN)][1] == WARNING
    assert [found.level for found in slurm_findings(replace(PLAN, elsewhere=True))][1] == FAILS
    machine("scontrol", 'echo "MinJobAge               = 300 sec"')
    machine("sacct", "exit 1")
    assert "use --slurm-status-command squeue" in slurm_findings(PLAN)[1].text
    machine("sacct", "exit 0")
    assert slurm_findings(PLAN)[1].text.endswith("sacct or squeue")


@pytest.mark.parametrize("age", [10, 60, 180])
def test_jobs_that_squeue_forgets_between_two_questions(machine, age):
    """The plugin asks up to 180 s apart, and below 60 s sacct, whatever was set."""
    for name in ("sbatch", "squeue"):
        machine(name, "exit 0")
    machine("scontrol", f'echo "MinJobAge               = {age} sec"')
    machine("sacct", "exit 1")
    found = slurm_findings(PLAN)[1]
    assert found.level == WARNING and f"after {age} s" in found.text
    assert "MinJobAge=240" in found.remedy and "squeue" not in found.remedy
    machine("sacct", "exit 0")
    found = slurm_findings(PLAN)[1]
    assert found.level == WARNING and "accounting answers" in found.text
    assert found.remedy == "use --slurm-status-command sacct"


@pytest.mark.parametrize(
    ("kind", "mode", "levels"),
    [
        ("preempt/none", "OFF", []),
        ("(null)", "CANCEL", []),
        ("preempt/qos", "CANCEL", [WARNING]),
        ("preempt/partition_prio", "GANG,CANCEL", [WARNING]),
        ("preempt/partition_prio", "REQUEUE", [OK]),
        ("preempt/qos", "GANG,SUSPEND", [OK]),
    ],
)
def test_preempted_jobs_have_to_be_queued_again(machine, kind, mode, levels):
    for name in ("sbatch", "squeue"):
        machine(name, "exit 0")
    lines = ("MinJobAge = 300 sec", f"PreemptMode             = {mode}", f"PreemptType = {kind}")
    machine("scontrol", "\n".join(f"echo '{line}'" for line in lines))
    found = [one for one in slurm_findings(PLAN) if one.subject == "SLURM preemption"]
    assert [one.level for one in found] == levels
    assert all("PreemptMode=REQUEUE" in one.remedy for one in found if one.level == WARNING)


def test_a_command_that_hangs_is_given_up(machine, monkeypatch):
    machine("slow", f"{shutil.which('sleep', path='/bin:/usr/bin')} 30")
    monkeypatch.setattr("pneumobench.doctor.finding._PATIENCE", 0.5)
    started = time.monotonic()
    assert said("slow") is None and time.monotonic() - started < 10


@pytest.mark.parametrize("controller", ["hangs", "answers"])
def test_commands_that_hang_are_asked_once(machine, monkeypatch, controller):
    """Doctor is to take ten seconds, and has the patience for two that hang."""
    hang = f"exec {shutil.which('sleep', path='/bin:/usr/bin')} 30"
    for name in ("nvidia-smi", "scontrol", "sacct", "sbatch", "squeue"):
        machine(name, f"echo {name} >> asked\n{hang}")
    if controller == "answers":
        machine("scontrol", "echo scontrol >> asked; echo MinJobAge = 300 sec")
    monkeypatch.setattr("pneumobench.doctor.finding._PATIENCE", 0.5)
    list(findings(PLAN, LOCK))
    asked = Path("asked").read_text().split()
    accounting = ["sacct"] if controller == "answers" else []
    assert asked == ["nvidia-smi", "scontrol", *accounting]


def test_data_are_looked_for_where_the_configuration_says(machine):
    assert radiographs_finding(PLAN.radiographs[0])[1] == 140
    folder = folder_of_radiographs("radiographs")
    found, number = radiographs_finding(folder)
    assert found.level == FAILS and "ln -s" in found.remedy and number == 0
    Path("radiographs/train/NORMAL").mkdir(parents=True)
    assert radiographs_finding(folder)[0].level == FAILS
    for name in ("IM-0001-0001.jpeg", "IM-0002-0001.jpeg", "notes.txt"):
        Path("radiographs/train/NORMAL", name).touch()
    assert radiographs_finding(folder) == (
        Finding(OK, "data", "2 labelled image files in radiographs"),
        2,
    )
    Path("results/demo/dataset").mkdir(parents=True)
    Path("results/demo/dataset/manifest.csv").write_text("image_id,status\na,ok\nb,rejected\n")
    assert radiographs_finding(folder)[1] == 1


def test_radiographs_of_another_data_set_of_kaggle_s_are_not_counted_beforehand(machine):
    for dataset, number in ((KERMANY_ON_KAGGLE, RADIOGRAPHS), ("some/radiographs", 0)):
        radiographs = replace(PLAN.radiographs[0], source="kaggle", options={"dataset": dataset})
        found, counted = radiographs_finding(radiographs)
        assert (found.level, counted) == (WARNING, number) and "to be fetched" in found.text


def test_starting_weights_are_looked_for(machine):
    assert weights_finding(PLAN).level == OK
    published = with_runs(pretrained=True)
    assert (
        weights_finding(published).level == WARNING and "fetch" in weights_finding(published).remedy
    )
    Path("resources/weights").mkdir(parents=True)
    record = {"checkpoints": {"": {"file": "vgg16.safetensors"}}}
    Path("resources/weights/vgg16.json").write_text(json.dumps(record))
    emptied = weights_finding(published)
    assert emptied.level == FAILS and "--forcerun fetch_weights" in emptied.remedy
    Path("resources/weights/vgg16.safetensors").touch()
    assert weights_finding(published).level == OK
    Path("resources/weights/vgg16.json").write_text("[]")
    assert weights_finding(published).level == FAILS
    assert weights_finding(with_runs(pretrained="own.pth")).level == FAILS


def test_disk_and_memory_are_held_against_needs(machine, monkeypatch):
    text = disk_finding(PLAN, 1000).text
    # Five folds of 134,264,641 parameters of 4 bytes; two unfinished jobs with eight times that.
    assert "weights 2.5, resume states 8.0" in text
    monkeypatch.setattr(
        storage.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 10**9)
    )
    tight = disk_finding(PLAN, 1000)
    assert tight.level == WARNING
    # Weights are discarded in the end only, which makes no room before.
    assert "keep_weights" not in tight.remedy and "at most" not in tight.text
    assert disk_finding(PLAN, 10**6).level == FAILS
    assert memory_finding(PLAN, 1000, 10**12).level == OK
    tight = memory_finding(PLAN, 1000, 4 * 10**9)
    assert tight.level == WARNING and tight.remedy == "at most --cores 1"
    assert memory_finding(PLAN, 1000, 10**9).level == FAILS
    assert memory_finding(PLAN, 1000, None).level == OK


def test_a_login_node_is_not_judged_for_the_nodes(machine):
    machine("nvidia-smi", SMI.format(cuda="13.0"))
    elsewhere = replace(PLAN, elsewhere=True, cores=1)
    assert memory_finding(elsewhere, 1000, 10**9).level == OK
    assert "scheduler's nodes" in memory_finding(elsewhere, 1000, 10**9).text
    # Five unfinished jobs of 134,264,641 parameters, 32 bytes each.
    assert "resume states 20.0" in disk_finding(elsewhere, 1000).text
    found = {one.subject: one for one in findings(elsewhere, LOCK)}
    assert "not looked for here" in found["GPU"].text
    cost = found["cost"].text
    assert "of cpu, by docs/benchmarks.md" in cost and "compute.device is auto" in cost
    assert "cores" not in cost
    finished_fold("vgg16", "cuda", "4.0")
    cost = {one.subject: one for one in findings(elsewhere, LOCK)}["cost"].text
    assert "9 minutes of cuda, by folds that finished here" in cost and "of cpu" not in cost


def finished_fold(model: str, device: str, speed: str) -> None:
    fold = Path(f"results/other/runs/{model}/light/seed1/fold0")
    fold.mkdir(parents=True)
    record = {"model": model, "device": device, "image_size": 64}
    (fold / "run.json").write_text(json.dumps(record))
    with (fold / "timing.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerows([("phase", "images_per_second"), ("load", ""), ("train", speed)])


def test_every_architecture_was_measured_as_the_benchmarks_say():
    measured = measured_architectures()
    assert sorted(measured) == registry.names()
    document = (PROJECT / "docs/benchmarks.md").read_text(encoding="utf-8")
    for model, figures in measured.items():
        row = next(line for line in document.splitlines() if f"| training, {model} |" in line)
        assert f"ours **{figures.cpu_images_per_second:g}**" in row, model


def test_hours_follow_from_throughput(machine):
    # 140 images x 4/5 x 4 epochs x 5 folds at 2.12 images/s with (224/64)^2 times fewer pixels.
    seconds = 140 * 0.8 * 4 * 5 / 2.12 * (64 / 224) ** 2 * 2
    found = cost_finding(PLAN, 140, ["cpu"])
    assert found.level == OK and f"; {seconds / 60:,.0f} minutes of cpu" in found.text
    assert "5 training jobs (1 runs x 5 folds)" in found.text
    unknown = cost_finding(PLAN, 140, ["cuda"])
    assert unknown.level == WARNING and "not measured on cuda at 64 px: vgg16" in unknown.text
    finished_fold("vgg16", "cuda", "4.0")
    assert measured_here(Path("results"), 64) == {("vgg16", "cuda"): 4.0}
    assert measured_here(Path("results"), 96) == {}
    known = cost_finding(PLAN, 140, ["cuda"])
    assert "; 9 minutes of cuda, by folds that finished here" in known.text


def test_the_document_on_scaling_has_the_tables_that_follow():
    text = (PROJECT / "docs/scaling.md").read_text(encoding="utf-8")
    assert with_tables(text) == text, (
        "run: PYTHONPATH=workflow_scripts python -m pneumobench.doctor.cost docs/scaling.md"
    )
    assert SCALES[0].jobs * 13 == 195


def test_only_what_would_fail_fails(machine):
    stream = io.StringIO()
    if shutil.which("snakemake", path=os.path.dirname(sys.executable)) is None:
        pytest.skip("Snakemake is not installed")
    examine(PLAN, LOCK, stream)
    assert "nothing found that would make the run fail" in stream.getvalue()
    stream = io.StringIO()
    with pytest.raises(UserError, match="1 of 10 findings would make the run fail"):
        examine(replace(PLAN, radiographs=(folder_of_radiographs("nowhere"),)), LOCK, stream)
    assert "\nfails    data: no folder of images at nowhere\n" in stream.getvalue()


def test_external_radiographs_are_looked_for_too(machine):
    external = replace(folder_of_radiographs("elsewhere"), subject="external", manifest="none.csv")
    found = list(findings(replace(PLAN, radiographs=(*PLAN.radiographs, external)), LOCK))
    (missing,) = [finding for finding in found if finding.subject == "external"]
    assert missing.level == FAILS and "elsewhere" in missing.text
    assert [finding.level for finding in found if finding.subject == "data"] == [OK]


def test_doctor_runs_where_only_the_driver_is_installed():
    """Neither pandas nor NumPy are in envs/driver.yaml."""
    pins = yaml.safe_load((PROJECT / "envs/driver.yaml").read_text())["dependencies"][-1]["pip"]
    assert not any(pin.startswith(("numpy", "pandas", "torch")) for pin in pins)
    code = (
        "import sys\nsys.modules |= dict.fromkeys(['numpy', 'pandas', 'torch'])\n"
        "import pneumobench.doctor.examination, pneumobench.core.job"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT / "workflow_scripts")
