"""A run's figures under corruptions, against counts by hand and intervals by copying images."""

import numpy as np
import pandas as pd
import pytest
from sealed_fixture import edit_csv, read_cells
from sklearn.metrics import roc_auc_score
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.errors import UserError
from pneumobench.core.estimates import record_with
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.frozen import Frozen
from pneumobench.statistics.predictions import read_labels
from pneumobench.statistics.robustness import (
    METRICS,
    WORST,
    RobustnessFiles,
    compare_robustness,
    evaluate_robustness,
)
from pneumobench.statistics.samples import draw_sample

RUN = Run("alexnet", "light", 42)
# What a corruption does to a logit at strength 1: alarms everywhere, nowhere, and another order.
EFFECTS = {"sharpen": (0.4, 0), "blur": (-0.4, 0), "noise": (0, 1), "shift": (0.4, 0.3)}


def write_corrupted(experiment, strengths, run=RUN):
    generator = np.random.default_rng(7)
    for path in experiment.files([run], "out_of_fold.csv"):
        plain, blocks = read_table(path).drop(columns="tta"), []
        for strength in strengths:
            for name in CORRUPTIONS:
                lift, noise = EFFECTS.get(name, (0.01, 0.1))
                worse = lift + noise * generator.normal(size=len(plain))
                logit = (plain["logit"] + strength * worse).astype(np.float32)
                blocks.append(plain.assign(corruption=name, strength=strength, logit=logit))
        write_table(path.with_name("corrupted.csv"), pd.concat(blocks))


def files_of(experiment, runs, corrupted=None):
    return RobustnessFiles(
        experiment.files(runs, "out_of_fold.csv"),
        experiment.files(runs, "corrupted.csv") if corrupted is None else corrupted,
        experiment.development_labels,
        experiment.selection,
    )


def evaluate(experiment, strengths, corrupted=None, run=RUN):
    folder = experiment.folder(run)
    evaluate_robustness(
        files_of(experiment, [run], corrupted),
        folder / "robustness.csv",
        folder / "robustness.json",
        run=run,
        strengths=list(strengths),
        resampling=DRAW,
    )
    return read_table(folder / "robustness.csv"), read_json(folder / "robustness.json")


def made(folder, strengths):
    experiment = make_experiment(folder)
    experiment.add_run(RUN, signal=1.5)
    experiment.select([RUN])
    write_corrupted(experiment, strengths)
    return experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return made(tmp_path_factory.mktemp("robustness"), (3, 1))


@pytest.fixture(scope="module")
def results(experiment):
    return evaluate(experiment, (3, 1))


def images_of(experiment, name, strength, run=RUN):
    """Return the images in order of their names, with logit, label and what is said of them."""
    plain = pd.concat(map(read_table, experiment.files([run], "out_of_fold.csv")))
    worse = pd.concat(map(read_table, experiment.files([run], "corrupted.csv")))
    worse = worse[(worse["corruption"] == name) & (worse["strength"] == strength)]
    images = plain if name == "none" else worse
    images = images.merge(experiment.development[["image_id", "label", "patient"]])
    images = images.sort_values("image_id", ignore_index=True)
    # Thresholds come from the images as they are.
    plain, frozen = plain.sort_values("image_id"), Frozen.read(experiment.selection)
    cuts = frozen.cuts(
        frozen.of_run(run),
        read_labels(experiment.development_labels),
        plain["logit"].to_numpy(np.float32),
        plain["fold"].to_numpy(int),
    )
    called = images["logit"] > cuts.out_of_fold
    return images.assign(positive=images["label"] == "pneumonia", called=called)


def figures(images):
    areas = [roc_auc_score(part["positive"], part["logit"]) for _, part in images.groupby("fold")]
    return {
        "roc_auc": np.mean(areas),
        "sensitivity": images.loc[images["positive"], "called"].mean(),
        "specificity": 1 - images.loc[~images["positive"], "called"].mean(),
    }


def replicates(experiment, name, strength, run=RUN):
    """Return the figures of every draw of patients, by copying their images."""
    images = images_of(experiment, name, strength, run)
    drawn = resample_patients(
        images["patient"].to_numpy(dtype=str), DRAW, strata=images["fold"].to_numpy()
    )
    return pd.DataFrame(
        figures(images.loc[np.repeat(images.index, times[drawn.cluster])])
        for times in drawn.multiplicity[1:]
    )


def cases_of(experiment):
    labels = read_labels(experiment.development_labels)
    fold = images_of(experiment, "none", 0)["fold"].to_numpy()
    return draw_sample(labels, DRAW, fold).cases()


def bounds(values):
    return pytest.approx(np.quantile(values, [0.025, 0.975]), abs=1e-9)


