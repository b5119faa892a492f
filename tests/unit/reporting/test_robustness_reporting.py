"""Radiographs made worse, in figure and report: the right numbers in the right places, or nothing."""

import re
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from reporting_fixture import FOUR_RUNS, Experiment, Made, with_hostile_titles

from pneumobench.core.corruptions import CORRUPTIONS
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.reporting import robustness as room
from pneumobench.reporting.inputs import complete_runs, read_comparison
from pneumobench.reporting.report import render_report
from pneumobench.reporting.robustness import plot_robustness
from pneumobench.reporting.robustness_section import (
    RobustnessInputs,
    robustness_section,
    robustness_sentence,
)
from pneumobench.reporting.style import luminance
from pneumobench.reporting.wording import EMPTY, EN_DASH

TITLES = [kind.title for kind in CORRUPTIONS.values()]
PLAIN = {"roc_auc": 0.98, "sensitivity": 0.95, "specificity": 0.93}


def record(value, plain):
    apart = value - plain
    return {
        "value": value, "low": value - 0.02, "high": value + 0.02, "undefined_replicates": 0,
        "difference": apart, "difference_low": apart - 0.01, "difference_high": apart + 0.01,
    }  # fmt: skip


def columns(metric, value):
    whole = record(value, PLAIN[metric])
    names = {"value": metric} | {
        name: f"{metric}_{name}" for name in whole if name not in ("value", "undefined_replicates")
    }
    return {title: whole[name] for name, title in names.items()}


class Robustness:
    """robustness.csv and .json of all complete runs; the worst of run r is corruption r."""

    def __init__(self, made, strengths=(2,)):
        self.tables, self.details = [], []
        complete = [run for run in made.runs if not run.missing]
        for position, run in enumerate(complete):
            folder = made.folder / "runs" / Run(run.model, run.recipe, run.seed).folder
            identity = {"model": run.model, "recipe": run.recipe, "seed": run.seed}
            values = {("none", 0): PLAIN}
            worst, mean = [], []
            for strength in strengths:
                for index, name in enumerate(CORRUPTIONS):
                    lost = 0.1 * strength * (1 + (index == position) + 0.1 * position)
                    # Sensitivity suffers most from the corruption before it.
                    missed = 0.1 * strength * (1 + (index == (position - 1) % len(CORRUPTIONS)))
                    values[name, strength] = {
                        "roc_auc": 0.9, "sensitivity": 0.95 - missed, "specificity": 0.93 - lost,
                    }  # fmt: skip
                at = {name: found for (name, s), found in values.items() if s == strength}
                for metric in ("specificity", "sensitivity"):
                    name = min(at, key=lambda name: at[name][metric])
                    worst.append(
                        {"metric": metric, "strength": strength, "corruption": name}
                        | record(at[name][metric], PLAIN[metric])
                    )
                mean.append({"metric": "roc_auc", "strength": strength, **record(0.9, 0.98)})
            rows = [
                identity | {"corruption": name, "strength": strength}
                | {key: cell for metric in PLAIN for key, cell in
                   columns(metric, found[metric]).items()}
                | {"n": 300, "events": 200, "patients": 150}
                for (name, strength), found in values.items()
            ]  # fmt: skip
            write_table(folder / "robustness.csv", pd.DataFrame(rows))
            uncorrupted = {metric: record(value, value) for metric, value in PLAIN.items()}
            content = identity | {"uncorrupted": uncorrupted, "worst": worst, "mean": mean}
            write_json(folder / "robustness.json", content)
            self.tables.append(folder / "robustness.csv")
            self.details.append(folder / "robustness.json")
        self.pairs = made.folder / "comparison/robustness.csv"
        self.write_pairs()

    def write_pairs(self, half=0.03):
        """Write the differences of all pairs, with intervals of this half width."""
        contents = list(map(read_json, self.details))
        rows = []
        for entry in contents[0]["worst"]:
            key = (entry["strength"], entry["metric"])
            worst = [
                (found["value"], content)
                for content in contents
                for found in content["worst"]
                if (found["strength"], found["metric"]) == key
            ]
            worst.sort(key=lambda pair: -pair[0])
            for (first, better), (second, other) in combinations(worst, 2):
                apart = first - second
                rows.append(
                    dict(zip(("strength", "metric"), key, strict=True))
                    | {f"first_{name}": better[name] for name in ("model", "recipe", "seed")}
                    | {f"second_{name}": other[name] for name in ("model", "recipe", "seed")}
                    | {"difference": apart, "difference_low": apart - half,
                       "difference_high": apart + half, "excludes_zero": apart > half}
                )  # fmt: skip
        write_table(self.pairs, pd.DataFrame(rows))

    @property
    def inputs(self):
        return RobustnessInputs(self.tables, self.details, self.pairs)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("robustness_reporting"))


@pytest.fixture(scope="module")
def robustness(made):
    return Robustness(made)


