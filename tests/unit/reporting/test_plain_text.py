"""Names that are not ours: as file names, and as text in figures."""

import dataclasses
import shutil
import unicodedata
import warnings

import pytest
from explanation_fixture import ROWS, Explanations
from figure_inputs import plot
from hypothesis import given
from hypothesis import strategies as st
from map_figures import MAP_FIGURES, map_inputs, panels_of
from PIL import Image
from reporting_fixture import HOSTILE_TITLES, Experiment, hostile_runs
from section_fixture import report_files

from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.output_names import LONGEST, plain_names
from pneumobench.reporting.drawing import style
from pneumobench.reporting.inputs import drawn_comparison, read_comparison
from pneumobench.reporting.plain_text import LONGEST_LABEL, LONGEST_LINE, shown
from pneumobench.reporting.section import Gallery, walk
from pneumobench.reporting.sections.explanations import build
from pneumobench.reporting.words import Words, words_from

# Figures that every experiment has.
ALL_DATA = (
    "roc", "precision_recall", "confusion", "training_curves", "cost", "ranking", "data_flow"
)  # fmt: skip
ANY_TEXT = st.text(st.characters(codec=None), max_size=40)


class TestFileNames:
    """File names of panels."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("IM-0115-0001", "IM-0115-0001.png"),
            ("radiograph 3 (copy)", "radiograph 3 -copy-.png"),
            ("José", "Jose.png"),
            ("Jos\u0065\u0301", "Jose.png"),
            ("\u75c5\u4eba", "-.png"),
            ('a/b\\\\c:d*e?"f<g>h|{i}', "a-b-c-d-e-f-g-h-i-.png"),
            (" . ", "unnamed.png"),
            ("\u202egnp\0\n", "-gnp-.png"),
        ],
    )
    def test_plain(self, name, expected):
        assert plain_names([name], ".png") == [expected]

    @given(st.lists(ANY_TEXT, max_size=12))
    def test_no_two_are_one_file_anywhere(self, names):
        names = [*names, *map(str.upper, names), *names]
        found = plain_names(names, ".png")
        folded = {unicodedata.normalize("NFKC", name).casefold() for name in found}
        assert len(folded) == len(names)
        assert all(name.isascii() and name.endswith(".png") for name in found)
        assert not any(set(name) & set('/\\:*?"<>|{}\0\n') for name in found)
        assert found == plain_names(names, ".png")

    def test_long_names_stay_apart_and_numbers_do_not_clash(self):
        found = plain_names(["x" * 300] * 12 + ["x" * 300 + "y"], ".png")
        assert len(set(found)) == 13 and max(map(len, found)) == LONGEST
        assert plain_names(["a_2", "a", "A", "a"], ".png") == [
            "a_2.png",
            "a.png",
            "A_3.png",
            "a_4.png",
        ]


class TestText:
    """Text of a figure."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (r"$\frac{1}{ \n", r"$\frac{1}{ \n"),
            ("two\nlines", "two\nlines"),
            ("e\u0301 \u00b5m \u2265", "\u00e9 \u00b5m \u2265"),
            ("\u75c5\u4eba", "\u25a1\u25a1"),
            ("a\u202eb\u200dc", "abc"),
            ("\u0645\u0631 2", "\u200e\u0645\u0631 2"),
            ("a\tb\0c\ud800", "a b\u25a1c\u25a1"),
        ],
    )
    def test_shown(self, text, expected):
        assert shown(text) == expected

    def test_long_lines_keep_beginning_and_end(self):
        text = shown("begin" + "x" * 5000 + "end\nshort")
        first, second = text.split("\n")
        assert len(first) == LONGEST_LINE and first.startswith("begin") and first.endswith("end")
        assert second == "short"

    @given(ANY_TEXT)
    def test_whatever_is_shown_can_be_drawn(self, text):
        with style.styled():
            figure = style.new_figure(1, layout=None)
            said = figure.text(0, 0, shown(text))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                said.get_window_extent(figure.canvas.get_renderer())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """An experiment whose networks, radiographs and subtypes have names of the worst kind."""
    made = Experiment(tmp_path_factory.mktemp("hostile"), hostile_runs())
    explained = Explanations(made)
    for file in explained.explained:
        table = read_table(file)
        names = [
            f"x/{HOSTILE_TITLES[row % 3][:200].replace('/', '')}{row}.png"
            for row in range(len(ROWS))
        ]
        for old, new in zip(table["path"], names, strict=True):
            (explained.root / "x").mkdir(exist_ok=True)
            shutil.copy(explained.root / old, explained.root / new)
        write_table(file, table.assign(path=names))
    return explained


