"""Where maps lie: measures by hand, regions as the radiograph is resized, bodies, markers."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.linear_model import LogisticRegression

from pneumobench.core.errors import UserError
from pneumobench.data.body import body_mask
from pneumobench.data.images import resize_square
from pneumobench.data.phantoms.cohort import plan_cohort
from pneumobench.data.phantoms.generate import Knobs, draw_radiograph
from pneumobench.explain.cam import explain
from pneumobench.explain.localisation import (
    border_mask,
    boxes_mask,
    corner_mask,
    energy_inside,
    iou,
    lesion_measures,
    parse_boxes,
    pointing_game,
    read_mask,
    shortcut_shares,
)
from pneumobench.explain.maps import enlarge
from pneumobench.models import registry
from pneumobench.models.blocks.classifier import Classifier

SIDE = 12
MEASURES = (energy_inside, pointing_game, iou)
RESIZES = ("squash", "pad", "crop")
seeds = st.integers(0, 2**32 - 1)


def draw(seed):
    """Draw a map of few whole numbers, tied and often zero, and a lesion; either may be empty."""
    generator = np.random.default_rng(seed)
    saliency = generator.integers(0, generator.integers(1, 6), (SIDE, SIDE)).astype(np.float32)
    saliency *= generator.random((SIDE, SIDE)) < generator.choice([0.02, 0.3, 1.0])
    return saliency, generator.random((SIDE, SIDE)) < generator.choice([0.0, 0.02, 0.3, 1.0])


def region(rows, columns, side=SIDE):
    mask = np.zeros((side, side), bool)
    mask[rows, columns] = True
    return mask


def test_energy_by_hand():
    saliency = np.array([[1, 2], [3, 4]], np.float32)
    assert energy_inside(saliency, np.array([[False, True], [False, True]])) == pytest.approx(0.6)


def test_iou_by_hand():
    saliency = np.arange(16, dtype=np.float32).reshape(4, 4)
    # The four highest are the last row; two of them are of the lesion.
    lesion = np.zeros((4, 4), bool)
    lesion[2:, 2:] = True
    assert iou(saliency, lesion) == pytest.approx(2 / 6)


def test_pixels_tied_at_the_cut_count_by_their_share():
    saliency = np.ones((4, 4), np.float32)
    saliency[0, 0] = 2
    lesion = np.zeros((4, 4), bool)
    lesion[0] = True
    # One pixel surely, three of the other fifteen, of which three are of the lesion.
    overlap = 1 + 3 * 3 / 15
    assert iou(saliency, lesion) == pytest.approx(overlap / (8 - overlap))


def test_zeros_never_count_as_the_maps_area():
    lesion, saliency = region(slice(4), slice(4)), np.zeros((SIDE, SIDE), np.float32)
    saliency[0, :2] = 1
    assert iou(saliency, lesion) == pytest.approx(2 / 16)
    assert iou(saliency[::-1], lesion) == 0


def test_ties_favour_no_corner():
    flat = np.ones((SIDE, SIDE), np.float32)
    found = {
        iou(flat, region(rows, columns))
        for rows in (slice(4), slice(-4, None)) for columns in (slice(4), slice(-4, None))
    }  # fmt: skip
    overlap = 16 * 16 / SIDE**2
    assert len(found) == 1 and found.pop() == pytest.approx(overlap / (32 - overlap))


def test_a_maximum_hits_up_to_the_tolerance():
    lesion = region(slice(100, 120), slice(100, 120), 224)
    for column, hit in ((100, 1), (85, 1), (84, 0), (134, 1), (135, 0)):
        saliency = np.zeros((224, 224), np.float32)
        saliency[110, column] = 1
        assert pointing_game(saliency, lesion) == hit, column
    # 15 of 224 pixels are 4.3 of 64; the distance is Euclidean: 3 down and 3 across are 4.24.
    lesion = region(slice(30, 40), slice(30, 40), 64)
    for place, hit in (((42, 42), 1), ((43, 42), 0), ((43, 35), 1), ((44, 35), 0)):
        saliency = np.zeros((64, 64), np.float32)
        saliency[place] = 1
        assert pointing_game(saliency, lesion) == hit, place


def test_tied_maxima_hit_by_their_share():
    saliency = np.zeros((64, 64), np.float32)
    saliency[[30, 31, 5, 60], [30, 31, 5, 60]] = 1
    assert pointing_game(saliency, region(slice(28, 34), slice(28, 34), 64)) == 0.5


@given(seeds)
def test_a_map_equal_to_the_lesion_is_perfect(seed):
    lesion = np.random.default_rng(seed).random((SIDE, SIDE)) < 0.3
    assert [measure(lesion.astype(np.float32), lesion) for measure in MEASURES] == [1, 1, 1]


@given(seeds)
@settings(deadline=None)
def test_scaling_changes_nothing_and_flips_commute(seed):
    saliency, lesion = draw(seed)
    for measure in MEASURES:
        value = measure(saliency, lesion)
        assert np.isnan(value) == (not saliency.any() or not lesion.any())
        assert np.isnan(value) or 0 <= value <= 1
        for other, mask in (
            (saliency * 3, lesion), (saliency / 1024, lesion), (saliency[::-1], lesion[::-1]),
            (saliency[:, ::-1], lesion[:, ::-1]), (saliency.T, lesion.T),
        ):  # fmt: skip
            assert measure(other, mask) == pytest.approx(value, nan_ok=True)


@given(seeds)
def test_shares_of_a_region_and_of_the_rest_add_up(seed):
    saliency, lesion = draw(seed)
    shares = [energy_inside(saliency, part) for part in (lesion, ~lesion)]
    if lesion.any() and not lesion.all() and saliency.any():
        assert sum(shares) == pytest.approx(1)
    else:
        assert np.isnan(shares).any()


def test_all_measures_of_a_map_by_name():
    saliency = np.ones((100, 100), np.float32)
    body, corners = region(slice(100), slice(80), 100), corner_mask(300, 200, 100, "squash")
    regions = {"border": border_mask(300, 200, 100, "squash"), "corners": corners}
    shares = shortcut_shares(saliency, body=body, **regions)
    assert shares["energy_outside_body"] == pytest.approx(0.2)
    assert shares["energy_border"] == pytest.approx(1 - 0.84**2)
    assert shares["energy_corners"] == pytest.approx(4 * 0.2 * 0.33, abs=0.01)
    lesion = region(slice(50), slice(50), 100)
    found = lesion_measures(saliency, lesion)
    assert found["energy_inside"] == 0.25 and found["iou"] == pytest.approx(625 / 4375)
    assert found["pointing_game"] == pointing_game(saliency, lesion)
    empty = shortcut_shares(0 * saliency, body=body, **regions)
    for nothing in (lesion_measures(saliency, None), lesion_measures(0 * saliency, lesion), empty):
        assert len(nothing) == 3 and np.isnan(list(nothing.values())).all()
    full = shortcut_shares(saliency, body=np.ones_like(body), **regions)
    assert np.isnan(full["energy_outside_body"])


@pytest.mark.parametrize(
    "spoilt", [np.full((4, 4), -1.0), np.full((4, 4), np.nan), np.ones((4, 5))]
)
def test_what_is_no_map_is_refused(spoilt):
    with pytest.raises(ValueError, match="a map"):
        energy_inside(spoilt, np.ones((4, 4), bool))


def write_mask(path, mask):
    Image.fromarray(mask.astype(np.uint8) * 255).convert("1").save(path)
    return path


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("shape", [(90, 130), (130, 90), (64, 64)])
def test_masks_go_the_way_of_their_radiograph(tmp_path, shape, resize):
    """A radiograph that is white where the lesion is has the same square as the lesion."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    lesion = (rows - 0.4 * shape[0]) ** 2 + (columns - 0.6 * shape[1]) ** 2 < 30**2
    mask = read_mask(
        write_mask(tmp_path / "m.png", lesion), 48, resize, radiograph_size=shape[::-1]
    )
    radiograph = resize_square(lesion.astype(np.uint8) * 200, 48, resize)
    assert mask.dtype == bool and mask.shape == (48, 48)
    np.testing.assert_array_equal(mask[radiograph != 100], radiograph[radiograph != 100] > 100)
    assert mask.any() and not mask.all()


