"""Figures of maps: the right radiographs and titles, and what is said where there are no maps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from explanation_fixture import Explanations
from figure_inputs import assert_equal_twice, drawn
from map_figures import MAP_FIGURES, map_inputs
from reporting_fixture import FOUR_RUNS, Experiment

from pneumobench.core.errors import UserError
from pneumobench.core.explained import COLUMNS, arrays_without_maps
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.drawing.every_map import _cells, _radiograph_of_all
from pneumobench.reporting.drawing.map_grid import map_grid
from pneumobench.reporting.drawing.style import styled
from pneumobench.reporting.explained import read_explained_runs
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    made = Experiment(tmp_path_factory.mktemp("map_figures"), FOUR_RUNS)
    return Explanations(made, sides=(7, 8, 12))


@pytest.mark.parametrize("name", MAP_FIGURES)
def test_figures_are_byte_identical_on_repetition(explained, tmp_path, name):
    assert_equal_twice(name, map_inputs(explained), tmp_path)


def test_every_map_names_branches_gates_and_second_opinions(explained):
    # radiograph1 has second opinions and is bacterial; its run of rank 2 has a branch, the first a
    # gate.
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
    figure = drawn("every_map", map_inputs(explained, explained=paths))
    assert "radiograph 1.png: pneumonia. " in " ".join(text.get_text() for text in figure.texts)


def test_thirteen_runs_grow_downwards(tmp_path):
    titles = [f"Network {index}\n7 x 7 cells" for index in range(13)]
    with styled(None):
        figure, blocks = map_grid(
            titles, ["normal", "viral"], ["A note."], leading=1, captions=["0.00"]
        )
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
        drawn("explanations", map_inputs(explained, explained=paths))


@pytest.mark.parametrize("lacking", [1, 3])
def test_runs_without_maps_are_told(tmp_path, lacking):
    explained = Explanations(Experiment(tmp_path, FOUR_RUNS), sides=(7, 9))
    without = explained.maps[-lacking:]
    for path in without:
        np.savez(path, **arrays_without_maps("nothing reaches the score " * 8))
        write_table(path.with_name("explained.csv"), pd.DataFrame(columns=COLUMNS))
    folders = {"/".join(maps.parts[-4:-1]) for maps in without}
    table = read_table(explained.layers)
    write_table(explained.layers, table[~table["run"].isin(folders)])
    for name in MAP_FIGURES:
        texts = [text.get_text() for text in drawn(name, map_inputs(explained)).texts]
        assert sum(text.startswith("Maps not available: ") for text in texts) == lacking
        assert ("There are no maps to draw." in texts) == (lacking == 3)


def test_maps_too_coarse_for_a_place_are_named_instead_of_drawn(explained, tmp_path):
    coarse = Explanations(Experiment(tmp_path, FOUR_RUNS), sides=(2, 7, 2))
    for name in ("explanations", "mean_maps"):
        figure = drawn(name, map_inputs(coarse))
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        assert "7 x 7 cells" in "".join(titles) and "2 x 2 cells" not in "".join(titles)
        notes = " ".join(text.get_text() for text in figure.texts)
        assert "Maps too coarse to be drawn: ResNet-18 (from scratch) (2 x 2 cells)" in notes
    figure = drawn("every_map", map_inputs(coarse))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles.count("Class map") == 1 and titles.count("Occlusion") == 3
    notes = " ".join(text.get_text() for text in drawn("explanations", map_inputs(explained)).texts)
    assert "too coarse" not in notes


def test_thresholds_that_differ_by_fold_are_explained(explained, tmp_path):
    def notes(paths):
        figure = drawn("explanations", map_inputs(explained, explained=paths))
        return " ".join(text.get_text() for text in figure.texts)

    assert "its own threshold" not in notes(explained.explained)
    paths = [tmp_path / path.relative_to(explained.folder) for path in explained.explained]
    for path in paths:
        table = explained.table()
        write_table(path, table.assign(threshold=0.3 + 0.05 * table["fold"]))
    assert "Each fold's model has its own threshold (here 0.30 to 0." in notes(paths)


def test_labels_are_those_of_the_data(explained):
    words = Words("effusion", "no finding", adults=True)
    figure = drawn("mean_maps", map_inputs(explained, words))
    rows = {axes.get_ylabel() for axes in figure.axes} - {""}
    assert {"effusion", "no finding"} <= rows and not {"pneumonia", "normal"} & rows
    figure = drawn("every_map", map_inputs(explained, words))
    assert "the probability of effusion" in " ".join(text.get_text() for text in figure.texts)
