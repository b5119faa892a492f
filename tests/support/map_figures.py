"""Panels and figures of made-up explanations."""

from figure_inputs import inputs_of, plot

from pneumobench.data.images import decode_grey
from pneumobench.reporting.drawing.panels import draw_panels
from pneumobench.reporting.words import Words

MAP_FIGURES = ("explanations", "every_map", "mean_maps", "randomisation")


def panels_of(explained, *paths, resize="squash", title="A network", words=None):
    """Draw the panels of one run: its explained.csv and maps.npz, and the folder to write."""
    draw_panels(
        *paths[:2], explained.root, paths[2], title=title, size=224, resize=resize,
        colour_map="viridis", decode=decode_grey, words=words or Words(),
    )  # fmt: skip


def map_inputs(made, words=None, **files):
    """Return what figures of made-up `Explanations` are drawn of; `files` take their place."""
    given = {
        "explained": made.explained, "maps": made.maps, "images": made.images,
        "splits": made.splits, "randomisation": made.layers,
    }  # fmt: skip
    return inputs_of(made.made, words, **given | files)


def draw_map_figures(explained, folder):
    """Draw all figures of maps; return their PNG files by name."""
    for name in MAP_FIGURES:
        plot(name, map_inputs(explained), folder / name)
    return {name: folder / f"{name}.png" for name in MAP_FIGURES}
