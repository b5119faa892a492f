"""The page: what it holds, what it must not load, and what it says of whom."""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_page import TITLE, draw_figures, render
from reporting_fixture import FOUR_RUNS, Experiment
from section_fixture import report_files

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.reporting import report as page
from pneumobench.reporting.section import FigureOf, Section
from pneumobench.reporting.words import Words

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"
# Below the runs of `Experiment`.
BASELINES = 2
DRAWN = ("ranking", "roc", "data_flow", "confusion")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def figures(made):
    return draw_figures(made, *DRAWN)


@pytest.fixture(scope="module")
def report(made, figures):
    return render(made, figures, made.folder / "report.html", **of_tests(made))


def of_tests(made):
    return {
        "differences": made.differences.table,
        "differences_details": made.differences.details,
    }


def ids(text):
    return re.findall(r' id="([^"]+)"', text)


def test_report_loads_nothing(report):
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#|data:)", report)
    assert not re.search(r"https?://|@import|url\(|<link|<iframe|fetch\(", report)


def test_policy_names_what_may_run_by_its_hash(report):
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]*)"', report)[1])
    assert "default-src 'none'; img-src data:;" in policy and "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", report, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_report_embeds_every_figure(report, figures):
    assert report.count("data:image/webp;base64,") == len(figures)
    for name in figures:
        assert f'id="figure-{name}"' in report


def test_embedded_figures_show_what_the_files_do_and_are_smaller(made, figures, report):
    for name, path in figures.items():
        found = re.search(
            rf'id="figure-{name}">\s*<img src="data:image/webp;base64,([^"]+)', report
        )
        content = base64.b64decode(found[1])
        assert len(content) < path.stat().st_size
        (made.folder / "seen.webp").write_bytes(content)
        with Image.open(made.folder / "seen.webp") as seen, Image.open(path) as whole:
            assert seen.width == min(whole.width, 1600)
            small = [
                image.convert("L").resize((40, 20), Image.Resampling.BOX) for image in (seen, whole)
            ]
        assert np.abs(np.subtract(*(np.asarray(image, dtype=int) for image in small))).max() < 8


def test_ranking_stands_beside_the_answer_and_other_figures_once(report, figures):
    answer = report[report.index('<section id="answer">') : report.index('<section id="table">')]
    assert 'id="figure-ranking"' in answer
    curves = report[report.index('<section id="figures">') :]
    assert curves.count("<img") >= 1 and 'id="figure-roc"' in curves.split("</section>")[0]
    assert len(re.findall(r'id="figure-', report)) == len(figures)


def test_anchors_are_one_each_and_every_link_has_its_place(report):
    found = ids(report)
    assert len(found) == len(set(found))
    assert set(re.findall(r'href="#([^"]*)"', report)) <= set(found)
    for part in re.findall(r"<section id.*?</section>", report, re.S):
        assert re.search(r'<h2>.*?<a class="anchor" href="#', part)


def test_the_glossary_stands_before_the_answer(report):
    glossary, answer = report.index('<dl class="glossary">'), report.index('<section id="answer">')
    assert glossary < answer
    for term in ("Run", "Out of fold", "Baseline"):
        assert f"<dt>{term}</dt>" in report


def test_every_table_is_offered_as_csv_and_latex(report):
    packed = re.search(r'<script id="downloads"[^>]*>([^<]*)</script>', report)[1]
    files = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert set(files) == set(re.findall(r'<div class="table" id="table-([^"]+)"', report))
    assert len(files) == report.count("<table") > 5
    csv, tex = files["comparison"]
    columns = "Rank,Run,Out-of-fold AUC,Out-of-fold AUC low,Out-of-fold AUC high,Out-of"
    assert csv.splitlines()[0].startswith(columns)
    assert "Out-of-fold AUC low,Out-of-fold AUC high" in csv.splitlines()[0]
    assert r"\begin{tabular}" in tex and r"Xception \& VGG-16 fusion" in tex


