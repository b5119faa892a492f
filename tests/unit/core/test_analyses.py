"""Optional analyses: each is wanted by its keys, and its files are waited for only then."""

import itertools
import re
from pathlib import Path

import pytest
from configurations import check
from rule_texts import rule_texts

from pneumobench.core.analyses import (
    ALWAYS,
    ANALYSES,
    made_from_weights,
    made_of_archived,
    rebuilt_from,
    wanted,
    wanted_analyses,
)
from pneumobench.core.layout import Layout
from pneumobench.core.repredictions import REPREDICTIONS

NOTHING = """
experiment: inflation_x
task: binary
split: {folds: 2}
external: null
prediction: {test_time_augmentation: none}
robustness: {strengths: [], test_time_normalisation: false}
explanation: {method: none}
ensembles: []
runs: [resnet50, vgg16]
recipes: {light: {offline_copies: true}}
inflation: {model: null}
archive_radiographs: false
"""
# What turns each analysis on, and one of its files.
TURNED_ON = {
    "views": ("prediction: {test_time_augmentation: flip}", "out_of_fold_{tta}.csv"),
    "robustness": ("robustness: {strengths: [2]}", "robustness.csv"),
    "renormalised": ("robustness: {test_time_normalisation: true}", "test_statistics.csv"),
    "external": ("external: {source: phantom, phantom: {seed: 8}}", "comparison/external.json"),
    "ensembles": ("ensembles: [mean_logit]", "ensembles/{ensemble}/test.csv"),
    "explanations": ("explanation: {method: grad_cam}", "maps.npz"),
    "inflation": ("inflation: {model: vgg16}", "inflation/inflation.csv"),
    "subtypes": ("task: subtype", "comparison/subtypes.csv"),
    "label_errors": ("evaluation: {label_errors: true}", "comparison/label_errors.csv"),
    "variation": ("split: {repeats: 2}", "comparison/variation.csv"),
}


def layout(overlay: str = "") -> Layout:
    experiment = check(NOTHING, overlay)
    return Layout("<results>", experiment, tuple(experiment.expanded_runs))


def test_every_analysis_is_tried_here():
    assert list(TURNED_ON) == [analysis.name for analysis in ANALYSES]


@pytest.mark.parametrize("name", TURNED_ON)
def test_an_analysis_is_wanted_by_its_own_key_alone(name):
    overlay, file = TURNED_ON[name]
    made, bare = layout(overlay), layout()
    assert wanted_analyses(bare) == [] and wanted(bare, file) == []
    (analysis,) = wanted_analyses(made)
    assert analysis.name == name and wanted(made, file)
    for pattern in analysis.files:
        assert made.paths(pattern), pattern


@pytest.mark.parametrize("name", TURNED_ON)
def test_what_an_archive_holds_grows_by_the_files_of_the_analysis(name):
    (analysis,) = (each for each in ANALYSES if each.name == name)
    made, bare = layout(TURNED_ON[name][0]), layout()
    for paths_of, patterns in (
        (rebuilt_from, analysis.archived),
        (made_of_archived, analysis.made),
        (made_from_weights, analysis.from_weights),
    ):
        before, after = paths_of(bare), paths_of(made)
        assert set(after) - set(before) == set(made.paths(*patterns)) and set(before) <= set(after)
        assert len(set(after)) == len(after)


def test_files_are_named_by_run_fold_and_path():
    made = layout("robustness: {strengths: [1]}")
    assert wanted(made, "corrupted.csv") == made.of_folds("corrupted.csv")
    assert wanted(made, "robustness.csv") == made.of_runs("robustness.csv")
    assert wanted(made, "comparison/robustness.csv") == ["<results>/comparison/robustness.csv"]
    assert wanted(made.of(made.runs[1]), "corrupted.csv") == made.of_folds("corrupted.csv")[2:]


@pytest.mark.parametrize("name", ["robustnes.csv", "test.csv", "", "comparison/comparison.csv"])
def test_a_name_that_no_analysis_knows_is_a_mistake(name):
    with pytest.raises(ValueError, match="kinds of files"):
        wanted(layout(), name)


def test_every_file_has_one_analysis():
    patterns = [pattern for analysis in (ALWAYS, *ANALYSES) for pattern in analysis.files]
    assert len(set(patterns)) == len(patterns)
    for analysis in ANALYSES:
        assert set(analysis.from_weights) <= set(analysis.files)


def test_one_run_is_no_ensemble():
    made = layout("ensembles: [mean_logit]")
    alone = made.of(made.runs[0])
    assert wanted_analyses(alone) == [] and wanted(alone, "ensembles/{ensemble}/test.csv") == []


def test_pictures_are_archived_where_radiographs_are():
    maps = "explanation: {method: grad_cam}\n"
    panels = layout(maps).paths("explanations/{run}/panels")
    assert wanted(layout(maps), "panels") == panels
    assert not set(panels) & set(rebuilt_from(layout(maps)))
    assert set(panels) <= set(rebuilt_from(layout(maps + "archive_radiographs: true")))


def test_analyses_say_whether_their_rules_open_test_labels():
    opening = {ALWAYS.name}
    for text in rule_texts().values():
        inputs, _, rest = text.partition("    output:")
        if "dataset/test_labels.csv" in inputs:
            made = re.findall(r'"<results>/([^"]+)"', rest.partition("    log:")[0])
            opening |= {
                analysis.name
                for analysis, path in itertools.product(ANALYSES, made)
                if path in analysis.files
            }
    declared = {each.name for each in (ALWAYS, *ANALYSES) if each.opens_test_labels}
    assert opening == declared


def test_every_file_of_a_run_is_made_by_a_rule():
    named = [name for kind in REPREDICTIONS.values() for name in kind.files.values()]
    text = "".join([*rule_texts().values(), *named])
    for analysis in (ALWAYS, *ANALYSES):
        for pattern in analysis.files:
            assert Path(pattern).name.partition("{")[0].rstrip("_") in text, pattern
