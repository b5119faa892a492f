# pneumobench: which architecture detects paediatric pneumonia on chest radiographs best?
# The order of the story: configuration, then the stages in the order of the data, then targets.

import re
from pathlib import Path
from typing import get_args

from snakemake.utils import min_version

min_version("9.20")


# Later files win over earlier ones, files named with --configfile over both.
configfile: f"{workflow.basedir}/recipes.yaml"
configfile: f"{workflow.basedir}/config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"


from pneumobench.core.config.recipe import Preprocessing
from pneumobench.core.room import check_writing
from pneumobench.core.views import VIEW_SETS

PREPROCESSING = [name for name in get_args(Preprocessing) if name != "none"]


pathvars:
    results=ON_DISK.results,
    logs=f"{ON_DISK.results}/logs",
    benchmarks=f"{ON_DISK.results}/benchmarks",


wildcard_constraints:
    slug="|".join(map(re.escape, SLUGS)),
    recipe="|".join(map(re.escape, EXPERIMENT.recipes)),
    seed=r"\d+",
    fold=r"\d+",
    size=r"\d+",
    dataset="|".join(map(re.escape, FETCHED)),
    tta="|".join(VIEW_SETS),
    preprocessing="|".join(PREPROCESSING),
    ensemble="|".join(ENSEMBLES),
    variant=rf"\d+(_({'|'.join(PREPROCESSING)}))?",


if ARCHIVE:

    include: "rules/rebuilding.smk"

else:

    include: "rules/dataset.smk"
    include: "rules/training.smk"
    include: "rules/prediction.smk"
    include: "rules/repredictions.smk"


if EXTERNAL and not ARCHIVE:

    include: "rules/external.smk"


include: "rules/evaluation.smk"
include: "rules/explanation.smk"


if EXPERIMENT.other_task:

    include: "rules/subtypes.smk"


if INFLATED:

    include: "rules/inflation.smk"


include: "rules/figures.smk"
include: "rules/reporting.smk"


if not ARCHIVE:

    # An archive's configuration may name any path: it is not looked at.
    include: "rules/doctor.smk"
    include: "rules/archive.smk"


if TERMINAL:
    TERMINAL.report = Path(ON_DISK.results) / "report/report.html"


onstart:
    # Not before: who only looks at finished results need not be allowed to write.
    with facts.SaidPlainly():
        check_writing(Path(ON_DISK.results))


onsuccess:
    if TERMINAL:
        TERMINAL.ended()


rule all:
    """Everything: training, the comparison tables, the figures and the report."""
    default_target: True
    input:
        rules.render_report.output,
        rules.make_tables.output,
        rules.list_figures.output,
        of_runs("model_card.md"),
        of_runs("mistakes.csv"),
        "<results>/kept_weights.json"
        if EXPERIMENT.keep_weights != "all" and not ARCHIVE
        else [],


rule fetch:
    """Published radiographs and starting weights, for machines whose jobs have no network."""
    input:
        [path for source in FETCHED.values() for path in source.records],
        starting_weights.records(EXPERIMENT),


rule train:
    """All training jobs."""
    input:
        FILES.of_all_folds("run.json"),


rule tables:
    """The comparison as CSV, Markdown and LaTeX."""
    input:
        rules.make_tables.output,


rule explain:
    """The maps of all runs, their panels and measures."""
    input:
        each(analyses.maps_asked_for),
        panels,


rule figures:
    """All figures and tables of the report, and what each is made of; from predictions alone."""
    input:
        rules.list_figures.output,


rule report:
    """The HTML report, and the mistakes of each run."""
    input:
        rules.render_report.output,
        of_runs("mistakes.csv"),
