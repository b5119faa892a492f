"""All subjects, one after another, as lines for a terminal."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pneumobench.core.errors import UserError
from pneumobench.doctor.cost import cost_finding
from pneumobench.doctor.finding import FAILS, WARNING, Finding, Plan
from pneumobench.doctor.gpus import Driver, ask_driver, gpu_finding
from pneumobench.doctor.images import radiographs_finding
from pneumobench.doctor.networks import network_findings
from pneumobench.doctor.scheduler import slurm_findings
from pneumobench.doctor.software import packages_finding, python_finding, snakemake_finding
from pneumobench.doctor.starting_weights import weights_finding
from pneumobench.doctor.storage import available_memory, disk_finding, memory_finding


def examine(plan: Plan, lock: Path, stream: TextIO = sys.stdout) -> None:
    """Print a line or two on every subject.

    Parameters
    ----------
    plan
        What the configuration asks for.
    lock
        requirements.lock.
    stream
        Where to print.

    Raises
    ------
    UserError
        At the end, if something would make the run fail.
    """
    levels = []
    for finding in findings(plan, lock):
        stream.write(f"{finding.lines()}\n")
        stream.flush()
        levels.append(finding.level)
    failing, warnings = levels.count(FAILS), levels.count(WARNING)
    if failing:
        raise UserError(
            f"{failing} of {len(levels)} findings would make the run fail",
            where=plan.results,
            expected=f"no line that begins with {FAILS}",
            remedy="do what stands below those lines, then ask again",
        )
    stream.write(f"nothing found that would make the run fail; {warnings} warnings\n")


def findings(plan: Plan, lock: Path) -> Iterator[Finding]:
    """Yield what is found on every subject."""
    yield python_finding()
    yield snakemake_finding()
    yield packages_finding(plan, lock)
    driver = ask_driver(plan)
    yield gpu_finding(plan, driver)
    yield from slurm_findings(plan)
    with tempfile.TemporaryDirectory() as folder:
        found = [
            radiographs_finding(radiographs, plan, Path(folder)) for radiographs in plan.radiographs
        ]
    yield from (finding for finding, _number in found)
    images = found[0][1]
    yield weights_finding(plan)
    yield from network_findings(plan)
    yield disk_finding(plan, sum(number for _finding, number in found))
    yield memory_finding(plan, images, available_memory())
    yield cost_finding(plan, images, _devices(plan, driver))


def _devices(plan: Plan, driver: Driver) -> tuple[str, ...]:
    """Return where trainings may run; the likelier first, where this machine does not tell."""
    if plan.device != "auto":
        return (plan.device,)
    if plan.elsewhere:
        return ("cuda", "cpu")
    return ("cuda",) if driver.usable else ("cpu",)
