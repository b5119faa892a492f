"""Tables, typed, as HTML, LaTeX, Markdown and CSV."""

import base64
import csv
import io

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from PIL import Image
from reporting_fixture import Experiment

from pneumobench.core.estimates import Estimate
from pneumobench.core.files import read_json
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.section import (
    Details,
    Gallery,
    Heading,
    Notice,
    Panel,
    Paragraph,
    Points,
    Section,
)
from pneumobench.reporting.table import (
    Millions,
    Number,
    Of,
    PValue,
    Scaled,
    Seconds,
    Share,
    Table,
    cell_number,
    cell_parts,
    cell_text,
)
from pneumobench.reporting.tables import comparison_table
from pneumobench.reporting.wording import EMPTY, EN_DASH
from pneumobench.reporting.words import Words
from pneumobench.reporting.writers import pictures
from pneumobench.reporting.writers.csv import csv_table
from pneumobench.reporting.writers.html import Page, html_page
from pneumobench.reporting.writers.latex import escape_latex, latex_table, write_document
from pneumobench.reporting.writers.markdown import markdown_table

WIDTH = Estimate(0.98249, 0.97, 0.991)
CELLS = [
    ("text", "text", None, {"": "text"}),
    (None, EMPTY, None, {"": None}),
    (5232, "5\N{NARROW NO-BREAK SPACE}232", 5232, {"": 5232}),
    (WIDTH, f"0.982 (0.970{EN_DASH}0.991)", 0.98249, {"": 0.98249, "low": 0.97, "high": 0.991}),
    (Estimate(-0.01, -0.02, 0.005), "-0.010 (-0.020 to 0.005)", -0.01,
     {"": -0.01, "low": -0.02, "high": 0.005}),
    (Estimate(None), EMPTY, None, {"": None, "low": None, "high": None}),
    (Scaled(Estimate(0.07, 0.05, 0.1), digits=1, factor=100), f"7.0 (5.0{EN_DASH}10.0)", 0.07,
     {"": 7.0, "low": 5.0, "high": 10.0}),
    (Number(0.12345, digits=2), "0.12", 0.12345, {"": 0.12345}),
    (Share(0.95), "95\N{NO-BREAK SPACE}%", 0.95, {"": 0.95}),
    (Seconds(200.0), "3 min 20 s", 200.0, {"seconds": 200.0}),
    (Seconds(7500), "2 h 05 min", 7500.0, {"seconds": 7500}),
    (Millions(11.17e6), "11.2", 11.17e6, {"": 11.17}),
    (PValue(0.0001), "<0.001", 0.0001, {"": 0.0001}),
    (PValue(None), EMPTY, None, {"": None}),
    (Of(3, 1200), "3 of 1\N{NARROW NO-BREAK SPACE}200", 3, {"": 3, "of": 1200}),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "text", "number", "parts"), CELLS)
def test_cells_as_text_as_what_they_are_sorted_by_and_whole(cell, text, number, parts):
    assert cell_text(cell) == text
    assert cell_number(cell) == number
    assert cell_parts(cell) == parts


def test_a_cell_is_not_true_or_false():
    with pytest.raises(TypeError):
        cell_text(True)


TABLE = Table(
    "runs",
    "All runs",
    [
        {"Run": "a & b", "AUC": WIDTH, "Errors": Of(1, 2), "n": 7},
        {"Run": '"c", d', "AUC": Estimate(None), "Errors": None, "n": 1000},
    ],
    notes=("A `file` of 5 %.",),
    styles=("best", ""),
)


def page_of(*blocks, **others):
    section = Section("s", "Title?", "Short", blocks=blocks, **others)
    return html_page(Page("T", "e", [section]), {})


def test_csv_holds_whole_numbers_and_bounds_in_columns_of_their_own():
    head, first, second = csv.reader(io.StringIO(csv_table(TABLE)))
    assert head == ["Run", "AUC", "AUC low", "AUC high", "Errors", "Errors of", "n"]
    assert first == ["a & b", "0.98249", "0.97", "0.991", "1", "2", "7"]
    assert second == ['"c", d', "", "", "", "", "", "1000"]


def test_latex_has_a_row_each_and_aligns_numbers():
    text = latex_table(TABLE)
    assert r"\begin{tabular}{lrrr}" in text and r"\label{tab:runs}" in text
    assert r"a \& b & 0.982 (0.970--0.991) & 1 of 2 & 7 \\" in text
    assert r"\caption{A `file` of 5 \%.}" in text


def test_markdown_has_notes_below():
    lines = markdown_table(TABLE).splitlines()
    assert lines[1] == "| --- | ---: | ---: | ---: |" and len(lines) == 6
    assert lines[2].startswith("| a & b | 0.982 (0.970") and lines[-1] == "- A \\`file\\` of 5 %."


def test_html_has_text_and_numbers_to_sort_by():
    text = page_of(TABLE)
    assert (
        '<tr class="best"><td class="name">a &amp; b</td><td class="number" data-key="0.98249">'
        in text
    )
    assert '<td class="number" data-key="">\N{EM DASH}</td>' in text
    assert '<th scope="col" class="number">AUC</th>' in text
    assert '<th scope="col" class="name">Run</th>' in text
    assert '<p class="small soft">A <code>file</code> of 5 %.</p>' in text
    narrow = page_of(Table("t", "T", TABLE.rows, narrow=True))
    assert "0.982 <small>(0.970\N{EN DASH}0.991)</small>" in narrow