def test_half_covered_pixels_belong_to_the_mask(tmp_path):
    lesion = np.zeros((8, 8), bool)
    lesion[:, :4] = lesion[:4, 4:6] = True
    reduced = read_mask(write_mask(tmp_path / "m.png", lesion), 8, "squash")
    np.testing.assert_array_equal(reduced, lesion)
    # Of the upper right quarter half is covered, then less.
    assert read_mask(tmp_path / "m.png", 2, "squash").tolist() == [[True, True], [True, False]]
    lesion[:4, 5] = False
    write_mask(tmp_path / "m.png", lesion)
    assert read_mask(tmp_path / "m.png", 2, "squash").tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("resize", RESIZES)
def test_boxes_equal_the_mask_of_the_same_rectangles(tmp_path, resize):
    lesion = np.zeros((120, 160), bool)
    lesion[20:70, 30:90] = lesion[60:110, 100:160] = True
    boxes = parse_boxes("[[30, 20, 60, 50], [100, 60, 80, 50.0]]", "p1")
    np.testing.assert_array_equal(
        boxes_mask(boxes, 160, 120, 64, resize),
        read_mask(write_mask(tmp_path / "m.png", lesion), 64, resize),
    )


def test_a_pixel_belongs_to_a_box_if_its_centre_does():
    mask = boxes_mask([(1.4, 1.6, 2.0, 1.0)], 6, 6, 6, "squash")
    assert np.argwhere(mask).tolist() == [[2, 1], [2, 2]]
    assert not boxes_mask([], 6, 6, 6, "squash").any()


