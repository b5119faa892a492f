"""Radiographs of another source: admitted, predicted, judged with what was frozen before."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from baseline_fixture import write_dataset
from dataset_fixture import index, kaggle_folder, write_radiograph
from external_fixture import source
from fold_fixture import fold_inputs, train, write_fold
from packed_fixture import write_packed
from PIL import Image
from recipe_fixture import settings
from sealed_fixture import edit_csv
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.baselines import BASELINES
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.data.external import admit_external
from pneumobench.data.manifest import read_manifest
from pneumobench.prediction.baselines import (
    read_radiographs,
    score_baselines,
    score_external_baselines,
)
from pneumobench.prediction.predict import predict_logits
from pneumobench.prediction.repredict import repredict
from pneumobench.prediction.trained import load_trained
from pneumobench.statistics.calibration import calibrate
from pneumobench.statistics.external import ExternalFiles, evaluate_external
from pneumobench.statistics.predictions import read_labels

STRONG, WEAK = Run("vgg16", "light", 1), Run("alexnet", "light", 1)

# Admission


@pytest.fixture
def own(tmp_path):
    """The manifest of a folder in Kaggle's layout."""
    return index(kaggle_folder(tmp_path / "own"), tmp_path / "known.csv")


def other_folder(root):
    for number in range(3):
        write_radiograph(root / f"NORMAL/scan{number}.png", 100 + number)
        write_radiograph(root / f"PNEUMONIA/person{number}_virus_{number}.png", 200 + number)
    return root


def admit(folder, known, most_near=0.05):
    target = folder.parent / "external"
    manifest = index(folder, target / "manifest.csv")
    outputs = {name: target / name for name in ("splits.csv", "labels.csv", "audit.json")}
    admit_external(
        manifest,
        target / "source.json",
        known,
        *outputs.values(),
        maximum_near_duplicate_fraction=most_near,
    )
    return target


def test_radiographs_are_listed_without_labels_and_labels_apart(tmp_path, own):
    target = admit(other_folder(tmp_path / "other"), own)
    splits = read_table(target / "splits.csv", text=("image_id", "inner", "group"))
    labels = read_table(target / "labels.csv", text=("image_id", "label", "subtype", "patient"))
    assert list(splits) == ["image_id", "role", "fold", "inner", "group"]
    assert set(splits["role"]) == {"external"} and splits["fold"].isna().all()
    assert splits["image_id"].tolist() == labels["image_id"].tolist()
    assert (
        splits["image_id"].tolist() == read_manifest(target / "manifest.csv")["image_id"].tolist()
    )
    audit = read_json(target / "audit.json")
    assert audit["counts"]["ok"] == 6 and audit["counts"]["near_known"] == 0
    assert audit["counts"]["unknown_patients"] == 3 and audit["compared_by_content"]
    assert any(
        "3 of 6 external radiographs have no known patient" in text for text in audit["warnings"]
    )


def test_external_children_under_two_names_are_one(tmp_path, own):
    folder = other_folder(tmp_path / "other")
    shutil.copy(folder / "PNEUMONIA/person0_virus_0.png", folder / "PNEUMONIA/person9_virus_9.png")
    target = admit(folder, own)
    labels = read_labels(target / "labels.csv")
    counts = read_json(target / "audit.json")["counts"]
    assert (counts["patients"], counts["patient_groups"]) == (7, 6)
    assert labels.counts() == {"n": 7, "events": 4, "patients": 6}


@pytest.mark.parametrize("kind", ["the same file", "the same pixels in another format"])
def test_a_radiograph_of_the_experiment_stops_the_run(tmp_path, own, kind):
    folder = other_folder(tmp_path / "other")
    radiograph = tmp_path / "own" / read_manifest(own)["path"].iloc[0]
    if kind == "the same file":
        shutil.copy(radiograph, folder / f"NORMAL/again{radiograph.suffix}")
    else:
        with Image.open(radiograph) as image:
            image.convert("L").save(folder / "NORMAL/again.bmp")
    with pytest.raises(UserError, match="1 of 7 external images are images of the data") as caught:
        admit(folder, own)
    assert "NORMAL/again" in caught.value.where and radiograph.name in caught.value.where
    assert "external" in caught.value.remedy
    assert not list((tmp_path / "external").glob("splits.csv"))