def draw(made, robustness, monkeypatch):
    """Return the figure instead of saving it."""
    caught = []
    monkeypatch.setattr(room, "save_figure", lambda figure, _: caught.append(figure))
    plot_robustness(robustness.tables[::-1], made.comparison_csv, "stem")
    return caught[0]


def cells(axes):
    """Return numbers, frames and luminances of a panel, [runs, columns] each."""
    shape = len(axes.get_yticklabels()), len(axes.get_xticklabels())
    numbers = np.array([float(text.get_text()) for text in axes.texts]).reshape(shape)
    framed = np.array([patch.get_edgecolor()[3] > 0 for patch in axes.patches]).reshape(shape)
    light = np.array([luminance(patch.get_facecolor()[:3]) for patch in axes.patches])
    return numbers, framed, light.reshape(shape)


def test_every_cell_has_its_number_and_the_worst_its_frame(made, robustness, monkeypatch):
    figure = draw(made, robustness, monkeypatch)
    ranked = read_comparison(made.comparison_csv)
    ranked = ranked[ranked["status"] == "complete"]
    assert len(figure.axes) == 2
    for axes, metric in zip(figure.axes, ("specificity", "sensitivity"), strict=True):
        columns = [label.get_text() for label in axes.get_xticklabels()]
        assert columns == ["as it is", *TITLES]
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == [f"{n}  {label}" for n, label in enumerate(ranked["label"], start=1)]
        numbers, framed, light = cells(axes)
        for row, (_, run) in enumerate(ranked.iterrows()):
            table = read_table(made.folder / "runs" / run["run"].folder / "robustness.csv")
            np.testing.assert_allclose(numbers[row], table[metric], atol=0.005001)
            assert np.flatnonzero(framed[row]).tolist() == [1 + table[metric][1:].argmin()]
        # In grey the order of the numbers is still seen.
        order = np.argsort(numbers, axis=None)
        assert (np.diff(light.ravel()[order]) >= -1e-9).all()
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "Specificity, strength 2" in texts and "Missing: DenseNet_121 100%" in texts


def test_thirteen_runs_and_three_strengths_stay_legible(tmp_path, monkeypatch):
    runs = tuple(
        Made(f"model{n}", f"A rather long name of an architecture {n}", 3.0, 1e6) for n in range(13)
    )
    made = Experiment(tmp_path, runs)
    figure = draw(made, Robustness(made, (1, 2, 3)), monkeypatch)
    assert len(figure.axes) == 6
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    width = figure.get_size_inches()[0] * figure.dpi
    for axes in figure.axes:
        for text, patch in zip(axes.texts, axes.patches, strict=True):
            assert text.get_window_extent(renderer).width < patch.get_window_extent().width
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            box = label.get_window_extent(renderer)
            assert box.x0 >= 0 and box.x1 <= width


@pytest.mark.filterwarnings("error")
def test_names_of_networks_are_text(made, robustness, tmp_path):
    plot_robustness(
        robustness.tables, with_hostile_titles(made.comparison_csv, tmp_path), tmp_path / "figure"
    )
    assert (tmp_path / "figure.pdf").stat().st_size > 1000


