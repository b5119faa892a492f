"""A disk on which there is hardly any room."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow_scripts"


def on_small_disk(folder, code, *arguments) -> str:
    """Run Python code with a disk of 2 MB as its first argument; skip where none can be had."""
    mounted = f'mount -t tmpfs -o size=2m tmpfs "{folder}" && exec "$@"'
    enter = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    try:
        subprocess.run([*enter, mounted, "sh", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk of the test's own can be mounted here (unshare, mount)")
    command = [*enter, mounted, "sh", sys.executable, "-c", code, str(folder), *arguments]
    finished = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
