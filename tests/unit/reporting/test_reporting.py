import hashlib
import html
import itertools
import os
import re
import subprocess
import sys
import zlib
from collections import defaultdict
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from reporting_fixture import FOUR_RUNS, Experiment, Made
from statistics_cases import make_experiment
from statsmodels.stats.proportion import proportion_confint

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.reporting import style, summary, wording
from pneumobench.reporting.clinical import clinical_rows, error_rates, subtype_rows
from pneumobench.reporting.confusion import plot_confusion
from pneumobench.reporting.cost import plot_cost
from pneumobench.reporting.curves import precision_recall_curve, roc_curve
from pneumobench.reporting.flow import plot_data_flow, read_flow
from pneumobench.reporting.inputs import files_by_run, read_comparison, read_metrics
from pneumobench.reporting.methods import flatten
from pneumobench.reporting.precision_recall import plot_precision_recall
from pneumobench.reporting.ranking import plot_ranking
from pneumobench.reporting.report import render_report
from pneumobench.reporting.roc import plot_roc
from pneumobench.reporting.tables import make_tables
from pneumobench.reporting.training_curves import plot_training_curves
from pneumobench.reporting.typeset import escape_latex

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"
# Below the runs of `Experiment`.
BASELINES = 2
PNG_START = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("reporting"))


@pytest.fixture(scope="module")
def comparison(made):
    return read_comparison(made.comparison_csv)


@pytest.fixture(scope="module")
def facts(made):
    return read_json(made.comparison_json)


def plots(made):
    both = (made.comparison_csv, made.comparison_json)
    return {
        "roc": lambda stem: plot_roc(made.scores, *both, stem),
        "precision_recall": lambda stem: plot_precision_recall(made.scores, *both, stem),
        "confusion": lambda stem: plot_confusion(made.metrics, both[0], stem),
        "training_curves": lambda stem: plot_training_curves(made.histories, both[0], stem),
        "cost": lambda stem: plot_cost(*both, stem),
        "ranking": lambda stem: plot_ranking(*both, stem),
        "data_flow": lambda stem: plot_data_flow(made.audit, made.splits, stem),
    }


@pytest.fixture(scope="module")
def figures(made):
    folder = made.folder / "figures"
    for name, plot in plots(made).items():
        plot(folder / name)
    return {name: folder / f"{name}.png" for name in plots(made)}


def render(made, figures, path, source="phantom", **parts):
    render_report(
        made.comparison_csv,
        made.comparison_json,
        made.audit,
        made.splits,
        made.metrics,
        made.run_jsons,
        figures,
        made.selection,
        path,
        title="Title <with> & signs",
        experiment="demo",
        settings={"data": {"source": source}, "split": {"folds": 5}},
        **parts,
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(made, figures):
    return render(made, figures, made.folder / "report.html", differences=made.differences)


# Figures


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", ["ranking", "confusion", "data_flow", "cost"])
def test_figures_are_byte_identical_on_repetition(made, figures, tmp_path, name):
    plots(made)[name](tmp_path / name)
    for suffix in (".png", ".pdf"):
        first = figures[name].with_suffix(suffix).read_bytes()
        assert first == (tmp_path / f"{name}{suffix}").read_bytes()


def test_figures_are_byte_identical_whatever_matplotlib_is_told(made, figures, tmp_path):
    code = (
        "import sys; from pneumobench.reporting.flow import plot_data_flow; "
        "plot_data_flow(*sys.argv[1:])"
    )
    arguments = [str(path) for path in (made.audit, made.splits, tmp_path / "data_flow")]
    (tmp_path / "matplotlibrc").write_text("text.color: white\nsavefig.bbox: tight\n")
    told = os.environ | {"MPLBACKEND": "nonsense", "PYTHONPATH": str(SCRIPTS)}
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=tmp_path, env=told)
    for suffix in (".png", ".pdf"):
        digests = [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (figures["data_flow"].with_suffix(suffix), tmp_path / f"data_flow{suffix}")
        ]
        assert digests[0] == digests[1]


def test_vector_figures_embed_truetype_fonts_and_no_date(figures):
    for png in figures.values():
        assert png.read_bytes().startswith(PNG_START)
        pdf = png.with_suffix(".pdf").read_bytes()
        assert b"/Subtype /Type3" not in pdf and b"CreationDate" not in pdf
        assert b"FontFile2" in pdf or any(
            b"FontFile2" in unpacked for unpacked in decompressed(pdf)
        )


