"""The planned comparisons: pairs of architectures that were named before any result was seen.

A pair is tested only inside a recipe that both architectures share: otherwise learning rate, head
and number of epochs are confounded with the architecture. Its difference is paired: both models
are judged on the same patients in every replicate.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pneumobench.core.run import Run
from pneumobench.statistics.estimates import number, paired_difference


@dataclass(frozen=True)
class Category:
    """A planned comparison of neighbouring models in a list.

    Attributes
    ----------
    title
        What is asked.
    models
        Each is compared with the one before it.
    needs_weights
        Models that must start from pretrained weights: without, the models are the same network.
    """

    title: str
    models: tuple[str, ...]
    needs_weights: tuple[str, ...] = ()


PLANNED = (
    Category(
        "Classic architectures: AlexNet, VGG16, ResNet18", ("alexnet", "vgg16", "plain_resnet18")
    ),
    Category("Attention added to ResNet18", ("plain_resnet18", "resnet_cbam")),
    Category(
        "Attention added to ResNet18 written out layer by layer",
        ("custom_resnet18", "custom_resnet_cbam"),
    ),
    Category(
        "Pretraining: ResNet18 from scratch or from ImageNet weights",
        ("custom_resnet18", "plain_resnet18"),
        needs_weights=("plain_resnet18",),
    ),
)


def compare_categories(
    areas: dict[Run, np.ndarray], pretrained: dict[Run, bool], confidence: float
) -> list[dict[str, Any]]:
    """Return the planned comparisons with the differences that the runs allow.

    Parameters
    ----------
    areas
        For every complete run [1 + replicates] float64, the out-of-fold AUC (mean of the folds) in
        the sample and in each patient-clustered replicate, the same patients in every run.
    pretrained
        For every complete run whether it started from pretrained weights.
    confidence
        Level of the intervals.

    Returns
    -------
    list of dict
        `title`, `models`, `testable` (every pair can be tested), `reason` (what stands against it,
        else ""), `rows` (the runs, whether they started from pretrained weights, and their AUC),
        `differences` (one for each pair and shared recipe: `reference`, `model`, `recipe`, `seeds`
        that both have, `difference` = model - reference averaged over these seeds, `low`, `high`,
        `excludes_zero`, and `noise_floor`, True where for want of pretrained weights both are one
        architecture, so that the difference is what chance does). Intervals hold the trained
        models fixed.
    """
    return [_compare(category, areas, pretrained, confidence) for category in PLANNED]


def _compare(
    category: Category,
    areas: dict[Run, np.ndarray],
    pretrained: dict[Run, bool],
    confidence: float,
) -> dict[str, Any]:
    runs = [run for model in category.models for run in sorted(areas) if run.model == model]
    missing = [model for model in category.models if model not in {run.model for run in runs}]
    reasons = [f"no complete run of {', '.join(missing)}"] if missing else []
    differences = []
    for reference, model in pairwise(category.models):
        if reference in missing or model in missing:
            continue
        found = _compare_pair(category, reference, model, areas, pretrained, confidence)
        differences += found
        if not found:
            reasons.append(f"{reference} and {model} share no recipe and seed")
        elif all(pair["noise_floor"] for pair in found):
            reasons.append(_same_network(category, found))
    return {
        "title": category.title,
        "models": list(category.models),
        "testable": not reasons,
        "reason": "; ".join(reasons),
        "rows": [
            {
                "model": run.model,
                "recipe": run.recipe,
                "seed": run.seed,
                "pretrained": pretrained[run],
                "out_of_fold_roc_auc": number(areas[run][0]),
            }
            for run in runs
        ],
        "differences": differences,
    }


def _same_network(category: Category, differences: list[dict[str, Any]]) -> str:
    """Say what two trainings of one architecture show about each other."""
    start = f"{' and '.join(category.needs_weights)} started without pretrained weights: "
    if all(pair["low"] == pair["difference"] == pair["high"] == 0 for pair in differences):
        return start + (
            "both names stand for one network, and the same seed gave both the same first weights "
            "and batches; equal figures are what a correct pipeline shows here"
        )
    return start + "the difference is the noise between two trainings of one architecture"


def _compare_pair(
    category: Category,
    reference: str,
    model: str,
    areas: dict[Run, np.ndarray],
    pretrained: dict[Run, bool],
    confidence: float,
) -> list[dict[str, Any]]:
    """Return the differences of two models, one for each recipe that both have."""
    differences = []
    for recipe, seeds in _shared_seeds(areas, reference, model).items():
        areas_of = {
            name: np.mean([areas[Run(name, recipe, seed)] for seed in seeds], axis=0)
            for name in (model, reference)
        }
        untrained = any(
            not pretrained[Run(name, recipe, seed)]
            for name in category.needs_weights
            for seed in seeds
        )
        differences.append(
            {
                "reference": reference,
                "model": model,
                "recipe": recipe,
                "seeds": seeds,
                **paired_difference(areas_of[model], areas_of[reference], confidence),
                "noise_floor": untrained,
            }
        )
    return differences


def _shared_seeds(areas: dict[Run, np.ndarray], *models: str) -> dict[str, list[int]]:
    """Return, for each recipe that all models share, the seeds that all of them have in it."""
    recipes = sorted({run.recipe for run in areas})
    shared = {
        recipe: sorted(
            set.intersection(
                *(
                    {run.seed for run in areas if (run.model, run.recipe) == (model, recipe)}
                    for model in models
                )
            )
        )
        for recipe in recipes
    }
    return {recipe: seeds for recipe, seeds in shared.items() if seeds}
