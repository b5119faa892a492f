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


# The report


def section(report):
    return report.split('<section id="explanations">')[1].split("</section>")[0]


def test_section_reads_the_measures_plainly(report):
    text = section(report)
    assert "A class activation map (Grad-CAM)" in text
    assert "in every measure: ResNet-18 (from scratch)." in text
    assert "too few cells: Xception &amp; VGG-16 fusion and CNN-LSTM." in text
    assert "fewer than 7 x 7 cells say nothing" in text
    assert text.count("These maps have too few cells") == 2
    assert text.count('<figure id="figure-') == 4
    assert "Like occlusion" in text and "0.500 (0.450" in text
    assert "Share in the corners" in text


def test_overview_counts_empty_maps_and_agreement(made, explained):
    shown = explanation_section(read_comparison(made.comparison_csv), explained.inputs())
    by_run = {row["Run"]: row for row in shown["overview"]}
    first = by_run["ResNet-18 (from scratch)"]
    assert first["Against maps that know nothing"] == TRUSTED
    assert by_run["Xception & VGG-16 fusion"]["Against maps that know nothing"] == COARSE
    assert first["Empty maps"] == "1 of 9" and first["Map (cells)"] == "7 x 7"
    assert by_run["CNN-LSTM"]["Map (cells)"] == "4 x 4 (too coarse)"
    assert 0.3 < float(first["Agreement of the folds"]) < 1
    assert first["on images"] == "5" and first["Pairs left out"] == "10"
    row = shown["faithfulness"][0]
    assert row["Map"] == "0.700" and row["Map minus random map"] == "0.200 (0.170\N{EN DASH}0.230)"
    assert row["Images (patients)"] == "60 (48)"
    assert first["Like the map of random weights"] == "0.100 (-0.020 to 0.220)"
    assert len(shown["faithfulness"]) == 9
    # Maps of 2 x 2 and 4 x 4 cells have no places.
    (corners,) = shown["places"]
    assert corners["Run"] == "ResNet-18 (from scratch)" and corners["Map"] == "0.070"
    assert corners["Map minus random map"] == "-0.050 (-0.070 to -0.030)"
    assert corners["Images (patients)"] == "60 (48)" and corners["Undefined"] == "2"


def test_gallery_shows_mistakes_first_in_small(report):
    text = section(report)
    assert text.count("<details>") == 3 and text.count("data:image/jpeg;base64,") == 12
    captions = re.findall(r"<figcaption>(?!<b>)(.*?)</figcaption>", text)
    assert captions[0].startswith(
        "A missed pneumonia, most certain: radiograph 3.png, pneumonia (viral)"
    )
    assert captions[0].endswith("No region speaks for normal.")
    assert captions[1].startswith(
        "A false alarm, least certain and median: radiograph 2.png, normal;"
    )
    assert "4 radiographs, 2 mistakes" in text
    for data in re.findall(r"data:image/jpeg;base64,([^\"]*)", text):
        assert len(data) < 60_000


@pytest.mark.parametrize("lacking", [1, 3])
def test_runs_without_maps_are_told_and_stop_nothing(tmp_path, monkeypatch, lacking):
    explained = Explanations(Experiment(tmp_path, FOUR_RUNS))
    without = explained.maps[-lacking:]
    for path in without:
        np.savez(path, **arrays_without_maps("nothing reaches the score " * 8))
        write_table(path.with_name("explained.csv"), pd.DataFrame(columns=COLUMNS))
    for path in (explained.measures, explained.layers):
        folders = {"/".join(maps.parts[-4:-1]) for maps in without}
        table = read_table(path, text=("verdict",))
        write_table(path, table[~table["run"].isin(folders)])
    write_panels(explained, lambda *paths: draw(explained, *paths))
    for folder in explained.panels[-lacking:]:
        (only,) = folder.iterdir()
        assert only.read_text(encoding="utf-8").startswith("No maps are available: nothing reaches")

    notes = []
    monkeypatch.setattr(style, "shown", lambda text: notes.append(text) or shown(text))
    figures = draw_figures(explained, tmp_path)
    assert sum(note.startswith("Maps not available: ") for note in notes) == lacking * len(figures)
    text = section(render(explained.made, figures, tmp_path / "r.html", explained.inputs()))
    assert text.count("not available") == lacking
    assert text.count("No maps are available of ") == lacking
    assert text.count("<details>") == 3 - lacking or lacking == 3


def test_verdict_needs_every_measure_against_every_control(explained, tmp_path):
    table = read_table(explained.measures, text=("verdict",))
    run = table["run"].iloc[0]

    def verdict(*changes, coarse=()):
        changed = table.copy()
        for change in changes:
            change(changed)
        write_table(tmp_path / "changed.csv", changed)
        read = read_faithfulness(tmp_path / "changed.csv", {run: "A network"}, coarse)
        return read.verdict(run), read.sentences()

    def set_verdict(measure, other, word):
        def change(rows):
            chosen = (rows["measure"] == measure) & (rows["map"] == f"grad_cam - {other}")
            assert chosen.any()
            rows.loc[chosen, "verdict"] = word

        return change

    assert verdict()[0] == TRUSTED
    found, sentences = verdict(set_verdict("road", "randomised", "not told apart"))
    assert found == UNTRUSTED and sentences[0].endswith("than a map of random weights in ROAD.")
    found, sentences = verdict(set_verdict("road", "random", "worse"), coarse=[run])
    assert found == COARSE
    assert sentences == ["No claim, as the maps have too few cells: A network."]
    assert verdict(set_verdict("road", "centre", "too few patients"))[0] == UNTOLD
    found, sentences = verdict(set_verdict("road", "random", "worse"))
    assert found == UNTRUSTED
    assert sentences == [
        "The maps of A network must not be trusted: they are not better than a random map in ROAD."
    ]
    found, sentences = verdict(lambda rows: rows.drop(rows.index[:-1], inplace=True))
    assert found == UNTESTED and sentences == ["Not tested: A network."]


def test_no_interval_is_shown_for_too_few_patients(explained, tmp_path):
    table = read_table(explained.measures, text=("verdict",))
    run = table["run"].iloc[0]
    chosen = (table["measure"] == "road") & (table["map"] == "grad_cam - centre")
    table.loc[chosen, "verdict"] = "too few patients"
    write_table(tmp_path / "changed.csv", table)
    rows = read_faithfulness(tmp_path / "changed.csv", {run: "A network"}, ()).tested_rows()
    (road,) = [row for row in rows if row["Measure"] == "ROAD"]
    assert road["Map minus centred map"] == "0.150 (too few)"
    assert "0.200 (0.170" in road["Map minus random map"]


def test_report_says_how_to_switch_explanations_on(made, figures, tmp_path):
    text = render(made, {}, tmp_path / "report.html", None)
    assert "<code>explanation.method</code> to <code>grad_cam</code>" in section(text)
    assert "image/jpeg" not in text and "Which maps may be read" not in text


def test_report_with_explanations_loads_nothing_and_repeats(made, explained, figures, report):
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#|data:)", report)
    again = render(made, figures, Path(made.folder) / "again.html", explained.inputs())
    assert again == report


def test_a_picture_that_is_missing_is_named(made, explained, tmp_path):
    comparison = read_comparison(made.comparison_csv)
    # The first in the gallery is a mistake, if there is one.
    (lost, *_) = sorted(Path(next(iter(explained.inputs().panels))).glob("false_*.png"))
    lost.rename(tmp_path / lost.name)
    try:
        with pytest.raises(UserError, match=lost.stem):
            explanation_section(comparison, explained.inputs())
    finally:
        (tmp_path / lost.name).rename(lost)


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
