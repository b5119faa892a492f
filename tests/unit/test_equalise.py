"""Equalisation: the methods against references, and the stage that writes the images."""

import hashlib

import numpy as np
import pytest

from pneumobench.core.files import read_json, write_json
from pneumobench.data import squares
from pneumobench.data.equalise import (
    METHODS,
    equalise_clahe,
    equalise_histogram,
    equalise_images,
    standardise,
)


def film(size=64, seed=0):
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
    image = film()
    grey, count = np.unique(image, return_counts=True)
    rank = count.cumsum() - count[0]
    exact = dict(zip(grey, rank / (image.size - count[0]) * 255, strict=True))
    expected = np.vectorize(exact.get)(image)
    np.testing.assert_allclose(equalise_histogram(image), expected, atol=0.51)
    assert equalise_histogram(image).min() == 0 and equalise_histogram(image).max() == 255


@pytest.mark.parametrize("size", [64, 65, 90])
def test_clahe_is_the_definition(size):
    """Tables are rounded once before interpolation, hence one grey value."""
    ours = equalise_clahe(film(size))
    assert np.abs(ours - plain_clahe(film(size))).max() <= 1.01


# What OpenCV 5.0 makes of film(size), first digits of SHA-256: cv2.equalizeHist(image) and
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
    spread = METHODS[method](film(size))
    assert hashlib.sha256(spread.tobytes()).hexdigest()[:16] == OPENCV[method, size]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grey", [0, 90, 255])
def test_an_image_of_one_grey_value_stays(method, grey):
    image = np.full((64, 64), grey, dtype=np.uint8)
    np.testing.assert_array_equal(METHODS[method](image), image)


@pytest.mark.parametrize("method", METHODS)
def test_extremes_give_images(method):
    half = np.zeros((70, 70), dtype=np.uint8)
    half[:, 35:] = 255
    nearly_one_grey = np.full((70, 70), 200, dtype=np.uint8)
    nearly_one_grey[0, 0] = 201
    for image in (half, nearly_one_grey, np.random.default_rng(0).integers(0, 256, (70, 70))):
        spread = METHODS[method](image.astype(np.uint8))
        assert spread.shape == (70, 70) and spread.dtype == np.uint8


def test_clahe_limits_contrast_and_histogram_does_not():
    """Faint grain on one grey value stays faint."""
    faint = 100 + np.random.default_rng(0).integers(0, 2, (128, 128), dtype=np.uint8)
    assert np.ptp(equalise_clahe(faint)) < 10
    assert np.ptp(equalise_histogram(faint)) == 255


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.5, 60.0)])
def test_standardised_images_forget_exposure_and_contrast(gain, offset):
    image = (film() * gain + offset).astype(np.uint8)
    found = standardise(image).astype(float)
    assert found.mean() == pytest.approx(127.5, abs=0.5)
    assert found.std() == pytest.approx(51, abs=0.5)
    exact = 127.5 + 51 * (image - image.mean()) / image.std()
    np.testing.assert_allclose(found, exact.clip(0, 255), atol=0.501)


def equalised(folder, images, **options):
    source, digest = folder / "images.npy", folder / "images.json"
    np.save(source, images)
    write_json(digest, {"size": images.shape[1], "count": len(images), "sha256": "of the source"})
    target, record = folder / "equalised.npy", folder / "equalised.json"
    settings = {"method": "clahe", "workers": 2} | options
    equalise_images(source, digest, target, record, **settings)
    return np.load(target), read_json(record)


@pytest.mark.parametrize("method", METHODS)
def test_stage_equalises_each_image_and_describes_them(tmp_path, method, monkeypatch):
    films = np.stack([film(64, seed) for seed in range(7)])
    images, record = equalised(tmp_path, films, method=method)
    for source, image in zip(films, images, strict=True):
        np.testing.assert_array_equal(image, METHODS[method](source))
    assert record["sha256"] == hashlib.sha256(images.tobytes()).hexdigest()
    assert (record["equalisation"], record["size"], record["count"]) == (method, 64, 7)
    assert record["numpy"] == np.__version__
    monkeypatch.setattr(squares, "ROWS_AT_A_TIME", 3)
    again, same = equalised(tmp_path, films, method=method, workers=1)
    np.testing.assert_array_equal(again, images)
    assert same == record


def test_unknown_method_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected one of histogram, clahe"):
        equalised(tmp_path, film()[None], method="none")
