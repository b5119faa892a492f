"""Where a result comes from: software versions, commit, hashes of files, memory used."""

import hashlib
import importlib.metadata
import platform
import resource
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pandas",
    "scikit-learn",
    "pillow",
    "snakemake",
)


def software_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that shape results."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def installed_packages() -> dict[str, str]:
    """Return the versions of all packages of this Python, by name."""
    found = {
        distribution.metadata["Name"]: distribution.version
        for distribution in importlib.metadata.distributions()
    }
    return dict(sorted(found.items(), key=lambda entry: entry[0].lower()))


def git_commit() -> str:
    """Return the commit of the checkout, with `-dirty` if files differ from it, or `unknown`."""
    said = _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return "unknown" if said is None else said.strip()


def git_changes() -> list[str] | None:
    """Return the files that differ from the commit, as `git status` marks them; None = unknown."""
    said = _git("status", "--porcelain")
    return None if said is None else said.splitlines()


def _git(*arguments: str) -> str | None:
    """Return what git says of the checkout, None without git or a checkout."""
    try:
        finished = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def peak_memory_mb() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / (1024 if sys.platform != "darwin" else 1024**2)
