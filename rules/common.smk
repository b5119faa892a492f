# What all rules share: the checked configuration and the functions that turn it into paths and
# params. No rules here; nothing heavy either, because every cluster job reads this file again.

import os
import re
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import get_args

from snakemake.cli import get_argument_parser
from snakemake.exceptions import WorkflowError

sys.path.insert(0, f"{workflow.basedir}/workflow_scripts")
# Snakemake writes the interpreter into the commands of jobs without quotes: a folder with a space would
# end every job.
sys.executable = shlex.quote(sys.executable)

from pneumobench.core.archive import (
    check_bytes,
    check_contents,
    check_unpacked,
    read_archive,
)
from pneumobench.core.code_hash import code_hash
from pneumobench.core.config.across import cautions
from pneumobench.core.config.arguments import with_arguments
from pneumobench.core.config.check import archive_path, check_config
from pneumobench.core.config.identity import (
    check_data_source,
    check_results_folder,
    check_starting_weights,
    experiment_identity,
)
from pneumobench.core.config.reading import check_config_files
from pneumobench.core.config.recipe import Preprocessing
from pneumobench.core.errors import UserError
from pneumobench.core.fetched import FETCHED_SOURCES, fetched_name
from pneumobench.core.baselines import BASELINES
from pneumobench.core.inflation import ARMS, HONEST
from pneumobench.core.repredictions import REPREDICTIONS
from pneumobench.core.resources import (
    read_training_size,
    training_memory_mb,
    training_minutes,
)
from pneumobench.core.room import check_folder, check_writing
from pneumobench.core.start import warning_of_lock
from pneumobench.core.task import BINARY
from pneumobench.core.views import VIEW_SETS
from pneumobench.data.sources.columns import tables_beside
from pneumobench.data.sources.fingerprint import fingerprint, table_fingerprint
from pneumobench.models import registry

# Targets that need neither images nor starting weights, and help to get them.
BEFORE_DATA = {"doctor", "fetch"}


def read_configuration():
    """Read the given files once more, stricter than Snakemake, and the values of --config by their keys."""
    try:
        if set("{}") & set(workflow.basedir):
            raise UserError(
                "Snakemake takes { and } in the path of a checkout for places to fill",
                where=workflow.basedir,
                expected="a path without { and }",
                remedy="move the checkout, or rename the folder",
            )
        check_config_files(workflow.configfiles)
        config.update(
            with_arguments(config, workflow.config_settings.config_args or [])
        )
    except UserError as error:
        raise WorkflowError(str(error))


def archive_asked_for():
    """Return the archive that is named instead of a configuration, None where results are computed."""
    others = sorted(set(workflow.config_settings.overwrite_config) - {"archive"})
    try:
        path = archive_path(config)
        if path is None:
            return None
        archive = read_archive(path)
        if others:
            raise UserError(
                "an archive brings its own configuration",
                where=f"given beside archive: {', '.join(others)}",
                expected="archive alone",
                remedy="leave the other keys and --configfile out",
            )
    except UserError as error:
        raise WorkflowError(str(error))
    return archive


def checked_experiment(archive):
    """Return the checked configuration, an archive's own if there is one, or stop."""
    given = archive.config if archive else config
    try:
        experiment = check_config(given, architectures=registry.names())
        results = f"results/{experiment.experiment}"
        if workflow.is_main_process:
            check_folder(Path(results))
            if archive is None:
                check_folder(Path("resources"))
        # What a job unpacks is gone while it does.
        if archive is None or workflow.is_main_process:
            check_unpacked(results, archive)
        if archive is None:
            check_results_folder(results, experiment)
        # Jobs read the workflow, too, perhaps where nothing but results is to be seen.
        if archive is None and workflow.is_main_process:
            check_sources(experiment)
    except UserError as error:
        raise WorkflowError(f"{archive.path}: {error}" if archive else str(error))
    # Jobs read the workflow, too, whose driver has said it.
    if workflow.is_main_process:
        for caution in cautions(experiment, cores=local_cores()):
            logger.warning(caution)
    return experiment


def check_sources(experiment):
    """Stop where images or weights are not there, unless nothing is asked for but what needs none."""
    try:
        check_data_source(experiment)
        check_starting_weights(experiment)
    except UserError:
        targets = set(command().targets)
        if not targets or targets - BEFORE_DATA:
            raise


