# So many jobs as a large experiment has, that do nothing: what is left is Snakemake and the scheduler.

NUMBERS = range(config["jobs"])


rule all:
    input:
        [f"stubs/{number}" for number in NUMBERS],


rule stub:
    output:
        "stubs/{number}",
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        "touch {output}"
