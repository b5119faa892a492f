"""What follows from a checked configuration alone."""

import pytest
from configurations import check

from pneumobench.core.config.stated import stated_settings
from pneumobench.core.run import Run

INFLATION = """
experiment: inflation_x
runs: [resnet50, {model: vgg16, recipes: [light, copied], seeds: [3, 4]}]
recipes: {copied: {based_on: light, offline_copies: true}}
defaults: {recipe: copied}
"""


def test_bad_practice_is_measured_on_the_first_run_of_its_model_with_the_default_recipe():
    assert check(INFLATION, "inflation: {model: vgg16}").inflated_run == Run("vgg16", "copied", 3)
    assert check(INFLATION, "inflation: {model: null}").inflated_run is None


@pytest.mark.parametrize(("device", "jobs"), [("auto", 3), ("cuda", 3), ("cpu", 0), ("mps", 0)])
def test_only_nvidia_gpus_are_shared(device, jobs):
    assert check(f"compute: {{device: {device}, jobs_per_gpu: 3}}").compute.sharing == jobs


def test_the_binary_task_is_not_named():
    binary, subtype = check(), check("task: subtype")
    assert binary.other_task == {} and subtype.other_task == {"task": "subtype"}
    assert "task" not in binary.training("light")
    assert subtype.training("light") == binary.training("light") | {"task": "subtype"}
    assert "task" not in stated_settings(binary)
    assert stated_settings(subtype)["task"] == "subtype"


def test_a_training_is_named_once_for_all_seeds():
    experiment = check(INFLATION)
    named = [(model, recipe["name"]) for model, recipe in experiment.trainings]
    assert named == [("resnet50", "copied"), ("vgg16", "light"), ("vgg16", "copied")]
    assert experiment.trainings[1][1] == {"name": "light", **experiment.training("light")}


def test_what_is_stated_are_settings_that_results_follow_from():
    stated = stated_settings(check(INFLATION, "runs: [{model: vgg16, recipe: light}]"))
    assert list(stated["recipes"]) == ["light"]
    assert set(stated["data"]) == {"source", "phantom", "checks"}
    assert "jobs_per_gpu" not in stated["compute"] and stated["compute"]["numeric_threads"]
    assert not {"report", "downloads", "keep_weights", "allow_partial"} & set(stated)


def test_trainings_are_repeated_with_seeds_or_divisions():
    once = "runs: [{model: vgg16, recipe: light, seeds: [1]}, {model: vgg16, recipe: copied}]"
    assert not check(INFLATION, once).trained_anew
    assert check(INFLATION, once, "split: {repeats: 2}").trained_anew
    assert check(INFLATION).trained_anew
