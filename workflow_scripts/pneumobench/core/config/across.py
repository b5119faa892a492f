"""Checks that need more than one key: names that must exist, values that contradict each other."""

from collections.abc import Iterator, Sequence
from typing import Any

from pneumobench.core.config.drawn import problems_of_figures
from pneumobench.core.config.experiment import Experiment, RunEntry, as_run_entry
from pneumobench.core.config.external import problems_of_external
from pneumobench.core.config.figures import named_runs
from pneumobench.core.config.networks import Networks
from pneumobench.core.config.problems import Location, Problem, path_text, value_text
from pneumobench.core.config.sound import SoundValues
from pneumobench.core.names import nearest
from pneumobench.core.run import Run
from pneumobench.core.task import SUBTYPE, WITHOUT_SUBTYPES

# Short and long form of what an entry of `runs` names.
FORMS = (("model", "models"), ("recipe", "recipes"), ("seed", "seeds"))
# Schedules that are made for the whole length of a training.
FULL_LENGTH = ("one_cycle", "warm_up_cosine")
# How the names of experiments begin that may measure bad practice.
INFLATION = "inflation"


def problems_across(sound: SoundValues, networks: Networks) -> Iterator[Problem]:
    """Yield what is wrong between keys."""
    yield from _unknown_names(sound, networks)
    yield from _contradicting_forms(sound)
    yield from _duplicate_runs(sound)
    used = sorted({run.recipe for _, run in _runs(sound)})
    for recipe in sound.names("recipes"):
        yield from _contradictions(sound, recipe, used=recipe in used)
    yield from _copies(sound, used)
    yield from _reference_recipe(sound, used)
    yield from _reference_model(sound)
    yield from _inflation(sound)
    yield from _second_opinions(sound)
    yield from problems_of_external(sound)
    runs = [run for _, run in _runs(sound)]
    yield from _drawn_runs(sound, runs)
    yield from problems_of_figures(sound, runs)
    yield from _task(sound)
    yield from _small_radiographs(sound)


def _small_radiographs(sound: SoundValues) -> Iterator[Problem]:
    """Yield what would set every radiograph of a source of small radiographs aside."""
    for section in ("data", "external"):
        size = sound.get(section, "pneumoniamnist", "size")
        minimum = sound.get(section, "checks", "minimum_px")
        chosen = sound.get(section, "source") == "pneumoniamnist"
        if chosen and None not in (size, minimum) and size < minimum:
            yield Problem(
                path=path_text((section, "pneumoniamnist", "size")),
                given=f"{size} with {section}.checks.minimum_px: {minimum}",
                allowed=f"{minimum} and more: every smaller radiograph would be set aside",
                hint=f"take a larger size, or write {section}.checks.minimum_px: {size}",
            )


def _unknown_names(sound: SoundValues, networks: Networks) -> Iterator[Problem]:
    for place, name in _named(sound, "model", "models"):
        if problem := networks.problem(place, name):
            yield problem
    recipes = sound.names("recipes")
    default = sound.get("defaults", "recipe")
    defaults = [(("defaults", "recipe"), default)] if default is not None else []
    for place, name in [*defaults, *_named(sound, "recipe", "recipes")]:
        if recipes and name not in recipes:
            yield _unknown(place, name, recipes)


def _unknown(place: Location, name: str, known: list[str]) -> Problem:
    match = nearest(name, known)
    return Problem(
        path=path_text(place),
        given=value_text(name),
        allowed=", ".join(known),
        nearest=match,
        hint=f"write {match}" if match else "take one of the allowed names",
    )


def _named(sound: SoundValues, short: str, long: str) -> Iterator[tuple[Location, str]]:
    """Yield every name that `runs` gives under a key, with its place."""
    for index in range(sound.count("runs")):
        place: Location = ("runs", index)
        if short == "model" and isinstance(sound.get(*place), str):
            yield place, sound.get(*place)
        elif sound.get(*place, short) is not None:
            yield (*place, short), sound.get(*place, short)
        for number in range(sound.count(*place, long)):
            name = sound.get(*place, long, number)
            if name is not None:
                yield (*place, long, number), name


def _entries(sound: SoundValues) -> Iterator[tuple[str, RunEntry]]:
    """Yield the sound entries of `runs` in their long form, each with its place."""
    for index in range(sound.count("runs")):
        value = sound.get("runs", index)
        if value is not None:
            yield path_text(("runs", index)), as_run_entry(value)


