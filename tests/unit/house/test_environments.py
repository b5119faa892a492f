"""Environments, images, lock file and pyproject.toml name the same packages and versions."""

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from rule_texts import rule_texts

from pneumobench.core.repredictions import REPREDICTIONS

PROJECT = Path(__file__).resolve().parents[3]
SCRIPTS = PROJECT / "workflow_scripts"
ENVIRONMENTS = ("driver", "train", "report")
# Modules whose packages have another name.
PACKAGES = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "gdcm": "python-gdcm",
    "pydantic_core": "pydantic",
}
# Imported only where its packages are installed (doctor/images.py).
IF_INSTALLED = ("pneumobench.data.rehearsal", "pneumobench.data.rehearsal.rehearse")


@functools.cache
def content(name: str) -> dict:
    return yaml.safe_load((PROJECT / "envs" / f"{name}.yaml").read_text())


def pins(name: str) -> dict[str, str]:
    (listed,) = (entry["pip"] for entry in content(name)["dependencies"] if isinstance(entry, dict))
    return dict(pin.split("==") for pin in listed)


@functools.cache
def lock() -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    text = (PROJECT / "requirements.lock").read_text()
    for match in re.finditer(r"^([a-z0-9-]+)==([^\s;]+)", text, re.M):
        versions.setdefault(match[1], set()).add(match[2])
    return versions


@functools.cache
def project() -> dict[str, Requirement]:
    table = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    optional = table["optional-dependencies"]
    listed = [*table["dependencies"], *optional["cluster"], *optional["labels"]]
    return {Requirement(text).name.lower(): Requirement(text) for text in listed}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_pins_are_exact_and_those_of_the_lock_and_of_the_project(name):
    assert content(name)["name"] == f"pneumobench-{name}"
    assert content(name)["channels"] == ["conda-forge", "nodefaults"]
    for package, version in pins(name).items():
        assert version in lock()[package], package
        assert project()[package].specifier.contains(version), package


def test_every_dependency_of_the_project_is_in_an_environment():
    assert set(project()) == set().union(*(pins(name) for name in ENVIRONMENTS))


def test_environments_agree_on_what_they_share():
    for package in project():
        assert len({pins(name)[package] for name in ENVIRONMENTS if package in pins(name)}) == 1


def test_images_have_the_lock_and_the_python_of_the_environments():
    (python,) = {
        entry.removeprefix("python=")
        for name in ENVIRONMENTS
        for entry in content(name)["dependencies"]
        if isinstance(entry, str) and entry.startswith("python=")
    }
    for name, base in (("Containerfile", "FROM docker.io/library/"), ("apptainer.def", "From: ")):
        text = (PROJECT / "envs" / name).read_text()
        assert f"\n{base}python:{python}-slim-bookworm\n" in text
        assert "--requirement /opt/requirements.lock" in text
        # No version besides: the lock file has them.
        assert "==" not in text and not re.search(r"\bCOPY \.|\bADD\b", text)
    needed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert needed == f">={python}"


def rules() -> dict[str, str]:
    """Return the environment of every rule, by name."""
    found = {}
    for rule, text in rule_texts().items():
        names = re.findall(r'conda:\s+"\.\./envs/(\w+)\.yaml"', text)
        assert len(names) == 1, rule
        found[rule] = names[0]
    return found


def test_every_rule_names_its_environment():
    assert set(rules().values()) == set(ENVIRONMENTS) and len(rules()) > 50


def script_of(rule: str) -> Path:
    (path,) = re.findall(r'script:\s+"\.\./workflow_scripts/(\S+)"', rule_texts()[rule])
    return SCRIPTS / path


@functools.cache
def reached(path: Path) -> frozenset[str]:
    """Return the third-party modules that a file imports, and those of our modules it imports."""
    waiting, seen, others = [path], set(), set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in imports(file):
            if name in IF_INSTALLED:
                continue
            if name.split(".")[0] == "pneumobench":
                waiting += [found for found in (module_file(name),) if found]
            elif name.split(".")[0] not in sys.stdlib_module_names:
                others.add(name.split(".")[0])
    return frozenset(others)


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def module_file(name: str) -> Path | None:
    path = SCRIPTS.joinpath(*name.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


@functools.cache
def brought(package: str) -> frozenset[str]:
    """Return a package and all that it requires on this platform, as they are installed here."""
    found, waiting = set(), [package]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return frozenset(found)


def missing(modules: frozenset[str], environment: str) -> set[str]:
    there = frozenset().union(*(brought(package) for package in pins(environment)))
    return {PACKAGES.get(module, module) for module in modules} - there


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_script_finds_its_packages_in_the_environment_of_its_rule(environment):
    scripts = {script_of(rule) for rule, name in rules().items() if name == environment}
    assert scripts
    for script in scripts:
        absent = missing(reached(script), environment)
        assert not absent, f"{script} needs {absent}"


def test_what_scripts_import_by_name_finds_its_packages():
    for kind in REPREDICTIONS.values():
        assert not missing(reached(module_file(kind.module)), "train"), kind


def test_reading_the_workflow_needs_no_package_of_the_jobs():
    """Every command and every cluster job reads the workflow, in the environment `driver`."""
    of_jobs = (set(pins("train")) | set(pins("report"))) - set(pins("driver"))
    paths = (PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk"))
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    pattern = r"^(?:from pneumobench|import snakemake_facts)[^\n(]*(?:\([^)]*\)|[^\n]*)"
    found = re.findall(pattern, text, re.M)
    assert len(found) > 10
    modules = {module for module, package in PACKAGES.items() if package in of_jobs} | of_jobs
    absent = f"import sys, snakemake.api\nsys.modules |= dict.fromkeys({sorted(modules)!r})\n"
    code = absent + "\n".join(found)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPTS)


def test_a_missing_package_would_be_noticed():
    assert missing(frozenset({"torch", "sklearn"}), "driver") == {"torch", "scikit-learn"}
    assert missing(reached(script_of("train_fold")), "report") >= {"torch", "safetensors"}