def command():
    """Return the words of the command by their options: Snakemake tells what it was asked for later."""
    return get_argument_parser().parse_known_args(sys.argv[1:])[0]


def local_cores():
    """Return how many cores jobs may use on this machine, None where they run elsewhere."""
    if workflow.resource_settings.nodes:
        return None
    cores = workflow.resource_settings.cores
    return cores and min(cores, os.cpu_count())


def warn_of_lock():
    """Say what a lock means, before Snakemake stops at it."""
    warning = workflow.is_main_process and warning_of_lock(Path.cwd())
    if warning:
        given = command()
        if not (given.unlock or given.nolock or given.dryrun):
            logger.warning(warning)


warn_of_lock()
read_configuration()
ARCHIVE = archive_asked_for()
EXPERIMENT = checked_experiment(ARCHIVE)
RUNS = {run.folder: run for run in EXPERIMENT.expanded_runs}
SLUGS = {run.slug: run.model for run in RUNS.values()}
FOLDS = range(EXPERIMENT.split.folds)
# The second source of radiographs; None in most experiments.
EXTERNAL = EXPERIMENT.external
VIEWS = EXPERIMENT.prediction.test_time_augmentation
EXPLAINED = EXPERIMENT.explanation.method != "none"
# An order or a repetition of strengths says nothing.
STRENGTHS = sorted(set(EXPERIMENT.robustness.strengths))
PREPROCESSING = [name for name in get_args(Preprocessing) if name != "none"]
ENSEMBLES = list(dict.fromkeys(EXPERIMENT.ensembles))
# The run that is trained by bad practice, too; None in all experiments but those on bad practice.
INFLATED = next(
    (
        run
        for run in RUNS.values()
        if run.model == EXPERIMENT.inflation.model
        and run.recipe == EXPERIMENT.defaults.recipe
    ),
    None,
)
# Told only where it is another one: nothing binary changes with it.
TASK = {} if EXPERIMENT.task == BINARY else {"task": EXPERIMENT.task}
# A resource, since a param would retrain where it changes. 0 = the job wants no NVIDIA GPU.
JOBS_PER_GPU = (
    EXPERIMENT.compute.jobs_per_gpu
    if EXPERIMENT.compute.device in ("auto", "cuda")
    else 0
)
# Whether radiographs can be drawn: an archive need not hold any.
RADIOGRAPHS = ARCHIVE is None or ARCHIVE.radiographs
# Where an archive's radiographs go; none where results are computed.
PACKED_RADIOGRAPHS = (
    [
        f"results/{EXPERIMENT.experiment}/dataset/images_{EXPERIMENT.images.size}{suffix}"
        for suffix in (".npy", ".json")
    ]
    if ARCHIVE and RADIOGRAPHS
    else []
)
MAP_MEASURES = ["<results>/comparison/explanations.csv"] if EXPLAINED else []
ROBUSTNESS_PAIRS = ["<results>/comparison/robustness.csv"] if STRENGTHS else []

FIGURES = [
    "data_flow",
    "ranking",
    "critical_difference",
    "differences",
    "roc",
    "precision_recall",
    "confusion",
    "calibration",
    "decision_curves",
    *(["worst_cases"] if RADIOGRAPHS else []),
    "training_curves",
    "cost",
    "shift",
    *(["external"] if EXTERNAL else []),
    *(["robustness"] if STRENGTHS else []),
    *(["inflation"] if INFLATED else []),
    *(["subtypes"] if TASK else []),
    *(["explanations", "every_map"] if EXPLAINED and RADIOGRAPHS else []),
    *(["mean_maps", "randomisation"] if EXPLAINED else []),
]
# Without the weights, which need not be kept.
FOLD_FILES = [
    "run.json",
    "history.csv",
    "timing.csv",
    "out_of_fold.csv",
    "test.csv",
]

# Undeclared, since it must outlive the results that it tells of: one file for each time that
# labels of the test set met predictions. Rebuilding from an archive shows nothing new: its log stays.
LOOKS = f"results/{EXPERIMENT.experiment}/test_looks"
LOGGED_LOOKS = None if ARCHIVE else LOOKS


