"""A tiny experiment, and the real workflow run on it in a folder of the test's own."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]

# Starts a command that reaches no network, not even this machine; for root alone.
NO_NETWORK = ("unshare", "--net")
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
    """A folder in which Snakemake runs with an overlay over config.yaml.

    Attributes
    ----------
    profile
        A folder of profiles/, or the path of another one.
    options
        Given to every command.
    environment
        Variables of every command, beside those of the tests.
    prefix
        A command that starts it.
    """

    folder: Path
    overlay: dict
    profile: str = "default"
    options: tuple[str, ...] = ("--cores", "2")
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    @property
    def results(self) -> Path:
        # An archive brings its own configuration.
        return self.folder / "results" / self.overlay.get("experiment", TINY["experiment"])

    def start(self, *arguments: str, snakefile: Path = PROJECT / "Snakefile") -> subprocess.Popen:
        """Start Snakemake in a process group of its own; its output is text."""
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(self.overlay), encoding="utf-8")
        command = [
            *self.prefix, sys.executable, "-m", "snakemake", *self.options,
            "--snakefile", str(snakefile),
            "--directory", str(self.folder), "--configfile", str(overlay),
            "--workflow-profile", str(snakefile.parent / "profiles" / self.profile), *arguments,
        ]  # fmt: skip
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | self.environment,
            process_group=0,
        )

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Run Snakemake; return the finished process, its output as text."""
        with self.start(*arguments, **options) as process:
            try:
                output, _ = process.communicate()
            except BaseException:
                # Ctrl-C and the time limit of a test reach this process alone.
                process.send_signal(signal.SIGINT)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

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
