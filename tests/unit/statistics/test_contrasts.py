"""Planned comparisons: what the runs allow, what stands against it, what is no question at all."""

import numpy as np
import pandas as pd
import pytest
from statistics_cases import make_experiment

from pneumobench.core.files import read_json, read_table, write_json
from pneumobench.core.run import Run
from pneumobench.statistics.contrasts import (
    ANOTHER_SEED,
    ONE_NETWORK,
    PLANNED,
    find_pairs,
    same_model,
)
from pneumobench.statistics.significance import holm

CONTRASTS = {contrast.name: contrast for contrast in PLANNED}
LIGHT = {"epochs": 2, "learning_rate": 0.1}
PRETRAINED = LIGHT | {"pretrained": True}


def find(name, settings):
    contrast = CONTRASTS[name]
    return find_pairs(contrast, *contrast.pairs[0], settings)


def test_every_planned_pair_names_two_models_and_no_contrast_twice():
    assert len(CONTRASTS) == len(PLANNED)
    for contrast in PLANNED:
        assert all(reference != model for reference, model in contrast.pairs)


def test_pair_is_found_in_each_shared_recipe_with_the_seeds_that_both_have():
    runs = [
        Run("plain_resnet18", "light", 1), Run("plain_resnet18", "light", 2),
        Run("resnet_cbam", "light", 2), Run("resnet_cbam", "light", 3),
        Run("resnet_cbam", "heavy", 2),
    ]  # fmt: skip
    (pair,) = find("attention", dict.fromkeys(runs, LIGHT))
    assert pair.reference == (runs[1],) and pair.model == (runs[2],)
    assert pair.reason == "" and not pair.noise_floor


def test_missing_run_and_unshared_recipe_are_the_reason():
    (pair,) = find("attention", {Run("plain_resnet18", "light", 1): LIGHT})
    assert pair.model == () and pair.reason == "no complete run of resnet_cbam"
    settings = {Run("plain_resnet18", "light", 1): LIGHT, Run("resnet_cbam", "heavy", 1): LIGHT}
    (pair,) = find("attention", settings)
    assert pair.model == () and "share no recipe and seed" in pair.reason


def test_pretraining_is_tested_between_recipes_that_differ_in_nothing_else():
    scratch, tuned = Run("custom_resnet18", "scratch", 1), Run("plain_resnet18", "tuned", 1)
    (pair,) = find("pretraining", {scratch: LIGHT, tuned: PRETRAINED})
    assert (pair.reference, pair.model, pair.reason) == ((scratch,), (tuned,), "")
    (pair,) = find("pretraining", {scratch: LIGHT | {"epochs": 70}, tuned: PRETRAINED})
    assert pair.model == () and "scratch and tuned differ in epochs" in pair.reason
    # Any other contrast needs one recipe, however little two of them differ.
    settings = {Run("plain_resnet18", "a", 1): LIGHT, Run("resnet_cbam", "b", 1): PRETRAINED}
    assert find("attention", settings)[0].model == ()


@pytest.mark.parametrize(("settings", "word"), [(LIGHT, "without"), (PRETRAINED, "with")])
def test_one_network_under_two_names_is_the_noise_floor(settings, word):
    runs = [Run("custom_resnet18", "light", 1), Run("plain_resnet18", "light", 1)]
    (pair,) = find("pretraining", dict.fromkeys(runs, settings))
    assert pair.noise_floor and f"both started {word} pretrained weights" in pair.reason
    assert pair.model == (runs[1],)


