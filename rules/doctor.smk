# Before anything is run: doctor


rule doctor:
    """Say whether the experiment would run here, and what it would cost; writes nothing."""
    log:
        f"results/{EXPERIMENT.experiment}/logs/doctor.log",
    # What it finds stays so: a profile's retries would only print it again.
    retries: 0
    # It looks at the machine that Snakemake runs on.
    localrule: True
    conda:
        "../envs/driver.yaml"
    params:
        plan=plan,
        lock=f"{workflow.basedir}/requirements.lock",
    script:
        "../workflow_scripts/doctor/doctor.py"