@pytest.mark.parametrize(
    "text", ["1,2,3,4", "[[1, 2, 3]]", "[[1, 2, 0, 4]]", "[1, 2, 3, 4]", "[[1, 2, NaN, 4]]", "null"]
)
def test_boxes_that_are_none_are_refused(text):
    with pytest.raises(UserError, match=r"boxes of p1[\s\S]*" + re.escape(text)):
        parse_boxes(text, "p1")


def test_no_text_is_no_box():
    assert parse_boxes("", "p1") == []


def test_boxes_off_the_radiograph_are_refused():
    with pytest.raises(UserError, match="a box lies outside its radiograph"):
        boxes_mask([(100, 5, 10, 10)], 100, 50, 32, "squash")


def test_masks_that_do_not_fit_are_refused(tmp_path):
    path = write_mask(tmp_path / "m.png", np.ones((20, 30), bool))
    with pytest.raises(UserError, match=r"differ in size[\s\S]*30x20[\s\S]*20x30"):
        read_mask(path, 16, "squash", radiograph_size=(20, 30))
    for name, content in (("gone.png", None), ("text.png", b"no image")):
        if content:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"cannot be read[\\s\\S]*{name}"):
            read_mask(tmp_path / name, 16, "squash")


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_the_border_is_a_frame(resize):
    mask = border_mask(300, 200, 100, resize)
    assert mask.sum() == 100**2 - 84**2
    assert mask[7].all() and not mask[8, 8:92].any()
    np.testing.assert_array_equal(mask, mask.T[::-1])


def test_the_border_of_a_padded_radiograph_is_its_own_and_the_bars():
    mask = border_mask(200, 100, 100, "pad")
    # The radiograph fills the rows from 25 to 75; 8 % of it are four rows and eight columns.
    inside = region(slice(29, 71), slice(8, 92), 100)
    np.testing.assert_array_equal(mask, ~inside)


def phantom(index, image_px, subtype="bacterial", marker_confounder=0.0, difficulty=0.3):
    radiograph = plan_cohort(40, 0.2, seed=3)[0]
    radiograph = replace(
        radiograph, patient=replace(radiograph.patient, index=index, subtype=subtype)
    )
    knobs = Knobs(3, image_px, difficulty, 0.0, marker_confounder)
    drawn = draw_radiograph(radiograph, knobs)
    return np.asarray(Image.open(io.BytesIO(drawn.jpeg))), drawn


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize(("subtype", "letter"), [("bacterial", "R"), ("normal", "L")])
def test_markers_of_phantoms_lie_in_the_corners(monkeypatch, subtype, letter, resize):
    """The same radiographs with and without their marker differ in the corners only."""
    side = 128
    differences = []
    for index in range(12):
        radiograph, _ = phantom(index, side, subtype, marker_confounder=1.0)
        with monkeypatch.context() as patch:
            patch.setattr("pneumobench.data.phantoms.acquisition._mark", lambda *_: None)
            bare, _ = phantom(index, side, subtype, marker_confounder=1.0)
        height, width = radiograph.shape
        squares = [resize_square(one, side, resize).astype(int) for one in (radiograph, bare)]
        difference = np.abs(squares[0] - squares[1]) > 40
        corners = corner_mask(width, height, side, resize)
        assert difference.any() and not (difference & ~corners).any(), index
        differences.append(np.argwhere(difference)[:, 1].mean() < side / 2)
    assert set(differences) == {letter == "R"}


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("side", [64, 96, 224])
def test_bodies_of_phantoms_hold_lungs_and_lesions(side, resize):
    shares = []
    for index in range(8):
        radiograph, drawn = phantom(index, side)
        body = body_mask(resize_square(radiograph, side, resize))
        lungs = resize_square(drawn.lungs.astype(np.uint8) * 255, side, resize) >= 128
        assert body.dtype == bool and np.mean(body[lungs]) > 0.98, index
        shares.append(body.mean())
    # Some radiographs show the child from edge to edge, most some air.
    assert np.median(shares) < 0.95 and min(shares) > 0.4


