# What all rules share and only Snakemake can know: the checked configuration, and functions that give
# rules their inputs and params. Nothing is computed here, and every cluster job reads this file again.

import shlex
import sys

sys.path.insert(0, f"{workflow.basedir}/workflow_scripts")
# Snakemake writes the interpreter into the commands of jobs without quotes: a folder with a space would
# end every job.
sys.executable = shlex.quote(sys.executable)

import snakemake_facts as facts
import snakemake_terminal
from pneumobench.core import analyses, opening, resources, starting_weights
from pneumobench.core.code_hash import code_hash, texts_hash
from pneumobench.core.completeness import compared_runs, missing_runs
from pneumobench.core.config import identity
from pneumobench.core.layout import Layout
from pneumobench.core.sources import Source
from pneumobench.data.sources import fingerprint, first_look
from pneumobench.models import registry, timm_names
from pneumobench.reporting.figures import figures_of

# The configuration

# Whether the user started this process, and no job did.
DRIVER = facts.is_driver(workflow)
# What the terminal shows, where Snakemake is not told to show all.
TERMINAL = snakemake_terminal.show_progress(logger, workflow) if DRIVER else None

with facts.SaidPlainly():
    config.update(
        opening.read_configuration(
            config,
            files=workflow.configfiles,
            values=facts.given_values(workflow),
            checkout=workflow.basedir,
        )
    )
    given = facts.given_settings(workflow)
    # Named instead of a configuration; None where results are computed.
    ARCHIVE = opening.archive_asked_for(config, given)
    EXPERIMENT = opening.checked_experiment(
        config,
        ARCHIVE,
        architectures=registry.names(),
        # Jobs in environments of conda have a timm of their own, which describe_model asks.
        backbones=tuple if facts.machine(workflow)["conda"] else timm_names.names,
        summary=registry.summary,
        driver=DRIVER,
        given=given,
    )

RUNS = {run.folder: run for run in EXPERIMENT.expanded_runs}
SLUGS = {run.slug: run.model for run in RUNS.values()}
FOLDS = range(EXPERIMENT.split.folds)
# Where files lie: as rules name them, and on the disk.
FILES = Layout("<results>", EXPERIMENT, tuple(RUNS.values()))
ON_DISK = Layout(f"results/{EXPERIMENT.experiment}", EXPERIMENT, FILES.runs)
if DRIVER and not ARCHIVE:
    for caution in opening.cautions_before(ON_DISK, facts.cores_here(workflow)):
        logger.warning(caution)

# Runs that are not compared, since they are not complete.
MISSING = ARCHIVE.missing if ARCHIVE else missing_runs(ON_DISK)
DATA = Source(EXPERIMENT.data)
# The second source of radiographs; None in most experiments.
EXTERNAL = EXPERIMENT.external and Source(EXPERIMENT.external)
FETCHED = {
    source.fetched: source for source in (DATA, EXTERNAL) if source and source.fetched
}
# The run that is trained by bad practice, too; None in all experiments but those on bad practice.
INFLATED = EXPERIMENT.inflated_run
VIEWS = EXPERIMENT.prediction.test_time_augmentation
# An order or a repetition of strengths says nothing.
STRENGTHS = sorted(set(EXPERIMENT.robustness.strengths))
ENSEMBLES = list(dict.fromkeys(EXPERIMENT.ensembles))
# A resource, since a param would retrain where it changes. 0 = the job wants no NVIDIA GPU.
JOBS_PER_GPU = EXPERIMENT.compute.sharing
# Whether radiographs can be drawn: an archive need not hold any.
RADIOGRAPHS = ARCHIVE is None or ARCHIVE.radiographs
# Undeclared, since it must outlive the results that it tells of: one file for each time that
# labels of the test set met predictions. Rebuilding from an archive shows nothing new: its log stays.
LOOKS = f"{ON_DISK.results}/test_looks"
LOGGED_LOOKS = None if ARCHIVE else LOOKS
FIGURES = figures_of(analyses.names_wanted(FILES), radiographs=RADIOGRAPHS)


# Files


def each(choose):
    """Return an input function: what is chosen of the layout of the job's run, else of all compared runs."""
    return facts.input_function(lambda wildcards: choose(layout(wildcards)))


def layout(wildcards):
    """Return where files of the job's run lie, or those of all compared runs if the job is of no run."""
    of_a_run = "seed" in wildcards.keys()
    return FILES.of(
        *([run_of(wildcards)] if of_a_run else compared_runs(ON_DISK, MISSING))
    )


