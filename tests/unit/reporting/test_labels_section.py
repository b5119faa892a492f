"""The section on labels that the networks doubt, and its figure."""

import numpy as np
import pytest
from figure_inputs import assert_equal_twice, inputs_of
from packed_fixture import write_packed
from reporting_fixture import Experiment
from section_fixture import CHILDREN, EFFUSION, report_files, table_of, text_of

from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.reporting.sections.labels import LISTED, build
from pneumobench.statistics.label_errors import LabelFiles, find_label_errors


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def found(made, tmp_path_factory):
    """What is found of two networks that are sure of all images, and wrong about six."""
    folder, truth = tmp_path_factory.mktemp("found"), made.truth["out_of_fold"]
    outputs = folder / "label_errors.csv", folder / "label_errors.json"
    ill = (truth["label"] == "pneumonia").to_numpy()
    ill[:6] = ~ill[:6]
    probability = np.where(ill, 0.97, 0.02) + np.linspace(0, 0.02, len(truth))
    columns = truth[["image_id", "label", "subtype", "patient"]]
    table = columns.assign(
        dataset="out_of_fold", probability=probability, decision_selected=ill.astype(int)
    )
    paths = [folder / "one.csv", folder / "two.csv"]
    for path in paths:
        write_table(path, table)
    find_label_errors(LabelFiles(paths), *outputs, resampling=Resampling(0.95, 100, 1))
    return outputs


def section_of(made, found, words=CHILDREN):
    return build(report_files(made, label_errors=found[0], label_errors_details=found[1]), words)


def test_nothing_is_said_where_labels_were_not_examined(made):
    assert build(report_files(made), CHILDREN) is None


def test_expected_number_and_list_are_those_of_the_files(made, found):
    section, facts = section_of(made, found), read_json(found[1])
    doubted = read_table(found[0], text=("image_id",))
    rows = table_of(section, "doubted_labels")
    assert [row["Image"] for row in rows] == doubted["image_id"].head(LISTED).tolist()
    assert len(rows) >= 5
    expected = facts["expected"]
    assert f"{expected['value']:.0f} ({expected['low']:.0f}" in section.answer[0]
    assert section.figures == ["doubted_labels"] and "No image was dropped" in text_of(section)


def test_a_doubt_is_not_called_a_wrong_label(made, found):
    answer = section_of(made, found).answer[0]
    assert "That any label is wrong is not shown" in answer and "expected to be" not in answer


def test_another_finding_has_its_own_words(made, found):
    text = text_of(section_of(made, found, EFFUSION))
    assert "effusion" in text and "pneumonia" not in text.lower()


def test_figure_is_drawn_equal_twice(made, found, tmp_path):
    number = sum(map(len, made.truth.values()))
    images = tmp_path / "images.npy"
    names = read_table(made.splits, text=("image_id",))["image_id"]
    grey = np.arange(number, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    write_packed(images, np.broadcast_to(grey, (number, 64, 64)), names)
    files = {"label_errors": found[0], "images": images}
    assert_equal_twice("doubted_labels", inputs_of(made, **files), tmp_path)