onstart:
    # Not before: who only looks at finished results need not be allowed to write.
    try:
        check_writing(Path(f"results/{EXPERIMENT.experiment}"))
    except UserError as error:
        raise WorkflowError(str(error))


# Data


def phantom_params(data=EXPERIMENT.data):
    """Everything that the phantoms follow from."""
    return data.phantom.model_dump()


def phantom_folder(data=EXPERIMENT.data):
    """Return the phantoms' folder, named after all they follow from: experiments share them."""
    knobs = "-".join(f"{key}{value}" for key, value in phantom_params(data).items())
    return f"resources/datasets/phantom-{short_hash(knobs, code_hash('pneumobench.data.phantoms.generate'))}"


def short_hash(*texts):
    """Return ten hexadecimal digits that stand for the texts."""
    import hashlib

    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:10]


def source_options(data=EXPERIMENT.data):
    """Return the section of the source, where the source is."""
    return getattr(data, data.source).model_dump()


def door_limits(data=EXPERIMENT.data):
    """Return what a file must be to be let in: `pneumobench.data.doorkeeper.Limits`."""
    return data.checks.model_dump(
        exclude={
            "reading",
            "maximum_rejected_fraction",
            "maximum_near_duplicate_fraction",
            "allow_crossings",
        }
    )


def as_it_stands(value):
    """Return a params function: Snakemake takes braces in plain texts for wildcards."""
    return lambda wildcards: value


def data_root(data=EXPERIMENT.data):
    """Return the folder that the images lie in."""
    source, options = data.source, source_options(data)
    if source == "phantom":
        return f"{phantom_folder(data)}/chest_xray"
    if source == "table":
        return options["images"] or os.path.dirname(options["path"]) or "."
    if source in FETCHED_SOURCES:
        return f"resources/datasets/{fetched_name(source, options)}"
    return options["path"]


def dataset_files(data=EXPERIMENT.data):
    """Return the files that indexing waits for; nothing for a folder or a table of the user's."""
    if data.source == "phantom":
        return [f"{phantom_folder(data)}/phantoms.csv"]
    return dataset_records(data)


def dataset_records(*sets):
    """Return the records of those of the data sets that are fetched."""
    return [f"resources/datasets/{name}.json" for name in fetched_datasets(*sets)]


def fetched_datasets(*sets):
    """Return source and options of the data sets that are fetched, by the names of their folders."""
    return {
        fetched_name(data.source, source_options(data)): (
            data.source,
            source_options(data),
        )
        for data in sets
        if data is not None and data.source in FETCHED_SOURCES
    }


def fetched_for(wildcards):
    """Return source and options of a data set that is fetched."""
    return fetched_datasets(EXPERIMENT.data, EXTERNAL)[wildcards.dataset]


def own_file(wildcards):
    """Return the user's own file that takes the place of a published one, or nothing."""
    return fetched_for(wildcards)[1].get("file") or []


def dataset_fingerprint(wildcards, data=EXPERIMENT.data):
    """Return names and sizes of a source's radiographs and its tables as a hash: a changed one is noticed."""
    source, options, root = data.source, source_options(data), data_root(data)
    # Their records say what they are, which are not there before the first start.
    if source == "phantom" or source in FETCHED_SOURCES:
        return ""
    if source == "table":
        return table_fingerprint(Path(options["path"]), Path(root))
    return fingerprint(root, tables_beside(root) if source in ("nih", "rsna") else ())


def packed(kind, recipe, folder="dataset", preprocessed=True):
    """Return the path, less its ending, of the packed `images` or `augmented` that a recipe sees."""
    preprocessing = EXPERIMENT.recipes[recipe].preprocessing
    variant = f"_{preprocessing}" if preprocessed and preprocessing != "none" else ""
    return f"<results>/{folder}/{kind}_{EXPERIMENT.images.size}{variant}"


# Runs


def run_of(wildcards):
    """Return the run that a job's wildcards name."""
    return RUNS[f"{wildcards.slug}/{wildcards.recipe}/seed{wildcards.seed}"]


def recipe_of(wildcards):
    """Return the settings of the job's recipe."""
    return EXPERIMENT.recipes[wildcards.recipe].model_dump() | TASK


