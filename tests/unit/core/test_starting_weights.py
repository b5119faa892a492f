"""What trainings start from."""

from configurations import check

from pneumobench.core.starting_weights import record_or_file, records

RECIPES = """
recipes:
  published: {based_on: light, pretrained: true}
  own: {based_on: light, pretrained: own.pth}
runs: [{models: [resnet50, "timm:resnet10t"], recipes: [light, published, own], seeds: [1, 2]}]
"""


def test_each_recipe_has_its_own_start():
    experiment = check(RECIPES)
    found = {run.recipe: record_or_file(experiment, run) for run in experiment.expanded_runs[-6:]}
    assert found == {
        "light": None,
        "published": "resources/weights/timm-resnet10t.json",
        "own": "own.pth",
    }


def test_published_weights_are_fetched_once_for_an_architecture():
    assert records(check(RECIPES)) == [
        "resources/weights/resnet50.json",
        "resources/weights/timm-resnet10t.json",
    ]
    assert records(check()) == []
