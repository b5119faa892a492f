"""Changed settings in words, and the warning before folds are trained again and replaced."""

from pathlib import Path

import pytest
from configurations import check

from pneumobench.core.changed_recipes import changed_recipes
from pneumobench.core.config.changes import changes
from pneumobench.core.files import write_json
from pneumobench.core.layout import Layout

OVERLAY = "{experiment: one, split: {folds: 2}, runs: [resnet50, resnet101], recipes: {light: %s}}"


@pytest.fixture
def trained(tmp_path):
    """Return a function: the layout of an experiment whose recipe has changes since it trained."""
    before = check(OVERLAY % "{epochs: 5}")

    def trained(recipe: str) -> Layout:
        experiment = check(OVERLAY % recipe)
        return Layout(str(tmp_path), experiment, tuple(experiment.expanded_runs))

    for path in trained("{epochs: 5}").of_all_folds("run.json"):
        Path(path).parent.mkdir(parents=True)
        write_json(path, {"settings": before.training("light")})
    return trained


def test_a_changed_recipe_is_told_with_its_folds_and_the_way_to_keep_both(trained):
    assert changed_recipes(trained("{epochs: 5}")) == []
    (said,) = changed_recipes(trained("{epochs: 6, augmentation: {rotation_degrees: 15.0}}"))
    assert said.startswith("recipe light has changed since 4 folds in ")
    assert "epochs 5 -> 6, augmentation.rotation_degrees 0.0 -> 15.0" in said
    assert "{light_2: {based_on: light, ...}}" in said and "recipe: light_2" in said


def test_records_that_are_not_there_or_damaged_say_nothing(trained, tmp_path):
    layout = trained("{epochs: 6}")
    paths = [Path(path) for path in layout.of_all_folds("run.json")]
    for path, text in zip(paths, ("[]", "{", '{"settings": 3}', None), strict=True):
        path.unlink() if text is None else path.write_text(text)
    assert changed_recipes(layout) == []


def test_settings_of_another_version_are_no_change():
    assert changes({"a": 1, "gone": 2}, {"a": 1, "new": 3}) == []
    assert changes({"a": [1, 2]}, {"a": (1, 2)}) == []
    assert changes({"a": {"b": None}}, {"a": {"b": "x"}}) == ['a.b null -> "x"']
