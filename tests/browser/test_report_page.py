"""The report in a real browser: loads nothing, complains of nothing, fits, sorts, enlarges."""

import json

import chromium
import pytest
from calibration_fixture import Calibrations
from page_checks import WIDTHS, assert_whole
from poison import MARK, poison
from report_page import draw_figures, render
from reporting_fixture import Experiment, Made
from shift_fixture import write_shift
from thirteen import THIRTEEN

PROGRAM = chromium.find()
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no chromium on this machine (Debian's package is called chromium)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a made-up experiment, two figures in it."""
    made = Experiment(tmp_path_factory.mktemp("page"))
    render(made, draw_figures(made, "ranking", "data_flow"), made.folder / "report.html")
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


@pytest.fixture(scope="module")
def thirteen(tmp_path_factory):
    """The report of thirteen runs with the sections that have the widest tables."""
    runs = [
        Made(model, f"{model.replace('_', ' ')} from scratch", 3 - 0.2 * place, 1e7)
        for place, model in enumerate(THIRTEEN)
    ]
    made = Experiment(tmp_path_factory.mktemp("thirteen"), runs)
    calibrations = Calibrations(made)
    render(
        made, draw_figures(made, "ranking"), made.folder / "report.html",
        calibrations=calibrations.details, calibrated=calibrations.calibrated,
        shift=write_shift(made), differences=made.differences.table,
        differences_details=made.differences.details,
    )  # fmt: skip
    return made.folder / "report.html"


def test_no_table_is_wider_than_a_usual_screen(browser, thirteen):
    browser.open(thirteen, 1280)
    wide = browser.evaluate(
        "(() => { for (const part of document.querySelectorAll('details')) part.open = true;"
        "return Array.from(document.querySelectorAll('.scroll'))"
        ".filter(part => part.scrollWidth > part.clientWidth + 1)"
        ".map(part => part.parentElement.id); })()"
    )
    assert wide == []


def test_columns_aside_are_shown_on_request(browser, thirteen):
    browser.open(thirteen, 1280)
    shown = (
        "Array.from(document.querySelectorAll('#table-comparison th'))"
        ".filter(head => head.offsetWidth > 0).map(head => head.textContent)"
    )
    brief = browser.evaluate(shown)
    assert brief[:4] == ["Rank", "Run", "Out-of-fold AUC", "Test AUC"]
    assert "Training time" not in brief
    press = "document.querySelector('#table-comparison .saves button').click()"
    browser.evaluate(press)
    assert "Training time" in browser.evaluate(shown)
    browser.evaluate(press)
    assert browser.evaluate(shown) == brief


def test_on_a_phone_the_name_stays_in_sight_and_the_areas_stand_beside_it(browser, thirteen):
    browser.open(thirteen, 390)
    right = "document.querySelector('#table-comparison td:nth-child(3)').getBoundingClientRect()"
    assert browser.evaluate(f"{right}.right") < 390
    name = "document.querySelector('#table-comparison td.name').getBoundingClientRect()"
    assert browser.evaluate(f"{name}.height") < 120
    browser.evaluate("document.querySelector('#table-comparison .scroll').scrollLeft = 300")
    assert 0 <= browser.evaluate(f"{name}.left") < 40


def test_figures_say_that_a_click_enlarges_them(browser, page):
    browser.open(page, 1280)
    assert "Click the figure to enlarge it." in browser.evaluate(
        "document.querySelector('#figure-ranking figcaption').textContent"
    )


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


def test_cells_are_sorted_by_their_keys_and_not_by_their_text(browser, page):
    browser.open(page, 1280)
    for key, number in {
        "200": 200,
        "0.98249": 0.98249,
        "-0.01": -0.01,
        "1e-07": 1e-7,
        "": None,
    }.items():
        found = browser.evaluate(
            "(() => { const cell = document.createElement('td'); cell.textContent = '3 min 20 s';"
            f"cell.dataset.key = {json.dumps(key)}; return numberOf(cell); }})()"
        )
        assert found == number, key


def test_the_ranking_stands_beside_the_answer_on_the_first_screen(browser, page):
    browser.open(page, 1280, 800)
    answer, figure = (
        browser.evaluate(f"document.querySelector({where!r}).getBoundingClientRect().toJSON()")
        for where in ("#answer .answer", "#figure-ranking img")
    )
    assert figure["bottom"] < 800 and figure["left"] >= answer["right"]
    assert abs(figure["top"] - answer["top"]) < 40


def test_contents_stay_in_sight_and_show_where_the_reader_is(browser, page):
    browser.open(page, 1280, 800)
    browser.evaluate("document.getElementById('methods').scrollIntoView()")
    place = "document.querySelector('nav').getBoundingClientRect()"
    assert browser.evaluate(f"{place}.top") == 0 and browser.evaluate(f"{place}.height") == 800
    current = (
        "new Promise(done => setTimeout(() => "
        "done(document.querySelector('nav a[aria-current]').hash), 300))"
    )
    assert browser.evaluate(current) == "#methods"


def test_contents_are_folded_on_a_phone_and_open_there(browser, page):
    shown = "document.querySelector('nav li').checkVisibility()"
    browser.open(page, 390)
    assert browser.evaluate(shown) is False
    browser.evaluate("document.querySelector('nav summary').click()")
    assert browser.evaluate(shown) is True
    browser.open(page, 1280)
    assert browser.evaluate(shown) is True


def test_a_link_into_something_folded_opens_it(browser, page):
    browser.open(page, 1280)
    is_open = "document.getElementById('methods-training').open"
    assert browser.evaluate(is_open) is False
    moved = "new Promise(done => { location.hash = '#table-training'; setTimeout(done, 300); })"
    browser.evaluate(moved)
    assert browser.evaluate(is_open) is True
    place = "document.getElementById('table-training').getBoundingClientRect().top"
    assert -1 <= browser.evaluate(place) < 800


def saved(browser, table, kind):
    """Press a button of a table; return the name and the text of what would be saved."""
    return browser.evaluate(
        "new Promise(done => {"
        "const made = URL.createObjectURL;"
        "let content = null;"
        "URL.createObjectURL = blob => { content = blob; return made.call(URL, blob); };"
        "HTMLAnchorElement.prototype.click = function () {"
        "  content.text().then(text => done([this.download, text])); };"
        f"Array.from(document.querySelectorAll('#table-{table} .saves button'))"
        f".find(button => button.textContent === {kind!r}).click(); }})"
    )


def test_each_table_is_saved_as_csv_and_latex(browser, page):
    browser.open(page, 1280)
    tables = browser.evaluate("document.querySelectorAll('table').length")
    buttons = "document.querySelectorAll('.saves button:not([aria-expanded])').length"
    assert browser.evaluate(buttons) == 2 * tables > 10
    name, text = saved(browser, "comparison", "CSV")
    assert name == "comparison.csv" and text.startswith("Rank,Run,Out-of-fold AUC,")
    assert "Xception & VGG-16 fusion" in text
    browser.open(page, 1280)
    name, text = saved(browser, "clinical_test", "LaTeX")
    assert name == "clinical_test.tex" and r"\begin{tabular}" in text
    assert browser.complaints == []


def search(browser, text, alone):
    """Type a name into the field; return the visible and the marked rows of all tables."""
    return browser.evaluate(
        f"(() => {{ const sought = document.getElementById('sought'); sought.value = {text!r};"
        f"document.getElementById('alone').checked = {json.dumps(alone)};"
        "sought.dispatchEvent(new Event('input'));"
        "const rows = Array.from(document.querySelectorAll('tbody tr'));"
        "return [rows.filter(row => !row.classList.contains('other')).length,"
        "rows.filter(row => row.classList.contains('found')).map(row => row.textContent)]; })()"
    )


def test_one_field_marks_runs_in_all_tables_or_hides_the_others(browser, page):
    browser.open(page, 1280)
    every, marked = search(browser, "", False)
    assert marked == []
    same, marked = search(browser, "resnet-18", False)
    assert same == every and len(marked) >= 4
    assert all("ResNet-18 (from scratch)" in text for text in marked)
    fewer, marked = search(browser, "resnet-18", True)
    assert fewer < every and marked == []
    # Tables of no run stay whole; what no run is called hides nothing.
    settings = "document.querySelectorAll('#table-settings tr.other').length"
    assert browser.evaluate(settings) == 0
    assert search(browser, "no such run", True)[0] == every


def colours(browser, scheme):
    browser.call("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": scheme}
    ])  # fmt: skip
    paint = "getComputedStyle(document.querySelector({!r})).{}"
    return [
        browser.evaluate(paint.format(*what))
        for what in (
            ("body", "backgroundColor"),
            ("body", "color"),
            ("figure img", "backgroundColor"),
        )
    ]


