"""The measures of a fold's sample: which images, which maps, which class."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torch.nn.functional import adaptive_avg_pool2d

from pneumobench.explain.cam import explain
from pneumobench.explain.localisation import energy_inside
from pneumobench.explain.maps import enlarge
from pneumobench.explain.measure import PNEUMONIA, FoldSample, lesion_mask
from pneumobench.models import registry

SETTINGS = {"method": "grad_cam", "layer": None, "tested_images": 1}
SUBTYPES = ["normal", "normal", "bacterial", "viral", "viral"]
SIZE = 64


@pytest.fixture(scope="module")
def sample():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = registry.load("custom_resnet18").build(1).eval()
    squares = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE), dtype=np.uint8)
    own = pd.DataFrame(
        {
            "image_id": [f"film{number}" for number in range(5)],
            "fold": 2,
            "subtype": SUBTYPES,
            "target": ["normal", "pneumonia", "normal", "pneumonia", "pneumonia"],
        }
    )
    return FoldSample(model, squares, own, SETTINGS)


@pytest.fixture
def films(tmp_path):
    """Rows of the manifest; two films have a lesion mask, one a box."""
    mask = np.zeros((80, 60), np.uint8)
    mask[20:50, 10:30] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return pd.DataFrame(
        {
            "width": 60,
            "height": 80,
            "mask_path": ["", "", "mask.png", "mask.png", ""],
            "boxes": ["", "", "", "", "[[10, 20, 20, 30]]"],
        },
        index=[f"film{number}" for number in range(5)],
    )


def test_one_image_of_each_subtype_has_its_pixels_changed(sample):
    table = pd.concat(sample.faithfulness())
    assert set(table["image_id"]) == {"film0", "film2", "film3"}
    assert set(table["map"]) == {"grad_cam", "randomised", "random", "centre"}
    assert set(table["measure"]) == {"insertion", "deletion", "road"}
    assert len(table) == 3 * 4 * 3 and table["value"].notna().all()
    assert table.loc[table["measure"] == "insertion", "value"].between(0, 1).all()


def test_maps_are_held_against_second_opinions_by_rank(sample):
    grid = sample.grid
    like = {"film1": sample.explained["grad_cam"][1], "film4": -sample.explained["centre"][4]}
    opinions = pd.Series({name: one.numpy() for name, one in like.items()})
    table = pd.concat(sample.likeness({"occlusion": opinions}))
    assert set(table["measure"]) == {"like_occlusion"} and len(table) == 2 * 4
    values = table.set_index(["image_id", "map"])["value"]
    assert values["film1", "grad_cam"] == pytest.approx(1)
    cells = [
        adaptive_avg_pool2d(sample.explained[name][1:2], grid) for name in ("random", "grad_cam")
    ]
    expected = spearmanr(*(one.flatten().numpy() for one in cells)).statistic
    assert values["film1", "random"] == pytest.approx(expected)
    # What speaks against the class is cut off: nothing is left to compare with.
    assert values["film4"].isna().all()


def test_lesions_are_sought_in_maps_for_pneumonia(sample, films, tmp_path):
    table = pd.concat(sample.places(films, tmp_path, "squash"))
    inside = table[(table["measure"] == "energy_inside") & (table["map"] == "grad_cam")]
    inside = inside.set_index("image_id")["value"]
    assert inside[["film0", "film1"]].isna().all()
    maps = explain(sample.model, sample.images, target=PNEUMONIA).joint
    for row, name in ((2, "film2"), (4, "film4")):
        lesion = lesion_mask(films.loc[name], tmp_path, SIZE, "squash")
        expected = energy_inside(enlarge(maps, SIZE)[row].numpy(), lesion)
        assert inside[name] == pytest.approx(expected, nan_ok=True)
    border = table[(table["measure"] == "energy_border") & (table["map"] == "centre")]
    assert len(border) == 5 and border["value"].notna().all()


def test_masks_and_boxes_of_the_same_place_are_the_same(films, tmp_path):
    from_mask = lesion_mask(films.loc["film2"], tmp_path, SIZE, "squash")
    from_box = lesion_mask(films.loc["film4"], tmp_path, SIZE, "squash")
    assert from_mask.any() and (from_mask == from_box).all()
    assert lesion_mask(films.loc["film0"], tmp_path, SIZE, "squash") is None


def test_every_stage_is_compared_for_every_image(sample):
    table = pd.concat(sample.randomisation())
    assert (table.groupby("layer_order")["image_id"].nunique() == 5).all()
    assert table["layer_order"].max() == table["layer"].nunique() - 1 >= 4
    assert table["ssim"].dropna().between(-1, 1).all()
