"""Say whether the experiment would run here, and what it would cost."""

from pathlib import Path

from pneumobench.core.job import job_log

with job_log(snakemake.log[0]):
    from pneumobench.doctor.examination import examine
    from pneumobench.doctor.finding import Plan

    examine(Plan.of(**snakemake.params.plan), Path(snakemake.params.lock))
