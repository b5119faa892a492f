"""Explanations as people see them: panels, figures, the report's section."""

import itertools
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from explanation_fixture import EMPTY_ROW, ROWS, Explanations, radiograph, write_panels
from PIL import Image
from pneumobench.reporting.every_map import _cells, _radiograph_of_all, plot_every_map
from pneumobench.reporting.explanation_section import explanation_section
from pneumobench.reporting.explanations import plot_explanations
from pneumobench.reporting.map_grid import map_grid
from pneumobench.reporting.mean_maps import plot_mean_maps
from pneumobench.reporting.painting import enlarge, overlay, place_on_radiograph
from pneumobench.reporting.panels import LONGEST_SIDE, draw_panels
from pneumobench.reporting.randomisation import plot_randomisation
from reporting_fixture import FOUR_RUNS, Experiment, Made

from pneumobench.core.errors import UserError
from pneumobench.core.explained import COLUMNS, arrays_without_maps, signed_arrays
from pneumobench.core.files import read_table, write_table
from pneumobench.core.run import Run
from pneumobench.data.images import decode_grey, resize_square
from pneumobench.reporting import style
from pneumobench.reporting.explained import (
    panel_rows,
    read_explained,
    read_explained_runs,
    reasons,
    size_note,
)
from pneumobench.reporting.faithfulness import (
    COARSE,
    TRUSTED,
    UNTESTED,
    UNTOLD,
    UNTRUSTED,
    read_faithfulness,
)
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.plain_text import shown
from pneumobench.reporting.report import render_report
from pneumobench.statistics.agreement import fold_agreement

FIGURES = ("explanations", "every_map", "mean_maps", "randomisation")
PANELS = [
    "false_negative_pneumonia_radiograph 3.png",
    "false_positive_normal_radiograph 2.png",
    "true_negative_normal_radiograph 0.png",
    "true_positive_pneumonia_radiograph 4.png",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("explanations"), FOUR_RUNS)


@pytest.fixture(scope="module")
def explained(made):
    explained = Explanations(made)
    write_panels(explained, lambda *paths: draw(explained, *paths))
    return explained


def draw(explained, *paths, resize="squash", title="A network"):
    draw_panels(
        *paths[:2], explained.root, paths[2], title=title, size=224, resize=resize,
        colour_map="viridis", decode=decode_grey,
    )  # fmt: skip


def draw_figures(explained, folder):
    plot_explanations(
        explained.explained, explained.maps, explained.made.comparison_csv, explained.images,
        explained.splits, folder / "explanations", colour_map="viridis",
    )  # fmt: skip
    plot_mean_maps(
        explained.explained, explained.maps, explained.made.comparison_csv, folder / "mean_maps",
        colour_map="viridis",
    )  # fmt: skip
    plot_every_map(
        explained.explained, explained.maps, explained.made.comparison_csv, explained.images,
        explained.splits, folder / "every_map", colour_map="viridis",
    )  # fmt: skip
    plot_randomisation(
        explained.layers, explained.maps, explained.made.comparison_csv, folder / "randomisation"
    )
    return {name: folder / f"{name}.png" for name in FIGURES}


@pytest.fixture(scope="module")
def figures(explained):
    return draw_figures(explained, explained.made.folder / "figures")


