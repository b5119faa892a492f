"""Panels of single radiographs."""

import shutil

import numpy as np
import pytest
from explanation_fixture import EMPTY_ROW, ROWS, Explanations, radiograph, write_panels
from map_figures import panels_of
from PIL import Image
from reporting_fixture import FOUR_RUNS, Experiment, Made

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_table
from pneumobench.data.images import decode_grey
from pneumobench.reporting.drawing import panels
from pneumobench.reporting.drawing.painting import overlay, place_on_radiograph
from pneumobench.reporting.drawing.panels import LONGEST_SIDE, draw_panels
from pneumobench.reporting.explained import panel_rows
from pneumobench.reporting.words import Words

PANELS = [
    "false_negative_pneumonia_radiograph 3.png",
    "false_positive_normal_radiograph 2.png",
    "true_negative_normal_radiograph 0.png",
    "true_positive_pneumonia_radiograph 4.png",
]


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    explained = Explanations(Experiment(tmp_path_factory.mktemp("panels"), FOUR_RUNS))
    write_panels(explained, lambda *paths: panels_of(explained, *paths))
    return explained


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
    panels_of(large, tmp_path / "one.csv", tmp_path / "one.npz", tmp_path / "panels", resize="crop")
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
            decode=decode_grey, words=Words(),
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["radiographs"]
    folder.mkdir()
    (folder / "of yesterday.png").touch()
    panels_of(explained, *paths, folder)
    assert sorted(path.name for path in folder.iterdir()) == PANELS
    assert len(list(tmp_path.iterdir())) == 2


def test_panels_are_byte_identical_on_repetition(explained, tmp_path):
    panels_of(explained, explained.explained[0], explained.maps[0], tmp_path / "again")
    for name in PANELS:
        first = (explained.panels[0] / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == first


def test_maps_of_another_table_are_an_error(explained, tmp_path):
    write_table(tmp_path / "short.csv", explained.table().head(2))
    with pytest.raises(UserError, match="9 maps for 2 explained images"):
        panels_of(explained, tmp_path / "short.csv", explained.maps[0], tmp_path / "panels")


def test_panels_speak_of_the_classes_of_their_data(explained, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(panels, "shown", lambda text: said.append(text) or text)
    words = Words("effusion", "no finding", adults=True)
    paths = explained.explained[0], explained.maps[0], tmp_path / "panels"
    panels_of(explained, *paths, words=words)
    text = " ".join(said)
    assert "Missed effusion (false" in text and "The network says no finding" in text
    assert "pneumonia" not in text.lower().replace("_pneumonia", "")
