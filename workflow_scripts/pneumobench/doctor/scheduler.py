"""SLURM: whether jobs can be submitted from here, and how their state can be asked for."""

import re
import shutil

from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan, said
from pneumobench.doctor.software import installed, numbers

PLUGIN, PLUGIN_VERSION = "snakemake-executor-plugin-slurm", (2, 7, 1)
# Seconds for which squeue must remember finished jobs: the plugin asks up to 180 s apart, and waits
# for ever for a job that is forgotten by then. A minute for a busy controller.
MEMORY_OF_JOBS = 240
_SQUEUE, _SACCT = "--slurm-status-command squeue", "--slurm-status-command sacct"


def slurm_findings(plan: Plan) -> list[Finding]:
    """Say whether there is a SLURM, a plugin for it, and which status command will work."""
    subject, level = "SLURM", FAILS if plan.elsewhere else WARNING
    absent = [name for name in ("sbatch", "squeue", "scontrol") if shutil.which(name) is None]
    if "sbatch" in absent:
        where = "jobs go to another scheduler" if plan.elsewhere else "jobs run on this machine"
        return [Finding(OK, subject, f"not here; {where}")]
    if absent:
        remedy = "install SLURM's client commands on this machine"
        return [Finding(level, subject, f"sbatch without {', '.join(absent)}", remedy)]
    settings = said("scontrol", "show", "config")
    if settings is None:
        remedy = "ask the cluster's staff; scontrol ping says more"
        silent = Finding(level, "SLURM status", "the controller does not answer", remedy)
        return [_plugin(), silent]
    return [_plugin(), _status(settings), *_preemption(settings)]


def _plugin() -> Finding:
    version = installed(PLUGIN)
    remedy = f"pip install '{PLUGIN}>={'.'.join(map(str, PLUGIN_VERSION))}'"
    if version is None:
        return Finding(WARNING, "SLURM plugin", "not installed: jobs run on this machine", remedy)
    if numbers(version) < PLUGIN_VERSION:
        return Finding(WARNING, "SLURM plugin", f"{version} mishandles GPU jobs", remedy)
    return Finding(OK, "SLURM plugin", version)


def _status(settings: str) -> Finding:
    subject, age = "SLURM status", int(_setting(settings, "MinJobAge", r"\d+") or 0)
    forgetful = f"squeue forgets finished jobs after {age} s (MinJobAge)"
    if shutil.which("sacct") and said("sacct", "--noheader", "--starttime", "now") is not None:
        if age < MEMORY_OF_JOBS:
            return Finding(WARNING, subject, f"accounting answers; {forgetful}", f"use {_SACCT}")
        return Finding(OK, subject, f"accounting answers: {_SACCT} or squeue")
    if age < MEMORY_OF_JOBS:
        # No option helps: squeue has forgotten them, and sacct never knew them.
        remedy = (
            f"ask the cluster's staff for MinJobAge={MEMORY_OF_JOBS} or more, or for accounting; "
            "without, Snakemake may wait for ever for jobs that ended: stop it with Ctrl-C and "
            "start it again"
        )
        return Finding(WARNING, subject, f"no accounting, and {forgetful}", remedy)
    return Finding(OK, subject, f"no accounting (sacct does not answer): use {_SQUEUE}")


def _preemption(settings: str) -> list[Finding]:
    """Say what becomes of preempted jobs, where jobs are preempted."""
    subject, kind = "SLURM preemption", _setting(settings, "PreemptType", r"\S+")
    modes = (_setting(settings, "PreemptMode", r"\S+") or "OFF").upper().split(",")
    if kind in (None, "(null)", "preempt/none") or modes == ["OFF"]:
        return []
    if "CANCEL" in modes:
        return [
            Finding(
                WARNING,
                subject,
                "preempted jobs are cancelled (PreemptMode), and Snakemake waits for them for ever",
                "ask for PreemptMode=REQUEUE, or use a partition whose jobs are not preempted",
            )
        ]
    return [Finding(OK, subject, f"PreemptMode {','.join(modes)}: preempted jobs go on later")]


def _setting(settings: str, name: str, pattern: str) -> str | None:
    """Return what `scontrol show config` says of a setting, None where it does not."""
    match = re.search(rf"^{name}\s*=\s*({pattern})", settings, re.MULTILINE)
    return match[1] if match else None
