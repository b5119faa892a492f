"""Doctor's plan follows from the configuration."""

from configurations import check

from pneumobench.doctor.finding import Plan
from pneumobench.doctor.plan import planned

OVERLAY = """
experiment: planned
offline_copies: {per_image: 2}
images: {size: 96}
split: {folds: 3}
external: {source: directory, directory: {path: others}}
recipes:
  copied: {based_on: light, offline_copies: true, preprocessing: clahe, epochs: 7}
  unused: {based_on: light, preprocessing: lung_masked}
runs: [{model: vgg16, recipes: [light, copied], seeds: [1, 2]}]
compute: {device: cuda, numeric_threads: 2, jobs_per_gpu: 3}
"""


def plan(overlay: str = "") -> Plan:
    machine = {"cores": 4, "elsewhere": True, "conda": False, "options": ""}
    return Plan.of(**planned(check(OVERLAY, overlay), **machine))


def test_runs_take_what_their_recipes_say():
    made = plan()
    assert [(run.recipe, run.seed, run.items) for run in made.runs] == [
        ("light", 1, 1), ("light", 2, 1), ("copied", 1, 3), ("copied", 2, 3),
    ]  # fmt: skip
    assert made.runs[2].epochs == 7 and made.runs[2].model == "vgg16"


def test_only_recipes_that_runs_use_take_room():
    assert (plan().preprocessings, plan().copies) == (1, 2)
    light = "runs: [vgg16]"
    assert (plan(light).preprocessings, plan(light).copies) == (0, 0)


def test_both_sources_of_radiographs_are_looked_at():
    own, other = plan().radiographs
    assert (own.subject, own.source.name) == ("data", "phantom")
    assert own.source.root.endswith("/chest_xray") and own.source.data.phantom.patients > 0
    assert (other.subject, other.source.root) == ("external", "others")
    assert len(plan("external: null").radiographs) == 1


def test_the_machine_is_told_beside():
    made = plan()
    assert (made.cores, made.elsewhere, made.conda) == (4, True, False)
    assert (made.image_size, made.folds, made.device, made.threads, made.jobs_per_gpu) == (
        96, 3, "cuda", 2, 3,
    )  # fmt: skip


def test_repeats_multiply_the_trainings():
    assert plan("split: {repeats: 4}").jobs == 4 * plan().jobs == 4 * 3 * 4


def test_networks_and_folds_are_those_of_the_run():
    made, checked = plan(), check(OVERLAY)
    assert [(model, recipe["name"]) for model, recipe in made.trainings] == [
        ("vgg16", "light"), ("vgg16", "copied"),
    ]  # fmt: skip
    assert made.split == checked.split.once and made.split["folds"] == 3
    assert set(made.explanation) == {"method", "target", "layer"}
    assert plan("explanation: {method: none}").explanation is None
    assert plan("task: subtype").split["task"] == "subtype"
