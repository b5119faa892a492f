"""Doctor: what it finds on machines of many kinds, whose commands are a few lines of shell."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from configurations import check
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.fetched import KERMANY_ON_KAGGLE, RADIOGRAPHS
from pneumobench.core.gpu import VISIBLE
from pneumobench.data import rehearsal
from pneumobench.doctor import building, gpus, networks, storage
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
from pneumobench.doctor.networks import network_findings
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
CHECKED = check("data: {phantom: {patients: 100}}")
PHANTOMS = {"subject": "data", "section": CHECKED.data.model_dump()}
PLAN = Plan.of(
    results="results/demo", radiographs=[PHANTOMS], image_size=64, folds=5,
    runs=[RUN | {"pretrained": False}], device="auto", threads=1, cores=2, jobs_per_gpu=1,
    preprocessings=0, copies=0, elsewhere=False, conda=False, split=CHECKED.split.once,
    explanation=None, trainings=[], options=" --configfile own.yaml",
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


def radiographs(source: str, subject: str = "data", **section) -> PlannedRadiographs:
    data = check(yaml.safe_dump({"data": {"source": source, source: section}})).data
    return PlannedRadiographs(subject, data.model_dump())


def folder_of_radiographs(root: str, subject: str = "data") -> PlannedRadiographs:
    return radiographs("directory", subject, path=root)


def looked_at(planned: PlannedRadiographs, plan: Plan = PLAN) -> tuple[Finding, int]:
    with tempfile.TemporaryDirectory() as folder:
        return radiographs_finding(planned, plan, Path(folder))


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
    found, number = looked_at(PLAN.radiographs[0])
    assert found.level == OK and found.text == f"{number} phantoms, drawn by the pipeline"
    folder = folder_of_radiographs("radiographs")
    found, number = looked_at(folder)
    assert found.level == FAILS and "ln -s" in found.remedy and number == 0
    Path("radiographs/train/NORMAL").mkdir(parents=True)
    assert looked_at(folder)[0].level == FAILS


def pictures(folder: str, names: Iterable[str], size: int = 80) -> None:
    for name in names:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(list(name.encode()))
        Image.fromarray(generator.integers(0, 256, (size, size), np.uint8)).save(path)


def table(rows: Iterable[tuple[str, ...]], columns: str = "path,label,patient") -> None:
    lines = [columns, *(",".join(row) for row in rows)]
    Path("mine.csv").write_text("\n".join(lines) + "\n")


def of_each_class(patients: int) -> list[tuple[str, str, str]]:
    return [
        (f"{label}{i}.png", label, f"{label}{i}")
        for label in ("normal", "pneumonia")
        for i in range(patients)
    ]


def judged(plan: Plan = PLAN) -> Finding:
    return looked_at(radiographs("table", path="mine.csv"), plan)[0]


def test_a_table_without_usable_images_fails(machine):
    rows = of_each_class(12)
    table(rows)
    found = judged()
    assert found.level == FAILS and "0 labelled image files" in found.text
    assert "24 cannot be used: " in found.text and "normal0.png" in found.text
    pictures(".", [path for path, label, _ in rows if label == "normal"])
    found = judged()
    assert found.level == FAILS and "12 normal, 0 pneumonia" in found.text
    assert "both classes" in found.remedy


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda _: table([], "path,label"), "the table has no rows"),
        (lambda rows: table([(*rows[0][:1], "sick", "x"), *rows[1:]]), "'sick'"),
        (lambda rows: table(rows[:3] + rows[12:]), "3 patients of class normal are too few"),
        (lambda rows: [Path(row[0]).write_bytes(b"no") for row in rows[:9]], "9 of 24 image files"),
        (lambda rows: pictures(".", [row[0] for row in rows], size=20), "24 of 24 image files"),
        (
            lambda rows: table(
                [(*row[:2], "one", "test" if i % 2 else "train") for i, row in enumerate(rows)],
                "path,label,patient,split",
            ),
            "development and test share 1 patients",
        ),
    ],
)
def test_what_indexing_audit_and_split_stop_on_fails_here(machine, break_it, said):
    """In the words of the job that would stop, naming no file that was made for a moment."""
    rows = of_each_class(12)
    table(rows)
    pictures(".", [row[0] for row in rows])
    assert judged() == Finding(
        OK, "data", "24 labelled image files in .: 12 normal, 12 pneumonia; 24 can be used"
    )
    break_it(rows)
    found = judged()
    assert found.level == FAILS and said in found.text and found.remedy
    assert tempfile.gettempdir() + "/" not in found.text.replace(str(Path.cwd()), "")


def test_of_many_images_only_names_are_looked_at(machine, monkeypatch):
    monkeypatch.setattr(rehearsal, "READ_WHOLE", 10)
    rows = of_each_class(12)
    table(rows)
    for path, _, _ in rows:
        Path(path).write_bytes(b"not opened")
    assert judged().level == OK and "contents not looked at, only names" in judged().text
    assert judged(replace(PLAN, split=PLAN.split | {"folds": 13})).level == FAILS


def test_phantoms_too_few_for_the_folds_fail_before_they_are_drawn(machine):
    few = PlannedRadiographs("data", check("data: {phantom: {patients: 12}}").data.model_dump())
    found, _ = looked_at(few, replace(PLAN, split=PLAN.split | {"folds": 10}))
    assert found.level == FAILS and "too few" in found.text


def test_without_pandas_classes_are_counted_all_the_same(machine, monkeypatch):
    monkeypatch.setattr("pneumobench.doctor.images._can_rehearse", lambda: False)
    rows = of_each_class(2)
    table(rows)
    pictures(".", [row[0] for row in rows])
    assert judged().level == OK and "not looked at without pandas" in judged().text
    table(rows[:2])
    assert judged().level == FAILS


def test_radiographs_of_another_data_set_of_kaggle_s_are_not_counted_beforehand(machine):
    for dataset, number in ((KERMANY_ON_KAGGLE, RADIOGRAPHS), ("some/radiographs", 0)):
        found, counted = looked_at(radiographs("kaggle", dataset=dataset))
        assert (found.level, counted) == (WARNING, number) and "to be fetched" in found.text


def test_commands_are_those_of_the_user_s_configuration(machine):
    """As printed: with --cores, and with what stood behind --configfile."""
    fetched = looked_at(radiographs("mendeley", version=2))[0].remedy
    assert "`snakemake fetch --cores 1 --configfile own.yaml`" in fetched
    one = cost_finding(PLAN, 140, ["cuda"]).remedy
    assert one.endswith("/fold0/run.json --cores all --configfile own.yaml`")
    weights = weights_finding(with_runs(pretrained=True)).remedy
    assert "`snakemake fetch --cores 1 --configfile own.yaml`" in weights


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
    # Weights of 2.5 GiB stay to the end.
    assert tight.level == FAILS
    # Weights are discarded in the end only, which makes no room before.
    assert "keep_weights" not in tight.remedy and "at most" not in tight.text
    assert disk_finding(PLAN, 10**6).level == FAILS
    for fold in range(4):
        trained = Path(f"results/demo/runs/vgg16/light/seed42/fold{fold}/run.json")
        trained.parent.mkdir(parents=True)
        trained.touch()
    tight = disk_finding(PLAN, 1000)
    assert tight.level == WARNING and "weights 0.5" in tight.text
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
    assert "10 minutes of cuda, by folds that finished here" in cost and "of cpu" not in cost


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
    assert "\nfails    data: the folder of images" in stream.getvalue()


def test_external_radiographs_are_looked_for_too(machine):
    external = folder_of_radiographs("elsewhere", "external")
    found = list(findings(replace(PLAN, radiographs=(*PLAN.radiographs, external)), LOCK))
    (missing,) = [finding for finding in found if finding.subject == "external"]
    assert missing.level == FAILS and "elsewhere" in missing.text
    assert [finding.level for finding in found if finding.subject == "data"] == [OK]


def with_networks(*models: str, recipe: str = "light", **changes) -> Plan:
    settings = check("").training(recipe) | {"name": recipe} | changes
    return replace(
        PLAN,
        trainings=tuple((model, settings) for model in models),
        explanation={"method": "grad_cam", "target": "pneumonia", "layer": None},
    )


def test_each_network_is_built_once_and_what_stops_the_run_is_said():
    plan = with_networks("timm:resnet10t", "timm:no_such_net", "timm:bat_resnext26ts")
    found = list(network_findings(plan))
    unknown = next(one for one in found if "no_such_net" in one.text)
    assert unknown.level == FAILS and "has no backbone no_such_net" in unknown.text
    assert "searches them" in unknown.remedy
    assert any(one.level == OK and "of 3 built, trained a step" in one.text for one in found)


def test_a_recipe_that_a_network_cannot_follow_fails():
    (found,) = network_findings(with_networks("timm:resnet10t", freeze="all_but_last_block"))
    assert found.level == FAILS and "freeze" in found.text and found.remedy


def test_own_weights_that_do_not_fit_fail(tmp_path):
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"no weights")
    (found,) = network_findings(with_networks("timm:resnet10t", pretrained=str(file)))
    assert found.level == FAILS and "own.safetensors" in found.text


def test_a_network_that_ends_the_process_is_named_and_others_go_on(monkeypatch, tmp_path):
    code = """
