"""The most confident errors: the right radiographs, headings and captions that keep apart."""

import numpy as np
import pytest
from calibration_fixture import Calibrations
from figure_inputs import assert_equal_twice, drawn, inputs_of, plot
from packed_fixture import write_packed
from reporting_fixture import Experiment

from pneumobench.core.files import read_table, write_table
from pneumobench.reporting import worst_cases as room
from pneumobench.reporting.drawing import worst_cases as drawing
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.words import Words
from pneumobench.reporting.worst_cases import worst_cases


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("worst_cases_figure"))


@pytest.fixture(scope="module")
def files(made):
    return Calibrations(made)


@pytest.fixture(scope="module")
def images(made, tmp_path_factory):
    number = sum(map(len, made.truth.values()))
    path = tmp_path_factory.mktemp("images") / "images.npy"
    grey = np.arange(number, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    names = read_table(made.splits, text=("image_id",))["image_id"]
    write_packed(path, np.broadcast_to(grey, (number, 64, 64)), names)
    return path


def test_worst_cases_are_the_most_confident_mistakes(made, files):
    comparison = read_comparison(made.comparison_csv)
    found = worst_cases(comparison, files.calibrated)
    tables = [read_table(path) for path in files.calibrated]
    tables = [table[table["dataset"] == "out_of_fold"] for table in tables]
    of_best = [path.parts[-4] for path in files.calibrated].index("custom_resnet18")
    best = tables[of_best]
    missed = best[(best["label"] == "pneumonia") & (best["decision_selected"] == 0)]
    expected = missed.nsmallest(6, "probability")["image_id"].tolist()
    assert found[0].radiographs.index.tolist() == expected
    assert found[0].title(Words()) == "Pneumonia missed by ResNet-18 (from scratch)"
    assert found[1].title(Words("effusion")) == "False alarms by ResNet-18 (from scratch)"
    alarms = best[(best["label"] == "normal") & (best["decision_selected"] == 1)]
    expected = alarms.nlargest(6, "probability")["image_id"].tolist()
    assert found[1].radiographs.index.tolist() == expected
    # Of several runs: the mean probability, and most of them must be wrong.
    for cases, called in ((found[2], 0), (found[3], 1)):
        for image_id, radiograph in cases.radiographs.iterrows():
            rows = [table.set_index("image_id").loc[image_id] for table in tables]
            wrong = sum(row["decision_selected"] == called for row in rows)
            assert radiograph["wrong"] == wrong > len(rows) / 2
            mean = np.mean([row["probability"] for row in rows])
            assert radiograph["probability"] == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("radiographs_a_row", [2, 8])
def test_radiographs_stand_close_below_the_headings_and_their_captions_apart(
    made, files, images, radiographs_a_row, monkeypatch
):
    for module in (drawing, room):
        monkeypatch.setattr(module, "SHOWN", radiographs_a_row)
    figure = drawn("worst_cases", inputs_of(made, calibrated=files.calibrated, images=images))
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    headings = [text.get_window_extent(renderer) for text in figure.texts[:4]]
    rows = np.array(figure.axes).reshape(4, radiographs_a_row)
    for heading, row in zip(headings, rows, strict=True):
        gap = heading.y0 - row[0].get_window_extent(renderer).y1
        assert 0 < gap < 0.08 * figure.dpi
    captions = [
        axes.xaxis.label.get_window_extent(renderer)
        for axes in figure.axes
        if axes.get_xlabel() and axes.axison
    ]
    assert len(captions) >= 4
    others = [
        *captions,
        *headings,
        *(text.get_window_extent(renderer) for text in figure.texts[4:]),
    ]
    for number, caption in enumerate(captions):
        rest = others[:number] + others[number + 1 :]
        assert not any(caption.overlaps(other) for other in rest)
        assert caption.x1 <= figure.get_size_inches()[0] * figure.dpi


def test_no_mistake_is_said(made, files, images, tmp_path):
    comparison = read_comparison(made.comparison_csv)
    right = []
    for path in files.calibrated:
        table = read_table(path)
        decided = (table["label"] == "pneumonia").astype(int)
        folder = tmp_path / "/".join(path.parts[-4:-1])
        right.append(folder / "calibrated.csv")
        write_table(right[-1], table.assign(decision_selected=decided))
    assert all(cases.radiographs.empty for cases in worst_cases(comparison, right))
    plot("worst_cases", inputs_of(made, calibrated=right, images=images), tmp_path / "none")
    assert (tmp_path / "none.png").stat().st_size > 2000


def test_figure_is_byte_identical_on_repetition(made, files, images, tmp_path):
    inputs = inputs_of(made, calibrated=files.calibrated, images=images)
    assert_equal_twice("worst_cases", inputs, tmp_path)
