"""Runs the real workflow in a folder of the test's own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]

# Small enough for seconds; an experiment like any other in everything else.
TINY = {
    "experiment": "tiny",
    "data": {"phantom": {"patients": 60, "image_px": 96}},
    "split": {"folds": 2},
    "evaluation": {"bootstrap_replicates": 200, "permutations": 200},
    "ensembles": ["rank_mean", "logistic_stack"],
    "robustness": {"strengths": []},
    "explanation": {"method": "none"},
    "recipes": {"light": {"epochs": 2, "batch_size": 16, "offline_copies": True}},
    "runs": ["custom_resnet18", {"model": "timm:resnet10t"}],
}


@dataclass
class Workflow:
    """A folder in which Snakemake runs with an overlay over config.yaml."""

    folder: Path
    overlay: dict

    @property
    def results(self) -> Path:
        # An archive brings its own configuration.
        return self.folder / "results" / self.overlay.get("experiment", TINY["experiment"])

    def run(self, *arguments: str, snakefile: Path = PROJECT / "Snakefile"):
        """Run Snakemake; return the finished process, its output as text."""
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(self.overlay), encoding="utf-8")
        command = [
            sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(snakefile),
            "--directory", str(self.folder), "--configfile", str(overlay),
            "--workflow-profile", str(snakefile.parent / "profiles" / "default"), *arguments,
        ]  # fmt: skip
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def succeed(self, *arguments: str, **options) -> str:
        """Run Snakemake and insist on success."""
        finished = self.run(*arguments, **options)
        assert finished.returncode == 0, finished.stdout[-6000:]
        return finished.stdout


@pytest.fixture(scope="session")
def make_workflow(tmp_path_factory):
    """Return a function that makes a workflow from changes to the tiny experiment."""

    def make(**changes) -> Workflow:
        return Workflow(tmp_path_factory.mktemp("workflow"), {**TINY, **changes})

    return make


@pytest.fixture(scope="session")
def finished(make_workflow) -> Workflow:
    """The tiny experiment, run from nothing to the report."""
    explanation = {"method": "grad_cam", "images": 4, "tested_images": 1}
    workflow = make_workflow(explanation=explanation)
    workflow.succeed()
    return workflow
