"""Predictions with batch normalisation's statistics taken from the test images."""

import shutil

import numpy as np
import pytest
import torch
from fold_fixture import fold_inputs, train, write_fold
from packed_fixture import write_packed
from recipe_fixture import settings
from torch import nn

from pneumobench.core.files import read_table
from pneumobench.core.renormalisation import RENORMALISED
from pneumobench.prediction.predict import predict_logits
from pneumobench.prediction.renormalised import take_statistics
from pneumobench.prediction.repredict import repredict

CPU = torch.device("cpu")

# Statistics of the layers


def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 1)]
    return nn.Sequential(*layers)


def test_layers_hold_the_statistics_of_the_chosen_images_alone():
    images = torch.randint(0, 256, (90, 8, 8), dtype=torch.uint8)
    images[60:] = 255
    model, rows = network(), np.arange(60)
    assert take_statistics(model, images, rows) == 1
    with torch.inference_mode():
        seen = model[0](images[:60, None] / 255.0)
    norm = model[1]
    # Sixty images are one batch: the statistics are those of all.
    torch.testing.assert_close(norm.running_mean, seen.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(norm.running_var, seen.var(dim=(0, 2, 3)))
    assert norm.momentum == 0.1 and not any(layer.training for layer in model.modules())


def test_batches_hold_both_ends_of_the_images():
    # Sorted by class, as names are: the mean over batches must not be that of classes.
    images = torch.arange(0, 256, 1, dtype=torch.uint8).repeat_interleave(2)[:, None, None]
    images = images.expand(-1, 8, 8).contiguous()
    model = network()
    take_statistics(model, images, np.arange(len(images)))
    with torch.inference_mode():
        seen = model[0](images[:, None] / 255.0)
    torch.testing.assert_close(model[1].running_mean, seen.mean(dim=(0, 2, 3)))
    assert model[1].running_var / seen.var(dim=(0, 2, 3)) == pytest.approx(1, abs=0.05)


def test_networks_without_such_layers_stay_as_they_are():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    images = torch.randint(0, 256, (5, 8, 8), dtype=torch.uint8)
    before = predict_logits(model, images, np.arange(5), CPU)
    assert take_statistics(model, images, np.arange(5)) == 0
    np.testing.assert_array_equal(predict_logits(model, images, np.arange(5), CPU), before)


# Predictions of a fold


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("renormalised_data")
    write_fold(folder)
    return folder


@pytest.fixture(scope="module")
def fold(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fold")
    train(data, folder, "timm:resnet10t", settings(epochs=1, batch_size=16))
    return folder


def predict(data, fold, target):
    inputs = fold_inputs(data)
    repredict("renormalised", fold, inputs.images, inputs.splits, {"test": target})
    return read_table(target)


def test_rows_are_the_test_images_with_other_logits(data, fold, tmp_path):
    before = {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}
    table = predict(data, fold, tmp_path / "first.csv")
    plain = read_table(fold / "test.csv")
    assert (table["tta"] == RENORMALISED).all()
    same = table.columns.difference(["tta", "logit"])
    assert table[same].equals(plain[same])
    assert not np.isclose(table["logit"], plain["logit"]).any()
    predict(data, fold, tmp_path / "second.csv")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    assert before == {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}


def test_development_images_have_no_say(data, fold, tmp_path):
    splits = read_table(fold_inputs(data).splits, text=("inner",))
    shutil.copytree(data, tmp_path / "blind")
    radiographs = np.load(data / "images.npy")
    radiographs[splits["role"] == "cv"] = 0
    write_packed(tmp_path / "blind/images.npy", radiographs, splits["image_id"])
    first = predict(data, fold, tmp_path / "first.csv")
    assert predict(tmp_path / "blind", fold, tmp_path / "second.csv").equals(first)
