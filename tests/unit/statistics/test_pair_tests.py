"""Every pair of runs, tested: the numbers are those of the single tests, adjusted together."""

import itertools

import numpy as np
import pandas as pd
import pytest
from statistics_cases import DRAW, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.contrasts import speaks_of
from pneumobench.statistics.estimates import paired_difference
from pneumobench.statistics.pair_tests import TESTS, indistinguishable_groups
from pneumobench.statistics.permutation import area_shares, permute_shares
from pneumobench.statistics.significance import delong_test, holm, mcnemar_exact
from pneumobench.statistics.variation import Trainings, difference_of_recipes

GOOD, ALSO, BAD = (Run(model, "light", 1) for model in ("vgg16", "plain_resnet18", "alexnet"))
TWIN = Run("custom_resnet18", "light", 1)
RUNS = {GOOD: 2.5, ALSO: 2.4, BAD: 0.3, TWIN: 2.4}
PERMUTATIONS = 3000


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("pairs"), patients=80)
    for number, (run, signal) in enumerate(RUNS.items()):
        # The twin has the very predictions of another run.
        experiment.add_run(run, signal, 1 if run == TWIN else number)
    experiment.select(list(RUNS))
    for run in RUNS:
        experiment.evaluate(run)
    return experiment


@pytest.fixture(scope="module")
def outputs(experiment):
    return experiment.compare_pairs(list(RUNS), PERMUTATIONS)


@pytest.fixture(scope="module")
def table(outputs):
    return read_table(outputs[0], text=("noise_floor",))


def pick(table, first, second, dataset="out_of_fold"):
    (row,) = [
        row for _, row in table[table["dataset"] == dataset].iterrows()
        if {row["first_model"], row["second_model"]} == {first.model, second.model}
    ]  # fmt: skip
    return row


def scores(experiment, run, dataset="out_of_fold"):
    table = read_table(experiment.folder(run) / "scores.csv")
    table = table[(table["dataset"] == dataset) & (table["fold"].isna() == (dataset == "test"))]
    return table.sort_values("image_id").reset_index(drop=True)


def test_every_pair_has_a_row_a_data_set_the_better_ranked_run_first(experiment, table):
    assert len(table) == 2 * 6
    ranks = {run["model"]: run["rank"] for run in read_json(experiment.selection)["runs"]}
    assert (table["first_model"].map(ranks) < table["second_model"].map(ranks)).all()
    out_of_fold = table[table["dataset"] == "out_of_fold"]
    assert (out_of_fold["difference"] >= 0).all()
    assert (
        table["difference"] - table["first_roc_auc"] + table["second_roc_auc"]
    ).abs().max() < 1e-12
    assert (table["difference_low"] <= table["difference_high"]).all()


@pytest.mark.parametrize("dataset", ["out_of_fold", "test"])
def test_p_values_are_those_of_the_single_tests(experiment, table, dataset):
    row = pick(table, GOOD, BAD, dataset)
    first, second = (scores(experiment, run, dataset) for run in (GOOD, BAD))
    positive = (first["label"] == "pneumonia").to_numpy()
    logits = [part["logit"].to_numpy(np.float32) for part in (first, second)]
    fold = first["fold"].fillna(0).to_numpy(int)
    shares = area_shares(positive, *logits, first["patient"].to_numpy(str), fold=fold)
    single = permute_shares(shares[np.newaxis], permutations=PERMUTATIONS, seed=DRAW.seed)
    assert abs(row["difference"]) == pytest.approx(abs(single["difference"][0]), abs=1e-12)
    assert row["permutation_p"] == pytest.approx(single["p"][0])
    alone = delong_test(positive, *logits, fold=fold, confidence=0.95)["p"]
    assert row["delong_p"] == pytest.approx(alone)
    right = [(part["decision_selected"] == positive).to_numpy() for part in (first, second)]
    assert row["mcnemar_p"] == pytest.approx(mcnemar_exact(*right)["p"])
    assert {row["only_first_right"], row["only_second_right"]} == {
        int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    }  # fmt: skip
    assert np.isnan(row["nadeau_bengio_p"]) == (dataset == "test")
    assert row["distinguishable"]


def test_p_is_adjusted_over_the_pairs_that_can_be_tested(table):
    for _, part in table.groupby("dataset"):
        for test in TESTS:
            expected = holm(part[f"{test}_p"].to_numpy())
            assert part[f"{test}_p_holm"].to_numpy() == pytest.approx(expected, nan_ok=True)
        assert part["permutation_p"].notna().sum() == 5
        assert (part["distinguishable"] == (part["permutation_p_holm"] < 0.05)).all()
    assert not pick(table, GOOD, ALSO)["distinguishable"]


def test_equal_predictions_are_the_noise_floor_and_not_tested(table):
    row = pick(table, ALSO, TWIN)
    assert row["noise_floor"] == "equal predictions" and row["difference"] == 0
    assert row[[f"{test}_p" for test in TESTS]].isna().all() and not row["distinguishable"]
    assert pick(table, GOOD, BAD)["noise_floor"] == ""