def test_each_row_has_the_figures_of_its_images(experiment, results):
    table, _ = results
    kinds = [("none", 0), *((name, strength) for strength in (3, 1) for name in CORRUPTIONS)]
    assert list(zip(table["corruption"], table["strength"], strict=True)) == kinds
    plain = figures(images_of(experiment, "none", 0))
    for _, row in table.iterrows():
        expected = figures(images_of(experiment, row["corruption"], row["strength"]))
        for metric in METRICS:
            assert row[metric] == pytest.approx(expected[metric], abs=1e-12)
            apart = expected[metric] - plain[metric]
            assert row[f"{metric}_difference"] == pytest.approx(apart, abs=1e-12)
    assert (table["n"] == len(experiment.development)).all()
    assert (table["patients"] == experiment.development["patient"].nunique()).all()
    assert (table["model"] == "alexnet").all() and (table["seed"] == 42).all()


def test_intervals_are_those_of_patients_drawn_within_the_folds(experiment, results):
    table, _ = results
    plain = replicates(experiment, "none", 0)
    for name in ("shift",):
        drawn = replicates(experiment, name, 3)
        (row,) = [
            row for _, row in table.iterrows()
            if (row["corruption"], row["strength"]) == (name, 3)
        ]  # fmt: skip
        cases = cases_of(experiment)
        for metric in METRICS:
            values = np.array([row[metric], *drawn[metric]])
            expected = cases.scale(metric).interval(values, 0.95)
            found = [row[f"{metric}_low"], row[f"{metric}_high"]]
            assert found == pytest.approx(expected, abs=1e-9)
            found = [row[f"{metric}_difference_{bound}"] for bound in ("low", "high")]
            assert found == bounds(drawn[metric] - plain[metric])


def test_the_worst_has_its_name_and_an_interval_of_its_own(experiment, results):
    table, details = results
    keys = [(entry["strength"], entry["metric"]) for entry in details["worst"]]
    assert keys == [(strength, metric) for strength in (3, 1) for metric in WORST]
    by_key = dict(zip(keys, details["worst"], strict=True))
    assert by_key[3, "specificity"]["corruption"] == "sharpen"
    assert by_key[3, "sensitivity"]["corruption"] == "blur"
    for (strength, metric), entry in by_key.items():
        rows = table[table["strength"] == strength].set_index("corruption")
        row = rows.loc[entry["corruption"]]
        assert row[metric] == rows[metric].min() == pytest.approx(entry["value"], abs=1e-12)
        assert row[f"{metric}_difference"] == pytest.approx(entry["difference"], abs=1e-12)
        # The lower bound is that of some corruption; the upper one allows for twelve.
        assert entry["low"] == pytest.approx(rows[f"{metric}_low"].min(), abs=1e-12)
        assert entry["high"] >= rows[f"{metric}_high"].min()


def test_the_mean_is_that_of_all_kinds_of_a_strength(results):
    table, details = results
    assert [entry["strength"] for entry in details["mean"]] == [3, 1]
    for entry in details["mean"]:
        rows = table[table["strength"] == entry["strength"]]
        assert entry["value"] == pytest.approx(rows["roc_auc"].mean(), abs=1e-12)
        assert entry["low"] < entry["value"] < entry["high"]
    first = table.iloc[0]
    for metric in METRICS:
        assert details["uncorrupted"][metric]["value"] == first[metric]
        assert first[f"{metric}_difference"] == first[f"{metric}_difference_high"] == 0


def test_repetition_gives_the_same_bytes(experiment, results):
    assert len(results[0]) == 1 + 2 * len(CORRUPTIONS)
    paths = [experiment.folder(RUN) / name for name in ("robustness.csv", "robustness.json")]
    before = [path.read_bytes() for path in paths]
    evaluate(experiment, (3, 1))
    assert [path.read_bytes() for path in paths] == before


# Runs against each other

