"""Preprocessed images are made where a run wants them, and nowhere else."""

import re


def rules_and_inputs(output: str) -> tuple[set[str], set[str]]:
    """Return the rules of a dry run and the packed files among the inputs of its trainings."""
    rules = set(re.findall(r"^(?:local)?rule (\w+):", output, re.M))
    inputs = re.findall(r"rule train_fold:\n\s+input: (.*)", output)
    return rules, set(re.findall(r"dataset/((?:images|augmented)_\w+)\.", " ".join(inputs)))


def test_runs_read_the_images_that_their_recipe_names(make_workflow):
    light = {"epochs": 1, "offline_copies": True, "preprocessing": "lung_masked"}
    # Another recipe, resnet50_chexray, wants a histogram; no run uses it.
    flow = make_workflow(runs=["custom_resnet18"], recipes={"light": light})
    rules, inputs = rules_and_inputs(flow.succeed("train", "--dry-run", "--verbose"))
    assert {"pack_images", "preprocess_images", "augment_images"} <= rules
    assert inputs == {"images_64_lung_masked", "augmented_64_lung_masked"}


def test_nothing_is_preprocessed_for_recipes_that_want_none(make_workflow):
    flow = make_workflow(runs=["custom_resnet18"])
    rules, inputs = rules_and_inputs(flow.succeed("train", "--dry-run", "--verbose"))
    assert "preprocess_images" not in rules and "augment_images" in rules
    assert inputs == {"images_64", "augmented_64"}
