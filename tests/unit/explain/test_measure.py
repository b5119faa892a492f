"""The measures of a fold's sample: which images, which maps, which class."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from pneumobench.explain.cam import explain
from pneumobench.explain.controls import centre_maps
from pneumobench.explain.localisation import energy_inside
from pneumobench.explain.maps import enlarge
from pneumobench.explain.measure import (
    PNEUMONIA,
    SEED,
    FoldSample,
    lesion_mask,
    on_grid,
    radiograph_regions,
)
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
            "image_id": [f"radiograph{number}" for number in range(5)],
            "fold": 2,
            "subtype": SUBTYPES,
            "target": ["normal", "pneumonia", "normal", "pneumonia", "pneumonia"],
        }
    )
    return FoldSample(model, squares, own, SETTINGS)


@pytest.fixture
def radiographs(tmp_path):
    """Rows of the manifest; two radiographs have a lesion mask, one a box."""
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
        index=[f"radiograph{number}" for number in range(5)],
    )


def test_one_image_of_each_subtype_has_its_pixels_changed(sample):
    table = pd.concat(sample.faithfulness())
    assert set(table["image_id"]) == {"radiograph0", "radiograph2", "radiograph3"}
    assert set(table["map"]) == {"grad_cam", "randomised", "random", "centre"}
    assert set(table["measure"]) == {"insertion", "deletion", "road"}
    assert len(table) == 3 * 4 * 3
    rows = {"radiograph0": 0, "radiograph2": 2, "radiograph3": 3}
    marks = [
        bool(sample.explained[row.map][rows[row.image_id]].any()) for row in table.itertuples()
    ]
    assert (table["value"].notna() == marks).all()
    assert table.loc[table["measure"] == "insertion", "value"].dropna().between(0, 1).all()


def test_empty_maps_mark_nothing_that_could_be_inserted(sample):
    spoilt = copy.copy(sample)
    spoilt.explained = {name: maps.clone() + 1e-3 for name, maps in sample.explained.items()}
    spoilt.explained["grad_cam"][0] = 0
    table = (
        pd.concat(spoilt.faithfulness())
        .set_index(["image_id", "map", "measure"])["value"]
        .sort_index()
    )
    assert (
        table["radiograph0", "grad_cam"].isna().all()
        and table["radiograph0", "random"].notna().all()
    )
    assert table["radiograph2", "grad_cam"].notna().all()


def test_many_radiographs_are_measured_in_portions(sample, monkeypatch):
    whole = pd.concat(sample.faithfulness())["value"]
    monkeypatch.setattr("pneumobench.explain.measure.BATCH_SIZE", 2)
    portions = pd.concat(sample.faithfulness())["value"]
    assert portions.to_numpy() == pytest.approx(whole.to_numpy(), abs=1e-5, nan_ok=True)


def test_random_weights_are_drawn_until_they_mark_something(sample, monkeypatch):
    seeds = []

    def draw(model, _images, *, seed):
        seeds.append(seed)
        blank = copy.deepcopy(model)
        # Speaks against pneumonia everywhere, then for it: three of the five maps are of pneumonia.
        torch.nn.init.constant_(blank.network.fc.weight, 1.0 if len(seeds) > 1 else -1.0)
        return blank

    monkeypatch.setattr("pneumobench.explain.measure.randomised_copy", draw)
    blank = sample.without_knowledge()
    assert seeds == [SEED, SEED + 1]
    assert (sample.maps(blank, sample.images, sample.target).amax((1, 2)) > 0).sum() == 3


def test_cells_that_differ_by_rounding_share_their_rank():
    centre = centre_maps(1, SIZE)
    assert len(on_grid(centre, (2, 2)).unique()) == 1
    assert len(on_grid(centre, (3, 3)).unique()) == 3
    assert not on_grid(torch.zeros(1, SIZE, SIZE), (2, 2)).any()


def test_maps_are_held_against_second_opinions_by_rank(sample):
    grid = sample.grid
    like = {
        "radiograph1": sample.explained["grad_cam"][1],
        "radiograph4": -sample.explained["centre"][4],
    }
    opinions = pd.Series({name: one.numpy() for name, one in like.items()})
    table = pd.concat(sample.likeness({"occlusion": opinions}))
    assert set(table["measure"]) == {"like_occlusion"} and len(table) == 2 * 4
    values = table.set_index(["image_id", "map"])["value"]
    assert values["radiograph1", "grad_cam"] == pytest.approx(1)
    cells = [on_grid(sample.explained[name][1:2], grid) for name in ("random", "grad_cam")]
    expected = spearmanr(*(one.flatten().numpy() for one in cells)).statistic
    assert values["radiograph1", "random"] == pytest.approx(expected)
    # What speaks against the class is cut off: nothing is left to compare with.
    assert values["radiograph4"].isna().all()


def test_lesions_are_sought_in_maps_for_pneumonia(sample, radiographs, tmp_path):
    regions = radiograph_regions(radiographs, sample.squares, root=tmp_path, resize="squash")
    table = pd.concat(sample.places(regions))
    inside = table[(table["measure"] == "energy_inside") & (table["map"] == "grad_cam")]
    inside = inside.set_index("image_id")["value"]
    assert inside[["radiograph0", "radiograph1"]].isna().all()
    maps = explain(sample.model, sample.images, target=PNEUMONIA).joint
    for row, name in ((2, "radiograph2"), (4, "radiograph4")):
        lesion = lesion_mask(radiographs.loc[name], tmp_path, SIZE, "squash")
        expected = energy_inside(enlarge(maps, SIZE)[row].numpy(), lesion)
        assert inside[name] == pytest.approx(expected, nan_ok=True)
    border = table[(table["measure"] == "energy_border") & (table["map"] == "centre")]
    assert len(border) == 5 and border["value"].notna().all()


def test_masks_and_boxes_of_the_same_place_are_the_same(radiographs, tmp_path):
    from_mask = lesion_mask(radiographs.loc["radiograph2"], tmp_path, SIZE, "squash")
    from_box = lesion_mask(radiographs.loc["radiograph4"], tmp_path, SIZE, "squash")
    assert from_mask.any() and (from_mask == from_box).all()
    assert lesion_mask(radiographs.loc["radiograph0"], tmp_path, SIZE, "squash") is None


def test_every_stage_is_compared_for_every_image(sample):
    table = pd.concat(sample.randomisation())
    assert (table.groupby("layer_order")["image_id"].nunique() == 5).all()
    assert table["layer_order"].max() == table["layer"].nunique() - 1 >= 4
    assert table["ssim"].dropna().between(-1, 1).all()
