"""What doctor holds a machine against, from the configuration."""

from typing import Any

from pneumobench.core.config.experiment import Experiment


def planned(experiment: Experiment, **machine: Any) -> dict[str, Any]:
    """Return the plan as plain values, which `doctor.finding.Plan.of` takes.

    Parameters
    ----------
    experiment
        The configuration.
    machine
        cores, elsewhere, conda and options, as `Plan` has them.
    """
    recipes = {run.recipe: experiment.recipe(run.recipe) for run in experiment.expanded_runs}
    per_image = experiment.offline_copies.per_image
    sections = (("data", experiment.data), ("external", experiment.external))
    explanation = experiment.explanation
    return {
        "results": f"results/{experiment.experiment}",
        "radiographs": [
            {"subject": subject, "section": data.model_dump()} for subject, data in sections if data
        ],
        "split": experiment.split.once | experiment.other_task,
        "explanation": explanation.model_dump(include={"method", "target", "layer"})
        if explanation.method != "none"
        else None,
        "trainings": experiment.trainings,
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
