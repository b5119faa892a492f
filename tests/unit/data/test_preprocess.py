"""Preprocessing: the methods against references, and the stage that writes the images."""

import hashlib
import logging
from typing import NamedTuple, get_args

import numpy as np
import pytest
from packed_fixture import write_packed

from pneumobench.core.config.recipe import Preprocessing
from pneumobench.core.files import read_json
from pneumobench.data import squares
from pneumobench.data.images import decode_grey, resize_square
from pneumobench.data.phantoms.cohort import plan_cohort
from pneumobench.data.phantoms.generate import Knobs, draw_radiograph
from pneumobench.data.preprocess import METHODS, preprocess, preprocess_images
from pneumobench.data.preprocessing.boxes import Box, inner_box, keep_box, within
from pneumobench.data.preprocessing.clahe import equalise_clahe
from pneumobench.data.preprocessing.grey_values import equalise_histogram, standardise
from pneumobench.data.preprocessing.lungs import lung_box


def radiograph(size=64, seed=0):
    """A pale image with some structure, uint8 [size, size]."""
    row, column = np.mgrid[:size, :size] / size
    grain = np.random.default_rng(seed).normal(0, 6, (size, size))
    grey = 110 + 30 * np.sin(6 * column) * np.cos(4 * row) + 20 * row + grain
    return grey.clip(0, 255).astype(np.uint8)


def plain_clahe(image, tiles=8, clip_limit=2.0):
    """CLAHE as one would write it down pixel by pixel."""
    size = len(image)
    tile = -(-size // tiles)
    mirrored = [min(i, 2 * (size - 1) - i) for i in range(tile * tiles)]
    tables = {}
    for tile_row in range(tiles):
        for tile_column in range(tiles):
            counts = [0] * 256
            for i in range(tile_row * tile, (tile_row + 1) * tile):
                for j in range(tile_column * tile, (tile_column + 1) * tile):
                    counts[image[mirrored[i], mirrored[j]]] += 1
            limit = max(int(clip_limit * tile * tile / 256), 1)
            excess = sum(max(count - limit, 0) for count in counts)
            counts = [min(count, limit) + excess // 256 for count in counts]
            left = excess % 256
            step = max(256 // left, 1) if left else 1
            for number in range(left):
                counts[number * step] += 1
            tables[tile_row, tile_column] = np.cumsum(counts) * 255 / (tile * tile)
    spread = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            down, across = (i / tile - 0.5), (j / tile - 0.5)
            i0, j0 = int(np.floor(down)), int(np.floor(across))
            spread[i, j] = sum(
                tables[min(max(i0 + di, 0), tiles - 1), min(max(j0 + dj, 0), tiles - 1)][
                    image[i, j]
                ]
                * (1 - abs(down - i0 - di))
                * (1 - abs(across - j0 - dj))
                for di in (0, 1)
                for dj in (0, 1)
            )
    return spread


def test_histogram_is_the_textbooks():
    image = radiograph()
    grey, count = np.unique(image, return_counts=True)
    rank = count.cumsum() - count[0]
    exact = dict(zip(grey, rank / (image.size - count[0]) * 255, strict=True))
    expected = np.vectorize(exact.get)(image)
    np.testing.assert_allclose(equalise_histogram(image), expected, atol=0.51)
    assert equalise_histogram(image).min() == 0 and equalise_histogram(image).max() == 255


@pytest.mark.parametrize("size", [64, 65, 90])
def test_clahe_is_the_definition(size):
    """Tables are rounded once before interpolation, hence one grey value."""
    ours = equalise_clahe(radiograph(size))
    assert np.abs(ours - plain_clahe(radiograph(size))).max() <= 1.01


# What OpenCV 5.0 makes of radiograph(size), first digits of SHA-256: cv2.equalizeHist(image) and
# cv2.createCLAHE(2.0, (8, 8)).apply(image).
OPENCV = {
    ("histogram", 64): "748d1af4602dcd3c",
    ("clahe", 64): "978f6e83e5190bff",
    ("histogram", 100): "f6b5ede837434d64",
    ("clahe", 100): "65fc323a464ef73a",
    ("histogram", 224): "74053bb76d8f513c",
    ("clahe", 224): "8977d3bef041cc2e",
}


@pytest.mark.parametrize("size", [64, 100, 224])
@pytest.mark.parametrize("method", ["histogram", "clahe"])
def test_both_are_opencvs_byte_for_byte(method, size):
    spread = preprocess(radiograph(size), method).image
    assert hashlib.sha256(spread.tobytes()).hexdigest()[:16] == OPENCV[method, size]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grey", [0, 90, 255])
def test_an_image_of_one_grey_value_stays(method, grey):
    image = np.full((64, 64), grey, dtype=np.uint8)
    np.testing.assert_array_equal(preprocess(image, method).image, image)


@pytest.mark.parametrize("method", METHODS)
def test_extremes_give_images(method):
    half = np.zeros((70, 70), dtype=np.uint8)
    half[:, 35:] = 255
    nearly_one_grey = np.full((70, 70), 200, dtype=np.uint8)
    nearly_one_grey[0, 0] = 201
    for image in (half, nearly_one_grey, np.random.default_rng(0).integers(0, 256, (70, 70))):
        spread = preprocess(image.astype(np.uint8), method).image
        assert spread.shape == (70, 70) and spread.dtype == np.uint8


def test_clahe_limits_contrast_and_histogram_does_not():
    """Faint grain on one grey value stays faint."""
    faint = 100 + np.random.default_rng(0).integers(0, 2, (128, 128), dtype=np.uint8)
    assert np.ptp(equalise_clahe(faint)) < 10
    assert np.ptp(equalise_histogram(faint)) == 255


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.5, 60.0)])
def test_standardised_images_forget_exposure_and_contrast(gain, offset):
    image = (radiograph() * gain + offset).astype(np.uint8)
    found = standardise(image).astype(float)
    assert found.mean() == pytest.approx(127.5, abs=0.5)
    assert found.std() == pytest.approx(51, abs=0.5)
    exact = 127.5 + 51 * (image - image.mean()) / image.std()
    np.testing.assert_allclose(found, exact.clip(0, 255), atol=0.501)


