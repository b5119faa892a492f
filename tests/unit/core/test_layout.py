"""Where files lie: patterns become paths, and folds are finished when all files are there."""

from pathlib import Path

import pytest
from configurations import check

from pneumobench.core.completeness import missing_runs
from pneumobench.core.layout import TRAINED, Layout

TWO = """
experiment: two
split: {folds: 2}
runs: [resnet50, {model: "timm:resnet10t", seeds: [1, 2]}]
"""


def layout(overlay: str = TWO, results: str = "results/two") -> Layout:
    experiment = check(overlay)
    return Layout(results, experiment, tuple(experiment.expanded_runs))


def test_first_key_of_a_pattern_is_the_outermost():
    assert layout().paths("runs/{run}/fold{fold}/x.csv") == [
        f"results/two/runs/{run}/fold{fold}/x.csv"
        for run in (
            "resnet50/light/seed42",
            "timm-resnet10t/light/seed1",
            "timm-resnet10t/light/seed2",
        )
        for fold in (0, 1)
    ]
    assert layout().paths("{fold}/{fold}/{arm}")[:2] == [
        "results/two/0/0/patients",
        "results/two/0/0/images",
    ]


def test_architectures_are_named_once_and_plain_paths_stay():
    assert layout().paths("models/{slug}.json", "experiment.json") == [
        "results/two/models/resnet50.json",
        "results/two/models/timm-resnet10t.json",
        "results/two/experiment.json",
    ]


def test_nothing_is_named_of_a_kind_that_there_is_not():
    assert layout("prediction: {test_time_augmentation: none}").paths("{run}_{tta}.csv") == []
    assert layout("ensembles: []").paths("ensembles/{ensemble}.csv") == []
    small = layout("prediction: {test_time_augmentation: small}").of()
    assert small.paths("x_{tta}.csv") == ["results/two/x_small.csv"]
    assert small.of_folds("test.csv") == [] and small.of_runs("metrics.json") == []


def test_an_ensemble_that_is_named_twice_is_made_once():
    overlay = "ensembles: [mean_logit, mean_logit]"
    assert layout(overlay).paths("{ensemble}.csv") == ["results/two/mean_logit.csv"]


def test_unknown_keys_are_mistakes():
    with pytest.raises(KeyError, match="folder"):
        layout().paths("{folder}/x.csv")


def test_files_of_one_run():
    one = layout()
    last = one.of(one.runs[-1])
    assert last.of_folds("test.csv") == [
        f"results/two/runs/timm-resnet10t/light/seed2/fold{fold}/test.csv" for fold in (0, 1)
    ]
    assert last.of_runs("a.json") == ["results/two/runs/timm-resnet10t/light/seed2/a.json"]


def test_packed_images_are_those_of_the_recipe():
    made = layout("images: {size: 64}\nrecipes: {light: {preprocessing: clahe}}")
    assert made.packed("images") == "results/two/dataset/images_64"
    assert made.packed("augmented", "light") == "results/two/dataset/augmented_64_clahe"
    assert made.packed("images", "light", "external") == "results/two/external/images_64_clahe"


def test_a_fold_is_finished_when_all_of_its_files_are_there(tmp_path):
    made = layout(results=str(tmp_path))
    run = made.runs[0]
    assert made.finished_folds(run) == 0
    for name in TRAINED:
        (path,) = made.of(run).paths(f"runs/{{run}}/fold1/{name}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
        assert made.finished_folds(run) == int(name == TRAINED[-1])
    assert made.finished_folds(made.runs[1]) == 0


def test_folds_of_repeats_are_numbered_on():
    once, thrice = layout(), layout(TWO.replace("folds: 2", "folds: 2, repeats: 3"))
    assert once.paths("{further}", "{repeat}") == [] and not once.further_repeats
    assert once.of_all_folds("run.json") == once.of_folds("run.json") == thrice.of_folds("run.json")
    assert thrice.paths("{repeat}") == ["results/two/1", "results/two/2"]
    one = thrice.of(thrice.runs[0])
    assert [path.rpartition("fold")[2] for path in one.of_all_folds("run.json")] == [
        f"{fold}/run.json" for fold in range(6)
    ]
    assert [thrice.splits_of(fold) for fold in (1, 2, 5)] == [
        f"results/two/dataset/{folder}splits.csv" for folder in ("", "repeat1/", "repeat2/")
    ]


def test_a_run_with_repeats_is_complete_with_all_of_their_folds(tmp_path):
    overlay = TWO.replace("folds: 2", "folds: 2, repeats: 2")
    made = layout(f"{overlay}allow_partial: true", results=str(tmp_path))
    run = made.runs[0]
    for name in TRAINED:
        for path in made.of(run).of_folds(name):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
    assert made.finished_folds(run) == 2
    assert missing_runs(made)[0] == vars(run) | {"note": "2 of 4 folds finished"}
