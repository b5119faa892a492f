"""Maps painted on radiographs: brought back onto the radiograph's own frame, and laid over it."""

import matplotlib
import numpy as np

OPACITY = 0.4


def place_on_radiograph(
    grid: np.ndarray,
    drawn: tuple[int, int],
    *,
    radiograph: tuple[int, int],
    size: int,
    resize: str,
) -> np.ndarray:
    """Bring a map of the network's square back onto the frame of the radiograph.

    Between the centres of its cells the map is interpolated bilinearly (PyTorch's
    `align_corners=False`). The geometry is that of `pneumobench.data.images.resize_square`.

    Parameters
    ----------
    grid
        Map on the grid of the explained layer, float32 [h, w].
    drawn
        Height and width at which the radiograph is drawn, in pixels.
    radiograph
        Height and width of the radiograph's file, in pixels.
    size, resize
        Side of the network's square in pixels, and how the image became it: squash, pad or crop.

    Returns
    -------
    numpy.ndarray
        float32 [drawn height, drawn width]; NaN where the radiograph was cut off.
    """
    rows, columns = (
        _weights(_position(drawn[axis], radiograph, axis, size, resize), grid.shape[axis])
        for axis in (0, 1)
    )
    return rows @ grid @ columns.T


def enlarge(grid: np.ndarray, side: int) -> np.ndarray:
    """Enlarge a map to the network's square, float32 [side, side], bilinearly."""
    return place_on_radiograph(
        grid, (side, side), radiograph=(side, side), size=side, resize="squash"
    )


def overlay(radiograph: np.ndarray, placed: np.ndarray, peak: float, colour_map: str) -> np.ndarray:
    """Lay a map over a radiograph, each place with the same opacity of 0.4.

    Parameters
    ----------
    radiograph
        uint8 [height, width].
    placed
        Map on the image's frame, float32 [height, width]; where it is NaN the image stays bare.
    peak
        Magnitude at the upper end of the colours, above 0.
    colour_map
        Name of a colour map of matplotlib.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3].
    """
    bare = np.repeat(radiograph[..., None], 3, axis=2).astype(np.float32)
    colours = matplotlib.colormaps[colour_map](placed / peak)[..., :3].astype(np.float32) * 255
    mixed = (1 - OPACITY) * bare + OPACITY * colours
    return np.where(np.isnan(placed)[..., None], bare, mixed).round().astype(np.uint8)


def _position(
    count: int, radiograph: tuple[int, int], axis: int, size: int, resize: str
) -> np.ndarray:
    """Return where the centres of drawn pixels lie on an axis of the square, from 0 to 1.

    Below 0 and above 1 lies what `crop` cut off.
    """
    centres = (np.arange(count) + 0.5) / count
    if resize == "squash":
        return centres
    side = radiograph[axis]
    if resize == "crop":
        shorter = min(radiograph)
        return (centres * side - (side - shorter) / 2) / shorter
    inner = max(1, round(side * size / max(radiograph)))
    return ((size - inner) // 2 + centres * inner) / size


def _weights(position: np.ndarray, cells: int) -> np.ndarray:
    """Return the share of each cell in each position, float32 [positions, cells]."""
    place = np.clip(position * cells - 0.5, 0, cells - 1)
    shares = np.maximum(1 - np.abs(place[:, None] - np.arange(cells)), 0).astype(np.float32)
    shares[(position < 0) | (position > 1)] = np.nan
    return shares
