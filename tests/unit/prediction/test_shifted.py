"""Test predictions of shifted images are those of the images moved by hand."""

import numpy as np
import pytest
import torch
from fold_fixture import fold_inputs, train, write_fold
from recipe_fixture import settings

from pneumobench.core.files import read_table
from pneumobench.prediction.repredict import repredict
from pneumobench.prediction.shifted import SHIFTED
from pneumobench.prediction.trained import load_trained


def test_each_logit_is_that_of_the_image_moved_down(tmp_path):
    inputs, target = write_fold(tmp_path / "data"), tmp_path / "test_shifted.csv"
    train(tmp_path / "data", tmp_path / "fold", "custom_resnet18", settings(epochs=1))
    repredict("shifted", tmp_path / "fold", inputs.images, inputs.splits, {"test": target})
    table, plain = read_table(target), read_table(tmp_path / "fold/test.csv")
    assert (table["tta"] == SHIFTED).all() and table["image_id"].equals(plain["image_id"])
    rows = table["image_id"].str.removeprefix("image").to_numpy(np.int64)
    images = torch.from_numpy(np.load(fold_inputs(tmp_path / "data").images)[rows]) / 255.0
    # 6.4 of 64 pixels: between a shift by 6 and one by 7.
    lower = [torch.zeros_like(images) for _ in range(2)]
    for moved, pixels in zip(lower, (6, 7), strict=True):
        moved[:, pixels:] = images[:, :-pixels]
    model, _ = load_trained(tmp_path / "fold")
    with torch.inference_mode():
        expected = model((0.6 * lower[0] + 0.4 * lower[1]).unsqueeze(1))[:, 0].numpy()
    assert table["logit"].to_numpy() == pytest.approx(expected, abs=1e-3)
    assert not np.allclose(table["logit"], plain["logit"], atol=1e-2)