@pytest.mark.parametrize("damage", ["cut", "other", "folder", "text", "missing"])
def test_report_does_not_embed_a_damaged_figure_or_another_one(made, figures, tmp_path, damage):
    copied = {name: tmp_path / f"{name}.png" for name in figures}
    for name, path in figures.items():
        copied[name].write_bytes(path.read_bytes())
    wrong = copied["ranking"]
    if damage == "cut":
        wrong.write_bytes(wrong.read_bytes()[:5000])
    elif damage == "text":
        wrong.write_text("no picture at all")
    elif damage == "other":
        wrong.write_bytes(copied["roc"].read_bytes())
    else:
        wrong.unlink()
        if damage == "folder":
            wrong.mkdir()
    with pytest.raises(UserError, match=r"ranking.png is not what was written[\s\S]*recreated"):
        render(made, copied, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_figures_of_earlier_versions_have_no_name_and_are_embedded(made, figures, tmp_path):
    with Image.open(figures["roc"]) as image:
        image.save(tmp_path / "roc.png")
    text = render(made, figures | {"roc": tmp_path / "roc.png"}, tmp_path / "report.html")
    assert 'id="figure-roc"' in text


def test_report_names_what_is_missing_rejected_and_escaped(report):
    assert "DenseNet_121 100%" in report
    assert "folds 3 and 4 have no predictions" in report
    assert "not shown to have learned" in report
    assert html.escape("train/NORMAL/broken <1>.jpeg") in report
    assert "truncated file" in report and "one patient has images of both labels" in report
    assert html.escape(TITLE) in report and TITLE not in report
    assert report.count('<tr class="baseline">') == BASELINES and "no network" in report
    assert "no complete run of alexnet" in report


def test_runs_that_can_be_searched_are_those_of_the_table(report):
    options = re.findall(r'<option value="([^"]*)">', report)
    assert len(options) == len(FOUR_RUNS) + BASELINES
    assert "Xception &amp; VGG-16 fusion" in options and "Baseline: thumbnail" in options


def test_report_says_phantom_only_of_phantoms(report, made, figures, tmp_path):
    assert "Phantoms, not patients" in report
    real = render(made, figures, tmp_path / "report.html", source="directory")
    assert "hantom" not in real and "date and device of the images are not read" in real
    assert "Patients are identified by file names" in real and "Patients unknown" not in real


def test_report_is_loud_about_unknown_patients(made, figures, tmp_path):
    findings = read_json(made.audit)
    write_json(
        made.audit,
        findings | {"unknown_patients": ["a.png", "b.png"], "patients_told_by": {"": 2}},
    )
    try:
        text = render(made, figures, tmp_path / "report.html", source="table")
    finally:
        write_json(made.audit, findings)
    assert "<b>Patients unknown.</b> 2 of " in text and "do not identify their patient" in text
    assert "identified not at all" in text


def test_report_is_byte_identical_on_repetition(report, made, figures, tmp_path):
    again = render(made, figures, tmp_path / "again.html", **of_tests(made))
    assert again == report


def test_a_section_with_nothing_to_say_has_no_place(made, tmp_path):
    text = render(made, {}, tmp_path / "report.html")
    sections, links = (
        re.findall(pattern, text) for pattern in (r'<section id="(\w+)"', r'<li><a href="#(\w+)"')
    )
    assert sections == links and sections[:2] == ["answer", "table"]
    assert not {"figures", "external", "robustness", "checklists", "looks"} & set(sections)


def test_figures_without_a_section_and_origins_are_gathered(made, monkeypatch):
    files = report_files(made, figures=["a/roc.png", "b/odd.png", "c/ranking.png"])
    (curves,) = [found for found in page.compose(files, Words()) if found.name == "figures"]
    assert curves.figures == ["roc", "odd"]

    class Own:
        """A section that shows a figure and names its origin."""

        @staticmethod
        def build(files, words):
            assert files.all("figures")
            found = ("What", f"{words.positive}.csv", "a_rule")
            return Section("own", "Own", "Own", blocks=(FigureOf("odd"),), origins=(found,))

    monkeypatch.setattr(page, "SECTIONS", (*page.SECTIONS, Own))
    sections = {found.name: found for found in page.compose(files, Words())}
    assert sections["figures"].figures == ["roc"] and list(sections)[-1] == "own"
    (origins,) = sections["origins"].tables
    assert origins.rows[-1] == {
        "Shown": "What",
        "File in the experiment's folder": "pneumonia.csv",
        "Written by rule": "a_rule",
    }


def test_reporting_starts_without_torch_and_without_pyplot():
    code = (
        "import sys; import pneumobench.reporting.drawing.roc, pneumobench.reporting.report; "
        "print(sorted({'torch', 'sklearn', 'scipy', 'seaborn', 'matplotlib.pyplot'} & "
        "set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=SCRIPTS, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"


# Words for other data


def test_a_report_of_another_finding_and_what_is_not_to_be_altered(tmp_path):
    made = Experiment(tmp_path)
    audit = read_json(made.audit)
    nih = {"source": "nih", "title": "ChestX-ray14", "population": "adults"}
    effusion = audit["source"] | nih | {"positive": "Effusion", "negative": "no finding"}
    texts = {}
    for name, source in (("usual", audit["source"]), ("nih", effusion)):
        write_json(made.audit, audit | {"source": source})
        texts[name] = render(made, {}, tmp_path / f"{name}.html", "nih", **of_tests(made))
    assert "detects pneumonia best?" in texts["usual"] and "for children?" in texts["usual"]
    assert "detects effusion best?" in texts["nih"] and "for patients?" in texts["nih"]
    assert "Positive class: effusion; negative class: no finding." in texts["nih"]
    left = r".{20}(?:[Pp]neumonia|[Pp]aediatric|(?<![\w-])[Cc]hild).{20}"
    assert not re.findall(left, texts["nih"])


def test_a_heading_a_setting_and_a_path_stay_as_they_were_given(tmp_path):
    made = Experiment(tmp_path)
    audit = read_json(made.audit)
    own = {"positive": "effusion", "negative": "no finding", "population": "adults"}
    rejected = [{"path": "pneumonia/child normal.png", "reason": "no picture"}]
    write_json(made.audit, audit | {"source": audit["source"] | own, "rejected": rejected})
    files = report_files(
        made,
        settings={"data": {"source": "nih"}, "explanation": {"target": "pneumonia"}},
    )
    title = "Adults with effusion, children excluded"
    page.render_report(files, tmp_path / "report.html", title=title, experiment="normal")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"<title>{title}</title>" in text and f"<h1>{title}</h1>" in text
    assert '<tr><td class="name">explanation.target</td><td>pneumonia</td></tr>' in text
    assert '<td class="name">pneumonia/child normal.png</td>' in text
    assert "<code>normal</code>" in text


def test_a_title_may_leave_the_name_of_the_disease_to_the_data(made, tmp_path):
    title = "{disease} on chest {radiographs}"
    usual = render(made, {}, tmp_path / "usual.html", title=title)
    assert "<title>Paediatric pneumonia on chest {radiographs}</title>" in usual
    source = read_json(made.audit)["source"] | {"positive": "Effusion", "population": "adults"}
    write_json(tmp_path / "audit.json", read_json(made.audit) | {"source": source})
    other = render(made, {}, tmp_path / "other.html", title=title, audit=tmp_path / "audit.json")
    assert "<title>Effusion on chest {radiographs}</title>" in other
