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


def git_commit() -> str:
    """Return the commit of the checkout, with `-dirty` if files differ from it, or `unknown`."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        finished = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return finished.stdout.strip()


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def peak_memory_mb() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / (1024 if sys.platform != "darwin" else 1024**2)