def runs_with_recipes(wildcards):
    """Return model and recipe of every run, seeds apart, the recipe with its name."""
    pairs = dict.fromkeys((run.model, run.recipe) for run in RUNS.values())
    return [
        (model, {"name": recipe, **EXPERIMENT.recipes[recipe].model_dump(), **TASK})
        for model, recipe in pairs
    ]


def weights_of(wildcards):
    """Return what the job's run starts from: a record of fetched weights, a file, or nothing."""
    pretrained = EXPERIMENT.recipes[wildcards.recipe].pretrained
    if isinstance(pretrained, str):
        return pretrained
    return weights_record(wildcards.slug) if pretrained else []


def weights_record(slug):
    """Return the path of the record of an architecture's fetched weights."""
    return f"resources/weights/{slug}.json"


def weights_records():
    """Return the records of all published weights that the runs start from."""
    wanted = [
        weights_record(run.slug)
        for run in RUNS.values()
        if EXPERIMENT.recipes[run.recipe].pretrained is True
    ]
    return list(dict.fromkeys(wanted))


def undeclared(kind):
    """Return a params function: a fold's own folder below results/<experiment>/<kind>."""

    def folder(wildcards):
        run = run_of(wildcards)
        return (
            f"results/{EXPERIMENT.experiment}/{kind}/{run.folder}/fold{wildcards.fold}"
        )

    return folder


def images_of(suffix, folder="dataset", preprocessed=True):
    """Return an input function: the packed images, preprocessed if the job's recipe wants that."""
    return lambda wildcards: (
        packed("images", wildcards.recipe, folder, preprocessed) + suffix
    )


def augmented_of(suffix):
    """Return an input function: the offline copies if the job's recipe trains on them."""

    def augmented(wildcards):
        wanted = EXPERIMENT.recipes[wildcards.recipe].offline_copies
        return packed("augmented", wildcards.recipe) + suffix if wanted else []

    return augmented


def code_of_run(room):
    """Return a params function: a hash of a module's code and that of the job's architecture."""
    return lambda wildcards: code_hash(
        room, registry.module_name(SLUGS[wildcards.slug])
    )


def explanation_params(*keys):
    """Return those settings of the section explanation that a rule's result follows from."""
    return EXPERIMENT.explanation.model_dump(include=set(keys))


def gpus(wildcards):
    """Return how many GPUs a training job asks for; profiles ask for one on a cluster."""
    return 1 if EXPERIMENT.compute.device == "cuda" else 0


def training_size(wildcards, input, threads):
    """Return how big a training job is, once its inputs are there."""
    name = wildcards.get("recipe", EXPERIMENT.defaults.recipe)
    recipe = EXPERIMENT.recipes[name]
    return read_training_size(
        input.model,
        input.images_digest,
        input.precision,
        copies=EXPERIMENT.offline_copies.per_image if recipe.offline_copies else 0,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        threads=threads,
    )


def training_memory(wildcards, input, threads, attempt):
    """Return the memory in MB that a training job asks for."""
    return training_memory_mb(training_size(wildcards, input, threads), attempt)


def training_time(wildcards, input, threads, attempt):
    """Return the time limit of a training job in minutes; none where nothing enforces one."""
    if workflow.local_exec and not workflow.remote_exec:
        return None
    return training_minutes(training_size(wildcards, input, threads), attempt)


# What is complete


def fold_files(run, name):
    """Return one file of a run's folds."""
    return [f"<results>/runs/{run.folder}/fold{fold}/{name}" for fold in FOLDS]


def view_files(run, name):
    """Return the predictions of a run's folds averaged over views; none where none are wanted."""
    if VIEWS == "none":
        return []
    return fold_files(run, f"{name}_{VIEWS}.csv")


def baseline_files(name):
    """Return one file of each baseline."""
    return [f"<results>/baselines/{kind}/{name}" for kind in BASELINES]


def ensemble_files(name):
    """Return an input function: one file of each ensemble; none where one run alone is compared."""
    return lambda wildcards: [
        f"<results>/ensembles/{kind}/{name}"
        for kind in ENSEMBLES
        if len(compared_runs()) > 1
    ]


