"""Every table of the report as LaTeX."""

import re
import shutil
import subprocess

import pytest
from paper_fixture import fill
from report_page import render
from reporting_fixture import Experiment
from section_fixture import report_files

from pneumobench.reporting.report import compose, write_tables
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.words import Words

COMPILERS = ("pdflatex", "tectonic")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def latex(made):
    """The sections, the document of all tables, and the one of the comparison."""
    fill(made, made.folder)
    files = report_files(
        made, settings={"data": {"source": "phantom"}}, checklists=made.folder / "checklists.json"
    )
    write_tables(files, made.folder / "report_tables.tex", title="Title <with> & signs")
    make_tables(
        made.comparison_csv, made.comparison_json,
        made.folder / "c.csv", made.folder / "c.md", made.folder / "comparison.tex", words=Words(),
    )  # fmt: skip
    return (
        compose(files, Words()),
        made.folder / "report_tables.tex",
        made.folder / "comparison.tex",
    )


def test_every_table_of_the_report_is_set(latex, made):
    sections, document, _ = latex
    tables = [table for section in sections for table in section.tables]
    page = render(made, {}, made.folder / "tables.html", checklists=made.folder / "checklists.json")
    assert len(tables) == page.count("<table") > 5
    text = document.read_text(encoding="utf-8")
    captions = set(re.findall(r"\\noindent Table (\d+)\.", text))
    assert captions == {str(number) for number in range(1, len(tables) + 1)}
    assert r"\noindent Table 1. Ranked table: All runs" in text
    assert r"Title \textless{}with\textgreater{} \& signs" in text
    assert "ResNet-18 (from scratch)" in text and "(2 of 2)" in text


def test_latex_has_balanced_braces_and_rows_of_one_length(latex):
    for path in latex[1:]:
        text = path.read_text(encoding="utf-8").replace(r"\{", "").replace(r"\}", "")
        assert text.count("{") == text.count("}")
        for spec, body in re.findall(
            r"\\begin\{tabular\}\{((?:[lr]|p\{\w+\})+)\}(.*?)\\end\{tabular\}", text, re.S
        ):
            columns = len(re.findall(r"[lr](?!\w)|[lr]|p\{\w+\}", spec))
            for line in body.splitlines():
                if line.endswith(r"\\"):
                    assert len(re.findall(r"(?<!\\)&", line)) == columns - 1, line
        assert all(ord(character) < 256 for character in text)


def test_latex_compiles(latex, tmp_path):
    program = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of {', '.join(COMPILERS)} on this machine: LaTeX cannot be compiled")
    whole = tmp_path / "whole.tex"
    whole.write_text(
        r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs,graphicx}"
        r"\begin{document}\input{" + latex[2].as_posix() + r"}\end{document}"
    )
    for source in (latex[1], whole):
        command = [program, str(source)]
        if program.endswith("pdflatex"):
            command = [program, "-interaction=nonstopmode", "-halt-on-error", str(source)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