def test_groups_and_families_are_stated(outputs):
    content = read_json(outputs[1])
    assert content["ranking"]["groups"] == [[1, 2, 3], [4]]
    assert content["ranking"]["runs"][3]["model"] == BAD.model
    all_pairs = [part for part in content["families"] if part["family"] == "all pairs"]
    assert [part["tests"] for part in all_pairs] == [5, 5]
    assert all(part["permutations"] == PERMUTATIONS for part in all_pairs)
    assert {record["speaks_of"] for record in content["architectures"]} == {"this trained model"}


def test_large_families_get_exchanges_enough_to_separate(experiment):
    _, details = experiment.compare_pairs(list(RUNS), permutations=100)
    permutations = read_json(details)["families"][0]["permutations"]
    # The smallest p of six pairs, adjusted, is a tenth of the level.
    assert permutations == 1200 and 6 / (1 + permutations) < 0.05 / 10 + 1e-9


def test_bytes_do_not_depend_on_the_order_of_the_files(experiment, tmp_path):
    before = [path.read_bytes() for path in experiment.compare_pairs(list(RUNS))]
    after = [path.read_bytes() for path in experiment.compare_pairs(list(RUNS)[::-1])]
    assert before == after


def test_one_run_is_no_pair_and_none_is_an_error(experiment):
    table, details = experiment.compare_pairs([GOOD])
    assert len(pd.read_csv(table)) == 0
    assert read_json(details)["ranking"]["groups"] == [[1]]
    with pytest.raises(UserError, match="no run is complete"):
        experiment.compare_pairs([])


def test_many_differences_at_once_are_the_single_tests():
    generator = np.random.default_rng(3)
    positive, patient = np.arange(60) % 3 > 0, np.arange(60) // 2
    logits = generator.normal(size=(3, 60)) + positive
    pairs = list(itertools.combinations(logits, 2))
    options = {"permutations": 500, "seed": 4}
    shares = np.stack([area_shares(positive, *pair, patient) for pair in pairs])
    together = permute_shares(shares, **options)
    alone = [permute_shares(own[np.newaxis], **options) for own in shares]
    assert together["p"].tolist() == [found["p"][0] for found in alone]
    assert together["difference"] == pytest.approx([found["difference"][0] for found in alone])
    undefined = permute_shares(np.full((1, 30), np.nan), **options)
    assert np.isnan(undefined["p"]).all()


def test_delong_over_folds_is_the_mean_of_independent_differences():
    generator = np.random.default_rng(5)
    positive, fold = np.arange(90) % 2 == 0, np.arange(90) // 30
    first, second = generator.normal(size=(2, 90)) + positive
    whole = delong_test(positive, first, second, fold=fold, confidence=0.95)
    parts = [
        delong_test(positive[own], first[own], second[own], confidence=0.95)
        for own in (fold == number for number in range(3))
    ]
    assert whole["difference"] == pytest.approx(np.mean([part["difference"] for part in parts]))
    errors = np.array([part["standard_error"] for part in parts])
    assert whole["standard_error"] == pytest.approx(np.sqrt((errors**2).sum()) / 3)


def test_groups_are_the_longest_stretches_without_a_distinguishable_pair():
    distinguishable = np.zeros((5, 5), bool)
    for first, second in ((0, 2), (0, 3), (0, 4), (1, 4), (2, 4), (3, 4)):
        distinguishable[first, second] = distinguishable[second, first] = True
    assert indistinguishable_groups(distinguishable) == [[0, 1], [1, 2, 3], [4]]
    assert indistinguishable_groups(np.zeros((3, 3), bool)) == [[0, 1, 2]]
    # The outer two are indistinguishable, but what lies between them differs: no common group.
    distinguishable = np.zeros((3, 3), bool)
    distinguishable[0, 1] = distinguishable[1, 0] = distinguishable[1, 2] = distinguishable[
        2, 1
    ] = True
    assert indistinguishable_groups(distinguishable) == [[0], [1], [2]]


def of_seeds(areas):
    runs = [Run("a", "b", seed) for seed in range(len(areas))]
    return Trainings.of_seeds(dict(zip(runs, areas, strict=True)), runs)


def test_seeds_widen_the_interval_and_one_seed_changes_nothing():
    patients = np.array([f"p{index // 2}" for index in range(80)])
    draws = resample_patients(patients, Resampling(0.95, 2000, 1))
    chance = draws.multiplicity[:, :5].mean(axis=1) / 100
    areas = np.stack([0.8 + chance, 0.9 + chance])
    both, alone = (of_seeds(areas[:count]) for count in (2, 1))
    zero = of_seeds(np.full_like(areas, 0.5))
    fixed = paired_difference(areas.mean(axis=0), zero.mean, 0.95)
    found = difference_of_recipes(both, zero, 0.95)
    # Two seeds, 0.1 apart: Student's quantile with one degree of freedom, in squares.
    reach = 12.706 * 0.1 / np.sqrt(2) / np.sqrt(2)
    assert found["difference"] == fixed["difference"]
    expected = fixed["difference"] - np.hypot(fixed["difference"] - fixed["low"], reach)
    assert found["low"] == pytest.approx(expected, rel=1e-4)
    assert difference_of_recipes(alone, of_seeds(areas[1:]), 0.95) == paired_difference(
        areas[0], areas[1], 0.95
    )
    assert [speaks_of(seeds) for seeds in (1, 2, 3)] == [
        "this trained model", "these trained models", "the architecture"
    ]  # fmt: skip