def _doubled(entry: RunEntry) -> list[tuple[str, str]]:
    """Return the forms that an entry uses side by side."""
    given = entry.model_dump(exclude_none=True)
    return [(short, long) for short, long in FORMS if short in given and long in given]


def _contradicting_forms(sound: SoundValues) -> Iterator[Problem]:
    for place, entry in _entries(sound):
        given = value_text(entry.model_dump(exclude_none=True))
        for short, long in _doubled(entry):
            yield Problem(
                path=place,
                given=given,
                allowed=f"either {short} or {long}",
                hint=f"put all of them into {long}: [...]",
            )
        if entry.model is None and entry.models is None:
            yield Problem(
                path=place,
                given=given,
                allowed="model: <name>, or models: [<name>, ...]",
                hint="name the architecture of this entry",
            )


def _runs(sound: SoundValues) -> Iterator[tuple[str, Run]]:
    """Yield every run that can be told, with the place of the entry it comes from."""
    recipe = sound.get("defaults", "recipe")
    seeds = sound.get("defaults", "seeds")
    for place, entry in _entries(sound):
        names_recipe = entry.recipe is not None or entry.recipes is not None
        if not _doubled(entry) and (recipe is not None or names_recipe):
            for run in entry.expand(recipe, seeds or ()):
                yield place, run


def _duplicate_runs(sound: SoundValues) -> Iterator[Problem]:
    first: dict[Run, str] = {}
    for place, run in _runs(sound):
        if run in first:
            yield Problem(
                path=place,
                given=f"{run.title}, which {first[run]} names already",
                allowed="every {model, recipe, seed} once",
                hint="remove one of them, or give it another recipe or seed",
            )
        first.setdefault(run, place)


def _contradictions(sound: SoundValues, recipe: str, used: bool) -> Iterator[Problem]:
    """Yield what does not go together within a recipe, or with the experiment that uses it."""

    def get(*keys: str) -> Any:
        return sound.get("recipes", recipe, *keys)

    def problem(key: str, given: str, allowed: str, hint: str) -> Problem:
        place = ("recipes", recipe, *key.split("."))
        return Problem(path=path_text(place), given=given, allowed=allowed, hint=hint)

    schedule, patience = get("schedule"), get("early_stopping", "patience")
    if patience is not None and schedule in FULL_LENGTH:
        yield problem(
            "early_stopping.patience",
            f"{patience} with schedule: {schedule}",
            f"null with {schedule}, whose learning rate falls to zero at the last epoch only",
            "write null, or take schedule: none, cosine or plateau",
        )
    if get("minority_boost") not in (None, 1) and get("class_weights") == "none":
        yield problem(
            "minority_boost",
            f"{get('minority_boost')} with class_weights: none",
            "1.0 where classes are not weighted",
            "write 1.0, or class_weights: inverse_frequency",
        )
    if get("pretrained") is False and get("freeze") not in (None, "none"):
        yield problem(
            "freeze",
            f"{get('freeze')} with pretrained: false",
            "none where weights are drawn at random, which would stay as they are drawn",
            "write none, or pretrained: true",
        )
    if used and sound.get("split", "inner_fraction") == 0:
        for key, given in (("early_stopping.patience", patience), ("schedule", schedule)):
            if given not in (None, "none", "cosine", *FULL_LENGTH):
                yield problem(
                    key,
                    f"{given} with split.inner_fraction: {sound.get('split', 'inner_fraction')}",
                    "what needs no inner loss where no images are kept for early stopping",
                    "take another value, or a split.inner_fraction above 0",
                )


def _copies(sound: SoundValues, used: Sequence[str]) -> Iterator[Problem]:
    if sound.get("offline_copies", "per_image") != 0:
        return
    for recipe in used:
        if sound.get("recipes", recipe, "offline_copies"):
            yield Problem(
                path=path_text(("recipes", recipe, "offline_copies")),
                given="true with offline_copies.per_image: 0",
                allowed="false where no copies are made",
                hint="write false, or offline_copies.per_image: 1",
            )


def _reference_recipe(sound: SoundValues, used: Sequence[str]) -> Iterator[Problem]:
    place = ("robustness", "reference_recipe")
    name = sound.get(*place)
    if name is not None and used and name not in used:
        yield _unknown(place, name, list(used))