import json, os, sys
for model in json.load(sys.stdin)["models"]:
    if model == "bad":
        os._exit(9)
    print(json.dumps(dict(model=model, error="", where="", remedy="", no_maps="")), flush=True)
"""
    (tmp_path / "python").write_text(f"#!{sys.executable}\n{code}")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(networks.sys, "executable", str(tmp_path / "python"))
    bad, good = network_findings(with_networks("first", "bad", "last"))
    assert bad.level == FAILS and "the process that built bad ended with status 9" in bad.text
    assert good.level == OK and good.text.startswith("2 of 3 built")


def test_where_pytorch_is_not_there_it_is_said(monkeypatch):
    (found,) = network_findings(replace(with_networks("vgg16"), conda=True))
    assert found.level == OK and "not built here: conda makes" in found.text
    monkeypatch.setattr(networks, "installed", lambda _: None)
    (found,) = network_findings(with_networks("vgg16"))
    assert "not built here: PyTorch is not installed" in found.text


def test_building_says_what_is_wrong_with_a_file_of_one_s_own(monkeypatch):
    def broken(model, image_size):
        raise TypeError("forward() takes 2 arguments\nmore")

    monkeypatch.setattr(building, "describe_model", broken)
    said = building.build("mine", [], 64, None)
    assert said["error"] == "mine cannot be built: TypeError: forward() takes 2 arguments"
    monkeypatch.setattr(building, "describe_model", lambda *_: None)
    monkeypatch.setattr(building, "preview_maps", lambda *_: None)
    monkeypatch.setattr(building, "read_reason", lambda _: "only a class token")
    assert building.build("mine", [], 64, {})["no_maps"] == "only a class token"


def test_a_network_without_maps_is_a_warning(monkeypatch):
    said = {
        "model": "mine",
        "error": "",
        "where": "",
        "remedy": "",
        "no_maps": "only a class token",
    }
    monkeypatch.setattr(networks, "_build", lambda *_: [said])
    (found,) = network_findings(with_networks("mine"))
    assert found.level == WARNING
    assert found.text == "the maps of mine will not be available: only a class token"


def test_doctor_runs_where_only_the_driver_is_installed():
    """Neither pandas nor NumPy are in envs/driver.yaml."""
    pins = yaml.safe_load((PROJECT / "envs/driver.yaml").read_text())["dependencies"][-1]["pip"]
    assert not any(pin.startswith(("numpy", "pandas", "torch")) for pin in pins)
    code = (
        "import sys\nsys.modules |= dict.fromkeys(['numpy', 'pandas', 'torch'])\n"
        "import pneumobench.doctor.examination, pneumobench.core.job"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT / "workflow_scripts")
