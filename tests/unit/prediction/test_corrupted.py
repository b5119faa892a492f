"""Predictions of corrupted images: each image's own, as a network sees it, and no test image."""

import shutil

import numpy as np
import pytest
import torch
from fold_fixture import fold_inputs, train, write_fold
from packed_fixture import write_packed
from recipe_fixture import settings

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.files import read_table
from pneumobench.data.preprocess import preprocess
from pneumobench.prediction import corrupted as room
from pneumobench.prediction.corruptions import corrupt
from pneumobench.prediction.repredict import repredict
from pneumobench.prediction.trained import load_trained

SEED = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrupted_data")
    write_fold(folder)
    return folder


def finished(data, factory, method):
    """Train a fold on images preprocessed as its recipe says."""
    seen, folder = factory.mktemp("seen"), factory.mktemp("fold")
    shutil.copytree(data, seen, dirs_exist_ok=True)
    if method != "none":
        radiographs = np.stack(
            [preprocess(radiograph, method).image for radiograph in np.load(data / "images.npy")]
        )
        write_packed(
            seen / "images.npy", radiographs, [f"image{row}" for row in range(len(radiographs))]
        )
    recipe = settings(epochs=1, batch_size=16, preprocessing=method)
    train(seen, folder, "timm:resnet10t", recipe)
    return folder


@pytest.fixture(scope="module")
def fold(data, tmp_path_factory):
    """A fold that training has just finished."""
    return finished(data, tmp_path_factory, "none")


@pytest.fixture(scope="module")
def clahe_fold(data, tmp_path_factory):
    """A fold whose recipe equalises images."""
    return finished(data, tmp_path_factory, "clahe")


@pytest.fixture(scope="module")
def lung_fold(data, tmp_path_factory):
    """A fold whose recipe masks all but the lungs, of which noise has none."""
    return finished(data, tmp_path_factory, "lung_masked")


@pytest.fixture
def few(monkeypatch):
    """Three kinds are enough where all are treated alike."""
    kinds = {name: CORRUPTIONS[name] for name in ("blur", "noise", "shift")}
    monkeypatch.setattr(room, "CORRUPTIONS", kinds)
    return kinds


def predict(data, fold, output, strengths=(2,)):
    inputs, options = fold_inputs(data), {"strengths": list(strengths), "seed": SEED}
    repredict("corrupted", fold, inputs.images, inputs.splits, {"out_of_fold": output}, **options)


@pytest.mark.parametrize("kind", ["fold", "clahe_fold", "lung_fold"])
def test_each_row_is_what_the_network_says_of_that_image_alone(
    data, kind, request, tmp_path, monkeypatch
):
    fold = request.getfixturevalue(kind)
    # Batches that do not divide the images: names must go with their images.
    monkeypatch.setattr(room, "BATCH_SIZE", 21)
    predict(data, fold, tmp_path / "corrupted.csv", strengths=(3,))
    table = read_table(tmp_path / "corrupted.csv")
    assert list(table) == [
        "model", "recipe", "seed", "fold", "image_id", "corruption", "strength", "logit",
    ]  # fmt: skip
    assert table["corruption"].unique().tolist() == list(CORRUPTIONS)
    plain = read_table(fold / "out_of_fold.csv")
    model, record = load_trained(fold)
    radiographs = np.load(data / "images.npy")
    method = record["settings"]["preprocessing"]
    for name, part in table.groupby("corruption"):
        same = ["model", "recipe", "seed", "fold", "image_id"]
        assert part[same].reset_index(drop=True).equals(plain[same])
        assert not np.array_equal(part["logit"], plain["logit"])
        for _, row in part.iloc[[20, 21, -1]].iterrows():
            radiograph = torch.from_numpy(radiographs[int(row["image_id"].removeprefix("image"))])
            worse = corrupt(radiograph[None, None] / 255.0, name, 3, [row["image_id"]], SEED)
            if method != "none":
                grey = (worse[0, 0] * 255).round().to(torch.uint8).numpy()
                worse = torch.from_numpy(preprocess(grey, method).image)[None, None] / 255.0
            with torch.inference_mode():
                expected = model(worse)[0, 0].item()
            assert row["logit"] == pytest.approx(expected, abs=1e-3), name


def test_strengths_stand_one_after_the_other(data, fold, few, tmp_path):
    predict(data, fold, tmp_path / "corrupted.csv", strengths=(3, 1))
    table = read_table(tmp_path / "corrupted.csv")
    found = table[["strength", "corruption"]].drop_duplicates().to_numpy().tolist()
    assert found == [[strength, name] for strength in (3, 1) for name in few]
    assert table["strength"].dtype == int


def test_test_images_and_the_folds_files_are_left_alone(data, fold, few, tmp_path):
    before = {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}
    splits = read_table(fold_inputs(data).splits, text=("inner",))
    shutil.copytree(data, tmp_path / "blind")
    radiographs = np.load(data / "images.npy")
    radiographs[splits["role"] == "test"] = 0
    write_packed(tmp_path / "blind/images.npy", radiographs, splits["image_id"])
    predict(data, fold, tmp_path / "first.csv")
    predict(tmp_path / "blind", fold, tmp_path / "second.csv")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    assert before == {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}
    ids = set(read_table(tmp_path / "first.csv")["image_id"])
    assert ids <= set(splits.loc[splits["role"] == "cv", "image_id"])
