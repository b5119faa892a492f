"""What doctor holds a machine against, from the configuration."""

from typing import Any

from pneumobench.core.config.experiment import Experiment
from pneumobench.core.sources import Source


def planned(experiment: Experiment, **machine: Any) -> dict[str, Any]:
    """Return the plan as plain values, which `doctor.finding.Plan.of` takes.

    Parameters
    ----------
    experiment
        The configuration.
    machine
        cores, elsewhere and conda, as `Plan` has them.
    """
    results = f"results/{experiment.experiment}"
    recipes = {run.recipe: experiment.recipe(run.recipe) for run in experiment.expanded_runs}
    per_image = experiment.offline_copies.per_image
    sections = (("data", "dataset", experiment.data), ("external", "external", experiment.external))
    return {
        "results": results,
        "radiographs": [
            _radiographs(subject, Source(data), f"{results}/{folder}/manifest.csv")
            for subject, folder, data in sections
            if data
        ],
        "image_size": experiment.images.size,
        "folds": experiment.split.folds,
        "repeats": experiment.split.repeats,
        "runs": [
            {
                "model": run.model,
                "recipe": run.recipe,
                "seed": run.seed,
                "epochs": recipes[run.recipe].epochs,
                "items": 1 + per_image * recipes[run.recipe].offline_copies,
                "pretrained": recipes[run.recipe].pretrained,
            }
            for run in experiment.expanded_runs
        ],
        "device": experiment.compute.device,
        "threads": experiment.compute.numeric_threads,
        "jobs_per_gpu": experiment.compute.jobs_per_gpu,
        "preprocessings": len({recipe.preprocessing for recipe in recipes.values()} - {"none"}),
        "copies": per_image * any(recipe.offline_copies for recipe in recipes.values()),
    } | machine


def _radiographs(subject: str, source: Source, manifest: str) -> dict[str, Any]:
    return {
        "subject": subject,
        "source": source.name,
        "root": source.root,
        "options": source.options,
        "patients": source.data.phantom.patients,
        "manifest": manifest,
    }