def files(*patterns):
    """Return an input function: all files that patterns (core/layout.py) stand for."""
    return each(lambda layout: layout.paths(*patterns))


def of_runs(name):
    """Return an input function: one file of each run."""
    return each(lambda layout: layout.of_runs(name))


def of_folds(name):
    """Return an input function: one file of each fold of each run."""
    return each(lambda layout: layout.of_folds(name))


def of_baselines(name):
    """Return one file of each baseline."""
    return FILES.paths(f"baselines/{{baseline}}/{name}")


def wanted(*names):
    """Return an input function: files of an optional analysis (core/analyses.py), none if it is not wanted."""
    return each(lambda layout: analyses.wanted(layout, *names))


def images_of(suffix, folder="dataset", preprocessed=True):
    """Return an input function: the packed images, preprocessed if the job's recipe wants that."""

    def images(wildcards):
        recipe = wildcards.recipe if preprocessed else None
        return FILES.packed("images", recipe, folder) + suffix

    return images


def augmented_of(suffix):
    """Return an input function: the offline copies if the job's recipe trains on them."""
    return lambda wildcards: (
        FILES.packed("augmented", wildcards.recipe) + suffix
        if EXPERIMENT.recipe(wildcards.recipe).offline_copies
        else []
    )


def radiographs_of(source, folder):
    """Return an input function: files that say that radiographs are there, or stop where a user's are not."""

    def made(wildcards):
        if DRIVER:
            first_look.check_before_start(EXPERIMENT, source, folder)
        return source.made

    return facts.input_function(made)


def weights_of(run=None):
    """Return an input function: what the training of a run, or of the job's, starts from."""

    def weights(wildcards):
        if DRIVER:
            identity.check_starting_weights(EXPERIMENT)
        # One path and no list of one: a job sees what it is given.
        return starting_weights.record_or_file(EXPERIMENT, run or wildcards) or []

    return facts.input_function(weights)


def panels(wildcards):
    """Return the folders with pictures of single radiographs, where there are radiographs to draw."""
    return wanted("panels")(wildcards) if RADIOGRAPHS else []


# Params and resources


def explanation_params(*keys):
    """Return those settings of the section explanation that a rule's result follows from."""
    return EXPERIMENT.explanation.model_dump(include=set(keys))


def as_it_stands(value):
    """Return a params function: Snakemake takes braces in plain texts for wildcards."""
    return lambda wildcards: value


def fingerprint_of(source):
    """Return a params function: names and sizes of a source's radiographs as a hash, which tells changed ones."""
    return lambda wildcards: fingerprint.source_fingerprint(source)


def run_of(wildcards):
    """Return the run that a job's wildcards name."""
    return RUNS[f"{wildcards.slug}/{wildcards.recipe}/seed{wildcards.seed}"]


def tests_of_runs(name):
    """Return a params function: each run with one kind of test predictions, for the log of looks."""
    return lambda wildcards: [
        {"run": vars(run), "test": ON_DISK.of(run).of_folds(name)}
        for run in layout(wildcards).runs
    ]


def undeclared(kind):
    """Return a params function: a fold's own folder below results/<experiment>/<kind>."""
    return lambda wildcards: (
        f"{ON_DISK.results}/{kind}/{run_of(wildcards).folder}/fold{wildcards.fold}"
    )


def code_of_run(*names, run=None):
    """Return a params function: a hash of code (scripts, modules) and of a run's architecture, or of the job's."""
    return lambda wildcards: code_hash(
        *names, registry.module_name(run.model if run else SLUGS[wildcards.slug])
    )


def gpus(wildcards):
    """Return how many GPUs a training job asks for; profiles ask for one on a cluster."""
    return 1 if EXPERIMENT.compute.device == "cuda" else 0


def size_of_training(wildcards, input, threads):
    """Return how big a training job is, once its inputs are there."""
    recipe = wildcards.get("recipe", EXPERIMENT.defaults.recipe)
    return resources.training_size(EXPERIMENT, recipe, input, threads)


def training_memory(wildcards, input, threads, attempt):
    """Return the memory in MB that a training job asks for."""
    return resources.training_memory_mb(
        size_of_training(wildcards, input, threads), attempt
    )


def training_time(wildcards, input, threads, attempt):
    """Return the time limit of a training job in minutes; none where nothing enforces one."""
    if not facts.limits_time(workflow):
        return None
    return resources.training_minutes(
        size_of_training(wildcards, input, threads), attempt
    )
