"""Runs of the whole pipeline, in small."""

RUN = "runs/custom_resnet18/light/seed42"


def job_counts(output: str) -> dict[str, int]:
    """Read rule -> number of jobs from a dry run."""
    counts = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isidentifier() and words[1].isdigit():
            counts[words[0]] = int(words[1])
    return counts
