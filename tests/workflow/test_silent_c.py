"""What stands in configurations, commands and paths: told in one message, or it simply works."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import yaml
from broken_input import MANIFEST, fill, refused
from tiny_experiment import PROJECT, TINY

IDENTITY = "results/tiny/experiment.json"
TARGETS = (
    *("all", "train", "tables", "explain", "figures", "report", "doctor", "archive_results"),
    *("fetch", "find_batch_sizes"),
)


def snakemake(*words, python=sys.executable, project=PROJECT, cwd=None, **environment):
    """Run Snakemake as a user types it; return exit status and output."""
    finished = subprocess.run(
        [python, "-m", "snakemake", "--snakefile", project / "Snakefile", *words],
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return finished.returncode, finished.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"images:\n  size: 64\nimages:\n  size: 96\n", "images: lines 1 and 3"),
        ("report: {title: Päd}".encode("utf-16"), "UTF-16"),
    ],
)
def test_overlay_that_does_not_say_one_thing(tmp_path, content, words):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_bytes(content)
    status, output = snakemake("-n", "--configfile", overlay, "--directory", tmp_path)
    assert status == 1 and words in output and str(overlay) in output and "to do:" in output
    assert "Traceback" not in output and not (tmp_path / ".snakemake").exists()


def test_equal_keys_are_found_without_our_profile(tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("images: {size: 64, size: 96}\n")
    status, output = snakemake(
        *("-n", "--cores", "1", "--workflow-profile", "none"),
        *("--configfile", overlay, "--directory", tmp_path),
    )
    assert status == 1 and "images.size: lines 1 and 1" in output and "Traceback" not in output


def test_secret_in_a_command_is_neither_shown_nor_logged(tmp_path):
    status, output = snakemake(
        *("-n", "--directory", tmp_path),
        *("--config", "downloads={data_mirror: 'https://me:hunter2@host.example'}"),
    )
    assert status == 1 and ".netrc" in output and "hunter2" not in output
    assert not list(tmp_path.iterdir())


def test_every_target_of_the_documents_with_words_and_braces_in_the_command(make_workflow):
    flow = make_workflow(report={"title": "a {study} of {{x}}"}, explanation={"method": "grad_cam"})
    output = flow.succeed(
        *("--dry-run", *TARGETS, "--config"),
        *("allow_partial=no", "archive_radiographs=off", "compute={numeric_threads: 256}"),
    )
    assert "compute.numeric_threads: 256 is more than the" in output


def test_braces_in_the_folder_of_images_and_of_results(tmp_path):
    here = tmp_path / "a{b} {{c}}"
    for kind, name in (("normal", "NORMAL"), ("bacteria", "PNEUMONIA")):
        fill(here / "radiographs{fold}/train" / name, 3, kind)
    overlay = here / "overlay.yaml"
    data = {"source": "directory", "directory": {"path": "radiographs{fold}"}}
    overlay.write_text(yaml.safe_dump({**TINY, "data": data}))
    status, output = snakemake(
        MANIFEST, "--cores", "2", "--directory", here, "--configfile", overlay
    )
    assert status == 0, output
    assert len((here / MANIFEST).read_text().splitlines()) == 7


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a function that puts the project, and a Python of its own, into a folder."""

    def put(folder: str) -> tuple[Path, Path]:
        project = tmp_path_factory.mktemp("checkout") / folder
        for name in ("rules", "profiles", "workflow_scripts", "report", "envs"):
            skipped = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, project / name, ignore=skipped)
        for name in ("Snakefile", "config.yaml", "recipes.yaml"):
            shutil.copy(PROJECT / name, project / name)
        base = Path(sys.base_prefix) / "bin" / Path(sys.executable).resolve().name
        subprocess.run([base, "-m", "venv", "--without-pip", project / ".venv"], check=True)
        own = sysconfig.get_path("purelib", vars={"base": str(project / ".venv")})
        (Path(own) / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return project, project / ".venv/bin/python"

    return put


def test_checkout_in_a_folder_with_odd_characters(checkout):
    project, python = checkout("it's my $HOME & #1; ü")
    overlay = project / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(TINY))
    status, output = snakemake(
        *(MANIFEST, "--cores", "2", "--configfile", "overlay.yaml"),
        python=python,
        project=project,
        cwd=project,
    )
    assert status == 0, output
    assert (project / MANIFEST).exists()


def test_checkout_in_a_folder_with_braces_says_so(checkout):
    project, python = checkout("a{b}")
    status, output = snakemake("-n", python=python, project=project, cwd=project)
    assert status == 1 and "expected: a path without { and }" in output
    assert "Traceback" not in output


def test_after_a_kill_the_lock_names_its_way_out(make_workflow):
    flow = make_workflow()
    with flow.start(IDENTITY) as process:
        locks = flow.folder / ".snakemake/locks"
        until = time.monotonic() + 60
        while not list(locks.glob("*")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL and list(locks.glob("*"))
    output = refused(flow, IDENTITY)
    assert "give the same command once with --unlock" in output
    flow.succeed(IDENTITY, "--unlock")
    assert "--unlock" not in flow.succeed(IDENTITY)


def test_folder_that_takes_no_files_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    cases = (
        ({}, tmp_path / "file", "file/.snakemake"),
        ({"XDG_CACHE_HOME": str(tmp_path / "file")}, tmp_path, "XDG_CACHE_HOME"),
    )
    for environment, directory, words in cases:
        status, output = snakemake("-n", "--directory", directory, **environment)
        assert status == 1 and words in output and "Traceback" not in output


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, as Linux has it")
def test_results_linked_to_where_nothing_can_be_written_stop_before_any_job(tmp_path):
    (tmp_path / "results").symlink_to("/proc")
    words = ("--directory", tmp_path, IDENTITY.replace("tiny", "demo"))
    status, output = snakemake(*words)
    assert status == 1 and output.count("cannot be written") == 1, output
    assert "Traceback" not in output and "rule record_experiment" not in output
    assert snakemake("-n", *words)[0] == 0


def test_folder_called_as_a_target_is_none(tmp_path):
    (tmp_path / "overlay.yaml").write_text("data: {source: directory, directory: {path: none}}")
    words = ("-n", "--configfile", tmp_path / "overlay.yaml", "--directory", tmp_path / "fetch")
    status, output = snakemake(*words)
    assert status == 1 and "the folder of images was not found" in output
    assert snakemake(*words, "--cores", "1", "fetch")[0] == 0