def test_figure_is_byte_identical_on_repetition(made, robustness, tmp_path):
    for name in ("first", "second"):
        plot_robustness(robustness.tables, made.comparison_csv, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        first, second = (tmp_path / name / f"figure.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes() and first.stat().st_size > 5000


def test_section_names_the_worst_and_what_is_left(made, robustness):
    section = robustness_section(read_comparison(made.comparison_csv), robustness.inputs)
    first = section["overview"][0]
    assert first["Run"] == "ResNet-18 (from scratch)" and "Strength" not in first
    assert first["Hardest on specificity"] == "blur"
    assert first["Hardest on sensitivity"] == "shifted"
    assert first["Specificity"].startswith("0.930 (0.910")
    assert first["Worst specificity"].startswith("0.530 (0.510")
    assert first["Worst sensitivity"].startswith("0.550 (")
    assert first["Mean AUC"].startswith("0.900 (")
    assert len(section["overview"]) == 3 and len(section["every"]) == 3 * (1 + len(CORRUPTIONS))
    taller = next(row for row in section["every"] if row["Radiographs"] == "taller")
    assert taller["Specificity"].startswith("0.730 (")
    assert taller["Difference of the specificity"] == "-0.200 (-0.210 to -0.190)"
    assert (
        section["every"][0]["Radiographs"] == "as it is"
        and section["every"][0]["Difference of the specificity"] == EMPTY
    )
    amounts = {row["Radiographs"]: row["Strength 2"] for row in section["kinds"]}
    assert amounts["blur"] == "1 %" and amounts["taller"] == "1.2"


def test_reading_is_by_the_criterion_among_runs_that_learned(made, robustness):
    (sentence,) = robustness_section(read_comparison(made.comparison_csv), robustness.inputs)[
        "readings"
    ]
    assert "that of ResNet-18 (from scratch), 0.530 (" in sentence and "is ranked 1." in sentence
    assert "its worst sensitivity is 0.550 (0.530" in sentence and "(shifted)" in sentence
    assert "Not to be told from it: Xception & VGG-16 fusion." in sentence
    assert "The lowest is that of Xception & VGG-16 fusion, 0.510 (" in sentence
    # Of the CNN-LSTM, which did not learn, more may be lost than of any other.
    assert FOUR_RUNS[2].title not in sentence


def test_runs_stand_beside_the_one_that_holds_best(made, tmp_path):
    robustness = Robustness(Experiment(tmp_path))
    comparison = read_comparison(tmp_path / "comparison/comparison.csv")
    column = "Worst specificity minus the highest"
    cells = [row[column] for row in robustness_section(comparison, robustness.inputs)["overview"]]
    assert cells == [EMPTY, "-0.020 (-0.050 to 0.010)", "-0.040 (-0.070 to -0.010)"]
    robustness.write_pairs(half=0.001)
    (sentence,) = robustness_section(comparison, robustness.inputs)["readings"]
    assert "to every other run that learned excludes 0" in sentence
    # If the first did not learn, the second is what the others are held against.
    comparison["learned"] = [False, *comparison["learned"][1:]]
    cells = [row[column] for row in robustness_section(comparison, robustness.inputs)["overview"]]
    assert cells[:2] == ["0.020 (0.019" + EN_DASH + "0.021)", EMPTY]
    write_table(robustness.pairs, read_table(robustness.pairs).iloc[:0])
    with pytest.raises(UserError, match=r"is missing[\s\S]*rule compare_robustness"):
        robustness_section(comparison, robustness.inputs)


def test_answer_has_what_the_first_keeps_and_who_keeps_more(made, robustness):
    rows = complete_runs(read_comparison(made.comparison_csv))
    assert robustness_sentence(rows) == ""
    worst = {1: [0.9, 0.9, 0.9], 2: [0.5, 0.7, 0.8]}
    for strength, values in worst.items():
        for metric, kind in (("specificity", "blur"), ("sensitivity", "shift")):
            name = f"{metric}_strength_{strength}"
            found = {"": values, "_low": np.subtract(values, 0.1), "_high": np.add(values, 0.1)}
            rows = rows.assign(**{f"worst_{name}{bound}": found[bound] for bound in found})
            rows[f"hardest_on_{name}"] = kind
    rows = rows.assign(learned=[True, True, False], out_of_fold_specificity=0.93)
    sentence = robustness_sentence(rows)
    first = "(strength 2), the first in rank keeps at worst a specificity of 0.500 (0.400"
    assert first in sentence and "instead of 0.930 (blur) and a sensitivity of 0.500" in sentence
    assert f"{rows['label'][1]} keeps more, a specificity of 0.700 (" in sentence
    assert robustness_section(rows, robustness.inputs)["answer"] == sentence
    rows["worst_specificity_strength_2"] = [0.7, 0.7, 0.8]
    assert "keeps more" not in robustness_sentence(rows)


def test_no_run_that_learned_is_said(made, robustness):
    comparison = read_comparison(made.comparison_csv).assign(learned=False)
    (sentence,) = robustness_section(comparison, robustness.inputs)["readings"]
    assert "no run learned" in sentence


def report(made, figures, path, inputs):
    render_report(
        made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
        made.run_jsons, figures, made.selection, path, title="Title", experiment="demo",
        settings={"data": {"source": "phantom"}, "split": {"folds": 5}}, robustness=inputs,
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


def test_report_has_the_section_only_where_it_was_asked_for(made, robustness, tmp_path):
    plot_robustness(robustness.tables, made.comparison_csv, tmp_path / "robustness")
    figures = {"robustness": tmp_path / "robustness.png"}
    without = report(made, {}, tmp_path / "without.html", None)
    shown = report(made, figures, tmp_path / "with.html", robustness.inputs)
    assert "When radiographs get worse" not in without and "corrupt" not in without.lower()
    section = re.search(r'<section id="robustness">.*?</section>', shown, re.DOTALL)[0]
    assert shown.count('href="#robustness"') == shown.count('id="figure-robustness"') == 1
    assert 'id="figure-robustness"' in section and "Worst specificity" in section
    assert "predict_corrupted" in shown and "95\N{NO-BREAK SPACE}%" in section


def test_every_strength_has_rows_and_a_sentence(made, tmp_path):
    robustness = Robustness(Experiment(tmp_path), (1, 3))
    comparison = read_comparison(tmp_path / "comparison/comparison.csv")
    section = robustness_section(comparison, robustness.inputs)
    assert [row["Strength"] for row in section["overview"]] == ["1"] * 3 + ["3"] * 3
    assert [text[:10] for text in section["readings"]] == ["Strength 1", "Strength 3"]
    assert set(section["kinds"][0]) >= {"Strength 1", "Strength 3"}
    assert read_json(robustness.details[0])["worst"][0]["strength"] == 1
