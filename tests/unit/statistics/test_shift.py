"""Whether the test set is like the development set: scores, areas, quantiles, shares."""

import json

import numpy as np
import pandas as pd
import pytest
from packed_fixture import write_packed
from sealed_fixture import edit_csv
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.baselines import BASELINES
from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.core.run import Run
from pneumobench.data.blocks import number_blocks
from pneumobench.data.manifest import write_manifest
from pneumobench.prediction.baselines import score_baselines
from pneumobench.prediction.shift import BLOCKS, deal_groups, score_shift
from pneumobench.statistics.adaptation import adjust_probability, estimate_share
from pneumobench.statistics.beside import ENSEMBLE, judge_beside, read_beside
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.calibration import calibrate
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.metrics import rank_images, ranking_metrics, roc_auc, sigmoid
from pneumobench.statistics.predictions import read_labels
from pneumobench.statistics.replicates import replicate_area, replicate_quantiles
from pneumobench.statistics.samples import draw_sample
from pneumobench.statistics.shift import SHARES, ShiftFiles, measure_shift
from pneumobench.statistics.thresholds import fit_threshold

ENSEMBLES = ("mean_logit", "rank_mean")
STRONG, WEAK = Run("vgg16", "light", 1), Run("alexnet", "light", 1)


def kaggle_names(table):
    """Name radiographs and patients as the real data set does, so that patients carry numbers."""
    words = {"bacterial": "bacteria", "viral": "virus"}
    names, patients = [], []
    for position, (subtype, patient) in enumerate(
        zip(table["subtype"], table["patient"], strict=True)
    ):
        number = int(patient[1:]) + 1
        if subtype == "normal":
            names.append(f"IM-{number:04d}-{position:04d}")
            patients.append(f"normal-IM-{number:04d}")
        else:
            names.append(f"person{number}_{words[subtype]}_{position}")
            patients.append(f"{subtype}-person{number}")
    return table.assign(image_id=names, patient=patients)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """An experiment whose test normals are marked by a stripe that nothing else has."""
    experiment = make_experiment(tmp_path_factory.mktemp("shift"), patients=160)
    experiment.development = kaggle_names(experiment.development)
    experiment.test = kaggle_names(experiment.test)
    experiment.write_labels()
    write_radiographs(experiment)
    for run, signal in ((STRONG, 5.0), (WEAK, 1.0)):
        experiment.add_run(run, signal, seed=4)
    score_all_baselines(experiment)
    experiment.select([STRONG, WEAK], ensembles=ENSEMBLES)
    for kind in ENSEMBLES:
        experiment.combine([STRONG, WEAK], kind)
    for run in (STRONG, WEAK):
        experiment.evaluate(run)
    score(experiment)
    return experiment


def write_radiographs(experiment):
    folder = experiment.root / "dataset"
    table = pd.concat([experiment.development, experiment.test]).reset_index(drop=True)
    table = table.assign(tested=np.arange(len(table)) >= len(experiment.development))
    radiographs = table.sort_values("image_id").reset_index(drop=True)
    random = np.random.default_rng(3)
    images = random.integers(60, 190, (len(radiographs), 32, 32)).astype(np.uint8)
    images[(radiographs["tested"] & (radiographs["label"] == "normal")).to_numpy(), :, 14:18] = 255
    images[(radiographs["label"] == "pneumonia").to_numpy(), 20:26, :] //= 2
    records = radiographs.assign(width=300, height=300, bytes=9000, status="ok")
    write_manifest(folder / "manifest.csv", records.to_dict("records"))
    splits = radiographs[["image_id"]].assign(
        role=np.where(radiographs["tested"], "test", "cv"),
        fold=radiographs["fold"].astype("Int64").mask(radiographs["tested"]),
        inner="",
        group=radiographs["patient"],
    )
    write_table(folder / "splits.csv", splits)
    write_packed(folder / "images.npy", images, radiographs["image_id"])


def files(experiment):
    folder = experiment.root / "dataset"
    return folder / "images.npy", folder / "manifest.csv", folder / "splits.csv"


