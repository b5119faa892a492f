from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch
from fold_fixture import fold_inputs
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import affine

from pneumobench.core.config.experiment import Prediction
from pneumobench.core.files import read_table
from pneumobench.core.views import MIRRORED, PLAIN, VIEW_SETS
from pneumobench.prediction.predict import predict_logits
from pneumobench.prediction.repredict import FinishedFold, repredict
from pneumobench.prediction.trained import load_trained
from pneumobench.prediction.views import VIEWS, read_views

CPU = torch.device("cpu")
MODEL = "custom_resnet18"


def reference(images, *, right=0.0, down=0.0, size=1.0):
    pixels = [share * images.shape[-1] for share in (right, down)]
    return affine(
        images, angle=0.0, translate=pixels, scale=size, shear=[0.0, 0.0],
        interpolation=InterpolationMode.BILINEAR,
    )  # fmt: skip


REFERENCES = {
    PLAIN: lambda images: images,
    MIRRORED: lambda images: torch.flip(images, (-1,)),
    "mirrored top to bottom": lambda images: torch.flip(images, (-2,)),
    "turned left by 90 degrees": lambda images: torch.rot90(images, 1, (-2, -1)),
    "moved left by 2 %": partial(reference, right=-0.02),
    "moved right by 2 %": partial(reference, right=0.02),
    "moved up by 2 %": partial(reference, down=-0.02),
    "moved down by 2 %": partial(reference, down=0.02),
    "reduced to 95 %": partial(reference, size=0.95),
    "enlarged to 105 %": partial(reference, size=1.05),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("size", [64, 75])
def test_views_equal_the_reference(name, size):
    images = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(0))
    shown = VIEWS[name](images)
    assert shown.shape == images.shape
    # Positions are float32 numbers around 100: a hundred thousandth of a pixel.
    torch.testing.assert_close(shown, REFERENCES[name](images), rtol=0, atol=1e-4)
    assert name == PLAIN or not torch.equal(shown, images)


def test_a_mark_moves_where_the_name_says():
    images = torch.zeros(1, 1, 100, 100)
    images[0, 0, 30, 60] = 1.0
    for name, place in (
        ("moved left by 2 %", (30, 58)), ("moved right by 2 %", (30, 62)),
        ("moved up by 2 %", (28, 60)), ("moved down by 2 %", (32, 60)),
        (MIRRORED, (30, 39)), ("mirrored top to bottom", (69, 60)),
        ("turned left by 90 degrees", (39, 30)),
    ):  # fmt: skip
        shown = VIEWS[name](images)[0, 0]
        assert shown.argmax() == place[0] * 100 + place[1], name
        assert shown.max() == pytest.approx(1.0, abs=1e-4)


def test_sets_are_those_of_the_configuration():
    allowed = get_args(Prediction.model_fields["test_time_augmentation"].annotation)
    assert set(allowed) == {"none", *VIEW_SETS}
    assert {name for names in VIEW_SETS.values() for name in names} == set(VIEWS)
    for names in VIEW_SETS.values():
        assert names[0] == PLAIN and len(set(names)) == len(names)


@pytest.mark.parametrize("views", VIEW_SETS)
def test_each_view_has_its_row_of_logits(views):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64 * 64, 1))
    images = torch.randint(0, 256, (5, 64, 64), dtype=torch.uint8)
    rows = np.array([3, 0, 4])
    logits = read_views(FinishedFold(model, {}, images, None, None), rows, views)
    assert logits.dtype == np.float32 and logits.shape == (len(VIEW_SETS[views]), 3)
    for name, found in zip(VIEW_SETS[views], logits, strict=True):
        expected = model(REFERENCES[name](images[rows].unsqueeze(1) / 255.0))
        np.testing.assert_allclose(found, expected.detach()[:, 0], atol=1e-4)
    np.testing.assert_array_equal(logits[0], predict_logits(model, images, rows, CPU))


def predict(data, fold, output, views="flip"):
    inputs = fold_inputs(data)
    written = {stem: output / f"{stem}.csv" for stem in ("out_of_fold", "test")}
    repredict("views", fold, inputs.images, inputs.splits, written, views=views)


def rows_of(fold, name):
    return read_table(fold / name)["image_id"].str.removeprefix("image").to_numpy(np.int64)


def packed(data):
    return torch.from_numpy(np.load(fold_inputs(data).images))


# The third set differs from these in its views alone, which have tests of their own.
@pytest.mark.parametrize("views", ["flip", "seeds"])
def test_averages_stand_beside_the_plain_predictions(data, fold, tmp_path, views):
    before = {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}
    predict(data, fold, tmp_path, views)
    assert before == {path.name: path.read_bytes() for path in fold.iterdir() if path.is_file()}
    model, _ = load_trained(fold)
    for name in ("out_of_fold.csv", "test.csv"):
        plain = read_table(fold / name)
        averaged = read_table(tmp_path / name)
        assert (averaged["tta"] == views).all() and (plain["tta"] == "identity").all()
        same = ["model", "recipe", "seed", "fold", "image_id"]
        assert averaged[same].equals(plain[same]) and list(averaged) == list(plain)
        shown = packed(data)[rows_of(fold, name)].unsqueeze(1) / 255.0
        with torch.inference_mode():
            single = [model(REFERENCES[view](shown)) for view in VIEW_SETS[views]]
        single = [each[:, -1] - (each[:, 0] if each.shape[1] == 2 else 0) for each in single]
        expected = torch.stack(single).mean(dim=0).numpy()
        np.testing.assert_allclose(averaged["logit"], expected, atol=1e-3)
        assert not np.array_equal(averaged["logit"], plain["logit"])
