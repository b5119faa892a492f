"""The planned comparisons: pairs of architectures, those of the projects they come from.

Some results of those projects were known. Whether the comparisons were planned before results were
seen is for the authors of an experiment to declare (`evaluation.preregistered`).

A pair is compared only inside a recipe that both architectures share: otherwise learning rate, head
and number of epochs are confounded with the architecture. Where the starting weights are what is
compared, the recipes may differ in them and in nothing else.

Where an architecture was trained several times, what another seed would have changed counts as
well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pneumobench.core.run import Run

# From so many seeds an architecture, not a trained model, is what a figure speaks of.
SEEDS_FOR_ARCHITECTURES = 3

# One network under two names, where neither starts from pretrained weights.
SAME_NETWORK = ({"custom_resnet18", "plain_resnet18"},)

Settings = Mapping[Run, Mapping[str, Any]]
"""For every complete run what run.json says of its recipe."""

# What makes two runs one model trained twice, so that their difference is what chance does.
ONE_NETWORK, ANOTHER_SEED = "one network", "another seed"


@dataclass(frozen=True)
class Contrast:
    """A planned comparison.

    Attributes
    ----------
    name, title
        Its key, and what is asked.
    pairs
        (reference, model): what is tested is the model's AUC minus the reference's.
    of_weights
        Whether the models are one network and their starting weights are compared.
    """

    name: str
    title: str
    pairs: tuple[tuple[str, str], ...]
    of_weights: bool = False


PLANNED = (
    Contrast(
        "evolution",
        "Classic architectures: AlexNet, VGG16, ResNet18",
        (("alexnet", "vgg16"), ("vgg16", "plain_resnet18")),
    ),
    Contrast("attention", "Attention added to ResNet18", (("plain_resnet18", "resnet_cbam"),)),
    Contrast(
        "ablation",
        "Attention added to ResNet18 written out layer by layer",
        (("custom_resnet18", "custom_resnet_cbam"),),
    ),
    Contrast(
        "pretraining",
        "Pretraining: ResNet18 from scratch or from ImageNet weights",
        (("custom_resnet18", "plain_resnet18"),),
        of_weights=True,
    ),
    Contrast("recurrence", "An LSTM behind Xception", (("xception", "xception_lstm"),)),
    Contrast(
        "cnn_lstm",
        "CNN-LSTM: three convolutions of its own, or Xception",
        (("custom_cnn_lstm", "xception_lstm"),),
    ),
    Contrast(
        "fusion",
        "Xception and VGG16 fused, against its parts",
        (("xception", "xception_vgg16_fusion"), ("vgg16", "xception_vgg16_fusion")),
    ),
    Contrast(
        "transfer",
        "Transfer learning: ResNet101 and DenseNet121 against ResNet50",
        (("resnet50", "resnet101"), ("resnet50", "densenet121")),
    ),
)


def against_reference(reference: str, settings: Settings) -> Contrast:
    """Return the comparison of every other architecture with one that was named beforehand.

    Parameters
    ----------
    reference
        The architecture that the others are held against.
    settings
        For every complete run what run.json says of its recipe.
    """
    others = sorted({run.model for run in settings} - {reference})
    pairs = tuple((reference, model) for model in others)
    return Contrast("reference", "Every other architecture against one named beforehand", pairs)


@dataclass(frozen=True)
class PlannedPair:
    """What an experiment has for a planned pair.

    Attributes
    ----------
    reference, model
        Runs of one recipe each, in order of the seeds that both have; empty where there are none.
    reason
        What stands against a test, else "".
    noise_floor
        Whether both are one network trained twice.
    """

    reference: tuple[Run, ...]
    model: tuple[Run, ...]
    reason: str
    noise_floor: bool


def find_pairs(
    contrast: Contrast, reference: str, model: str, settings: Settings
) -> list[PlannedPair]:
    """Return what the runs allow for one pair of a contrast.

    Parameters
    ----------
    contrast
        The planned comparison.
    reference, model
        One of its pairs.
    settings
        For every complete run what run.json says of its recipe.

    Returns
    -------
    list of PlannedPair
        One for each recipe that both share (or pair of recipes that differ in nothing but the
        starting weights); if there are none, one without runs.
    """
    runs = sorted(run for run in settings if run.model in (reference, model))
    missing = [name for name in (reference, model) if name not in {run.model for run in runs}]
    if missing:
        return [_nothing(f"no complete run of {' and '.join(missing)}")]
    found, against = [], []
    for recipes, seeds in _shared_seeds(runs, reference, model).items():
        sides = [
            tuple(Run(name, recipe, seed) for seed in seeds)
            for name, recipe in zip((reference, model), recipes, strict=True)
        ]
        if recipes[0] == recipes[1]:
            found.append(_in_one_recipe(contrast, *sides, settings))
        elif contrast.of_weights:
            other = _unlike(settings[sides[0][0]], settings[sides[1][0]]) - {"pretrained"}
            if other:
                against.append(
                    f"{recipes[0]} and {recipes[1]} differ in {', '.join(sorted(other))}"
                )
            elif _adds_weights(*sides, settings):
                found.append(PlannedPair(*sides, reason="", noise_floor=False))
    if found:
        return found
    return [_nothing("; ".join([f"{reference} and {model} share no recipe and seed", *against]))]


def same_model(first: Run, second: Run, settings: Settings) -> str:
    """Say why two runs are one model trained twice (see `ONE_NETWORK`), "" if they are not."""
    one = first.model == second.model or (
        {first.model, second.model} in SAME_NETWORK
        and not (_pretrained(first, settings) or _pretrained(second, settings))
    )
    if not one or _unlike(settings[first], settings[second]):
        return ""
    return ONE_NETWORK if first.seed == second.seed else ANOTHER_SEED


def speaks_of(seeds: int) -> str:
    """Say what a figure over so many seeds speaks of."""
    if seeds >= SEEDS_FOR_ARCHITECTURES:
        return "the architecture"
    return "this trained model" if seeds == 1 else "these trained models"


def _in_one_recipe(
    contrast: Contrast,
    reference: tuple[Run, ...],
    model: tuple[Run, ...],
    settings: Settings,
) -> PlannedPair:
    one = contrast.of_weights or same_model(reference[0], model[0], settings) == ONE_NETWORK
    if not one or _adds_weights(reference, model, settings):
        return PlannedPair(reference, model, reason="", noise_floor=False)
    started = "with" if _pretrained(reference[0], settings) else "without"
    reason = (
        f"{reference[0].model} and {model[0].model} are one network, and here both started "
        f"{started} pretrained weights: what differs is the noise between two trainings"
    )
    return PlannedPair(reference, model, reason=reason, noise_floor=True)


def _adds_weights(
    reference: tuple[Run, ...],
    model: tuple[Run, ...],
    settings: Settings,
) -> bool:
    return _pretrained(model[0], settings) and not _pretrained(reference[0], settings)


def _pretrained(run: Run, settings: Settings) -> bool:
    # A recipe that does not speak of pretrained weights starts from fresh ones.
    return bool(settings[run].get("pretrained", False))


def _unlike(first: Mapping[str, Any], second: Mapping[str, Any]) -> set[str]:
    return {key for key in {*first, *second} if first.get(key) != second.get(key)}


def _nothing(reason: str) -> PlannedPair:
    return PlannedPair((), (), reason=reason, noise_floor=False)


def _shared_seeds(runs: list[Run], reference: str, model: str) -> dict[tuple[str, str], list[int]]:
    """Return, for each pair of the models' recipes, the seeds that both have."""
    seeds: dict[tuple[str, str], set[int]] = {}
    for run in runs:
        seeds.setdefault((run.model, run.recipe), set()).add(run.seed)
    shared = {
        (first[1], second[1]): sorted(seeds[first] & seeds[second])
        for first in seeds
        for second in seeds
        if first[0] == reference and second[0] == model
    }
    return {recipes: common for recipes, common in shared.items() if common}