@pytest.fixture(scope="module")
def inside():
    return Box(slice(10, 40), slice(20, 50))


def test_what_is_masked_has_no_influence(inside):
    image, other = radiograph(), radiograph(seed=1)
    other[inside.rows, inside.columns] = image[inside.rows, inside.columns]
    masked = keep_box(image, inside)
    np.testing.assert_array_equal(masked, keep_box(other, inside))
    kept = masked[inside.rows, inside.columns]
    np.testing.assert_array_equal(kept, image[inside.rows, inside.columns])
    outside = np.ones(image.shape, bool)
    outside[inside.rows, inside.columns] = False
    assert set(masked[outside]) == {round(kept.mean())}


@pytest.mark.parametrize("size", [64, 96, 225])
def test_border_is_a_tenth_of_each_side(size):
    image = np.full((size, size), 90, np.uint8)
    box = inner_box(image)
    edge = pytest.approx(0.1 * size, abs=0.51)
    assert box.rows == box.columns and not box.fallback
    assert (box.rows.start, size - box.rows.stop) == (edge, edge)


def test_border_begins_behind_black_bars():
    padded = np.zeros((100, 100), np.uint8)
    padded[20:80] = radiograph(100)[20:80]
    assert inner_box(padded) == Box(slice(26, 74), slice(10, 90))


def test_a_box_is_cut_off_at_the_radiograph_and_never_empty():
    part = slice(10, 20), slice(0, 40)
    assert within(part, -0.5, 0.5, 0.5, 1.5) == Box(slice(10, 15), slice(20, 40))
    assert within(part, 1.2, 1.4, -1, -0.5) == Box(slice(19, 20), slice(0, 1))
    assert within(part, 0.5, 0.5, 0.25, 0.25) == Box(slice(15, 16), slice(10, 11))


class Drawn(NamedTuple):
    """A drawn radiograph and the truth about it, [S, S]."""

    square: np.ndarray
    lungs: np.ndarray
    lesion: np.ndarray
    letter: np.ndarray