def _reference_model(sound: SoundValues) -> Iterator[Problem]:
    place = ("evaluation", "reference")
    name, models = sound.get(*place), sorted({run.model for _, run in _runs(sound)})
    if name is None or not models:
        return
    if name not in models:
        yield _unknown(place, name, models)
    elif len(models) == 1:
        yield Problem(
            path=path_text(place),
            given=f"{name}, the only architecture of `runs`",
            allowed="null where there is no other architecture to test against it",
            hint="write null, or add an architecture to runs",
        )


def _drawn_runs(sound: SoundValues, runs: Sequence[Run]) -> Iterator[Problem]:
    models = [run.model for run in runs]
    # Where a model has one run, its name says all.
    known = [*models, *(run.folder for run in runs if models.count(run.model) > 1)]
    for position, name in enumerate(sound.get("figures", "runs") or ()):
        if known and not named_runs(name, runs):
            yield _unknown(("figures", "runs", position), name, list(dict.fromkeys(known)))


def _inflation(sound: SoundValues) -> Iterator[Problem]:
    """Yield what does not allow to measure bad practice, whose figures must never be mistaken."""
    place, model = ("inflation", "model"), sound.get("inflation", "model")
    recipe, name = sound.get("defaults", "recipe"), sound.get("experiment")
    if model is None or recipe is None or name is None:
        return
    if not name.startswith(INFLATION):
        yield Problem(
            path=path_text(place),
            given=f"{model} in the experiment {name}",
            allowed=f"null in experiments whose name does not begin with {INFLATION}: no folder of "
            "honest results shall hold figures of bad practice",
            hint="write null, or start from experiments/inflation.yaml",
        )
    if (model, recipe) not in {(run.model, run.recipe) for _, run in _runs(sound)}:
        yield Problem(
            path=path_text(place),
            given=value_text(model),
            allowed=f"an architecture that `runs` trains with defaults.recipe, {recipe}",
            hint=f"write {model} into runs, or choose one listed there",
        )
    if sound.get("recipes", recipe, "offline_copies") is False:
        yield Problem(
            path=path_text(("recipes", recipe, "offline_copies")),
            given=f"false with inflation.model: {model}",
            allowed="true: the practice under study is making copies before the split",
            hint="write true, or inflation.model: null",
        )


def _second_opinions(sound: SoundValues) -> Iterator[Problem]:
    opinions, images = (sound.get("explanation", key) for key in ("second_opinions", "images"))
    if None not in (opinions, images) and opinions > images:
        yield Problem(
            path=path_text(("explanation", "second_opinions")),
            given=f"{opinions} with explanation.images: {images}",
            allowed="no more than the images of each subtype that are explained",
            hint=f"write {images} or less, or a larger explanation.images",
        )


def _task(sound: SoundValues) -> Iterator[Problem]:
    source = sound.get("data", "source")
    if sound.get("task") == SUBTYPE and source in WITHOUT_SUBTYPES:
        yield Problem(
            path="task",
            given=f"{SUBTYPE} with data.source: {source}",
            allowed=f"binary where the source knows no subtypes, as {', '.join(WITHOUT_SUBTYPES)}",
            hint="write binary, or take a data.source whose file names or table tell the subtype",
        )


def cautions(experiment: Experiment, *, cores: int | None = None) -> list[str]:
    """Return what is allowed, but worth a word to whoever starts the experiment.

    Parameters
    ----------
    experiment
        The configuration.
    cores
        Cores that jobs may use on this machine; None where they run elsewhere.
    """
    found = [
        f"recipe {name} mirrors images top to bottom (augmentation.vertical_flip): no chest image "
        "has its diaphragm above"
        for name in sorted({run.recipe for run in experiment.expanded_runs})
        if experiment.recipe(name).augmentation.vertical_flip > 0
    ]
    if experiment.prediction.test_time_augmentation == "seeds":
        found.append(
            "prediction.test_time_augmentation: seeds shows networks images upside down and on "
            "their side, which no chest image is; flip and small stay with what images look like"
        )
    if experiment.keep_weights != "all":
        found.append(
            f"keep_weights: {experiment.keep_weights} removes weights at the end; maps, views or "
            "corruptions that are asked for later train the removed networks again"
        )
    threads = experiment.compute.numeric_threads
    if cores is not None and threads > cores:
        found.append(
            f"compute.numeric_threads: {threads} is more than the {cores} cores that jobs may use "
            f"here: trainings take {cores}, and their last bits are those of {cores} threads, not "
            f"of {threads}; write {cores} or less, or give snakemake more --cores"
        )
    return found
