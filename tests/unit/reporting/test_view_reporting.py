"""Plain and averaged predictions side by side, in tables and report; nothing without averages."""

import re

import pandas as pd
import pytest
from reporting_fixture import Experiment

from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.views import VIEW_SETS
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.report import render_report
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.views import COLUMNS, view_notes, view_rows


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An experiment whose averaged AUC is 0.01 above the plain one."""
    made = Experiment(tmp_path_factory.mktemp("view_reporting"))
    table = read_table(made.comparison_csv, text=("note",))
    columns = {}
    for name in ("out_of_fold_roc_auc", "test_roc_auc"):
        columns[f"tta_{name}_difference"] = 0.01
        columns[f"tta_{name}_difference_low"] = -0.002
        columns[f"tta_{name}_difference_high"] = 0.03
        for bound in ("", "_low", "_high"):
            columns[f"tta_{name}{bound}"] = table[f"{name}{bound}"] + 0.01
    missing = table["status"] != "complete"
    averaged = pd.DataFrame(columns, index=table.index).mask(missing)
    made.with_views = made.folder / "with_views.csv", made.folder / "with_views.json"
    write_table(made.with_views[0], table.join(averaged))
    facts = read_json(made.comparison_json)
    write_json(made.with_views[1], facts | {"test_time_augmentation": "small"})
    return made


def tables(made, paths, name):
    outputs = [made.folder / f"{name}.{suffix}" for suffix in ("csv", "md", "tex")]
    make_tables(*paths, *outputs)
    return [path.read_text(encoding="utf-8") for path in outputs]


def report(made, paths, name):
    path = made.folder / f"{name}.html"
    render_report(
        *paths, made.audit, made.splits, made.metrics, made.run_jsons, {}, made.selection, path,
        title="Title", experiment="demo",
        settings={"data": {"source": "phantom"}, "split": {"folds": 5}},
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


def test_rows_show_plain_averaged_and_difference(made):
    rows = view_rows(read_comparison(made.with_views[0]))
    assert [list(row) for row in rows] == [["Run", *COLUMNS.values()]] * 3
    comparison = read_comparison(made.with_views[0])
    first = comparison.iloc[0]
    for name, title in COLUMNS.items():
        assert rows[0][title].startswith(f"{first[name]:.3f} (")
    assert rows[0]["Difference, test"] == "0.010 (-0.002 to 0.030)"


def test_tables_have_a_second_part_with_the_views_named(made):
    csv, markdown, latex = tables(made, made.with_views, "with")
    first, second = markdown.split("\n| Run | ")
    assert first.startswith("| Rank | Run | ")
    assert second.startswith("Out-of-fold AUC, plain | Out-of-fold AUC, averaged | Difference")
    for view in VIEW_SETS["small"]:
        assert view in second
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2
    assert r"\label{tab:views}" in latex and r"moved left by 2 \%" in latex
    assert "tta_test_roc_auc_difference_low" in csv.splitlines()[0]


def test_first_table_and_everything_else_are_the_same_without(made):
    plain = tables(made, (made.comparison_csv, made.comparison_json), "without")
    both = tables(made, made.with_views, "with")
    assert both[1].startswith(plain[1]) and both[2].startswith(plain[2])
    assert "tta_" not in plain[0] and plain[2].count(r"\begin{tabular}") == 1
    without = report(made, (made.comparison_csv, made.comparison_json), "without")
    assert "Test-time augmentation" not in without and "averaged" not in without
    shown = report(made, made.with_views, "with")
    section = re.search(r'<section id="views">.*?</section>\n\n', shown, re.DOTALL)[0]
    link = '<li><a href="#views">Test-time augmentation</a></li>'
    assert shown.count(link) == 1
    assert shown.replace(section, "").replace(link, "").split() == without.split()
    assert "Out-of-fold AUC, averaged" in section and "0.010 (-0.002 to 0.030)" in section


def test_wrong_views_are_called_wrong(made):
    facts = read_json(made.with_views[1])
    assert "anatomically wrong" not in " ".join(view_notes(facts))
    seeds = " ".join(view_notes(facts | {"test_time_augmentation": "seeds"}))
    assert "anatomically wrong" in seeds and "mirrored top to bottom" in seeds
