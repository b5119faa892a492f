"""Maps on the frame of the radiograph."""

import numpy as np
import pytest

from pneumobench.data.images import resize_square
from pneumobench.reporting.drawing.painting import enlarge, overlay, place_on_radiograph


def hot_map(row, column, side=7):
    grid = np.zeros((side, side), np.float32)
    grid[row, column] = 1
    return grid


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize("shape", [(400, 560), (560, 400), (301, 512), (333, 333)])
@pytest.mark.parametrize("cell", [(2, 4), (3, 3), (4, 2)])
def test_map_lands_where_the_network_saw_it(resize, shape, cell):
    size = 224
    placed = place_on_radiograph(hot_map(*cell), shape, radiograph=shape, size=size, resize=resize)
    assert placed.shape == shape and placed.dtype == np.float32
    # A radiograph that shows the map itself must become the square's own enlarged map.
    radiograph = np.nan_to_num(placed * 255).round().astype(np.uint8)
    seen = resize_square(radiograph, size, resize).astype(float)
    assert np.abs(seen - enlarge(hot_map(*cell), size) * 255).max() < 4


def test_squash_spreads_over_the_radiograph_and_crop_leaves_the_sides_bare():
    flat = np.ones((2, 2), np.float32)
    arguments = {"radiograph": (100, 300), "size": 64}
    assert (place_on_radiograph(flat, (50, 150), resize="squash", **arguments) == 1).all()
    placed = place_on_radiograph(flat, (50, 150), resize="crop", **arguments)
    assert np.isnan(placed[:, :50]).all() and np.isnan(placed[:, 100:]).all()
    assert (placed[:, 50:100] == 1).all()


def test_pad_leaves_the_black_bars_outside():
    # Warm only in the bars above and below a wide radiograph.
    grid = np.zeros((8, 8), np.float32)
    grid[:2], grid[-2:] = 1, 1
    placed = place_on_radiograph(grid, (100, 400), radiograph=(100, 400), size=64, resize="pad")
    assert placed.max() == 0


def test_enlarging_interpolates_between_the_centres_of_cells():
    enlarged = enlarge(np.array([[0, 1], [0, 1]], np.float32), 4)
    assert enlarged[0].tolist() == [0, 0.25, 0.75, 1]


def test_overlay_has_one_opacity_and_leaves_what_was_cut_off():
    radiograph = np.full((1, 3), 100, np.uint8)
    placed = np.array([[0, 2, np.nan]], np.float32)
    painted = overlay(radiograph, placed, 2.0, "gray")
    assert painted[0].tolist() == [[60] * 3, [162] * 3, [100] * 3]
