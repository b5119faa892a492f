# Before anything is run: doctor

from pneumobench.doctor.plan import planned


rule doctor:
    """Say whether the experiment would run here, and what it would cost; writes nothing."""
    log:
        f"{ON_DISK.results}/logs/doctor.log",
    # What it finds stays so: a profile's retries would only print it again.
    retries: 0
    # It looks at the machine that Snakemake runs on.
    localrule: True
    conda:
        "../envs/driver.yaml"
    params:
        plan=lambda wildcards: planned(EXPERIMENT, **facts.machine(workflow)),
        lock=f"{workflow.basedir}/requirements.lock",
    script:
        "../workflow_scripts/doctor/doctor.py"