def finished_folds(run):
    """Count the folds of a run whose files all exist."""
    base = f"results/{EXPERIMENT.experiment}/runs/{run.folder}"
    return sum(
        all(os.path.exists(f"{base}/fold{fold}/{name}") for name in FOLD_FILES)
        for fold in FOLDS
    )


def compared_runs():
    """Return the runs that tables and figures wait for: all, or with allow_partial the complete ones."""
    runs = list(RUNS.values())
    if not EXPERIMENT.allow_partial:
        return runs
    if ARCHIVE:
        missing = [
            (run["model"], run["recipe"], run["seed"]) for run in ARCHIVE.missing
        ]
        return [run for run in runs if (run.model, run.recipe, run.seed) not in missing]
    complete = [run for run in runs if finished_folds(run) == len(FOLDS)]
    if not complete:
        raise WorkflowError(
            "allow_partial is true and no run is complete yet.\n"
            f"  where:    results/{EXPERIMENT.experiment}/runs\n"
            "  expected: at least one run with all its folds\n"
            "  to do:    run `snakemake train --keep-going` without allow_partial first"
        )
    return complete


def missing_runs(wildcards):
    """Name the runs that are not compared, with what there is of them."""
    if ARCHIVE:
        return ARCHIVE.missing
    compared = compared_runs()
    return [
        {
            "model": run.model,
            "recipe": run.recipe,
            "seed": run.seed,
            "note": f"{finished_folds(run)} of {len(FOLDS)} folds finished",
        }
        for run in RUNS.values()
        if run not in compared
    ]


def of_runs(name):
    """Return an input function: one file of each compared run."""
    return lambda wildcards: [
        f"<results>/runs/{run.folder}/{name}" for run in compared_runs()
    ]


def of_folds(name):
    """Return an input function: one file of each fold of each compared run."""
    return lambda wildcards: [
        path for run in compared_runs() for path in fold_files(run, name)
    ]


def of_explanations(name):
    """Return an input function: one file of each compared run's maps; none where none are wanted."""
    return lambda wildcards: [
        f"<results>/explanations/{run.folder}/{name}"
        for run in compared_runs()
        if EXPLAINED
    ]


def panels(wildcards):
    """Return the folders with pictures of single radiographs, where there are radiographs to draw."""
    return of_explanations("panels")(wildcards) if RADIOGRAPHS else []


def of_robustness(name):
    """Return an input function: one file on each compared run's robustness; none if not asked."""
    return lambda wildcards: of_runs(name)(wildcards) if STRENGTHS else []


def of_renormalised(wildcards):
    """Return each fold's test predictions with statistics of the test images; none if not asked."""
    wanted = EXPERIMENT.robustness.test_time_normalisation
    return of_folds("test_statistics.csv")(wildcards) if wanted else []


def of_external(wildcards):
    """Return each fold's predictions of the external radiographs; none without such radiographs."""
    return of_folds("external.csv")(wildcards) if EXTERNAL else []


def external_files(*names):
    """Return files on the external radiographs; none without such radiographs."""
    return [f"<results>/{name}" for name in names if EXTERNAL]


def of_inflation(name):
    """Return one file on what bad practice adds; none in all other experiments."""
    return [f"<results>/inflation/{name}"] if INFLATED else []


def of_subtypes(name):
    """Return one file on how subtypes are told apart; none where the task is another one."""
    return [f"<results>/comparison/{name}"] if TASK else []


def subtype_baseline_files(name):
    """Return the predictions of the baseline of subtypes, one file a fold."""
    return [f"<results>/baselines/subtypes/fold{fold}/{name}" for fold in FOLDS]


def tests_of_runs(name):
    """Return an input function: each compared run with one kind of test predictions, for the log of looks."""
    return lambda wildcards: [
        {
            "run": vars(run),
            "test": [
                f"results/{EXPERIMENT.experiment}/runs/{run.folder}/fold{fold}/{name}"
                for fold in FOLDS
            ],
        }
        for run in compared_runs()
    ]


def split_of_arm(name):
    """Return an input function: a table of the split by which an arm of bad practice is trained."""
    honest = {
        "splits.csv": "<results>/dataset/splits.csv",
        "development_labels.csv": "<results>/dataset/development_labels.csv",
        "augmented.csv": f"{packed('augmented', INFLATED.recipe)}.csv",
    }
    return lambda wildcards: (
        honest[name]
        if wildcards.arm == HONEST
        else f"<results>/inflation/{wildcards.arm}/{name}"
    )