def test_same_model_is_one_network_or_another_seed_of_the_same_recipe():
    custom, plain = Run("custom_resnet18", "light", 1), Run("plain_resnet18", "light", 1)
    later, heavy = Run("custom_resnet18", "light", 2), Run("custom_resnet18", "heavy", 1)
    other = Run("resnet_cbam", "light", 1)
    settings = dict.fromkeys([custom, plain, later, other], LIGHT) | {heavy: LIGHT | {"epochs": 9}}
    assert same_model(custom, plain, settings) == ONE_NETWORK
    assert same_model(custom, later, settings) == ANOTHER_SEED
    assert same_model(plain, later, settings) == ANOTHER_SEED
    assert same_model(custom, heavy, settings) == ""
    assert same_model(custom, other, settings) == ""
    assert same_model(custom, plain, settings | {plain: PRETRAINED}) == ""


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Three contrasts: a clear one, one without difference, one network trained twice."""
    experiment = make_experiment(tmp_path_factory.mktemp("contrasts"), patients=100)
    signals = {"alexnet": 0.2, "vgg16": 2.5, "plain_resnet18": 2.4, "custom_resnet18": 2.6}
    runs = [Run(model, "light", 1) for model in signals]
    for number, run in enumerate(runs):
        experiment.add_run(run, signals[run.model], number)
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    content = read_json(experiment.compare_pairs(runs)[1])
    return {contrast["name"]: contrast["pairs"] for contrast in content["contrasts"]} | {
        "families": [f for f in content["families"] if f["family"] == "planned contrasts"]
    }


def test_planned_contrast_holds_or_does_not(planned):
    better, alike = planned["evolution"]
    assert (better["reference"], better["model"]) == ("alexnet", "vgg16")
    assert better["status"] == "tested" and better["speaks_of"] == "this trained model"
    assert [result["dataset"] for result in better["results"]] == ["out_of_fold", "test"]
    first = better["results"][0]
    assert first["holds"] and first["difference"] > first["low"] > 0 and first["p_holm"] < 0.05
    assert not alike["results"][0]["holds"] and alike["status"] == "tested"


def test_noise_floor_is_shown_but_no_part_of_the_family(planned):
    (pair,) = planned["pretraining"]
    assert pair["status"] == "not_testable" and pair["noise_floor"]
    assert pair["results"][0]["p"] is not None and pair["results"][0]["p_holm"] is None
    # Two pairs were tested: p of the smaller is doubled.
    assert [family["tests"] for family in planned["families"]] == [2, 2]
    results = [pair["results"][0] for pair in planned["evolution"]]
    smallest = min(results, key=lambda result: result["p"])
    assert smallest["p_holm"] == pytest.approx(2 * smallest["p"])


def test_contrast_without_runs_says_why(planned):
    (pair,) = planned["recurrence"]
    assert pair["status"] == "not_testable" and pair["results"] == [] and pair["seeds"] == []
    assert pair["reason"] == "no complete run of xception and xception_lstm"


def test_seeds_are_averaged_and_from_three_on_the_architecture_is_spoken_of(tmp_path):
    experiment = make_experiment(tmp_path, patients=80)
    runs = [Run(model, "light", seed) for model in ("alexnet", "vgg16") for seed in (1, 2, 3)]
    for number, run in enumerate(runs):
        experiment.add_run(run, 0.3 if run.model == "alexnet" else 2.5, number)
    for path in experiment.files(runs, "run.json"):
        write_json(path, {**read_json(path), "settings": LIGHT})
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    _, details = experiment.compare_pairs(runs)
    content = read_json(details)
    pair = content["contrasts"][0]["pairs"][0]
    assert pair["seeds"] == [1, 2, 3] and pair["speaks_of"] == "the architecture"
    rows = {
        record["model"]: record
        for record in content["architectures"]
        if record["dataset"] == "out_of_fold"
    }
    apart = rows["vgg16"]["value"] - rows["alexnet"]["value"]
    assert pair["results"][0]["difference"] == pytest.approx(apart)
    assert pair["results"][0]["holds"]
    assert rows["vgg16"]["spread"] > 0 and rows["vgg16"]["seeds"] == [1, 2, 3]


# A reference named beforehand


@pytest.fixture(scope="module")
def referred(tmp_path_factory):
    """Four networks of one recipe, one of another, and a twin of the reference."""
    experiment = make_experiment(tmp_path_factory.mktemp("reference"), patients=100)
    signals = {
        Run("plain_resnet18", "light", 1): 2.4, Run("alexnet", "light", 1): 0.2,
        Run("vgg16", "light", 1): 2.5, Run("custom_resnet18", "light", 1): 2.6,
        Run("xception", "heavy", 1): 1.0,
    }  # fmt: skip
    for number, (run, signal) in enumerate(signals.items()):
        experiment.add_run(run, signal, number)
    experiment.select(list(signals))
    for run in signals:
        experiment.evaluate(run)
    return experiment, list(signals)


def test_without_a_reference_the_family_does_not_exist(referred):
    experiment, runs = referred
    content = read_json(experiment.compare_pairs(runs)[1])
    assert content["reference"] is None
    assert {family["family"] for family in content["families"]} == {
        "all pairs", "planned contrasts"
    }  # fmt: skip


def test_all_others_are_tested_against_the_reference_as_a_family_of_its_own(referred):
    experiment, runs = referred
    table, details = experiment.compare_pairs(runs, reference="plain_resnet18")
    content = read_json(details)
    assert content["reference"]["model"] == "plain_resnet18"
    pairs = {pair["model"]: pair for pair in content["reference"]["pairs"]}
    assert set(pairs) == {"alexnet", "vgg16", "custom_resnet18", "xception"}
    assert {pair["reference"] for pair in pairs.values()} == {"plain_resnet18"}
    families = [f for f in content["families"] if f["family"] == "against the reference"]
    assert [(f["dataset"], f["tests"]) for f in families] == [("out_of_fold", 2), ("test", 2)]
    rows = read_table(table, text=("noise_floor",))
    for number, dataset in enumerate(("out_of_fold", "test")):
        results = [pairs[model]["results"][number] for model in ("alexnet", "vgg16")]
        # Adjusted over the two that could be tested, each test by itself; DeLong's knows no p where
        # both areas are 1.
        found = {
            key: np.array([result[key] for result in results], float)
            for key in ("p", "p_holm", "delong_p", "delong_p_holm")
        }
        for key in ("p", "delong_p"):
            expected = pytest.approx(holm(found[key]), nan_ok=True)
            assert found[f"{key}_holm"] == expected
        of_pairs = pd.DataFrame(
            [
                row for model in ("alexnet", "vgg16")
                for _, row in rows[rows["dataset"] == dataset].iterrows()
                if {row["first_model"], row["second_model"]} == {model, "plain_resnet18"}
            ]
        )  # fmt: skip
        # A family draws as many exchanges as its size asks for.
        assert found["p"] == pytest.approx(of_pairs["permutation_p"].to_numpy(), abs=0.05)
        assert found["delong_p"] == pytest.approx(of_pairs["delong_p"].to_numpy(), nan_ok=True)
        assert found["delong_p_holm"][0] < of_pairs["delong_p_holm"].iloc[0]
    worse, alike = (pairs[model]["results"][0] for model in ("alexnet", "vgg16"))
    assert worse["holds"] and worse["high"] < 0 and not alike["holds"]


def test_what_cannot_be_held_against_the_reference_says_why(referred):
    experiment, runs = referred
    content = read_json(experiment.compare_pairs(runs, reference="plain_resnet18")[1])
    pairs = {pair["model"]: pair for pair in content["reference"]["pairs"]}
    assert pairs["custom_resnet18"]["noise_floor"]
    assert "are one network" in pairs["custom_resnet18"]["reason"]
    assert "share no recipe" in pairs["xception"]["reason"] and pairs["xception"]["results"] == []
    content = read_json(experiment.compare_pairs(runs, reference="densenet121")[1])
    reasons = {pair["reason"] for pair in content["reference"]["pairs"]}
    assert reasons == {"no complete run of densenet121"}


def test_delong_is_left_out_where_seeds_are_averaged(tmp_path):
    experiment = make_experiment(tmp_path)
    runs = [Run(model, "light", seed) for model in ("alexnet", "vgg16") for seed in (1, 2)]
    for number, run in enumerate(runs):
        experiment.add_run(run, 1.0, number)
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    content = read_json(experiment.compare_pairs(runs, reference="alexnet")[1])
    (pair,) = content["reference"]["pairs"]
    assert pair["seeds"] == [1, 2] and pair["results"][0]["p"] is not None
    assert pair["results"][0]["delong_p"] is pair["results"][0]["delong_p_holm"] is None
