"""Plain and averaged predictions side by side, in tables and report; nothing without averages."""

import re

import pandas as pd
import pytest
from report_page import render
from reporting_fixture import Experiment
from section_fixture import CHILDREN, report_files, table_of, text_of

from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.views import VIEW_SETS
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.sections.views import build
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.views import COLUMNS, view_table


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
    make_tables(*paths, *outputs, words=CHILDREN)
    return [path.read_text(encoding="utf-8") for path in outputs]


def section(made, paths):
    return build(report_files(made, table=paths[0], details=paths[1]), CHILDREN)


def test_rows_show_plain_averaged_and_difference(made):
    rows = table_of(section(made, made.with_views), "views")
    assert [list(row) for row in rows] == [["Run", *COLUMNS.values()]] * 3
    comparison = read_comparison(made.with_views[0])
    first = comparison.iloc[0]
    for name, title in COLUMNS.items():
        assert rows[0][title].startswith(f"{first[name]:.3f} (")
    assert rows[0]["Difference, test"] == "0.010 (-0.002 to 0.030)"
    assert section(made, (made.comparison_csv, made.comparison_json)) is None


def test_tables_have_a_second_part_with_the_views_named(made):
    csv, markdown, latex = tables(made, made.with_views, "with")
    first, second = markdown.split("\n| Run | ")
    assert first.startswith("| Rank | Run | Out-of-fold AUC | ")
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
    without = render(made, {}, made.folder / "without.html")
    assert "Test-time augmentation" not in without and "averaged" not in without
    table, details = made.with_views
    shown = render(made, {}, made.folder / "with.html", table=table, details=details)
    assert shown.count('href="#views"') >= 1 and 'href="#views"' not in without
    part = re.search(r'<section id="views".*?</section>', shown, re.DOTALL)[0]
    assert "Out-of-fold AUC, averaged" in part and "0.010" in part and "-0.002 to 0.030" in part


def test_wrong_views_are_called_wrong(made):
    facts, comparison = read_json(made.with_views[1]), read_comparison(made.with_views[0])
    assert "anatomically wrong" not in text_of(section(made, made.with_views))
    seeds = view_table(comparison, facts | {"test_time_augmentation": "seeds"})
    assert "anatomically wrong" in " ".join(seeds.notes)
    assert "mirrored top to bottom" in " ".join(seeds.notes)