def explanations_asked_for(wildcards):
    """Return nothing, or stop where maps are wanted that the configuration turns off."""
    if EXPLAINED:
        return []
    raise WorkflowError(
        "there is nothing to explain\n"
        "  where:    explanation.method: none\n"
        "  expected: the method of the maps\n"
        "  to do:    set explanation.method to grad_cam; nothing is trained anew"
    )


def of_views(wildcards):
    """Return the out-of-fold predictions averaged over views, of each compared run."""
    return [path for run in compared_runs() for path in view_files(run, "out_of_fold")]


def of_models(wildcards):
    """Return the descriptions of the compared architectures."""
    slugs = dict.fromkeys(run.slug for run in compared_runs())
    return [f"<results>/models/{slug}.json" for slug in slugs]


def made_from_weights(wildcards):
    """Return all that is made from trained weights, beside the predictions of their trainings."""
    return [
        *(path for run in compared_runs() for path in view_files(run, "out_of_fold")),
        *(of_folds("corrupted.csv")(wildcards) if STRENGTHS else []),
        *of_renormalised(wildcards),
        *of_external(wildcards),
        *of_explanations("maps.npz")(wildcards),
        *of_explanations("measures.csv")(wildcards),
    ]


def kept_weights(wildcards):
    """Return the record of what weights are kept, where not all are."""
    wanted = EXPERIMENT.keep_weights != "all" and ARCHIVE is None
    return ["<results>/kept_weights.json"] if wanted else []


def rebuilt_from(wildcards):
    """Return all that tables, figures and report follow from, weights and images apart."""
    dataset = [
        "audit.json",
        "manifest.csv",
        "splits.csv",
        "development_labels.csv",
        "test_labels.csv",
    ]
    of_each_fold = [*FOLD_FILES, *(["corrupted.csv"] if STRENGTHS else [])]
    explained = ["explained.csv", "maps.npz", "measures.csv", "randomisation.csv"]
    return [
        "<results>/experiment.json",
        "<results>/precision.json",
        *(f"<results>/dataset/{name}" for name in dataset),
        *of_models(wildcards),
        *(path for name in of_each_fold for path in of_folds(name)(wildcards)),
        *(
            path
            for run in compared_runs()
            for name in ("out_of_fold", "test")
            for path in view_files(run, name)
        ),
        *of_renormalised(wildcards),
        *baseline_files("out_of_fold.csv"),
        *baseline_files("test.csv"),
        *of_external(wildcards),
        *(baseline_files("external.csv") if EXTERNAL else []),
        *external_files("external/audit.json", "external/labels.csv"),
        *(subtype_baseline_files("out_of_fold.csv") if TASK else []),
        *(subtype_baseline_files("test.csv") if TASK else []),
        "<results>/selection/selection.json",
        "<results>/shift/domains.csv",
        "<results>/shift/blocks.csv",
        *(path for name in explained for path in of_explanations(name)(wildcards)),
        *(
            of_explanations("panels")(wildcards)
            if EXPERIMENT.archive_radiographs
            else []
        ),
        *(
            path
            for arm in ARMS
            for fold in FOLDS
            for path in of_inflation(f"{arm}/fold{fold}/epochs.csv")
        ),
    ]


def archived_files():
    """Return what the archive holds to rebuild from, or stop if it is not what it must be."""
    rebuilt, made = (
        [path.removeprefix("<results>/") for path in paths]
        for paths in (rebuilt_from(None), made_of_archived(None))
    )
    try:
        check_contents(ARCHIVE, rebuilt, made)
        # Once for each command: nothing is removed or written for an archive that is damaged.
        if workflow.is_main_process:
            check_bytes(ARCHIVE)
    except UserError as error:
        raise WorkflowError(str(error))
    return [f"<results>/{path}" for path in rebuilt]


