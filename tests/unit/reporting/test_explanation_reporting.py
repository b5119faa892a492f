"""Explanations as people see them: panels, figures, the report's section."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from explanation_fixture import Explanations, write_panels
from map_figures import draw_map_figures, panels_of
from pneumobench.reporting.explanation_section import explanation_section
from reporting_fixture import FOUR_RUNS, Experiment

from pneumobench.core.errors import UserError
from pneumobench.core.explained import COLUMNS, arrays_without_maps
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.faithfulness import (
    COARSE,
    TRUSTED,
    UNTESTED,
    UNTOLD,
    UNTRUSTED,
    read_faithfulness,
)
from pneumobench.reporting.inputs import read_comparison
from pneumobench.reporting.report import render_report
from pneumobench.statistics.agreement import fold_agreement


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("explanations"), FOUR_RUNS)


@pytest.fixture(scope="module")
def explained(made):
    explained = Explanations(made)
    write_panels(explained, lambda *paths: panels_of(explained, *paths))
    return explained


@pytest.fixture(scope="module")
def figures(explained):
    return draw_map_figures(explained, explained.made.folder / "figures")


def render(made, figures, path, explanations):
    render_report(
        made.comparison_csv, made.comparison_json, made.audit, made.splits, made.metrics,
        made.run_jsons, figures, made.selection, path, title="Title", experiment="demo",
        settings={"data": {"source": "phantom"}, "split": {"folds": 5}}, explanations=explanations,
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(made, explained, figures):
    return render(made, figures, made.folder / "report.html", explained.inputs())


# Agreement


def test_agreement_is_the_mean_spearman_correlation_of_pairs():
    random = np.random.default_rng(0)
    maps = np.maximum(random.normal(size=(4, 3, 5, 6)), 0).astype(np.float32)  # many ties at 0
    expected = [
        pd.DataFrame(maps[:, image].reshape(4, -1).T)
        .corr("spearman")
        .to_numpy()[np.triu_indices(4, 1)]
        for image in range(3)
    ]
    found = fold_agreement(maps)
    assert found.mean == pytest.approx(np.mean(expected))
    assert (found.images, found.folds, found.undefined) == (3, 4, 0)


def test_agreement_leaves_constant_maps_out():
    same = np.tile(np.arange(6, dtype=np.float32).reshape(2, 3), (3, 2, 1, 1))
    same[0, 0] = 0
    found = fold_agreement(same)
    assert found.mean == pytest.approx(1)
    assert (found.images, found.undefined) == (2, 2)
    assert np.isnan(fold_agreement(same * 0).mean) and fold_agreement(same * 0).images == 0
    assert np.isnan(fold_agreement(same[:1]).mean)


# The report


def section(report):
    return report.split('<section id="explanations">')[1].split("</section>")[0]


def test_section_reads_the_measures_plainly(report):
    text = section(report)
    assert "A class activation map (Grad-CAM)" in text
    assert "in every measure: ResNet-18 (from scratch)." in text
    assert "too few cells: Xception &amp; VGG-16 fusion and CNN-LSTM." in text
    assert "fewer than 7 x 7 cells say nothing" in text
    assert text.count("These maps have too few cells") == 2
    assert text.count('<figure id="figure-') == 4
    assert "Like occlusion" in text and "0.500 (0.450" in text
    assert "Share in the corners" in text


def test_overview_counts_empty_maps_and_agreement(made, explained):
    shown = explanation_section(read_comparison(made.comparison_csv), explained.inputs())
    by_run = {row["Run"]: row for row in shown["overview"]}
    first = by_run["ResNet-18 (from scratch)"]
    assert first["Against maps that know nothing"] == TRUSTED
    assert by_run["Xception & VGG-16 fusion"]["Against maps that know nothing"] == COARSE
    assert first["Empty maps"] == "1 of 9" and first["Map (cells)"] == "7 x 7"
    assert by_run["CNN-LSTM"]["Map (cells)"] == "4 x 4 (too coarse)"
    assert 0.3 < float(first["Agreement of the folds"]) < 1
    assert first["on images"] == "5" and first["Pairs left out"] == "10"
    row = shown["faithfulness"][0]
    assert row["Map"] == "0.700" and row["Map minus random map"] == "0.200 (0.170\N{EN DASH}0.230)"
    assert row["Images (patients)"] == "60 (48)"
    assert first["Like the map of random weights"] == "0.100 (-0.020 to 0.220)"
    assert len(shown["faithfulness"]) == 9
    # Maps of 2 x 2 and 4 x 4 cells have no places.
    (corners,) = shown["places"]
    assert corners["Run"] == "ResNet-18 (from scratch)" and corners["Map"] == "0.070"
    assert corners["Map minus random map"] == "-0.050 (-0.070 to -0.030)"
    assert corners["Images (patients)"] == "60 (48)" and corners["Undefined"] == "2"


def test_gallery_shows_mistakes_first_in_small(report):
    text = section(report)
    assert text.count("<details>") == 3 and text.count("data:image/jpeg;base64,") == 12
    captions = re.findall(r"<figcaption>(?!<b>)(.*?)</figcaption>", text)
    assert captions[0].startswith(
        "A missed pneumonia, most certain: radiograph 3.png, pneumonia (viral)"
    )
    assert captions[0].endswith("No region speaks for normal.")
    assert captions[1].startswith(
        "A false alarm, least certain and median: radiograph 2.png, normal;"
    )
    assert "4 radiographs, 2 mistakes" in text
    for data in re.findall(r"data:image/jpeg;base64,([^\"]*)", text):
        assert len(data) < 60_000


@pytest.mark.parametrize("lacking", [1, 3])
def test_runs_without_maps_are_told_and_stop_nothing(tmp_path, lacking):
    explained = Explanations(Experiment(tmp_path, FOUR_RUNS))
    without = explained.maps[-lacking:]
    for path in without:
        np.savez(path, **arrays_without_maps("nothing reaches the score " * 8))
        write_table(path.with_name("explained.csv"), pd.DataFrame(columns=COLUMNS))
    for path in (explained.measures, explained.layers):
        folders = {"/".join(maps.parts[-4:-1]) for maps in without}
        table = read_table(path, text=("verdict",))
        write_table(path, table[~table["run"].isin(folders)])
    write_panels(explained, lambda *paths: panels_of(explained, *paths))
    for folder in explained.panels[-lacking:]:
        (only,) = folder.iterdir()
        assert only.read_text(encoding="utf-8").startswith("No maps are available: nothing reaches")

    figures = draw_map_figures(explained, tmp_path)
    text = section(render(explained.made, figures, tmp_path / "r.html", explained.inputs()))
    assert text.count("not available") == lacking
    assert text.count("No maps are available of ") == lacking
    assert text.count("<details>") == 3 - lacking or lacking == 3


def test_verdict_needs_every_measure_against_every_control(explained, tmp_path):
    table = read_table(explained.measures, text=("verdict",))
    run = table["run"].iloc[0]

    def verdict(*changes, coarse=()):
        changed = table.copy()
        for change in changes:
            change(changed)
        write_table(tmp_path / "changed.csv", changed)
        read = read_faithfulness(tmp_path / "changed.csv", {run: "A network"}, coarse)
        return read.verdict(run), read.sentences()

    def set_verdict(measure, other, word):
        def change(rows):
            chosen = (rows["measure"] == measure) & (rows["map"] == f"grad_cam - {other}")
            assert chosen.any()
            rows.loc[chosen, "verdict"] = word

        return change

    assert verdict()[0] == TRUSTED
    found, sentences = verdict(set_verdict("road", "randomised", "not told apart"))
    assert found == UNTRUSTED and sentences[0].endswith("than a map of random weights in ROAD.")
    found, sentences = verdict(set_verdict("road", "random", "worse"), coarse=[run])
    assert found == COARSE
    assert sentences == ["No claim, as the maps have too few cells: A network."]
    assert verdict(set_verdict("road", "centre", "too few patients"))[0] == UNTOLD
    found, sentences = verdict(set_verdict("road", "random", "worse"))
    assert found == UNTRUSTED
    assert sentences == [
        "The maps of A network must not be trusted: they are not better than a random map in ROAD."
    ]
    found, sentences = verdict(lambda rows: rows.drop(rows.index[:-1], inplace=True))
    assert found == UNTESTED and sentences == ["Not tested: A network."]


def test_no_interval_is_shown_for_too_few_patients(explained, tmp_path):
    table = read_table(explained.measures, text=("verdict",))
    run = table["run"].iloc[0]
    chosen = (table["measure"] == "road") & (table["map"] == "grad_cam - centre")
    table.loc[chosen, "verdict"] = "too few patients"
    write_table(tmp_path / "changed.csv", table)
    rows = read_faithfulness(tmp_path / "changed.csv", {run: "A network"}, ()).tested_rows()
    (road,) = [row for row in rows if row["Measure"] == "ROAD"]
    assert road["Map minus centred map"] == "0.150 (too few)"
    assert "0.200 (0.170" in road["Map minus random map"]


def test_report_says_how_to_switch_explanations_on(made, figures, tmp_path):
    text = render(made, {}, tmp_path / "report.html", None)
    assert "<code>explanation.method</code> to <code>grad_cam</code>" in section(text)
    assert "image/jpeg" not in text and "Which maps may be read" not in text


def test_report_with_explanations_loads_nothing_and_repeats(made, explained, figures, report):
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#|data:)", report)
    again = render(made, figures, Path(made.folder) / "again.html", explained.inputs())
    assert again == report


def test_a_picture_that_is_missing_is_named(made, explained, tmp_path):
    comparison = read_comparison(made.comparison_csv)
    # The first in the gallery is a mistake, if there is one.
    (lost, *_) = sorted(Path(next(iter(explained.inputs().panels))).glob("false_*.png"))
    lost.rename(tmp_path / lost.name)
    try:
        with pytest.raises(UserError, match=lost.stem):
            explanation_section(comparison, explained.inputs())
    finally:
        (tmp_path / lost.name).rename(lost)