def test_nearly_equal_radiographs_are_counted_and_warned_of(tmp_path, own):
    folder = other_folder(tmp_path / "other")
    radiograph = tmp_path / "own" / read_manifest(own)["path"].iloc[0]
    with Image.open(radiograph) as image:
        grey = np.asarray(image.convert("L")).copy()
    grey[0, 0] ^= 1
    Image.fromarray(grey).save(folder / "NORMAL/alike.png")
    with pytest.raises(UserError, match="1 of 7 external images look nearly like") as caught:
        admit(folder, own)
    assert "NORMAL/alike.png = " in caught.value.where
    audit = read_json(admit(folder, own, most_near=0.2) / "audit.json")
    assert audit["counts"]["near_known"] == 1
    assert audit["near_duplicates"][0]["external"] == "NORMAL/alike.png"
    assert any("they may be copies" in text for text in audit["warnings"])


def test_radiographs_that_were_not_read_are_neither_united_nor_called_compared(tmp_path, own):
    folder = other_folder(tmp_path / "other")
    target = admit(folder, own)
    edit_csv(target / "manifest.csv", lambda table: table.assign(pixel_sha256="", dhash=""))
    outputs = [target / name for name in ("splits.csv", "labels.csv", "audit.json")]
    admit_external(
        target / "manifest.csv",
        target / "source.json",
        own,
        *outputs,
        maximum_near_duplicate_fraction=0.05,
    )
    assert read_table(target / "splits.csv", text=("group",))["group"].nunique() == 6
    audit = read_json(target / "audit.json")
    assert not audit["compared_by_content"]
    assert any("was not looked for" in text for text in audit["warnings"])


