"""The commands that README, docs and messages tell people to type: none of them may be broken."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from configurations import ARCHITECTURES, DEFAULT, RECIPES, ROOT, merge
from snakemake.cli import get_argument_parser

from pneumobench.core.config.arguments import with_arguments
from pneumobench.core.config.check import archive_path, check_config
from pneumobench.core.start import check_start

DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("*/README.md"))]
SOURCES = [*sorted(ROOT.glob("workflow_scripts/**/*.py")), *sorted(ROOT.glob("rules/*.smk"))]
COMMAND = r"(?:[A-Z_]+=\S+ +)*(?:\S*python -m )?(?:\S*/)?snakemake(?= )[^`\n|]*"
# Whole lines of code blocks, and what stands in backticks in the text or in a table.
IN_BLOCK = re.compile(rf"^(?: {{4}})?({COMMAND})", re.MULTILINE)
IN_TEXT = re.compile(rf"`({COMMAND}|--config [^`\n]+)`")
# Stands for something of the reader's own.
PLACEHOLDERS = ("<", "...", "{run", "{model", "{name")
# A file that docs/data.md tells the reader to write.
OWN = "experiments/mine.yaml"
# What computes nothing here: it answers at once, or sends its jobs elsewhere.
WITHOUT_CORES = ("--lint", "--unlock", "--sdm", "profiles/slurm")


def commands() -> list[str]:
    """Return every command that some document or message tells to type, each once."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        found += [*IN_BLOCK.findall(text), *IN_TEXT.findall(text)]
    for path in SOURCES:
        found += IN_TEXT.findall(path.read_text(encoding="utf-8"))
    return sorted({found.split("  #")[0].strip() for found in found})


COMMANDS = commands()
COMPLETE = [each for each in COMMANDS if not any(mark in each for mark in PLACEHOLDERS)]


def words(command: str) -> list[str]:
    """Return what stands behind `snakemake` in a command."""
    parts = shlex.split(command)
    at = next((n for n, part in enumerate(parts) if part.split("/")[-1] == "snakemake"), -1)
    return parts[at + 1 :]


def rules() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "Snakefile", *ROOT.glob("rules/*.smk")))
    return {name for text in texts for name in re.findall(r"^ *rule (\w+):", text, re.MULTILINE)}


def test_commands_of_every_kind_are_found():
    assert "snakemake --cores all report --config allow_partial=true" in COMPLETE
    assert "--config prediction='{test_time_augmentation: flip}'" in COMPLETE
    assert ".venv/bin/python -m snakemake --cores all" in COMPLETE
    assert "snakemake --workflow-profile profiles/slurm --unlock" in COMPLETE
    assert "snakemake fetch --forcerun fetch_weights" in COMPLETE
    assert any(command.startswith("CUDA_VISIBLE_DEVICES=") for command in COMPLETE)
    assert len(COMPLETE) > 35 and len(COMMANDS) - len(COMPLETE) < 5


@pytest.fixture
def own(tmp_path) -> Path:
    """The reader's own experiment, as docs/data.md writes it."""
    text = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "mine.yaml"
    file.write_text(block, encoding="utf-8")
    return file


@pytest.mark.parametrize("command", COMPLETE)
def test_command_is_understood(command, monkeypatch, tmp_path, own):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    given = words(command.replace(OWN, str(own)))
    arguments = get_argument_parser().parse_args(given)
    check_start(given, ROOT)
    config = merge(RECIPES, DEFAULT)
    for overlay in arguments.configfile:
        config = merge(config, yaml.safe_load(Path(overlay).read_text(encoding="utf-8")))
    config = with_arguments(config, arguments.config or [])
    if archive_path(config) is None:
        check_config(config, architectures=ARCHITECTURES)
    assert set(arguments.targets) <= rules()
    assert set(arguments.forcerun or ()) <= rules()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_documents_say_how_many_cores(path):
    text = path.read_text(encoding="utf-8")
    found = [*IN_BLOCK.findall(text), *IN_TEXT.findall(text)]
    runs = [each for each in found if "snakemake " in each and path.name != "decisions.md"]
    assert [
        each for each in runs if "--cores" not in each and not any(w in each for w in WITHOUT_CORES)
    ] == []


def test_readme_and_cluster_page_start_an_experiment_by_the_same_command():
    readme, page = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/cluster.md"))
    (command,) = [each for each in IN_TEXT.findall(readme) if "profiles/slurm" in each]
    assert command in [each.strip() for each in IN_BLOCK.findall(page)]


def test_the_default_profile_gives_the_cores_that_short_commands_leave_out():
    profile = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())
    assert profile["cores"] == "all"