def drawn_radiographs(shift: float, size: int, count: int) -> list[Drawn]:
    """Draw radiographs of both classes, with a letter at an upper corner of each."""
    chosen = [
        radiograph
        for radiograph in plan_cohort(400, 0.3, 11)
        if (radiograph.patient.split == "test") == (shift > 0)
    ]
    # The cohort is sorted by class.
    chosen = chosen[:: len(chosen) // count][:count]
    return [truth(radiograph, Knobs(11, 256, 0.3, shift, 1.0), size) for radiograph in chosen]


def truth(planned, knobs: Knobs, size: int) -> Drawn:
    drawn = draw_radiograph(planned, knobs)
    pixels = decode_grey(drawn.jpeg)[0]

    def region(mask):
        return resize_square(mask.astype(np.uint8) * 255, size, "squash") >= 128

    lesion = np.zeros(pixels.shape, bool) if drawn.lesion is None else drawn.lesion
    letter = pixels > 245
    letter[:, pixels.shape[1] // 5 : -pixels.shape[1] // 5] = False
    letter[pixels.shape[0] // 3 :] = False
    return Drawn(
        resize_square(pixels, size, "squash"), region(drawn.lungs), region(lesion), region(letter)
    )


@pytest.fixture(scope="module")
def radiographs():
    return {shift: drawn_radiographs(shift, 96, 30) for shift in (0.0, 0.8)}


def shares(radiographs: list[Drawn], region: str) -> np.ndarray:
    """Return the share of a region that `lung_masked` keeps, of radiographs that have it."""
    found = []
    for radiograph in radiographs:
        box, mask = lung_box(radiograph.square), getattr(radiograph, region)
        assert not box.fallback
        if mask.any():
            found.append(mask[box.rows, box.columns].sum() / mask.sum())
    assert len(found) > 10
    return np.array(found)


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_lungs_and_lesions_are_kept_and_the_surroundings_go(radiographs, shift):
    lungs, lesions = (shares(radiographs[shift], region) for region in ("lungs", "lesion"))
    assert lungs.mean() > 0.985 and lungs.min() > 0.85
    assert lesions.mean() > 0.99 and lesions.min() > 0.85
    letters = shares(radiographs[shift], "letter")
    kept = (
        np.mean(
            [
                radiograph.square[lung_box(radiograph.square)[:2]].size
                for radiograph in radiographs[shift]
            ]
        )
        / 96**2
    )
    # A box has corners: letters that stand beside the narrow upper lungs stay inside.
    assert letters.mean() < 0.7
    assert kept < 0.85


@pytest.mark.parametrize("size", [64, 224])
def test_the_box_is_the_same_share_of_every_size(radiographs, size):
    for radiograph in radiographs[0.0][::10]:
        scaled, box = (
            lung_box(resize_square(radiograph.square, size, "squash")),
            lung_box(radiograph.square),
        )
        for one, other in zip(scaled[:2], box[:2], strict=True):
            edges = (
                np.array([one.start, one.stop]) / size - np.array([other.start, other.stop]) / 96
            )
            assert np.abs(edges).max() < 0.05


def test_lungs_are_sought_on_the_radiograph_beside_black_bars(radiographs):
    for radiograph in radiographs[0.0][::10]:
        padded = np.zeros((96, 96), np.uint8)
        padded[12:84] = resize_square(radiograph.square, 96, "squash")[12:84]
        box, bare = lung_box(padded), lung_box(padded[12:84])
        assert (box.rows.start, box.rows.stop) == (bare.rows.start + 12, bare.rows.stop + 12)
        assert box.columns == bare.columns


@pytest.mark.parametrize("kind", ["noise", "one grey", "on its side", "negative"])
def test_what_is_no_chest_gets_the_usual_box_and_says_so(radiographs, kind):
    square = radiographs[0.0][0].square
    image = {
        "noise": np.random.default_rng(0).integers(1, 256, (96, 96), dtype=np.uint8),
        "one grey": np.full((96, 96), 120, np.uint8),
        "on its side": np.ascontiguousarray(square.T),
        "negative": 255 - square,
    }[kind]
    box = lung_box(image)
    assert box.fallback
    # Usual lungs and their margins: 0.7 of the height, 0.78 of the width, in the middle.
    assert box[:2] == (slice(10, 90), slice(8, 88))


def preprocessed(folder, images, **options):
    source = folder / "images.npy"
    write_packed(source, images, map(str, range(len(images))))
    target, record = folder / "preprocessed.npy", folder / "preprocessed.json"
    settings = {"method": "clahe", "workers": 2} | options
    preprocess_images(source, target, record, **settings)
    return np.load(target), read_json(record)


@pytest.mark.parametrize("method", METHODS)
def test_stage_preprocesses_each_image_and_describes_them(tmp_path, method, monkeypatch):
    radiographs = np.stack([radiograph(64, seed) for seed in range(7)])
    images, record = preprocessed(tmp_path, radiographs, method=method)
    for source, image in zip(radiographs, images, strict=True):
        np.testing.assert_array_equal(image, preprocess(source, method).image)
    assert record["sha256"] == hashlib.sha256(images.tobytes()).hexdigest()
    assert (record["preprocessing"], record["size"], record["count"]) == (method, 64, 7)
    assert record["numpy"] == np.__version__
    monkeypatch.setattr(squares, "ROWS_AT_A_TIME", 3)
    again, same = preprocessed(tmp_path, radiographs, method=method, workers=1)
    np.testing.assert_array_equal(again, images)
    assert same == record


def test_fallbacks_are_counted_and_logged(tmp_path, radiographs, caplog):
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 96), dtype=np.uint8)
    images = np.concatenate([noise, [radiograph.square for radiograph in radiographs[0.0][:3]]])
    with caplog.at_level(logging.WARNING):
        _, record = preprocessed(tmp_path, images, method="lung_masked")
    assert record["fallbacks"] == 2
    assert "lung_masked has no plausible estimate for 2 of 5 images" in caplog.text


def test_configuration_offers_every_method_and_none():
    assert get_args(Preprocessing) == ("none", *METHODS)


def test_unknown_method_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected one of histogram, clahe"):
        preprocessed(tmp_path, radiograph()[None], method="none")