def test_columns_aside_are_on_the_page_for_those_who_ask_and_in_every_file():
    brief = Table("t", "T", TABLE.rows, aside=("AUC",))
    text = page_of(brief)
    assert '<th scope="col" class="number aside">AUC</th>' in text and 'class="brief ' in text
    assert 'class="number aside" data-key="0.98249"' in text
    assert csv_table(brief) == csv_table(Table("t", "T", TABLE.rows))
    assert "aside" not in page_of(TABLE).partition("<main>")[2].partition("</main>")[0]


def test_the_name_of_a_row_is_its_run_or_else_its_first_column():
    assert Table("t", "T", [{"Rank": 1, "Run": "a", "AUC": 2}]).name_column == "Run"
    assert Table("t", "T", [{"Key": "a", "Value": "b"}]).name_column == "Key"
    assert Table("t", "T", [{"Fold": 1, "AUC": 2}]).name_column is None


def test_a_column_with_a_word_in_it_is_text_everywhere():
    table = Table("t", "T", [{"x": 5}, {"x": "none"}])
    assert table.is_text("x") and "{l}" in latex_table(table) and "data-key" not in page_of(table)


def test_a_table_without_rows_is_shown_nowhere(tmp_path):
    empty = Table("nothing", "Nothing", [])
    assert "table-nothing" not in page_of(empty)
    write_document([Section("s", "S", "S", blocks=(empty, TABLE))], tmp_path / "t.tex", title="T")
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert "Table 1. S: All runs" in text and "Nothing" not in text


def test_long_tables_are_set_on_several_pages(tmp_path):
    table = Table("long", "Long", [{"n": row} for row in range(85)])
    write_document([Section("s", "S", "S", blocks=(table,))], tmp_path / "t.tex", title="T")
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert text.count(r"\begin{tabular}") == 3 and "(3 of 3)" in text


def test_every_block_is_shown_as_text_and_folded_below_its_heading(tmp_path):
    Image.new("RGB", (80, 40), "white").save(tmp_path / "panel.png")
    text = page_of(
        Paragraph("First <b> `set.key` and `alone"),
        Paragraph("One `key`."),
        Notice("Look.", "At & this"),
        Points(("one <", "two"), warning=True),
        Heading("Below (12 rows)"),
        Details("Folded", (Paragraph("inside"), TABLE)),
        Gallery((Panel(str(tmp_path / "panel.png"), "A & B"),)),
        answer=("Yes <", "because"),
    )
    main = text[text.index("<main>") : text.index("</main>")]
    assert "First &lt;b&gt; `set.key` and `alone" in main and "One <code>key</code>." in main
    assert "<b>Look.</b> At &amp; this" in main and "<b>Warning.</b> one &lt;" in main
    part = main[main.index('<details class="part" id="s-below">') :]
    assert "<h3>Below (12 rows)</h3>" in part and "inside" in part and 'id="table-runs"' in part
    assert 'alt="A &amp; B"' in part and part.count("data:image/webp;base64,") == 1
    assert "<p>Yes &lt;</p>" in main and "<li>because</li>" in main


def test_pictures_share_the_room_of_the_page(tmp_path, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (20, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((1000, 400)).save(tmp_path / "picture.png")
    for embed, room, width in (
        (pictures.embedded_figure, "_FIGURES_BYTES", 1000),
        (pictures.embedded_panel, "_PANELS_BYTES", 640),
    ):
        alone = embed(tmp_path / "picture.png", 1)
        assert alone.startswith("data:image/webp;base64,")
        content = base64.b64decode(alone.partition(",")[2])
        with Image.open(io.BytesIO(content)) as seen:
            assert seen.width == width
        monkeypatch.setattr(pictures, room, len(content))
        beside = base64.b64decode(embed(tmp_path / "picture.png", 2).partition(",")[2])
        assert len(beside) <= len(content) / 2


def test_a_page_of_thirteen_runs_has_six_megabytes():
    # Letters for bytes, and half a megabyte for texts and tables.
    pictured = (pictures._FIGURES_BYTES + pictures._PANELS_BYTES) * 4 / 3
    assert pictured + 500_000 < 6_000_000


@pytest.mark.parametrize("special", list("&%$#_{}~^\\<>"))
def test_latex_escapes_what_it_would_take_for_a_command(special):
    assert escape_latex(special) != special


def test_markup_is_no_way_around_escaping():
    assert "<i>" not in page_of(Paragraph(str(Markup("<i>"))))


# The comparison for reading


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("tables"))


def test_rows_of_csv_match_the_comparison(made, tmp_path):
    comparison = read_comparison(made.comparison_csv)
    table = comparison_table(comparison, read_json(made.comparison_json), Words())
    found = pd.read_csv(io.StringIO(csv_table(table)))
    for column, title, factor in (
        ("test_roc_auc", "Test AUC", 1),
        ("test_roc_auc_low", "Test AUC low", 1),
        ("parameters", "Parameters (M)", 1e-6),
        ("train_seconds", "Training time seconds", 1),
    ):
        assert list(found[title][:3]) == pytest.approx(list(comparison[column][:3] * factor))