def score_all_baselines(experiment):
    for kind in ("border", "metadata"):
        (experiment.root / f"baselines/{kind}").mkdir(parents=True, exist_ok=True)
    score_baselines(
        *files(experiment),
        experiment.development_labels,
        **{
            name: {kind: experiment.root / f"baselines/{kind}/{name}.csv" for kind in BASELINES}
            for name in ("out_of_fold", "test")
        },
    )


def score(experiment, folder="shift", scores=None):
    target = experiment.root / folder
    score_shift(
        *files(experiment),
        scores or experiment.folder(STRONG) / "scores.csv",
        domains=target / "domains.csv",
        blocks=target / "blocks.csv",
    )
    return target


def measure(experiment, target="shift.json", **changes):
    baselines = [experiment.baseline_files(name) for name in ("out_of_fold", "test")]
    options = {
        "scores": [experiment.folder(run) / "scores.csv" for run in (WEAK, STRONG)],
        "selection": experiment.selection,
        "baselines_out_of_fold": baselines[0],
        "baselines_test": baselines[1],
        "ensembles_out_of_fold": experiment.ensemble_files("out_of_fold"),
        "ensembles_test": experiment.ensemble_files("test"),
        "domains": experiment.root / "shift/domains.csv",
        "blocks": experiment.root / "shift/blocks.csv",
        "renormalised": [],
    }
    files = ShiftFiles(**{**options, **changes})
    measure_shift(files, experiment.root / target, resampling=DRAW)
    return read_json(experiment.root / target)


@pytest.fixture(scope="module")
def shift(dataset):
    return measure(dataset)


# Scores


def test_every_image_is_asked_once_for_its_data_set_by_a_model_that_did_not_know_it(dataset):
    table = read_table(dataset.root / "shift/domains.csv", text=("image_id", "group"))
    assert not table.duplicated(["baseline", "image_id"]).any()
    every = len(dataset.development) + len(dataset.test)
    assert table.groupby("baseline").size().to_dict() == dict.fromkeys(BASELINES, every)
    assert (table.groupby(["baseline", "label", "group"])["fold"].nunique() == 1).all()


def test_a_stripe_of_test_normals_tells_them_and_no_pneumonias(shift):
    areas = {(r["baseline"], r["label"]): r["roc_auc"] for r in shift["domains"]}
    assert areas["thumbnail", "normal"]["value"] > 0.98
    assert areas["thumbnail", "normal"]["low"] > 0.9
    assert areas["thumbnail", "pneumonia"]["low"] < 0.5 < areas["thumbnail", "pneumonia"]["high"]
    # The border of an image with a stripe from top to bottom has it, too.
    assert areas["border", "normal"]["value"] > 0.9
    record = shift["domains"][0]
    images = dataset_counts(shift)
    assert record["development"]["n"] + record["test"]["n"] == images[record["label"]]


def dataset_counts(shift):
    datasets = shift["datasets"].values()
    events = sum(part["events"] for part in datasets)
    return {"pneumonia": events, "normal": sum(part["n"] for part in datasets) - events}


def test_domain_area_is_the_mean_of_the_folds(dataset, shift):
    table = read_table(dataset.root / "shift/domains.csv")
    part = table[(table["baseline"] == "border") & (table["label"] == "pneumonia")]
    areas = [
        roc_auc((own["side"] == "test").to_numpy(), own["logit"].to_numpy(np.float32))
        for _, own in part.groupby("fold")
    ]
    (found,) = [
        record for record in shift["domains"]
        if (record["baseline"], record["label"]) == ("border", "pneumonia")
    ]  # fmt: skip
    assert found["roc_auc"]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert found["folds"] == len(areas)


def test_groups_are_dealt_whole_and_each_side_to_every_fold():
    group = np.array(["a", "a", "b", "c", "d", "x", "x", "y", "z", "a"])
    tested = np.array([False] * 5 + [True] * 4 + [True])
    fold = deal_groups(group, tested, 3)
    assert all(len(set(fold[group == name])) == 1 for name in group)
    for side in (False, True):
        assert set(fold[tested == side]) == {0, 1, 2}