def decompressed(pdf):
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.S):
        try:
            yield zlib.decompress(match[1])
        except zlib.error:
            continue


def test_thirteen_runs_highlight_six_and_grey_the_rest():
    styles = style.run_styles([f"run {index}" for index in range(13)])
    own = [entry for entry in styles.values() if entry.highlighted]
    assert len(own) == 6
    assert {entry.colour for entry in styles.values() if not entry.highlighted} == {style.GREY}
    assert len({(entry.colour, str(entry.line), entry.marker) for entry in own}) == 6
    # A second cue beside the colour: no two line styles and no two markers are alike.
    assert len({str(entry.line) for entry in own}) == len({entry.marker for entry in own}) == 6


def test_neighbours_in_rank_differ_in_grey_or_in_line_style():
    entries = list(style.run_styles([f"run {index}" for index in range(7)]).values())
    for first, second in itertools.pairwise(entries):
        assert first.line != second.line and first.marker != second.marker
        assert np.abs(np.subtract(to_rgb(first.colour), to_rgb(second.colour))).max() > 0.2


@pytest.mark.filterwarnings("error::UserWarning")
def test_single_run_without_held_out_part_is_drawn(tmp_path):
    made = Experiment(tmp_path, [Made("alexnet", "AlexNet", 2.0, 57e6)])
    for path in made.histories:
        table = read_table(path)
        table[["inner_loss", "inner_auc", "inner_accuracy"]] = np.nan
        write_table(path, table)
    for name in ("training_curves", "cost", "ranking"):
        plots(made)[name](tmp_path / name)
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000


def test_a_history_of_another_fold_is_not_drawn(made, tmp_path):
    run = made.runs[0]
    identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
    copied = []
    for path in made.histories:
        inside = tmp_path / path.relative_to(made.folder)
        fold = int(path.parent.name.removeprefix("fold"))
        own = identity | {"model": path.parts[-5], "fold": fold}
        write_table(inside, read_table(path).assign(**own))
        copied.append(inside)
    plot_training_curves(copied, made.comparison_csv, tmp_path / "curves")
    copied[0].write_bytes(copied[1].read_bytes())
    with pytest.raises(UserError, match=r"history.csv is of \S+/fold1\n[\s\S]*/fold0,"):
        plot_training_curves(copied, made.comparison_csv, tmp_path / "curves")


# Curves, on the files that the statistics really write


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("real"))
    runs = [Run("alexnet", "light", 1), Run("timm:vgg", "light", 1)]
    for seed, (run, signal) in enumerate(zip(runs, (2.0, 1.0), strict=True)):
        experiment.add_run(run, signal, seed)
    experiment.select(runs)
    for run in runs:
        experiment.evaluate(run)
    missing = [{"model": "vgg16", "recipe": "light", "seed": 1, "note": "fold 2 failed"}]
    table, content = experiment.compare(runs, missing)
    return experiment, runs, table, content


@pytest.mark.parametrize("dataset", ["out_of_fold", "test"])
def test_areas_under_the_curves_are_those_of_the_table(real, dataset):
    experiment, runs, table, _ = real
    rows = read_comparison(table).set_index("model")
    for run in runs:
        path = experiment.folder(run) / "scores.csv"
        scores = read_table(path, text=("image_id", "patient", "label", "subtype"))
        roc = roc_curve(scores, dataset)
        assert np.trapezoid(roc.y, roc.x) == pytest.approx(
            rows.loc[run.model, f"{dataset}_roc_auc"], abs=1e-9
        )
        steps = precision_recall_curve(scores, dataset)
        assert np.sum(np.diff(steps.x) * steps.y[1:]) == pytest.approx(
            rows.loc[run.model, f"{dataset}_average_precision"], abs=1e-9
        )
        assert roc.point[1] == pytest.approx(rows.loc[run.model, f"{dataset}_sensitivity"])
        assert 1 - roc.point[0] == pytest.approx(rows.loc[run.model, f"{dataset}_specificity"])
        assert steps.point[1] == pytest.approx(rows.loc[run.model, f"{dataset}_precision"])


