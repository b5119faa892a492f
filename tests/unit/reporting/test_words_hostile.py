"""Texts of somebody's archive are text in every page, table and card, whatever stands in them."""

import re

import pytest
from paper_fixture import card_of, fill, judged_experiment, look
from poison import MARK, WORDS, assert_text_alone, poison
from report_page import render
from reporting_fixture import Experiment
from section_fixture import report_files

from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.report import write_tables
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.words import Words, words_of
from pneumobench.reporting.writers.latex import escape_latex
from pneumobench.reporting.writers.markdown import code_span, escape_markdown


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return judged_experiment(tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def poisoned_experiment(tmp_path_factory):
    """An experiment with markup in every text, class names included."""
    made = Experiment(tmp_path_factory.mktemp("poisoned"))
    missing = read_json(made.comparison_json)
    missing["missing"][0]["note"] = "folds missing"
    write_json(made.comparison_json, missing)
    for path in made.folder.rglob("*.*"):
        if path.suffix in (".json", ".csv"):
            poison(path)
    return made


@pytest.fixture(scope="module")
def page(poisoned_experiment, judged, tmp_path_factory):
    made, folder = poisoned_experiment, tmp_path_factory.mktemp("page")
    fill(made, folder)
    poison(look(judged, folder / "looks"))
    poison(folder / "checklists.json", WORDS - {"reference"})
    return render(
        made, {}, folder / "report.html", "directory", looks=folder / "looks",
        differences=made.differences.table, differences_details=made.differences.details,
        checklists=folder / "checklists.json",
    )  # fmt: skip


def test_report(page):
    assert_text_alone(page)
    assert page.count("<script>") == 1
    # As the name of a class, in a heading.
    assert "detects pneumonia&#39;&#34;&gt;&lt;svg onload=hit()&gt;" in page


def test_tables_for_reading(poisoned_experiment, tmp_path):
    made = poisoned_experiment
    make_tables(
        made.comparison_csv, made.comparison_json,
        tmp_path / "c.csv", tmp_path / "c.md", tmp_path / "c.tex", words=words_of(made.audit),
    )  # fmt: skip
    assert_text_of_markdown((tmp_path / "c.md").read_text(encoding="utf-8"))
    files = report_files(made, settings={"data": {"source": "directory"}})
    write_tables(files, tmp_path / "all.tex", title=f"Title {MARK}")
    for name in ("c.tex", "all.tex"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert escape_latex(MARK) in text and "svg onload" in text
        assert r"\x" not in text and "<svg" not in text


def assert_text_of_markdown(text: str) -> None:
    assert "svg onload" in text
    # Nothing but the recipe's fold is an element.
    assert set(re.findall(r"<[^>]*>?", text)) <= {
        "<details>", "<summary>", "</summary>", "</details>"
    }  # fmt: skip
    assert not re.search(r"(?<!\\)\\x|(?<!\\)\|`", text)


def test_checklists(poisoned_experiment, tmp_path):
    fill(poisoned_experiment, tmp_path)
    for path in tmp_path.rglob("*.md"):
        assert_text_of_markdown(path.read_text(encoding="utf-8"))


def test_model_card(judged, poisoned_experiment, tmp_path):
    paths = [
        judged.selection,
        *judged.root.rglob("metrics.json"),
        *judged.root.rglob("run.json"),
        *(judged.root / "models").iterdir(),
    ]
    kept = {path: path.read_bytes() for path in paths}
    try:
        for path in paths:
            poison(path)
        words = words_of(poisoned_experiment.audit)
        text = card_of(judged, tmp_path, "directory", words=words)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert_text_of_markdown(text)
    assert text.startswith("# Model card: ") and "</details>" in text


def test_names_of_classes_are_spelt_as_the_text_wants_them(judged, tmp_path):
    card = card_of(judged, tmp_path, "directory", words=Words("a<b>&c|d"))
    assert "one logit of a&lt;b&gt;&amp;c\\|d" in card and "<b>" not in card
    head = next(line for line in card.splitlines() if line.startswith("| Metric"))
    assert len(re.findall(r"(?<!\\)\|", head)) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<script>", "&lt;script&gt;"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("![x](y)", r"!\[x\](y)"),
        ("a|b\nc", r"a\|b c"),
        ("&lt;b&gt; & c", "&amp;lt;b&amp;gt; & c"),
        ("__init__ light_2 *a* ~~b~~ $c$", r"\_\_init\_\_ light_2 \*a\* \~\~b\~\~ \$c\$"),
        ("# a", "&#35; a"),
        ("- a", "&#45; a"),
        ("1. a", "&#49;. a"),
        ("-0.010 (-0.020 to 0.005)", "-0.010 (-0.020 to 0.005)"),
        ("12. a", "&#49;2. a"),
        ("\\", "\\\\"),
    ],
)
def test_markdown(text, said):
    assert escape_markdown(text) == said


def test_code_and_latex():
    assert code_span("a`<b>`\nc") == "`a<b> c`"
    assert escape_latex("a\x00b\nc\u2028d") == "a b c d"
    assert escape_latex("\\input{/etc/passwd} \\write18{x} ^^5c") == (
        r"\textbackslash{}input\{/etc/passwd\} \textbackslash{}write18\{x\} "
        r"\textasciicircum{}\textasciicircum{}5c"
    )
