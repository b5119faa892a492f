"""Freed memory is used again instead of being asked for anew."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[3]
_PROGRAM = """
import resource, sys
sys.path.insert(0, "workflow_scripts")
import numpy as np
from pneumobench.core.memory import keep_freed_memory

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        np.empty(40_000_000, dtype=np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults(5)
done = keep_freed_memory()
faults(1)
print(done, usual, faults(5))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_large_blocks_cause_no_page_faults_once_freed_memory_is_kept():
    command = [sys.executable, "-c", _PROGRAM]
    program = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=True)
    done, usual, kept = program.stdout.split()
    assert done == "True"
    assert int(kept) < int(usual) / 10