def test_dark_mode_leaves_figures_on_white(browser, page):
    browser.open(page, 1280)
    light, dark = (colours(browser, scheme) for scheme in ("light", "dark"))
    colours(browser, "light")
    assert light[0] == light[2] == dark[2] == "rgb(255, 255, 255)"
    assert dark[0] != light[0] and dark[1] != light[1]


def test_without_scripts_everything_is_there_and_nothing_is_dead(browser, page):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page, 1280)
        assert_shown = "document.querySelectorAll({!r}).length"
        assert browser.evaluate(assert_shown.format("td button, th button, .saves")) == 0
        assert browser.evaluate("document.getElementById('tools').offsetHeight") == 0
        assert browser.evaluate("document.querySelector('nav li').offsetHeight > 0")
        assert browser.evaluate(assert_shown.format("#table-comparison tbody tr")) == 6
        assert browser.evaluate(
            "(() => { const part = document.getElementById('methods-training');"
            "part.open = true; return part.querySelector('td').offsetHeight > 0; })()"
        )
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


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


def test_what_is_folded_stays_folded_on_paper(browser, page):
    browser.open(page, 1280)
    folded = "Array.from(document.querySelectorAll('details')).filter(part => !part.open).length"
    before = browser.evaluate(folded)
    browser.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate(folded) == before > 5
    paper = browser.paper()
    assert paper.startswith(b"%PDF") and paper.count(b"/Type /Page\n") <= 8
    browser.evaluate("document.getElementById('unfold').click()")
    assert browser.evaluate(folded) == 0
    assert browser.paper().count(b"/Type /Page\n") > paper.count(b"/Type /Page\n") > 0


def test_texts_of_an_archive_are_shown_and_not_run(browser, tmp_path):
    made = Experiment(tmp_path)
    for path in [*tmp_path.rglob("*.json"), *tmp_path.rglob("*.csv")]:
        poison(path)
    render(
        made, {}, tmp_path / "report.html", "directory",
        differences=made.differences.table, differences_details=made.differences.details,
    )  # fmt: skip
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
