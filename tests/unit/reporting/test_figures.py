"""The registry of figures: complete, and what rules make of it."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from configurations import check

from pneumobench.core.analyses import ANALYSES
from pneumobench.core.layout import Layout
from pneumobench.reporting import drawing
from pneumobench.reporting.figures import FIGURES, FILES, figures_of

FOLDER = Path(drawing.__file__).parent


def draws(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "draw" for node in tree.body)


def test_every_drawing_module_is_registered_once():
    names = [figure.name for figure in FIGURES]
    assert len(set(names)) == len(names)
    assert {path.stem for path in FOLDER.glob("*.py") if draws(path)} == set(names)
    for figure in FIGURES:
        assert callable(importlib.import_module(figure.module).draw)


def test_entries_are_complete():
    asked = {name for figure in FIGURES for name in figure.inputs}
    assert asked | {"audit"} == set(FILES)
    assert {figure.analysis for figure in FIGURES} - {""} <= {one.name for one in ANALYSES}
    for figure in FIGURES:
        assert figure.title and figure.category and figure.label
        # Snakemake's report takes it for reStructuredText, rules take braces for wildcards.
        assert re.fullmatch(r"[^*`|{}\\<>]{40,}\.", figure.caption), figure.name
        assert not re.search("pneumonia|child", figure.caption), figure.name


def test_an_experiment_has_the_figures_of_what_it_asks_for():
    plain = [figure.name for figure in figures_of((), radiographs=False)]
    assert "roc" in plain and not {"worst_cases", "robustness", "every_map"} & set(plain)
    explained = {figure.name for figure in figures_of({"explanations"}, radiographs=False)}
    assert explained - set(plain) == {"mean_maps", "randomisation"}
    drawn = {figure.name for figure in figures_of({"explanations"}, radiographs=True)}
    assert drawn - explained == {"worst_cases", "explanations", "every_map"}
    assert figures_of({one.name for one in ANALYSES}, radiographs=True) == list(FIGURES)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_files_are_those_of_all_runs_and_folds(figure):
    experiment = check("runs: [alexnet, vgg16]\nsplit: {folds: 3}")
    layout = Layout("<results>", experiment, tuple(experiment.expanded_runs))
    files = figure.files(layout)
    assert set(files) == {"audit", *figure.inputs}
    assert files["audit"] == "<results>/dataset/audit.json"
    for name, found in files.items():
        runs = 2 if "{run}" in FILES[name] else None
        folds = 3 if "{fold}" in FILES[name] else 1
        assert isinstance(found, str) if runs is None else len(set(found)) == runs * folds
        assert "{" not in str(found)


def test_the_registry_loads_nothing_heavy():
    heavy = "{'matplotlib', 'numpy', 'pandas', 'PIL'} & set(sys.modules)"
    code = f"import sys, pneumobench.reporting.figures; assert not {heavy}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=FOLDER.parents[2])