OTHER, THIRD = Run("vgg16", "light", 42), Run("zfnet", "light", 42)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Three runs; the third says what the first says."""
    several = make_experiment(tmp_path_factory.mktemp("several"))
    for run, signal in ((RUN, 1.5), (OTHER, 2.5), (THIRD, 1.5)):
        several.add_run(run, signal=signal)
    several.select([RUN, OTHER, THIRD])
    for run in (RUN, OTHER, THIRD):
        write_corrupted(several, (3, 1), run)
        evaluate(several, (3, 1), run=run)
    return several


def compare(experiment, runs, corrupted=None):
    table = experiment.root / "comparison/robustness.csv"
    compare_robustness(
        files_of(experiment, runs, corrupted),
        table,
        strengths=[3, 1],
        resampling=DRAW,
    )
    return read_table(table)


def test_pairs_differ_by_their_worst_figures_in_the_same_draws(several):
    runs = [RUN, OTHER, THIRD]
    table = compare(several, runs[::-1])
    assert len(table) == 2 * len(WORST) * 3
    details = {run.model: read_json(several.folder(run) / "robustness.json") for run in runs}
    for _, row in table.iterrows():
        values = [
            entry["value"]
            for side in ("first", "second")
            for entry in details[row[f"{side}_model"]]["worst"]
            if (entry["strength"], entry["metric"]) == (row["strength"], row["metric"])
        ]
        assert [row["first_worst"], row["second_worst"]] == pytest.approx(values, abs=1e-12)
        assert row["difference"] == pytest.approx(values[0] - values[1], abs=1e-12)
        assert values[0] >= values[1] and row["difference_low"] <= row["difference_high"]
        if {row["first_model"], row["second_model"]} == {RUN.model, THIRD.model}:
            assert row["difference"] == 0 and not row["excludes_zero"]
    # By hand, by copying images: wider than the difference of both hardest corruptions alone.
    (row,) = [
        row for _, row in table.iterrows()
        if (row["strength"], row["metric"]) == (3, "specificity")
        and {row["first_model"], row["second_model"]} == {RUN.model, OTHER.model}
    ]  # fmt: skip
    hardest = {
        run.model: replicates(
            several, record_with(
                details[run.model]["worst"], "robustness.json", strength=3, metric="specificity"
            )["corruption"], 3, run,
        )["specificity"]
        for run in (RUN, OTHER)
    }  # fmt: skip
    apart = hardest[row["first_model"]] - hardest[row["second_model"]]
    low, high = np.quantile(apart, [0.025, 0.975])
    assert row["difference_low"] <= low and high <= row["difference_high"]


def test_one_run_has_no_pairs(several):
    assert compare(several, [OTHER]).empty


def test_a_run_without_corrupted_images_is_named(several):
    with pytest.raises(UserError, match=r"vgg16.* has no predictions of fold 0"):
        compare(several, [RUN, OTHER], several.files([RUN], "corrupted.csv"))


def test_the_worst_figures_stand_in_the_comparison(several):
    runs = [RUN, OTHER, THIRD]
    for run in runs:
        several.evaluate(run)
    table = read_table(several.compare(runs)[0]).set_index("model")
    for run in runs:
        for entry in read_json(several.folder(run) / "robustness.json")["worst"]:
            name = f"{entry['metric']}_strength_{entry['strength']}"
            assert table.loc[run.model, f"hardest_on_{name}"] == entry["corruption"]
            found = [
                table.loc[run.model, f"worst_{name}{bound}"] for bound in ("", "_low", "_high")
            ]
            assert found == pytest.approx([entry[key] for key in ("value", "low", "high")])


# Bad input


@pytest.fixture
def own(tmp_path):
    return made(tmp_path, (2,))


def spoil(experiment, fold, change):
    edit_csv(experiment.files([RUN], "corrupted.csv")[fold], change)


def test_strengths_that_were_not_predicted_are_named(own):
    with pytest.raises(UserError, match=r"lacks the corruption blur of strength 3[\s\S]*predict_c"):
        evaluate(own, (2, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table[table["corruption"] != "zoom_out"], "lacks the corruption zoom_out"),
        (lambda table: table.iloc[1:], "images have no out-of-fold prediction"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "images are listed twice"),
        (lambda table: table.assign(logit="nan"), "logits are not finite"),
        (lambda table: table.assign(model="vgg16"), "predictions are of vgg16"),
        (lambda table: table.drop(columns="strength"), "lacks strength"),
        (lambda table: table.assign(schema_version="9"), "schema version 9"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(own, change, message):
    spoil(own, 1, change)
    with pytest.raises(UserError, match=message):
        evaluate(own, (2,))
    assert not (own.folder(RUN) / "robustness.csv").exists()


def test_a_missing_fold_is_named(own):
    files = own.files([RUN], "corrupted.csv")
    with pytest.raises(UserError, match=f"no predictions of fold {FOLDS - 1}"):
        evaluate(own, (2,), files[:-1])
    with pytest.raises(UserError, match="no predictions of fold 0"):
        evaluate(own, (2,), [])


def test_images_of_another_fold_are_refused(own):
    first, second, *_ = own.files([RUN], "corrupted.csv")
    tables = [read_cells(path) for path in (first, second)]
    edit_csv(first, lambda _: tables[1].assign(fold="0"))
    edit_csv(second, lambda _: tables[0].assign(fold="1"))
    with pytest.raises(UserError, match="other images with and without corruptions"):
        evaluate(own, (2,))