def made_of_archived(wildcards):
    """Return metrics and tables to hold those against that are rebuilt from an archive."""
    return [
        *of_runs("metrics.json")(wildcards),
        "<results>/comparison/comparison.csv",
        "<results>/comparison/comparison.json",
        "<results>/comparison/differences.csv",
        "<results>/comparison/differences.json",
        *external_files("comparison/external.csv", "comparison/external.json"),
        *of_subtypes("subtypes.csv"),
        *of_subtypes("subtypes.json"),
        *(f"<results>/tables/comparison.{kind}" for kind in ("csv", "md", "tex")),
        "<results>/tables/report_tables.tex",
        "<results>/figures/manifest.json",
    ]


def texts_hash(folder):
    """Return a hash of a folder of the reporting room, which is no code that `code_hash` would see."""
    folder = f"{workflow.basedir}/workflow_scripts/pneumobench/reporting/{folder}"
    texts = []
    for name in sorted(os.listdir(folder)):
        with open(f"{folder}/{name}", encoding="utf-8") as stream:
            texts.append(stream.read())
    return short_hash(*texts)


def computed_parts(wildcards):
    """Return which optional parts of an experiment this one has."""
    parts = {
        "robustness": STRENGTHS,
        "explanations": EXPLAINED,
        "ensembles": ENSEMBLES and len(compared_runs()) > 1,
        "inflation": INFLATED,
        "subtypes": TASK,
        "external": EXTERNAL,
    }
    return [name for name, wanted in parts.items() if wanted]


def made_from(wildcards, input):
    """Return what each of the job's input files is made of: the inputs of the rule that makes it."""
    wanted = set(map(str, input))
    return {
        str(output): sorted(map(str, rule.expand_input({})[0]))
        for rule in workflow.rules
        for output in rule.output
        if str(output) in wanted
    }


def plan(wildcards):
    """Return what doctor holds this machine against."""
    recipes = EXPERIMENT.recipes
    used = {run.recipe for run in RUNS.values()}
    copies = any(recipes[name].offline_copies for name in used)
    per_image = EXPERIMENT.offline_copies.per_image
    return {
        "results": f"results/{EXPERIMENT.experiment}",
        "radiographs": [
            {
                "subject": subject,
                "source": data.source,
                "root": data_root(data),
                "options": source_options(data),
                "patients": data.phantom.patients,
                "manifest": f"results/{EXPERIMENT.experiment}/{folder}/manifest.csv",
            }
            for subject, folder, data in (
                ("data", "dataset", EXPERIMENT.data),
                ("external", "external", EXTERNAL),
            )
            if data
        ],
        "image_size": EXPERIMENT.images.size,
        "folds": len(FOLDS),
        "runs": [
            {
                "model": run.model,
                "recipe": run.recipe,
                "seed": run.seed,
                "epochs": recipes[run.recipe].epochs,
                "items": 1 + per_image * recipes[run.recipe].offline_copies,
                "pretrained": recipes[run.recipe].pretrained,
            }
            for run in RUNS.values()
        ],
        "device": EXPERIMENT.compute.device,
        "threads": EXPERIMENT.compute.numeric_threads,
        # workflow.cores raises where none are given, as with a scheduler.
        "cores": workflow.resource_settings.cores or 1,
        "jobs_per_gpu": EXPERIMENT.compute.jobs_per_gpu,
        "preprocessings": len(
            {recipes[name].preprocessing for name in used} - {"none"}
        ),
        "copies": per_image if copies else 0,
        "elsewhere": not workflow.local_exec,
        "conda": bool(workflow.deployment_settings.deployment_method),
    }


def methods(wildcards):
    """Return the part of the configuration that the report's methods section states."""
    whole = EXPERIMENT.model_dump()
    parts = (
        "data",
        "split",
        "images",
        "offline_copies",
        "compute",
        "prediction",
        "evaluation",
        "ensembles",
        "robustness",
        "explanation",
    )
    used = {run.recipe for run in RUNS.values()}
    # How jobs are packed changes no result.
    del whole["compute"]["jobs_per_gpu"]
    # Sections of sources that are not used say nothing about the radiographs.
    said = ("source", EXPERIMENT.data.source, "checks")
    whole["data"] = {key: whole["data"][key] for key in said}
    return (
        TASK
        | {part: whole[part] for part in parts}
        | {"recipes": {name: whole["recipes"][name] for name in sorted(used)}}
    )
