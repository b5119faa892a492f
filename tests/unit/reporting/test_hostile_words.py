"""Texts of somebody's archive are text in every page, table and card, whatever stands in them."""

import html
import re

import pytest
from pneumobench.reporting.report_tables import typeset_tables
from pneumobench.reporting.typeset import code_span, escape_latex, escape_markdown
from pneumobench.reporting.vocabulary import Vocabulary, in_words, vocabulary_from, words_of
from poison import MARK, WORDS, assert_text_alone, poison
from reporting_fixture import Experiment
from test_paper import card_of, fill, judged, look
from test_reporting import render

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting.tables import make_tables

__all__ = ["judged"]


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
        made, {}, folder / "report.html", "directory", differences=made.differences,
        checklists=folder / "checklists.json", looks=folder / "looks",
    )  # fmt: skip


def test_report(page):
    assert_text_alone(page)
    assert page.count("<script>") == 1
    # As the name of a class, put in after the page was made.
    assert "detects pneumonia&#39;&#34;&gt;&lt;svg onload=hit()&gt;" in page


def test_tables_for_reading(poisoned_experiment, page, tmp_path):
    made = poisoned_experiment
    with words_of(made.audit):
        make_tables(
            made.comparison_csv, made.comparison_json,
            tmp_path / "c.csv", tmp_path / "c.md", tmp_path / "c.tex",
        )  # fmt: skip
    assert_text_of_markdown((tmp_path / "c.md").read_text(encoding="utf-8"))
    report = tmp_path / "report.html"
    report.write_text(page, encoding="utf-8")
    typeset_tables(report, tmp_path / "all.tex", title=f"Title {MARK}")
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
    with words_of(poisoned_experiment.audit):
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
        with words_of(poisoned_experiment.audit):
            text = card_of(judged, tmp_path, "directory")
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert_text_of_markdown(text)
    assert text.startswith("# Model card: ") and "</details>" in text


def test_names_of_classes_are_spelt_as_the_text_wants_them(tmp_path):
    words = Vocabulary("a<b>&c", "d|e")
    assert words.spelt(html.escape).translate("with pneumonia <i>") == "with a&lt;b&gt;&amp;c <i>"
    assert words.spelt(html.escape).translate("<td>Normal</td>") == "<td>D|e</td>"
    assert words.spelt(escape_markdown).translate("True class: normal") == r"True class: d\|e"
    write_json(tmp_path / "audit.json", {"source": {"positive": "50 % of_a {0} \\1"}})
    with words_of(tmp_path / "audit.json") as spoken:
        assert in_words("with pneumonia", escape_latex) == (
            r"with 50 \% of\_a \{0\} \textbackslash{}1"
        )
        assert spoken.label("normal, n = 5") == "normal, n = 5"
        assert spoken.translate("it calls 17 pneumonia") == "it calls 17 positive"


ODD = ("covid-19", "type 2", "a  b", "#", "\\g<0>", "{positive}", "(", ".")


@pytest.mark.parametrize("name", ODD)
def test_odd_names_stand_where_they_are_put(name):
    words = vocabulary_from({"positive": name, "negative": name})
    said = " ".join(name.split())
    assert words.translate("with pneumonia and without pneumonia") == (
        f"with {said} and without {said}"
    )
    assert words.translate(f"with {said} here") == f"with {said} here"
    assert words.label("normal") == said and words.label("normal, n = 1").startswith(said)


def test_names_that_cannot_be_read_or_seen():
    assert vocabulary_from({"positive": " \n"}).usual
    assert vocabulary_from({"positive": "a\u202eb\x00c"}).positive == "a b c"
    for wrong in (5, None, ["a"], "a" * 201):
        with pytest.raises(UserError, match=r"audit\.json: source\.positive"):
            vocabulary_from({"positive": wrong})


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