def test_figures_and_tables_read_what_the_statistics_write(real, tmp_path):
    experiment, runs, table, content = real
    scores = [experiment.folder(run) / "scores.csv" for run in runs]
    metrics = [experiment.folder(run) / "metrics.json" for run in runs]
    plot_roc(scores, table, content, tmp_path / "roc")
    plot_confusion(metrics, table, tmp_path / "confusion")
    plot_ranking(table, content, tmp_path / "ranking")
    plot_cost(table, content, tmp_path / "cost")
    make_tables(table, content, tmp_path / "t.csv", tmp_path / "t.md", tmp_path / "t.tex")
    assert "fold 2 failed" in (tmp_path / "t.md").read_text(encoding="utf-8")
    sentences = " ".join(summary.summarise(read_comparison(table), read_json(content)))
    assert "ALEXNET" in sentences and "vgg16" in sentences


# Tables


@pytest.fixture(scope="module")
def tables(made):
    paths = [made.folder / f"tables/comparison.{suffix}" for suffix in ("csv", "md", "tex")]
    make_tables(made.comparison_csv, made.comparison_json, *paths)
    return [path.read_text(encoding="utf-8") for path in paths]


def test_markdown_has_a_row_for_every_run_and_baseline(tables):
    lines = [line for line in tables[1].splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(FOUR_RUNS) + BASELINES
    assert len({line.count("|") for line in lines}) == 1
    assert "missing: folds 3 and 4 have no predictions" in lines[-BASELINES - 1]


def test_latex_escapes_special_characters(tables):
    assert r"Xception \& VGG-16 fusion" in tables[2]
    assert r"DenseNet\_121 100\%" in tables[2]
    for special in "&%$#_{}~^\\":
        assert escape_latex(special) != special
    body = tables[2].split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert body.count(r" \\") == len(FOUR_RUNS) + BASELINES


def test_csv_keeps_numbers_as_numbers(made, tables):
    table = read_table(made.folder / "tables/comparison.csv", text=("note",))
    complete = table[table["status"] == "complete"]
    assert (complete["test_roc_auc_low"] <= complete["test_roc_auc"]).all()
    assert table["note"].iloc[-BASELINES - 1].startswith("missing")


def test_no_error_among_few_radiographs_has_an_interval_with_a_width(made, comparison):
    metrics = deepcopy(read_metrics(made.metrics))
    for content in metrics.values():
        for entry in content["confusion"]:
            entry |= {"true_positive": 12, "false_negative": 0}
    row = clinical_rows(comparison, metrics, "test")[0]
    low, high = proportion_confint(0, 12, method="wilson")
    assert row["Missed pneumonias"] == "0 of 12"
    assert row["Wilson, missed"] == f"{100 * low:.1f}\N{EN DASH}{100 * high:.1f}"


def test_no_sensitivity_by_subtype_where_no_subtype_is_known(comparison):
    def rows(*subtypes):
        found = [
            {"subtype": subtype, "n": 9, "sensitivity": 0.9, "low": 0.8, "high": 1.0}
            | {"dataset": "test", "threshold": "out_of_fold"}
            for subtype in subtypes
        ]
        return subtype_rows(comparison, defaultdict(lambda: {"subgroups": found}), "test")

    assert rows("unknown") == []
    assert "unknown (n = 9)" in rows("bacterial", "unknown")[0]


# Words


def test_summary_says_what_the_numbers_say(comparison, facts):
    text = " ".join(summary.summarise(comparison, facts))
    assert text.startswith("Best by out-of-fold AUC: ResNet-18 (from scratch)")
    assert "1 of the 2 other complete runs cannot be told from it: Xception & VGG-16" in text
    assert "Did not learn (the interval of the AUC does not lie above 0.5): CNN-LSTM." in text
    assert "Missing, and not part of any figure: DenseNet_121 100%" in text
    assert "n = 120 images" in text
    assert "specificity falls" in text
    assert "these trained models" in text


def test_summary_of_two_runs_counts_no_single_one(comparison, facts):
    two = comparison[comparison["status"] == "complete"].iloc[:2].copy()
    two["distinguishable_from_best"] = False
    text = " ".join(summary.summarise(two, facts))
    assert "The only other complete run cannot be told from it: Xception & VGG-16" in text


def test_summary_keeps_silent_about_what_did_not_happen(comparison, facts):
    rows = comparison[comparison["status"] == "complete"].iloc[:2].copy()
    rows["test_specificity"] = rows["out_of_fold_specificity"]
    rows["test_sensitivity"] = rows["out_of_fold_sensitivity"]
    rows["distinguishable_from_best"] = [False, True]
    text = " ".join(summary.summarise(rows, facts))
    assert "falls from" not in text and "Missing" not in text and "Did not learn" not in text
    assert "can be told from every other run" in text
    three_seeds = pd.concat([rows.assign(seed=seed, best=seed == 1) for seed in (1, 2, 3)])
    three_seeds["best"] = [True, *[False] * 5]
    assert "these trained models" not in " ".join(summary.summarise(three_seeds, facts))


def test_missed_and_false_alarms_turn_intervals_round(comparison):
    rates = error_rates(comparison, "test")
    assert (rates["missed_low"] <= rates["missed"]).all()
    assert (rates["false_alarms"] <= rates["false_alarms_high"]).all()
    first = comparison.iloc[0]
    assert rates["missed"].iloc[0] == pytest.approx(100 * (1 - first["test_sensitivity"]))


def test_numbers_are_worded_for_people():
    assert wording.with_interval(-0.01, -0.02, 0.005) == "-0.010 (-0.020 to 0.005)"
    assert wording.with_interval(float("nan"), 0, 1) == wording.EMPTY
    assert [wording.duration(seconds) for seconds in (4.2, 42, 200, 7500)] == [
        "4.2 s",
        "42 s",
        "3 min 20 s",
        "2 h 05 min",
    ]
    assert wording.plural(1, "image") == "1 image"
    assert flatten({"a": {"b": [1, None], "c": {}}}) == [("a.b", "1, null"), ("a.c", "{}")]


def test_flow_counts_add_up(made):
    flow = read_flow(made.audit, made.splits)
    assert sum(fold["images"] for fold in flow["folds"]) == flow["roles"]["cv"]["images"] == 300
    assert flow["counts"]["ok"] == sum(role["images"] for role in flow["roles"].values())
    assert sum(flow["subtypes"].values()) == flow["counts"]["ok"]


def test_labels_name_recipe_and_seed_only_where_they_differ(tmp_path):
    runs = [Made("a", "A", 2.0, 1e6), Made("a", "A", 2.5, 1e6, recipe="modern", seed=7)]
    made = Experiment(tmp_path, runs)
    labels = set(read_comparison(made.comparison_csv)["label"])
    assert labels == {"A (light, seed 42)", "A (modern, seed 7)"}


def test_file_outside_a_run_is_an_error():
    with pytest.raises(UserError, match="does not lie in a run's folder"):
        files_by_run(["elsewhere/scores.csv"], depth=1)


# The report


def test_report_loads_nothing(report):
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#|data:)", report)
    assert not re.search(r"https?://|@import|url\(|<link|<iframe|fetch\(", report)


def test_report_embeds_every_figure(report, figures):
    assert report.count("data:image/png;base64,") == len(figures)
    for name in figures:
        assert f'id="figure-{name}"' in report


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
    with pytest.raises(UserError, match=r"ranking.png is not what was written[\s\S]*made anew"):
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
    assert "did not learn" in report
    assert html.escape("train/NORMAL/broken <1>.jpeg") in report
    assert "truncated file" in report and "one patient has images of both labels" in report
    assert "Title &lt;with&gt; &amp; signs" in report
    assert report.count('<tr class="baseline">') == BASELINES and "no network" in report
    assert "no complete run of alexnet" in report and "no test tells" in report


def test_report_says_phantom_only_of_phantoms(report, made, figures, tmp_path):
    assert "Phantoms, not patients" in report
    real = render(made, figures, tmp_path / "report.html", source="directory")
    assert "hantom" not in real and "date and device of the images are not read" in real
    assert "Patients are told apart by file names" in real and "Patients unknown" not in real


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
    assert "<b>Patients unknown.</b> Of " in text and "images 2 tell no patient" in text
    assert "told apart not at all" in text


def test_report_is_byte_identical_on_repetition(report, made, figures, tmp_path):
    again = render(made, figures, tmp_path / "again.html", differences=made.differences)
    assert again == report


def test_reporting_starts_without_torch_and_without_pyplot():
    code = (
        "import sys; import pneumobench.reporting.roc, pneumobench.reporting.report; "
        "print(sorted({'torch', 'sklearn', 'scipy', 'seaborn', 'matplotlib.pyplot'} & "
        "set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=SCRIPTS, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[]"
