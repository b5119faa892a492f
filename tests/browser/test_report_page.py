"""The report in a real browser: loads nothing, complains of nothing, fits, sorts, enlarges."""

import json

import chromium
import pytest
from page_checks import WIDTHS, assert_whole
from poison import MARK, poison
from reporting_fixture import Experiment
from test_reporting import plots, render

PROGRAM = chromium.find()
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no chromium on this machine (Debian's package is called chromium)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a made-up experiment, two figures in it."""
    made = Experiment(tmp_path_factory.mktemp("page"))
    figures = {}
    for name in ("ranking", "data_flow"):
        plots(made)[name](made.folder / name)
        figures[name] = made.folder / f"{name}.png"
    render(made, figures, made.folder / "report.html")
    return made.folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    started = chromium.Chromium(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_page_fits_and_nothing_is_missing(browser, page, width):
    assert assert_whole(browser, page, width) == 2


def test_every_link_of_the_navigation_leads_somewhere(browser, page):
    browser.open(page, 1280)
    lost = browser.evaluate(
        "Array.from(document.querySelectorAll('nav a')).map(link => link.getAttribute('href'))"
        ".filter(target => !document.querySelector(target + ' > h2'))"
    )
    assert lost == []
    sections, links = (
        browser.evaluate(f"Array.from(document.querySelectorAll({where!r})).map(part => {name})")
        for where, name in (("main > section", "part.id"), ("nav a", "part.hash.slice(1)"))
    )
    assert sections == links and sections[0] == "answer"


def column(browser, title):
    """Return the sorting keys of a column of the ranked table, from top to bottom."""
    return browser.evaluate(
        "(() => { const table = document.querySelector('#table table');"
        "const heads = Array.from(table.querySelectorAll('th'));"
        f"const index = heads.findIndex(head => head.textContent === {title!r});"
        "return Array.from(table.tBodies[0].rows).map(row => row.cells[index].dataset.key); })()"
    )


def click(browser, title):
    browser.evaluate(
        "Array.from(document.querySelectorAll('#table th button'))"
        f".find(button => button.textContent === {title!r}).click()"
    )


def test_ranked_table_sorts_both_ways_and_empty_cells_stay_last(browser, page):
    browser.open(page, 1280)
    for title in ("Test AUC", "Parameters (M)", "Training time"):
        before = column(browser, title)
        for ascending in (True, False):
            click(browser, title)
            keys = column(browser, title)
            numbers = [float(key) for key in keys if key != ""]
            assert numbers == sorted(numbers, reverse=not ascending) and len(set(numbers)) > 1
            assert keys[len(numbers) :] == [""] * (len(keys) - len(numbers))
            assert sorted(keys) == sorted(before)
    assert browser.complaints == []


def test_text_durations_and_counts_are_read_as_numbers(browser, page):
    browser.open(page, 1280)
    cells = {"3 min 20 s": 200, "2 h 05 min": 7500, "9.5 s": 9.5, "5\u2009232": 5232,
             "0.982 (0.970-0.991)": 0.982, "-0.010 (-0.020 to 0.005)": -0.01,
             "95\u00a0%": 95, "\u2014": None}  # fmt: skip
    for text, number in cells.items():
        found = browser.evaluate(
            "(() => { const cell = document.createElement('td');"
            f"cell.textContent = {json.dumps(text)}; return numberOf(cell); }})()"
        )
        assert found == number, text


def test_figure_enlarges_on_click_and_key_and_closes(browser, page):
    browser.open(page, 1280)
    figure = "document.querySelector('#figure-ranking img')"
    is_open = "document.querySelector('dialog').open"
    for event in ("new MouseEvent('click')", "new KeyboardEvent('keydown', {key: 'Enter'})"):
        assert browser.evaluate(is_open) is False
        browser.evaluate(f"{figure}.dispatchEvent({event})")
        assert browser.evaluate(is_open) is True
        assert browser.evaluate(f"document.querySelector('dialog img').src === {figure}.src")
        shown = "document.querySelector('dialog img').getBoundingClientRect()"
        assert browser.evaluate(f"{shown}.height <= innerHeight && {shown}.width <= innerWidth")
        browser.evaluate("document.querySelector('dialog button').click()")
    assert browser.evaluate(is_open) is False
    assert browser.complaints == []


def test_folded_tables_are_printed(browser, page):
    browser.open(page, 1280)
    folded = "Array.from(document.querySelectorAll('details')).filter(part => !part.open).length"
    assert browser.evaluate(folded) > 0
    browser.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate(folded) == 0
    browser.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate(folded) > 0
    assert browser.paper().startswith(b"%PDF")


def test_texts_of_an_archive_are_shown_and_not_run(browser, tmp_path):
    made = Experiment(tmp_path)
    for path in [*tmp_path.rglob("*.json"), *tmp_path.rglob("*.csv")]:
        poison(path)
    render(made, {}, tmp_path / "report.html", "directory", differences=made.differences)
    assert_whole(browser, tmp_path / "report.html", 1280)
    assert browser.evaluate(f"document.body.textContent.includes({json.dumps(MARK)})")
    assert browser.evaluate("document.querySelectorAll('svg').length") == 0


def test_policy_runs_the_own_script_alone(browser, page, tmp_path):
    text = page.read_text(encoding="utf-8")
    for hostile in (
        "<script>document.title = 'hit'</script>",
        "<img src=x onerror=\"document.title = 'hit'\">",
        "<svg onload=\"document.title = 'hit'\"></svg>",
        "<iframe src=\"javascript:parent.document.title = 'hit'\"></iframe>",
        "<style>h1 { display: none }</style>",
        "<base href='https://example.invalid/'>",
        "<img src='https://example.invalid/x.png'>",
    ):
        planted = tmp_path / "planted.html"
        planted.write_text(text.replace("<main>", f"<main>{hostile}"), encoding="utf-8")
        browser.open(planted, 1280)
        assert browser.complaints, hostile
        assert browser.evaluate("document.title") == "Title <with> & signs"
        assert browser.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
        assert browser.evaluate("document.querySelectorAll('th button').length") > 0