def chest(side=96, air=10, frame=12):
    """Draw a bright trunk with dark lungs; the lungs are nearly as dark as the air around."""
    radiograph = np.full((side, side), air, np.uint8)
    radiograph[frame:, frame:-frame] = 170
    radiograph[30:80, 45:51] = 230
    radiograph[30:80, 24:42] = radiograph[30:80, 54:72] = 60
    return radiograph


def test_lungs_are_body_and_air_and_marker_are_not():
    radiograph = chest()
    radiograph[4:9, 3:7] = 250
    expected = np.zeros((96, 96), bool)
    expected[12:, 12:-12] = True
    # Smoothing may move the outline by a pixel.
    assert (body_mask(radiograph) != expected).sum() < 3 * 96
    assert not body_mask(radiograph)[:10, :9].any() and body_mask(radiograph)[30:80, 24:72].all()
    np.testing.assert_array_equal(body_mask(radiograph[:, ::-1]), body_mask(radiograph)[:, ::-1])


def test_a_radiograph_without_a_dark_surround_is_all_body():
    assert body_mask(chest()[14:, 14:-14]).all()
    for grey in (0, 90, 255):
        assert body_mask(np.full((64, 64), grey, np.uint8)).all()


def test_bars_of_padding_are_no_body_and_move_nothing():
    radiograph = chest()
    padded = np.zeros((96 + 40, 96), np.uint8)
    padded[20:-20] = radiograph
    np.testing.assert_array_equal(body_mask(padded)[20:-20], body_mask(radiograph))
    assert not body_mask(padded)[:20].any() and not body_mask(padded)[-20:].any()


class CellReader(Classifier):
    """Reads the mean grey of cells, each with a weight of its own: a network with one map."""

    def __init__(self, weight):
        super().__init__(registry.load("custom_resnet18"), None)
        self.weight = torch.nn.Parameter(weight)

    def prepare(self, images):
        return images

    def features(self, prepared):
        return torch.nn.functional.adaptive_avg_pool2d(prepared, self.weight.shape)

    def head(self, features):
        return (features[:, 0] * self.weight).sum((1, 2), keepdim=True)[:, :, 0]


def corners_of_a_reader(confounder, side=64, cells=16):
    """Fit a reader to faint phantoms; return the mean corner share of its maps for pneumonia."""
    radiographs, classes = [], []
    for index in range(60):
        for subtype in ("normal", "bacterial"):
            radiograph, _ = phantom(index, side, subtype, confounder, difficulty=0.8)
            radiographs.append((resize_square(radiograph, side, "squash"), radiograph.shape))
            classes.append(subtype == "bacterial")
    images = torch.from_numpy(np.stack([square for square, _ in radiographs])).unsqueeze(1) / 255
    grey = torch.nn.functional.adaptive_avg_pool2d(images, cells).flatten(1).numpy()
    fitted = LogisticRegression(C=10, max_iter=1000).fit(grey, classes)
    weight = torch.from_numpy(fitted.coef_).float().view(cells, cells)
    # Of a linear reader HiResCAM is exact: the map's sum is the score.
    maps = explain(CellReader(weight), images, method="hires_cam", target=1).joint
    shares = [
        energy_inside(one.numpy(), corner_mask(shape[1], shape[0], side, "squash"))
        for one, (_, shape) in zip(enlarge(maps, side), radiographs, strict=True)
    ]
    return np.nanmean(shares)


def test_a_marker_that_tells_the_class_draws_maps_into_the_corners():
    assert corners_of_a_reader(1.0) > 1.5 * corners_of_a_reader(0.0)
