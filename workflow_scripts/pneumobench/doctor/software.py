"""Python, Snakemake, its plugins, and the packages that jobs import."""

import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan

PYTHON, SNAKEMAKE = (3, 11), (9, 20)
# What jobs cannot do without, and what shapes the bits of a result.
_PACKAGES = ("torch", "torchvision", "timm", "numpy", "pandas", "scipy", "scikit-learn")
_EXECUTORS = "snakemake-executor-plugin-"
_MAKE = "run `make run`, or pip install -r requirements.lock"


def python_finding(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """Say whether this Python is recent enough."""
    if version[:2] < PYTHON:
        return Finding(FAILS, "Python", _dotted(version), f"use {_dotted(PYTHON)} or later")
    return Finding(OK, "Python", f"{_dotted(version)}, {platform.platform()}")


def snakemake_finding(version_of: Callable[[str], str | None] | None = None) -> Finding:
    """Say which Snakemake and which of its plugins there are."""
    version_of = version_of or installed
    found = version_of("snakemake")
    if found is None:
        return Finding(FAILS, "Snakemake", "not installed in this Python", _MAKE)
    names = {
        distribution.metadata["Name"] or "" for distribution in importlib.metadata.distributions()
    }
    # The jobstep is the part of a plugin that runs inside its jobs.
    plugins = sorted(
        name for name in names if name.startswith(_EXECUTORS) and not name.endswith("-jobstep")
    )
    named = [f"{name.removeprefix(_EXECUTORS)} {version_of(name)}" for name in plugins]
    text = f"{found}; executor plugins: {', '.join(named) or 'none'}"
    if numbers(found)[:2] < SNAKEMAKE:
        return Finding(FAILS, "Snakemake", text, f"use {_dotted(SNAKEMAKE)} or later: {_MAKE}")
    return Finding(OK, "Snakemake", text)


def packages_finding(
    plan: Plan, lock: Path, version_of: Callable[[str], str | None] | None = None
) -> Finding:
    """Say whether the packages that jobs import are there, in the versions that were tested."""
    version_of, subject = version_of or installed, "packages"
    if plan.conda:
        text = "conda makes the environments of jobs (envs/*.yaml)"
        return Finding(OK, subject, text)
    missing = [name for name in _PACKAGES if version_of(name) is None]
    if missing:
        text = f"not installed: {', '.join(missing)}"
        return Finding(FAILS, subject, text, f"{_MAKE}, or let conda do it: --sdm conda")
    tested = locked_versions(lock)
    others = [
        f"{name} {version_of(name)} (tested: {' or '.join(sorted(tested[name]))})"
        for name in _PACKAGES
        # What stands behind + says how it was built.
        if str(version_of(name)).partition("+")[0] not in tested[name]
    ]
    if others:
        return Finding(WARNING, subject, ", ".join(others), f"for the tested ones {_MAKE}")
    return Finding(OK, subject, f"torch {version_of('torch')} and others as in requirements.lock")


def installed(package: str) -> str | None:
    """Return the version of an installed package, None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def locked_versions(lock: Path) -> dict[str, set[str]]:
    """Return the versions that requirements.lock names, by package; some have one per platform."""
    versions: dict[str, set[str]] = {}
    for match in re.finditer(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.M):
        versions.setdefault(match[1], set()).add(match[2])
    return versions


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: `9.27.1` gives (9, 27, 1)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
