# pneumobench: which architecture detects paediatric pneumonia on chest radiographs best?
# The order of the story: configuration, then the stages in the order of the data, then targets.

from snakemake.utils import min_version

min_version("9.20")


# Later files win over earlier ones, files named with --configfile over both.
configfile: f"{workflow.basedir}/recipes.yaml"
configfile: f"{workflow.basedir}/config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"


pathvars:
    results=f"results/{EXPERIMENT.experiment}",
    logs=f"results/{EXPERIMENT.experiment}/logs",
    benchmarks=f"results/{EXPERIMENT.experiment}/benchmarks",


wildcard_constraints:
    slug="|".join(map(re.escape, SLUGS)),
    recipe="|".join(map(re.escape, EXPERIMENT.recipes)),
    seed=r"\d+",
    fold=r"\d+",
    size=r"\d+",
    dataset="|".join(map(re.escape, fetched_datasets(EXPERIMENT.data, EXTERNAL))),
    tta="|".join(VIEW_SETS),
    preprocessing="|".join(PREPROCESSING),
    ensemble="|".join(ENSEMBLES),
    variant=rf"\d+(_({'|'.join(PREPROCESSING)}))?",


# A second or a few each: on a cluster they run beside Snakemake, not as jobs. Rules that are not always
# there say so themselves.
localrules:
    freeze_selection,
    combine_ensemble,
    compare_runs,
    measure_shift,
    summarise_explanations,
    draw_panels,
    make_tables,
    write_tables,
    fill_checklists,
    write_model_card,
    render_report,
    list_figures,


if ARCHIVE:

    include: "rules/rebuilding.smk"

else:

    include: "rules/dataset.smk"
    include: "rules/training.smk"
    include: "rules/prediction.smk"


if EXTERNAL and not ARCHIVE:

    include: "rules/external.smk"


include: "rules/evaluation.smk"
include: "rules/explanation.smk"


if TASK:

    include: "rules/subtypes.smk"


if INFLATED:

    include: "rules/inflation.smk"


include: "rules/figures.smk"
include: "rules/reporting.smk"


if not ARCHIVE:

    # An archive's configuration may name any path: it is not looked at.
    include: "rules/doctor.smk"
    include: "rules/archive.smk"


rule all:
    """Everything: training, the comparison tables, the figures and the report."""
    default_target: True
    input:
        rules.render_report.output,
        rules.make_tables.output,
        rules.list_figures.output,
        of_runs("model_card.md"),
        kept_weights,


rule fetch:
    """Published radiographs and starting weights, for machines whose jobs have no network."""
    input:
        dataset_records(EXPERIMENT.data, EXTERNAL),
        weights_records(),


rule train:
    """All training jobs."""
    input:
        [path for run in RUNS.values() for path in fold_files(run, "run.json")],


rule tables:
    """The comparison as CSV, Markdown and LaTeX."""
    input:
        rules.make_tables.output,


rule explain:
    """The maps of all runs, their panels and measures."""
    input:
        explanations_asked_for,
        panels,
        MAP_MEASURES,


rule figures:
    """All figures and tables of the report, and what each is made of; from predictions alone."""
    input:
        rules.list_figures.output,


rule report:
    """The HTML report."""
    input:
        rules.render_report.output,