# Predictions


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained fold, its data and ten external radiographs."""
    folder = tmp_path_factory.mktemp("external_fold")
    write_fold(folder / "data")
    train(folder / "data", folder / "fold", "timm:resnet10t", settings(epochs=1, batch_size=16))
    radiographs = np.random.default_rng(5).integers(0, 255, (10, 64, 64)).astype(np.uint8)
    names = [f"other{number}" for number in range(10)]
    (folder / "external").mkdir()
    write_packed(folder / "external/images.npy", radiographs, names)
    table = pd.DataFrame({"image_id": names, "role": "external", "fold": pd.NA, "inner": ""})
    write_table(folder / "external/splits.csv", table.assign(group=names))
    return folder


def predict(trained, fold, target):
    inputs, external = fold_inputs(trained / "data"), trained / "external"
    others = {
        f"external_{path.stem}": path for path in external.iterdir() if path.suffix != ".json"
    }
    repredict("external", fold, inputs.images, inputs.splits, {"test": target}, **others)
    return read_table(target)


def test_every_radiograph_gets_the_logit_of_the_network_as_it_is(trained, tmp_path):
    table = predict(trained, trained / "fold", tmp_path / "external.csv")
    plain = read_table(trained / "fold/test.csv")
    assert list(table) == list(plain)
    same = ["model", "recipe", "seed", "fold", "tta"]
    assert (table[same] == plain[same].iloc[0]).all(axis=None)
    model, _ = load_trained(trained / "fold")
    radiographs = torch.from_numpy(np.load(trained / "external/images.npy"))
    expected = predict_logits(model, radiographs, np.arange(10), torch.device("cpu"))
    np.testing.assert_allclose(table["logit"], expected, atol=1e-6)


def test_baselines_say_of_a_radiograph_what_they_say_of_it_in_the_test_set(tmp_path):
    experiment = make_experiment(tmp_path)
    write_dataset(experiment)
    folder = tmp_path / "dataset"
    splits = read_table(folder / "splits.csv", text=("image_id", "inner", "group"))
    tested = (splits["role"] == "test").to_numpy()
    (tmp_path / "external").mkdir()
    manifest = read_table(folder / "manifest.csv", text=("image_id", "path"))
    names = splits.loc[tested, "image_id"]
    radiographs = np.load(folder / "images.npy")[tested]
    write_packed(tmp_path / "external/images.npy", radiographs, names)
    write_table(tmp_path / "external/manifest.csv", manifest[manifest["image_id"].isin(names)])
    write_table(tmp_path / "external/splits.csv", splits[tested])
    own = [folder / name for name in ("images.npy", "manifest.csv", "splits.csv")]
    baselines = {
        name: {kind: tmp_path / f"baselines/{kind}/{name}.csv" for kind in BASELINES}
        for name in ("out_of_fold", "test", "external")
    }
    external = baselines.pop("external")
    score_baselines(*own, experiment.development_labels, **baselines)
    other = [tmp_path / "external" / path.name for path in own]
    score_external_baselines(
        read_radiographs(*own), experiment.development_labels, read_radiographs(*other),
        external=external,
    )  # fmt: skip
    for kind in BASELINES:
        test, found = (read_table(paths[kind]) for paths in (baselines["test"], external))
        pd.testing.assert_frame_equal(test, found)


# What they are worth


def add_external(experiment, patients=30, signal=1.5, shift=1.0):
    """Write external radiographs with labels, predictions of both runs and of the baselines."""
    generator = np.random.default_rng(8)
    subtype = np.array(["normal", "bacterial", "normal", "unknown"])[np.arange(patients) % 4]
    radiographs = pd.DataFrame(
        {
            "image_id": [f"x{number:03d}" for number in range(patients)],
            "label": np.where(subtype == "normal", "normal", "pneumonia"),
            "subtype": subtype,
            "patient": [f"q{number // 2:03d}" for number in range(patients)],
        }
    )
    folder = experiment.root / "external"
    write_table(folder / "labels.csv", radiographs)
    counts = {"ok": patients, "unknown_patients": 0, "near_known": 0}
    audit = {"source": source("adults", "opacity"), "counts": counts, "warnings": ["a note"]}
    write_json(folder / "audit.json", audit | {"compared_by_content": True})
    write_json(experiment.root / "dataset/audit.json", {"source": source()})
    positive = (radiographs["label"] == "pneumonia").to_numpy()
    for run in (STRONG, WEAK):
        for fold in range(FOLDS):
            logit = generator.normal(size=patients) + fold / 4 + shift + signal * positive
            identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed, "fold": fold}
            table = radiographs[["image_id"]].assign(**identity, tta="identity")
            write_table(
                experiment.folder(run) / f"fold{fold}/external.csv",
                table.assign(logit=logit.astype(np.float32)),
            )
    for path in experiment.baseline_files("test"):
        parts = [
            radiographs[["image_id"]].assign(
                baseline=path.parent.name, fold=fold,
                logit=generator.normal(size=patients).astype(np.float32),
            )
            for fold in range(FOLDS)
        ]  # fmt: skip
        write_table(path.with_name("external.csv"), pd.concat(parts))
    return radiographs


def judge(experiment, **changes):
    root = experiment.root
    runs = [WEAK, STRONG]
    given = {
        "external": experiment.files(runs, "external.csv"),
        "baselines_external": experiment.baseline_files("external"),
        "baselines_out_of_fold": experiment.baseline_files("out_of_fold"),
        "baselines_test": experiment.baseline_files("test"),
        "scores": [experiment.folder(run) / "scores.csv" for run in runs],
        "metrics": [experiment.folder(run) / "metrics.json" for run in runs],
        "labels": root / "external/labels.csv",
        "audit": root / "external/audit.json",
        "data_audit": root / "dataset/audit.json",
        "selection": experiment.selection,
    }
    outputs = root / "comparison/external.csv", root / "comparison/external.json"
    evaluate_external(ExternalFiles(**{**given, **changes}), *outputs, resampling=DRAW)
    return read_json(root / "comparison/external.json")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    made = make_experiment(tmp_path_factory.mktemp("judged_external"), patients=80)
    for run, signal in ((STRONG, 3.0), (WEAK, 1.0)):
        made.add_run(run, signal, seed=2)
    made.select([STRONG, WEAK])
    for run in (STRONG, WEAK):
        made.evaluate(run)
    add_external(made)
    return made


@pytest.fixture(scope="module")
def judged(experiment):
    return judge(experiment)


def grid(experiment, run):
    """Return labels (bool [images]) and logits [folds, images] of the external images."""
    labels = read_table(experiment.root / "external/labels.csv", text=("label",))
    paths = experiment.files([run], "external.csv")
    return (labels["label"] == "pneumonia").to_numpy(), np.stack(
        [read_table(path)["logit"].to_numpy(np.float32) for path in paths]
    )


def found(judged, metric, number=0):
    (record,) = [r for r in judged["judged"][number]["estimates"] if r["metric"] == metric]
    return record


def test_figures_are_those_of_scikit_learn(experiment, judged):
    positive, logits = grid(experiment, STRONG)
    mean = logits.mean(axis=0)
    assert judged["judged"][0]["model"] == STRONG.model
    area = found(judged, "roc_auc")["external"]
    assert area["value"] == pytest.approx(roc_auc_score(positive, mean), abs=1e-6)
    assert area["low"] <= area["value"] <= area["high"]
    precision = found(judged, "average_precision")
    expected = average_precision_score(positive, mean)
    assert precision["external"]["value"] == pytest.approx(expected, abs=1e-6)
    assert precision["difference"] is None
    frozen = read_json(experiment.selection)["runs"][0]
    called = (logits - np.array(frozen["thresholds"])[:, None]).mean(axis=0) > 0
    assert found(judged, "sensitivity")["external"]["value"] == called[positive].mean()
    assert found(judged, "specificity")["external"]["value"] == (~called[~positive]).mean()


def test_other_sets_have_the_figures_of_metrics_json(experiment, judged):
    metrics = read_json(experiment.folder(STRONG) / "metrics.json")["estimates"]
    wanted = [
        ("out_of_fold", "fold_mean", "none", "roc_auc"),
        ("test", "mean_prediction", "none", "roc_auc"),
        ("out_of_fold", "pooled", "out_of_fold", "specificity"),
        ("test", "mean_prediction", "out_of_fold", "sensitivity"),
    ]
    keys = ("dataset", "aggregate", "threshold", "metric")
    for key in wanted:
        (there,) = [r for r in metrics if tuple(r[name] for name in keys) == key]
        own = found(judged, key[3])[key[0]]
        for bound in ("value", "low", "high"):
            assert own[bound] == pytest.approx(there[bound], abs=1e-12)


def test_transfer_is_external_less_out_of_fold_with_the_chance_of_both(judged):
    for metric in ("roc_auc", "sensitivity", "specificity"):
        record = found(judged, metric)
        change = record["external"]["value"] - record["out_of_fold"]["value"]
        assert record["difference"]["difference"] == pytest.approx(change, abs=1e-12)
        widths = [
            record[name]["high"] - record[name]["low"] for name in ("external", "out_of_fold")
        ]
        own = record["difference"]["high"] - record["difference"]["low"]
        # Independent draws: about as wide as the wider or more, narrower than both together.
        assert max(widths) * 0.5 < own < sum(widths)


def test_probabilities_are_those_of_the_frozen_calibrations(experiment, judged):
    positive, logits = grid(experiment, STRONG)
    folds = read_json(experiment.selection)["runs"][0]["calibration"]["folds"]
    mean = np.mean([calibrate(row, own) for row, own in zip(logits, folds, strict=True)], axis=0)
    records = {(r["stage"], r["measure"]): r for r in judged["judged"][0]["calibrations"]}
    brier = records["after", "brier"]["external"]["value"]
    assert brier == pytest.approx(brier_score_loss(positive, mean), abs=1e-12)
    before = records["before", "brier"]["external"]["value"]
    plain = 1 / (1 + np.exp(-logits.mean(axis=0)))
    assert before == pytest.approx(brier_score_loss(positive, plain), abs=1e-6)
    # Logits that are higher by one than they should be.
    assert records["after", "in_the_large"]["external"]["high"] < 0
    assert records["after", "in_the_large"]["difference"]["difference"] < 0


def test_known_subtypes_have_their_sensitivity_and_others_no_row(judged):
    for record in judged["judged"]:
        assert [part["subtype"] for part in record["subtypes"]] == ["bacterial"]


def test_table_has_a_row_for_every_run_and_baseline(experiment, judged):
    table = read_table(experiment.root / "comparison/external.csv", text=("model", "baseline"))
    assert table["model"].tolist()[:2] == [STRONG.model, WEAK.model]
    assert sorted(table["baseline"].tolist()[2:]) == ["border", "metadata"]
    assert (table[["n", "patients"]] == [30, 15]).all(axis=None)
    assert table["events"].iloc[0] == 15
    area = found(judged, "roc_auc")
    assert table["external_roc_auc"].iloc[0] == pytest.approx(area["external"]["value"])
    assert table["difference_roc_auc_low"].iloc[0] == pytest.approx(area["difference"]["low"])
    assert {"external_brier_after_calibration", "external_sensitivity_bacterial"} <= set(table)


def test_another_selection_or_a_radiograph_without_prediction_stops(experiment, tmp_path):
    path = experiment.files([STRONG], "external.csv")[0]
    before = path.read_bytes()
    edit_csv(path, lambda table: table.iloc[1:])
    try:
        with pytest.raises(UserError, match=r"no external prediction[\s\S]*predict_external"):
            judge(experiment)
    finally:
        path.write_bytes(before)
    other = tmp_path / "selection.json"
    write_json(other, read_json(experiment.selection) | {"cost_ratio": 6.0})
    with pytest.raises(UserError, match="another selection"):
        judge(experiment, selection=other)