def render(made, figures, path, explanations):
    render_report(
        made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
        made.run_jsons, figures, made.selection, path, title="Title", experiment="demo",
        settings={"data": {"source": "phantom"}, "split": {"folds": 5}}, explanations=explanations,
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(made, explained, figures):
    return render(made, figures, made.folder / "report.html", explained.inputs())


# Maps on the radiograph's frame


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


# Panels


def test_panels_are_those_chosen_by_outcome_and_carry_their_name(explained):
    for folder in explained.panels:
        assert sorted(path.name for path in folder.iterdir()) == PANELS


def test_radiographs_of_one_name_are_kept_apart(explained):
    table = explained.table().assign(
        path=[f"{folder}/IM-0001-0001.png" for folder in range(len(ROWS))],
        image_id=[f"IM-0001-0001-{row}" for row in range(len(ROWS))],
        outcome="false_positive",
        label="normal",
    )
    names = panel_rows(table)["panel"].tolist()
    assert names[:2] == [
        "false_positive_normal_IM-0001-0001.png",
        "false_positive_normal_IM-0001-0001_2.png",
    ]
    assert len(set(names)) == len(names)


def panel(folder, name):
    return np.asarray(Image.open(folder / name))


def place_of(pixels, canvas, after=0):
    """Return where a grey image lies in a panel: y, x of its upper left corner."""
    height, width = pixels.shape
    for y, x in np.argwhere((canvas == pixels[0, 0]).all(axis=2)):
        region = canvas[y : y + height, x : x + width]
        if x > after and region.shape[:2] == pixels.shape and (region == pixels[..., None]).all():
            return int(y), int(x)
    return None


def test_radiograph_keeps_its_resolution_and_an_empty_map_is_not_painted(explained):
    # Row 3 is 60 x 70 and enlarged by a whole factor of 7.
    shown = radiograph(EMPTY_ROW, (60, 70)).repeat(7, axis=0).repeat(7, axis=1)
    canvas = panel(explained.panels[0], PANELS[0])
    y, first = place_of(shown, canvas)
    same_row, second = place_of(shown, canvas, after=first)
    _, third = place_of(shown, canvas, after=second)
    assert same_row == y and third - second == second - first
    assert place_of(shown, canvas, after=third) is None

    shown = radiograph(0, (500, 640))
    canvas = panel(explained.panels[0], PANELS[2])
    y, x = place_of(shown, canvas)
    assert place_of(shown, canvas, after=x) is None


def test_map_and_overlay_lie_beside_the_radiograph(explained):
    shown = radiograph(0, (500, 640))
    canvas = panel(explained.panels[0], PANELS[2])
    y, x = place_of(shown, canvas)
    step = (640 + x) - x + x  # parts follow each other with a gap as wide as the left margin
    with np.load(explained.maps[0]) as arrays:
        joint = arrays["joint"][0]
    placed = place_on_radiograph(
        joint, (500, 640), radiograph=(500, 640), size=224, resize="squash"
    )
    expected = overlay(shown, placed, 0.02, "viridis")
    found = canvas[y : y + 500, x + 2 * step : x + 2 * step + 640]
    assert (found == expected).all()
    brightest = canvas[y : y + 500, x + step : x + step + 640, :2].sum(axis=2).argmax()
    assert (
        np.hypot(
            *np.subtract(
                np.unravel_index(brightest, (500, 640)),
                np.unravel_index(placed.argmax(), (500, 640)),
            )
        )
        < 40
    )


def test_larger_radiographs_are_reduced(tmp_path):
    made = Experiment(tmp_path, [Made("a", "A", 2.0, 1e6)])
    large = Explanations(made, shapes=[(1500, 900)])
    table = large.table().head(1)
    write_table(tmp_path / "one.csv", table)
    with np.load(large.maps[0]) as arrays:
        np.savez(tmp_path / "one.npz", joint=arrays["joint"][:1])
    draw(large, tmp_path / "one.csv", tmp_path / "one.npz", tmp_path / "panels", resize="crop")
    canvas = panel(tmp_path / "panels", PANELS[2])
    assert LONGEST_SIDE < canvas.shape[0] < LONGEST_SIDE + 500
    assert 3 * 720 < canvas.shape[1] < 3 * 720 + 500
    # What the crop cut off is grey in the map: 240 of 1,200 rows above, as many below.
    assert (canvas == 225).all(axis=2).sum() == pytest.approx(720 * 480, abs=2000)


def test_folder_appears_complete_or_not_at_all(explained, tmp_path):
    paths = explained.explained[0], explained.maps[0]
    root = tmp_path / "radiographs"
    shutil.copytree(explained.root, root)
    (root / "train/PNEUMONIA/radiograph 4.png").write_bytes(b"no image")
    folder = tmp_path / "panels"
    with pytest.raises(UserError, match="an explained radiograph cannot be read"):
        draw_panels(
            *paths, root, folder, title="A", size=224, resize="squash", colour_map="jet",
            decode=decode_grey,
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["radiographs"]
    folder.mkdir()
    (folder / "of yesterday.png").touch()
    draw(explained, *paths, folder)
    assert sorted(path.name for path in folder.iterdir()) == PANELS
    assert len(list(tmp_path.iterdir())) == 2


def test_panels_are_byte_identical_on_repetition(explained, tmp_path):
    draw(explained, explained.explained[0], explained.maps[0], tmp_path / "again")
    for name in PANELS:
        first = (explained.panels[0] / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == first


def test_maps_of_another_table_are_an_error(explained, tmp_path):
    write_table(tmp_path / "short.csv", explained.table().head(2))
    with pytest.raises(UserError, match="9 maps for 2 explained images"):
        draw(explained, tmp_path / "short.csv", explained.maps[0], tmp_path / "panels")


def test_words():
    assert reasons("sample") == []
    assert reasons("outcome:most_certain+sample") == ["most certain"]
    assert size_note((7, 7)) == "map of 7 x 7 cells"
    assert size_note((2, 9)) == "map of 2 x 9 cells: no claim about places"


# Figures


def test_figures_are_byte_identical_on_repetition(explained, figures, tmp_path):
    for name, path in draw_figures(explained, tmp_path).items():
        for suffix in (".png", ".pdf"):
            assert path.with_suffix(suffix).read_bytes() == (
                figures[name].with_suffix(suffix).read_bytes()
            )


def test_every_map_names_branches_gates_and_second_opinions(explained, figures):
    # radiograph1 has second opinions and is bacterial; its run of rank 2 has a branch, the first a gate.
    runs = read_explained_runs(
        read_comparison(explained.made.comparison_csv), explained.explained, explained.maps
    )
    titles = [[cell.title for cell in _cells(run, "radiograph1")] for run in runs[:2]]
    opinions = ["Integr. gradients", "Occlusion"]
    assert titles[0] == ["Class map", *opinions, "Gate 1"]
    assert titles[1] == ["Class map", "Branch vgg16", *opinions]
    assert _radiograph_of_all(runs).name == "radiograph1"


def test_radiographs_of_unknown_subtype_are_drawn_where_there_are_no_others(explained, tmp_path):
    unknown = explained.table().assign(subtype="unknown")
    paths = []
    for path in explained.explained:
        paths.append(tmp_path / path.relative_to(explained.folder))
        write_table(paths[-1], unknown)
    plot_every_map(
        paths, explained.maps, explained.made.comparison_csv, explained.images, explained.splits,
        tmp_path / "figure", colour_map="viridis",
    )  # fmt: skip
    assert (tmp_path / "figure.png").exists()


def test_thirteen_runs_grow_downwards(tmp_path):
    titles = [f"Network {index}\n7 x 7 cells" for index in range(13)]
    figure, blocks = map_grid(titles, ["normal", "viral"], ["A note."], leading=1, caption=0.3)
    assert [list(block.runs) for block in blocks] == [[*range(7)], [*range(7, 13)]]
    assert [block.cells.shape for block in blocks] == [(2, 8), (2, 7)]
    boxes = [axes.get_position() for axes in figure.axes]
    width, height = figure.get_size_inches()
    for box in boxes:
        assert box.width * width == pytest.approx(box.height * height)
        assert box.width * width > 0.8 and box.x1 < 1 and box.y0 > 0
    for one, other in itertools.combinations(boxes, 2):
        assert one.x1 < other.x0 or other.x1 < one.x0 or one.y1 < other.y0 or other.y1 < one.y0


def test_radiographs_must_be_shared_by_all_runs(explained, tmp_path):
    other = tmp_path / "xception_vgg16_fusion/light/seed42/explained.csv"
    write_table(other, explained.table().assign(image_id=[f"x{index}" for index in range(9)]))
    paths = [other if "fusion" in str(path) else path for path in explained.explained]
    with pytest.raises(UserError, match="no radiograph of the sample was explained by all runs"):
        plot_explanations(
            paths, explained.maps, explained.made.comparison_csv, explained.images,
            explained.splits, tmp_path / "figure", colour_map="viridis",
        )  # fmt: skip


# Agreement


def test_agreement_is_the_mean_spearman_correlation_of_pairs():
    random = np.random.default_rng(0)
    maps = np.maximum(random.normal(size=(4, 3, 5, 6)), 0).astype(np.float32)  # many ties at 0
    expected = [
        pd.DataFrame(maps[:, image].reshape(4, -1).T)
        .corr("spearman")
        .to_numpy()[np.triu_indices(4, 1)]
        for image in range(3)
    ]
    found = fold_agreement(maps)
    assert found.mean == pytest.approx(np.mean(expected))
    assert (found.images, found.folds, found.undefined) == (3, 4, 0)


def test_agreement_leaves_constant_maps_out():
    same = np.tile(np.arange(6, dtype=np.float32).reshape(2, 3), (3, 2, 1, 1))
    same[0, 0] = 0
    found = fold_agreement(same)
    assert found.mean == pytest.approx(1)
    assert (found.images, found.undefined) == (2, 2)
    assert np.isnan(fold_agreement(same * 0).mean) and fold_agreement(same * 0).images == 0
    assert np.isnan(fold_agreement(same[:1]).mean)


def test_maps_that_were_changed_or_are_of_another_run_or_images_are_refused(tmp_path):
    run, other = Run("alexnet", "light", 1), Run("vgg16", "light", 1)
    arrays = {"joint": np.random.default_rng(0).random((2, 3, 3), dtype=np.float32)}
    folder = tmp_path / run.folder
    folder.mkdir(parents=True)
    maps, table = folder / "maps.npz", folder / "explained.csv"
    write_table(table, pd.DataFrame({"image_id": ["a", "b"]}))
    signed = signed_arrays(arrays, run, ["a", "b"])
    for content, said in (
        (arrays, ""),
        (signed, ""),
        (signed | {"joint": arrays["joint"][::-1]}, "it was changed"),
        ({name: signed[name] for name in signed if name != "run"}, "it was changed"),
        (signed_arrays(arrays, other, ["a", "b"]), f"maps.npz is of {other.folder}"),
        (signed_arrays(arrays, run, ["b", "a"]), "2 maps for 2 explained images, or of others"),
    ):
        np.savez(maps, **content)
        if said:
            with pytest.raises(UserError, match=said):
                read_explained(table, maps)
        else:
            np.testing.assert_array_equal(read_explained(table, maps)[1], arrays["joint"])
