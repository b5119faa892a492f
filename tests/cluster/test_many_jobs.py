"""A thousand jobs that do nothing, through the real scheduler: docs/scaling.md."""

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

JOBS = 1000
# A job starts Python twice to find out what to do; here only what is around that is of interest.
SBATCH = """\
#!/usr/bin/env bash
export SLURM_CONF={conf}
words=()
for word in "$@"; do
    case "$word" in
        rule_stub_wildcards_*) number=${{word#rule_stub_wildcards_}} ;;
        --wrap=*) word="--wrap=touch stubs/$number" ;;
    esac
    words+=("$word")
done
exec {sbatch} "${{words[@]}}"
"""


@pytest.mark.slow
def test_a_thousand_jobs(cluster, tmp_path, record_property):
    shim = tmp_path / "bin" / "sbatch"
    shim.parent.mkdir()
    (tmp_path / "stubs").mkdir()
    conf = cluster.folder / "slurm.conf"
    shim.write_text(SBATCH.format(conf=conf, sbatch=shutil.which("sbatch")))
    shim.chmod(0o755)
    environment = os.environ | cluster.environment
    environment["PATH"] = f"{shim.parent}:{environment['PATH']}"
    snakefile = Path(__file__).parent / "stub_jobs.smk"
    started = time.monotonic()
    finished = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--directory", tmp_path,
            "--config", f"jobs={JOBS}", "--executor", "slurm", "--jobs", str(JOBS),
            "--slurm-status-command", "squeue", "--latency-wait", "30",
            "--slurm-init-seconds-before-status-checks", "5",
        ],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    output = finished.stdout + finished.stderr
    assert finished.returncode == 0, output[-4000:]
    assert len(list((tmp_path / "stubs").iterdir())) == JOBS
    assert output.count("has been submitted with SLURM jobid") == JOBS
    times = [cluster.details(job) for job in cluster.jobs("stub", "COMPLETED")]
    assert len(times) == JOBS
    submitted, ended = (
        [datetime.fromisoformat(job[name]) for job in times] for name in ("SubmitTime", "EndTime")
    )
    diagnosis = cluster.command("sdiag")
    record_property("seconds", round(seconds, 1))
    record_property("submitting", (max(submitted) - min(submitted)).total_seconds())
    record_property("last_job_ended", (max(ended) - min(submitted)).total_seconds())
    record_property("longest_cycle_us", int(re.search(r"Max cycle:\s+(\d+)", diagnosis)[1]))
