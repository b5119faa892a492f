"""Whether an experiment would run on this machine, and what it would cost: a file a subject.

Needs neither PyTorch nor pandas, so that it works where only Snakemake is installed.
"""
