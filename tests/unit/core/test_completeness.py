"""Which runs are compared, and what is said of the others."""

from pathlib import Path

import pytest
from configurations import check

from pneumobench.core.completeness import compared_runs, missing_runs
from pneumobench.core.errors import UserError
from pneumobench.core.layout import TRAINED, Layout


@pytest.fixture
def layout(tmp_path):
    """Return a function that gives the layout of two runs, of which the second one is finished."""

    def make(overlay: str) -> Layout:
        experiment = check("split: {folds: 2}\nruns: [resnet50, vgg16]", overlay)
        made = Layout(str(tmp_path), experiment, tuple(experiment.expanded_runs))
        names = [path for name in TRAINED for path in made.of(made.runs[1]).of_folds(name)]
        for path in [
            *names,
            *made.of(made.runs[0]).paths(*(f"runs/{{run}}/fold1/{name}" for name in TRAINED)),
        ]:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
        return made

    return make


def test_all_runs_are_compared_unless_some_may_be_missing(layout):
    made = layout("allow_partial: false")
    assert missing_runs(made) == []
    assert compared_runs(made, []) == made.runs


def test_runs_that_are_not_complete_are_named(layout):
    made = layout("allow_partial: true")
    missing = missing_runs(made)
    assert missing == [
        {"model": "resnet50", "recipe": "light", "seed": 42, "note": "1 of 2 folds finished"}
    ]
    assert compared_runs(made, missing) == made.runs[1:]


def test_no_complete_run_is_a_mistake(layout):
    made = layout("allow_partial: true")
    alone = made.of(made.runs[0])
    with pytest.raises(UserError, match="no run is complete yet") as caught:
        compared_runs(alone, missing_runs(alone))
    assert "snakemake train" in caught.value.remedy