def test_one_patient_on_a_side_is_too_few_to_ask(tmp_path):
    experiment = make_experiment(tmp_path, patients=40)
    normal = experiment.test["label"] == "normal"
    first = experiment.test.loc[normal, "patient"].iloc[0]
    experiment.test = experiment.test[~normal | (experiment.test["patient"] == first)]
    experiment.write_labels()
    write_radiographs(experiment)
    experiment.add_run(STRONG, 5.0)
    experiment.select([STRONG])
    experiment.evaluate(STRONG)
    table = read_table(score(experiment) / "domains.csv", text=("label",))
    assert set(table["label"]) == {"pneumonia"}
    # The names of these radiographs carry no numbers that anyone gave.
    assert read_table(tmp_path / "shift/blocks.csv").empty


def test_scores_of_other_images_are_named(dataset, tmp_path):
    table = read_table(dataset.folder(STRONG) / "scores.csv", text=("image_id", "label"))
    gone = table["image_id"].iloc[0]
    write_table(tmp_path / "scores.csv", table[table["image_id"] != gone])
    with pytest.raises(UserError, match=r"1 of the images have no scores[\s\S]*evaluate_run"):
        score(dataset, "other", scores=tmp_path / "scores.csv")


# Blocks


def test_blocks_are_neighbours_of_every_series():
    names = [f"IM-{number:04d}-0001" for number in range(16)]
    names += [f"person{number}_virus_1" for number in range(100, 116)]
    group = np.array([name.rsplit("-", 1)[0] for name in names[:16]] + names[16:])
    positive = np.arange(32) >= 16
    order = np.random.default_rng(0).permutation(32)
    block = number_blocks(np.array(names)[order], group[order], positive[order], order % 2, 8)
    assert (block == order % 16 // 2).all()


@pytest.mark.parametrize("problem", ["a name without a number", "a class in few blocks"])
def test_without_numbers_or_classes_there_are_no_blocks(problem):
    names = np.array([f"IM-{number:04d}-1" for number in range(16)] + ["person1_virus_1"] * 8)
    names[16:] = [f"person{number}_virus_1" for number in range(8)]
    positive = np.arange(24) >= 16
    assert number_blocks(names, names, positive, np.arange(24) % 2, 8) is not None
    if problem == "a name without a number":
        names[0] = "scan"
    else:
        names, positive = names[:-1], positive[:-1]
    assert number_blocks(names, names, positive, np.arange(len(names)) % 2, 8) is None


def test_a_block_is_judged_as_the_test_set_is(dataset, shift):
    table = read_table(dataset.root / "shift/blocks.csv").sort_values("image_id")
    truth = dataset.development.set_index("image_id")["label"] == "pneumonia"
    assert [record["block"] for record in shift["blocks"]] == list(range(BLOCKS))
    assert sum(record["n"] for record in shift["blocks"]) == len(dataset.development)
    part = table[table["block"] == 2]
    own, held = part[part["held_out"] == 0], part[part["held_out"] == 1]
    assert not set(own["image_id"]) & set(held["image_id"])
    cuts = [
        fit_threshold(
            truth[rows["image_id"]].to_numpy(), rows["logit"].to_numpy(np.float32), "youden",
            where="here",
        )
        for _, rows in own.groupby("fold")
    ]  # fmt: skip
    grid = held.pivot(index="image_id", columns="fold", values="logit")
    positive = truth[grid.index].to_numpy()
    said = (grid.to_numpy(np.float32) - cuts).mean(axis=1) > 0
    record = shift["blocks"][2]
    assert record["specificity"]["value"] == pytest.approx((~said)[~positive].mean())
    assert record["sensitivity"]["value"] == pytest.approx(said[positive].mean())
    assert (record["n"], record["events"]) == (len(positive), positive.sum())


# Scores of runs and baselines


def of(shift, **identity):
    (found,) = [
        record for record in shift["scored"]
        if all(record.get(key) == value for key, value in identity.items())
    ]  # fmt: skip
    return found


@pytest.mark.parametrize("metric", ["sensitivity", "specificity"])
def test_transfer_has_the_figures_of_the_run(dataset, shift, metric):
    estimates = read_json(dataset.folder(WEAK) / "metrics.json")["estimates"]
    (found,) = [t for t in of(shift, model="alexnet")["transfer"] if t["metric"] == metric]
    for name, aggregate in (("out_of_fold", "pooled"), ("test", "mean_prediction")):
        (expected,) = [
            entry for entry in estimates
            if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"])
            == (name, aggregate, "out_of_fold", metric)
        ]  # fmt: skip
        for key in ("value", "low", "high"):
            assert found[name][key] == pytest.approx(expected[key], abs=1e-12)
    change = found["test"]["value"] - found["out_of_fold"]["value"]
    assert found["difference"]["difference"] == pytest.approx(change)
    assert found["difference"]["low"] < found["difference"]["high"]


def test_runs_stand_in_order_of_rank_then_ensembles_then_baselines(shift):
    names = [
        record.get("model", record.get("ensemble", record.get("baseline")))
        for record in shift["scored"]
    ]
    assert names[:4] == ["vgg16", "alexnet", *ENSEMBLES] and set(names[4:]) == set(BASELINES)


@pytest.mark.parametrize("kind", ENSEMBLES)
def test_ensembles_have_the_figures_that_they_are_compared_with(dataset, shift, kind):
    standards = {
        "out_of_fold": read_labels(dataset.development_labels),
        "test": read_labels(dataset.test_labels),
    }
    fold = dataset.development.set_index("image_id")["fold"]
    fold = fold[standards["out_of_fold"].image_id].to_numpy()
    samples = {
        name: draw_sample(labels, DRAW, strata)
        for (name, labels), strata in zip(standards.items(), (fold, None), strict=True)
    }
    files = (dataset.ensemble_files(name) for name in ("out_of_fold", "test"))
    frozen, scores = Frozen.read(dataset.selection), read_beside(ENSEMBLE, *files, samples)

    def cuts_of(kind, predicted):
        labels = standards["out_of_fold"]
        return frozen.cuts(frozen.of_ensemble(kind), labels, predicted.logit, predicted.fold)

    judged = judge_beside(scores, cuts_of, samples, 0.95)[kind]
    found = {part["metric"]: part for part in of(shift, ensemble=kind)["transfer"]}
    for name, area in judged.areas.items():
        assert found["roc_auc"][name]["value"] == pytest.approx(area[0], abs=1e-12)
    for name, aggregate in (("out_of_fold", "pooled"), ("test", "mean_prediction")):
        (expected,) = [
            entry for entry in judged.records["estimates"]
            if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"])
            == (name, aggregate, "out_of_fold", "specificity")
        ]  # fmt: skip
        assert found["specificity"][name]["value"] == pytest.approx(expected["value"], abs=1e-12)


def test_distributions_are_distances_from_the_frozen_threshold(dataset, shift):
    thresholds = read_json(dataset.selection)["runs"][0]["thresholds"]
    table = read_table(dataset.folder(STRONG) / "scores.csv", text=("dataset", "label"))
    own = table[(table["dataset"] == "out_of_fold") & (table["label"] == "normal")]
    distance = own["logit"].to_numpy(np.float32) - np.take(thresholds, own["fold"].astype(int))
    record = of(shift, model="vgg16")["distributions"][0]
    assert (record["dataset"], record["label"], record["n"]) == ("out_of_fold", "normal", len(own))
    expected = np.quantile(distance, SHARES, method="inverted_cdf")
    assert [part["value"] for part in record["quantiles"]] == pytest.approx(list(expected))
    assert all(part["low"] <= part["value"] <= part["high"] for part in record["quantiles"])


def test_chance_of_the_higher_score_is_counted_over_pairs(dataset, shift):
    thresholds = np.array(read_json(dataset.selection)["runs"][1]["thresholds"])
    table = read_table(dataset.folder(WEAK) / "scores.csv", text=("dataset", "label"))
    table = table[table["label"] == "normal"]
    own, test = table[table["dataset"] == "out_of_fold"], table[table["dataset"] == "test"]
    own = own["logit"].to_numpy(np.float32) - thresholds[own["fold"].astype(int)]
    test = test.loc[test["fold"].isna(), "logit"].to_numpy(np.float32) - thresholds.mean()
    higher = test[:, np.newaxis] > own
    equal = test[:, np.newaxis] == own
    (record, _) = of(shift, model="alexnet")["higher_on_test"]
    assert record["label"] == "normal"
    assert record["value"] == pytest.approx((higher + equal / 2).mean())
    assert record["low"] < record["value"] < record["high"]


def test_order_of_files_changes_nothing(dataset, shift):
    reverse = {
        name: dataset.baseline_files(key)
        for name, key in (("baselines_out_of_fold", "out_of_fold"), ("baselines_test", "test"))
    }
    scores = [dataset.folder(run) / "scores.csv" for run in (STRONG, WEAK)]
    assert json.dumps(measure(dataset, "again.json", scores=scores, **reverse)) == json.dumps(shift)


def test_a_run_that_was_not_selected_is_named(dataset, tmp_path):
    path = tmp_path / "runs/resnet50/light/seed1/scores.csv"
    write_table(path, read_table(dataset.folder(STRONG) / "scores.csv"))
    with pytest.raises(UserError, match=r"resnet50/light/seed1[\s\S]*freeze_selection"):
        measure(dataset, "other.json", scores=[path])


def test_a_baseline_of_other_folds_is_named(dataset, tmp_path):
    path = tmp_path / "border/out_of_fold.csv"
    path.parent.mkdir()
    path.write_bytes((dataset.root / "baselines/border/out_of_fold.csv").read_bytes())
    edit_csv(path, lambda t: t.assign(fold=[str((int(f) + 1) % FOLDS) for f in t["fold"]]))
    test = dataset.root / "baselines/border/test.csv"
    with pytest.raises(UserError, match=r"border has other folds[\s\S]*score_baselines"):
        measure(dataset, "other.json", baselines_out_of_fold=[path], baselines_test=[test])


# Shares


def plain_em(probability, prior, rounds=20_000):
    """The algorithm as Saerens et al. write it down."""
    share = prior
    for _ in range(rounds):
        positive = probability * share / prior
        negative = (1 - probability) * (1 - share) / (1 - prior)
        share = np.mean(positive / (positive + negative))
    return share


def test_share_is_where_the_em_algorithm_ends():
    probability = np.random.default_rng(1).beta(0.6, 0.4, 200)
    found = estimate_share(probability, 0.7)
    assert found.shape == (1,) and found[0] == pytest.approx(plain_em(probability, 0.7), abs=1e-6)


def test_share_is_found_where_nothing_else_changed():
    generator = np.random.default_rng(2)
    positive = generator.random(20_000) < 0.25
    # Two normal populations a distance of 2 apart: the logit of a balanced set is 2 x.
    logit = 2 * (generator.normal(size=20_000) + np.where(positive, 1, -1))
    prior = 0.75
    probability = sigmoid(logit + np.log(prior / (1 - prior)))
    assert estimate_share(probability, prior)[0] == pytest.approx(0.25, abs=0.01)
    adjusted = adjust_probability(probability, prior, 0.25)
    np.testing.assert_allclose(adjusted, sigmoid(logit + np.log(0.25 / 0.75)), atol=1e-12)


def test_weights_are_repetitions_and_certainty_is_allowed():
    probability = np.array([0.0, 0.2, 0.9, 1.0])
    weights = np.array([[1.0, 2.0, 0.0, 3.0]])
    repeated = np.repeat(probability, [1, 2, 0, 3])
    assert estimate_share(probability, 0.6, weights)[0] == pytest.approx(
        estimate_share(repeated, 0.6)[0], abs=1e-9
    )
    assert estimate_share(np.ones(3), 0.6)[0] == pytest.approx(1)
    np.testing.assert_allclose(adjust_probability(probability, 0.6, 0.6), probability)


def test_decisions_before_and_after_are_those_of_calibrated_folds(dataset, shift):
    (record,) = [entry for entry in shift["transductive"] if entry["model"] == "vgg16"]
    entry = read_json(dataset.selection)["runs"][0]
    assert (entry["model"], entry["calibration"]["method"]) == ("vgg16", record["calibration"])
    table = read_table(dataset.folder(STRONG) / "scores.csv", text=("dataset", "image_id"))
    test = table[(table["dataset"] == "test") & table["fold"].notna()]
    fitted = entry["calibration"]["folds"]
    parts = [
        calibrate(own.sort_values("image_id")["logit"].to_numpy(np.float32), fitted[int(fold)])
        for fold, own in test.groupby("fold")
    ]
    probability = np.mean(parts, axis=0)
    cut = np.mean([calibrate(t, f) for t, f in zip(entry["thresholds"], fitted, strict=True)])
    positive = (test[test["fold"] == 0].sort_values("image_id")["label"] == "pneumonia").to_numpy()
    prior = (dataset.development["label"] == "pneumonia").mean()
    shares = [estimate_share(part, prior)[0] for part in parts]
    assert record["estimated_share"]["value"] == pytest.approx(np.mean(shares))
    assert record["true_share"] == pytest.approx(positive.mean())
    for step, values in (
        ("before", probability),
        (
            "after",
            np.mean(
                [
                    adjust_probability(own, prior, share)
                    for own, share in zip(parts, shares, strict=True)
                ],
                axis=0,
            ),
        ),
    ):
        expected = (values <= cut)[~positive].mean()
        assert record["specificity"][step]["value"] == pytest.approx(expected)


def test_every_run_is_held_against_itself_with_statistics_of_the_test_images(dataset, shift):
    paths = []
    for path in dataset.files([STRONG, WEAK], "test.csv"):
        table = read_table(path, text=("image_id",)).assign(tta=RENORMALISED)
        if "alexnet" not in str(path):
            table["logit"] = -table["logit"]
        paths.append(path.parent / "test_statistics.csv")
        write_table(paths[-1], table)
    found = measure(dataset, "shift/renormalised.json", renormalised=paths)["renormalised"]
    assert shift["renormalised"] == []
    assert [(record["model"], record["changed"]) for record in found] == [
        ("vgg16", True), ("alexnet", False),
    ]  # fmt: skip
    area = found[0]["roc_auc"]
    assert area["after"]["value"] == pytest.approx(1 - area["before"]["value"], abs=1e-6)


# Replicates


@pytest.fixture(scope="module")
def drawn():
    generator = np.random.default_rng(5)
    patient = generator.integers(0, 25, 60).astype(str)
    scores = generator.normal(size=60).round(1)
    return scores, generator.random(60) < 0.4, resample_patients(patient, Resampling(0.95, 40, 1))


def test_area_from_pairs_of_patients_is_that_of_ranks(drawn):
    scores, positive, resamples = drawn
    images = np.arange(10, 60)
    ranking = rank_images(positive[images], scores[images])
    ((_, weights),) = resamples.weights(images[ranking.order])
    expected = ranking_metrics(ranking, weights)["roc_auc"]
    found = replicate_area(positive[images], scores[images], images, resamples)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert np.isnan(replicate_area(np.ones(60, bool), scores, np.arange(60), resamples)).all()


def test_quantiles_are_those_of_repeated_images(drawn):
    scores, _, resamples = drawn
    images = np.arange(3, 5)
    found = replicate_quantiles(scores[images], images, resamples, SHARES)
    ((_, weights),) = resamples.weights(images)
    for row, times in zip(found, weights.astype(int), strict=True):
        repeated = np.repeat(scores[images], times)
        if len(repeated):
            np.testing.assert_array_equal(row, np.quantile(repeated, SHARES, method="inverted_cdf"))
        else:
            assert np.isnan(row).all()
    assert np.isnan(found).any(), "a replicate without any of the images was wanted"
