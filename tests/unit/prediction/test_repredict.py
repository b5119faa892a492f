"""Every kind of prediction with finished weights: proof first, and the fold's files left alone."""

import importlib
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fold_fixture import fold_inputs
from safetensors.torch import load_file, save_file

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.provenance import file_sha256
from pneumobench.core.repredictions import REPREDICTIONS, rule_of
from pneumobench.prediction.predict import predict_logits
from pneumobench.prediction.repredict import repredict
from pneumobench.prediction.trained import load_trained

CPU = torch.device("cpu")


def test_a_file_names_the_rule_that_writes_it():
    written = {
        "out_of_fold.csv": "train_fold", "test.csv": "train_fold", "test_flip.csv": "predict_views",
        "corrupted.csv": "predict_corrupted", "test_statistics.csv": "predict_renormalised",
        "external.csv": "predict_external",
    }  # fmt: skip
    assert {name: rule_of(name) for name in written} == written
    files = [name for kind in REPREDICTIONS.values() for name in kind.files.values()]
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("kind", REPREDICTIONS.values(), ids=REPREDICTIONS)
def test_options_are_those_that_the_module_takes(kind):
    predict = importlib.import_module(kind.module).predict
    experiment = SimpleNamespace(robustness=SimpleNamespace(strengths=[3, 1, 3], seed=5))
    given = set(kind.options(experiment, SimpleNamespace(tta="flip")))
    taken = set(predict.__kwdefaults__ or {}) | set(predict.__annotations__)
    external = {"external_images", "external_splits"} if kind.external else set()
    assert taken - {"fold", "plain", "return"} == given | external


def predict(data, fold, output, kind="views"):
    inputs = fold_inputs(data)
    options = {
        "views": {"views": "flip"},
        "corrupted": {"strengths": [1], "seed": 3},
        "external": {"external_images": inputs.images, "external_splits": inputs.splits},
    }.get(kind, {})
    written = {stem: output / f"{stem}.csv" for stem in REPREDICTIONS[kind].files}
    repredict(kind, fold, inputs.images, inputs.splits, written, **options)
    return written


@pytest.mark.parametrize("kind", REPREDICTIONS)
def test_the_files_of_the_fold_stay_and_rows_are_those_of_the_images(data, fold, kind, tmp_path):
    before = {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}
    for stem, path in predict(data, fold, tmp_path, kind).items():
        plain, again = read_table(fold / f"{stem}.csv"), read_table(path)
        assert set(plain["image_id"]) <= set(again["image_id"])
        assert (again[["model", "recipe", "seed", "fold"]] == ["custom_resnet18", "changed", 7, 0])\
            .all(axis=None)  # fmt: skip
    assert before == {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}


@pytest.mark.parametrize("kind", REPREDICTIONS)
def test_predictions_of_another_training_are_refused(data, damaged, kind):
    for stem in REPREDICTIONS[kind].files:
        path = damaged / f"{stem}.csv"
        table = read_table(path)
        write_table(path, table.assign(logit=table["logit"] + 1))
    assert "trained anew" in refused(data, damaged, "not of one training", kind).remedy


def rows_of(fold, name):
    return read_table(fold / name)["image_id"].str.removeprefix("image").to_numpy(np.int64)


def logits_of(path):
    return read_table(path)["logit"].to_numpy(np.float32)


def packed(data):
    return torch.from_numpy(np.load(fold_inputs(data).images))


def test_plain_predictions_are_repeated_to_the_bit(data, fold):
    model, record = load_trained(fold)
    assert record == read_json(fold / "run.json") and not model.training
    for name in ("out_of_fold.csv", "test.csv"):
        again = predict_logits(model, packed(data), rows_of(fold, name), CPU)
        np.testing.assert_array_equal(again, logits_of(fold / name))


@pytest.fixture
def damaged(fold, tmp_path):
    """A copy of the fold's files, for a test to spoil."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in fold.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def refused(data, folder, message, kind="views"):
    with pytest.raises(UserError, match=message) as raised:
        predict(data, folder, folder / "again", kind)
    assert not (folder / "again").exists()
    return raised.value


def test_stale_weights_are_refused(data, damaged):
    weights = load_file(damaged / "weights.safetensors")
    name = next(name for name in weights if name.endswith("conv1.weight"))
    save_file({**weights, name: weights[name] * 1.1}, damaged / "weights.safetensors")
    refused(data, damaged, r"not those that the training wrote[\s\S]*run.json")
    # Even where the record was made to fit.
    record = {"weights_sha256": file_sha256(damaged / "weights.safetensors")}
    write_json(damaged / "run.json", read_json(damaged / "run.json") | record)
    error = refused(data, damaged, r"not of one training[\s\S]*out_of_fold.csv")
    assert "trained anew" in error.remedy


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda value: value.to(torch.int8), "another kind of number"),
        (lambda value: value * torch.nan, "not a number"),
        (lambda value: value[:1], "another shape"),
    ],
)
def test_weights_that_no_training_writes_are_refused(data, damaged, spoil, message):
    weights = load_file(damaged / "weights.safetensors")
    changed = {
        name: spoil(value) if value.is_floating_point() else value
        for name, value in weights.items()
    }
    save_file(changed, damaged / "weights.safetensors")
    error = refused(data, damaged, message)
    assert "weights.safetensors" in error.where and "trained anew" in error.remedy


@pytest.mark.parametrize("content", [b"", b"\0" * 100, bytes(range(256))])
def test_weights_that_cannot_be_read_are_refused(data, damaged, content):
    (damaged / "weights.safetensors").write_bytes(content)
    error = refused(data, damaged, "cannot be read")
    assert "weights.safetensors" in error.where and "trained anew" in error.remedy


def test_weights_of_another_network_are_refused(data, damaged):
    save_file({"other": torch.zeros(1)}, damaged / "weights.safetensors")
    refused(data, damaged, r"do not fit the network[\s\S]*weights.safetensors")


def test_predictions_of_other_images_are_refused(data, damaged):
    path = damaged / "test.csv"
    table = read_table(path, text=("image_id",)).replace({"image249": "image999"})
    write_table(path, table)
    with pytest.raises(UserError, match=r"an image that is not there: image999"):
        predict(data, damaged, damaged / "again")


def test_predictions_of_another_fold_are_refused(data, damaged):
    path = damaged / "out_of_fold.csv"
    write_table(path, read_table(path, text=("image_id",)).assign(fold=1))
    refused(data, damaged, r"predictions are of fold 1[\s\S]*fold 0, as run.json")


def test_splits_in_another_order_are_refused(data, damaged, tmp_path):
    for name in ("images.npy", "images.json"):
        shutil.copy(data / name, tmp_path / name)
    table = read_table(data / "splits.csv", text=("image_id", "inner", "group"))
    write_table(tmp_path / "splits.csv", table[::-1])
    refused(tmp_path, damaged, "not the same images in the same order")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without the device")
def test_device_of_the_training_must_be_there(data, damaged):
    record = read_json(damaged / "run.json")
    write_json(damaged / "run.json", record | {"device": "cuda"})
    refused(data, damaged, r"trained on cuda, which this machine does not have")