@pytest.mark.filterwarnings("error")
def test_every_figure_takes_hostile_names(hostile, tmp_path):
    drawn = (*ALL_DATA, "differences", "critical_difference", *MAP_FIGURES)
    for name in drawn:
        plot(name, map_inputs(hostile, splits=splits_of(hostile, name)), tmp_path / name)
    for png in tmp_path.glob("*.png"):
        with Image.open(png) as image:
            assert image.width == round(style.PAGE_WIDTH * style.PNG_DPI)
            assert image.height < 25 * style.PNG_DPI, png.name
        assert png.with_suffix(".pdf").stat().st_size > 1000
    assert len(list(tmp_path.glob("*.png"))) == len(drawn)


def splits_of(hostile, name):
    return hostile.splits if name in MAP_FIGURES else hostile.made.splits


@pytest.mark.filterwarnings("error")
def test_figures_take_hostile_names_of_classes(hostile, tmp_path):
    audit = read_json(hostile.made.audit)
    names = {"positive": HOSTILE_TITLES[0], "negative": HOSTILE_TITLES[2][:200]}
    words = words_from(audit.get("source", {}) | names)
    for name in (*ALL_DATA, *MAP_FIGURES):
        inputs = map_inputs(hostile, words, splits=splits_of(hostile, name))
        plot(name, inputs, tmp_path / name)
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.height < 25 * style.PNG_DPI
    paths = hostile.explained[0], hostile.maps[0], tmp_path / "panels"
    panels_of(hostile, *paths, words=words)
    assert len(list((tmp_path / "panels").iterdir())) == 4


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("lung opacity suspicious of pneumonia", "no such opacity"),
        ("covid-19", "no finding"),
        (r"$\frac{x}", r"\1 {a} \g<0>"),
        ("a" * 200, "b" * 200),
    ],
)
def test_classes_are_named_in_lines_that_a_label_has_room_for(positive, negative):
    words = Words(positive, negative)
    for label, name in (("pneumonia", positive), ("normal", negative), ("unknown", positive)):
        said = style.wrapped(style.class_label(words, label), 1.1, 7.5)
        figure = style.new_figure(1, layout=None)
        assert style.widest([figure.text(0, 0, said, fontsize=7.5)]) < 1.15
        assert said.count("\n") <= 2
        if len(name) <= 40:
            assert " ".join(said.split()) == name
    assert style.class_label(Words(), "pneumonia") == "pneumonia"
    assert style.class_label(Words(), "bacterial") == "bacterial"


def test_labels_of_runs_are_short_in_figures_and_never_the_same(hostile):
    whole = read_comparison(hostile.made.comparison_csv)["label"]
    drawn = drawn_comparison(hostile.made.comparison_csv)["label"]
    assert sorted(whole) == sorted(HOSTILE_TITLES)
    assert drawn.str.len().max() == LONGEST_LABEL and drawn.is_unique


def test_networks_of_one_title_are_told_apart(tmp_path):
    alike = [dataclasses.replace(run, title="CNN " + 60 * "x") for run in hostile_runs()]
    made = Experiment(tmp_path, alike)
    for table in (read_comparison(made.comparison_csv), drawn_comparison(made.comparison_csv)):
        assert table["label"].is_unique


def test_panels_take_hostile_names_and_the_report_keeps_them_whole(hostile):
    title = HOSTILE_TITLES[0]
    panels_of(hostile, hostile.explained[0], hostile.maps[0], hostile.panels[0], title=title)
    assert len(list(hostile.panels[0].iterdir())) == 4
    for folder in hostile.panels[1:]:
        shutil.copytree(hostile.panels[0], folder)
    section = build(report_files(hostile.made, **hostile.inputs()), Words())
    galleries = [block for block in walk(section.blocks) if isinstance(block, Gallery)]
    assert galleries
    for gallery in galleries:
        captions = [panel.caption for panel in gallery.panels]
        assert any(HOSTILE_TITLES[0] in caption for caption in captions)
