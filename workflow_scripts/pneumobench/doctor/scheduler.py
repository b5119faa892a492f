"""SLURM: whether jobs can be submitted from here, and how their state can be asked for."""

import re
import shutil

from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan, said
from pneumobench.doctor.software import installed, numbers

PLUGIN, PLUGIN_VERSION = "snakemake-executor-plugin-slurm", (2, 7, 1)
# Seconds for which squeue must remember finished jobs: three checks, 40 s apart.
MEMORY_OF_JOBS = 120
_SQUEUE, _SACCT = "--slurm-status-command squeue", "--slurm-status-command sacct"


def slurm_findings(plan: Plan) -> list[Finding]:
    """Say whether there is a SLURM, a plugin for it, and which status command will work."""
    subject, level = "SLURM", FAILS if plan.elsewhere else WARNING
    absent = [name for name in ("sbatch", "squeue", "scontrol") if shutil.which(name) is None]
    if "sbatch" in absent:
        return [Finding(OK, subject, "not here; jobs run on this machine")]
    if absent:
        remedy = "install SLURM's client commands on this machine"
        return [Finding(level, subject, f"sbatch without {', '.join(absent)}", remedy)]
    return [_plugin(), _status(level)]


def _plugin() -> Finding:
    version = installed(PLUGIN)
    remedy = f"pip install '{PLUGIN}>={'.'.join(map(str, PLUGIN_VERSION))}'"
    if version is None:
        return Finding(WARNING, "SLURM plugin", "not installed: jobs run on this machine", remedy)
    if numbers(version) < PLUGIN_VERSION:
        return Finding(WARNING, "SLURM plugin", f"{version} mishandles GPU jobs", remedy)
    return Finding(OK, "SLURM plugin", version)


def _status(broken: str) -> Finding:
    subject, settings = "SLURM status", said("scontrol", "show", "config")
    if settings is None:
        remedy = "ask the cluster's staff; scontrol ping says more"
        return Finding(broken, subject, "the controller does not answer", remedy)
    if shutil.which("sacct") and said("sacct", "--noheader", "--starttime", "now") is not None:
        return Finding(OK, subject, f"accounting answers: {_SACCT} or squeue")
    match = re.search(r"^MinJobAge\s*=\s*(\d+)", settings, re.MULTILINE)
    age = int(match[1]) if match else 0
    if age < MEMORY_OF_JOBS:
        return Finding(
            WARNING,
            subject,
            f"no accounting, and finished jobs are forgotten after {age} s (MinJobAge)",
            f"{_SQUEUE}; ask for MinJobAge={MEMORY_OF_JOBS} or more, else finished jobs may be "
            "taken for lost",
        )
    return Finding(OK, subject, f"no accounting (sacct does not answer): use {_SQUEUE}")
