"""The section on what the networks look at: verdicts on maps, measures, galleries."""

import numpy as np
import pandas as pd
import pytest
from explanation_fixture import Explanations, write_panels
from map_figures import panels_of
from report_page import render
from reporting_fixture import FOUR_RUNS, Experiment
from section_fixture import CHILDREN, EFFUSION, report_files, table_of, text_of

from pneumobench.core.errors import UserError
from pneumobench.core.explained import COLUMNS, arrays_without_maps
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.faithfulness import (
    COARSE,
    TRUSTED,
    UNSHOWN,
    UNTESTED,
    UNTOLD,
    read_faithfulness,
)
from pneumobench.reporting.section import Details, Gallery, walk
from pneumobench.reporting.sections.explanations import build


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("explanations_section"), FOUR_RUNS)


@pytest.fixture(scope="module")
def explained(made):
    explained = Explanations(made)
    write_panels(explained, lambda *paths: panels_of(explained, *paths))
    return explained


def section_of(explained, words=CHILDREN):
    return build(report_files(explained.made, **explained.inputs()), words)


def galleries(section):
    return [block for block in walk(section.blocks) if isinstance(block, Gallery)]


def summaries(section):
    return [block.summary for block in walk(section.blocks) if isinstance(block, Details)]


def test_section_reads_the_measures_plainly(explained):
    section = section_of(explained)
    text = text_of(section)
    assert "A class activation map (Grad-CAM)" in text and "not about the child" in text
    assert "in every measure: ResNet-18 (from scratch)." in text
    assert "too few cells: Xception & VGG-16 fusion and CNN-LSTM." in text
    assert "fewer than 7 x 7 cells say nothing" in text
    assert text.count("These maps have too few cells") == 2
    assert section.figures == ["randomisation", "explanations", "every_map", "mean_maps"]
    opinions = table_of(section, "opinions")
    assert any(row["Measure"] == "Similar to occlusion" for row in opinions)
    assert any("0.500 (0.450" in cell for row in opinions for cell in row.values())
    assert any(row["Measure"] == "Share in the corners" for row in table_of(section, "places"))


def test_overview_counts_empty_maps_and_agreement(explained):
    section = section_of(explained)
    by_run = {row["Run"]: row for row in table_of(section, "maps")}
    first = by_run["ResNet-18 (from scratch)"]
    assert first["Against controls"] == TRUSTED
    assert by_run["Xception & VGG-16 fusion"]["Against controls"] == COARSE
    assert first["Empty maps"] == "1 of 9" and first["Map (cells)"] == "7 x 7"
    assert by_run["CNN-LSTM"]["Map (cells)"] == "4 x 4 (too coarse)"
    assert 0.3 < float(first["Agreement of the folds"]) < 1
    assert first["on images"] == "5" and first["Pairs left out"] == "10"
    assert first["Similarity to random weights"] == "0.100 (-0.020 to 0.220)"
    rows = table_of(section, "faithfulness")
    assert len(rows) == 9
    assert rows[0]["Map"] == "0.700"
    assert rows[0]["Map minus random map"] == "0.200 (0.170\N{EN DASH}0.230)"
    assert rows[0]["Images (patients)"] == "60 (48)"
    # Maps of 2 x 2 and 4 x 4 cells have no places.
    (corners,) = table_of(section, "places")
    assert corners["Run"] == "ResNet-18 (from scratch)" and corners["Map"] == "0.070"
    assert corners["Map minus random map"] == "-0.050 (-0.070 to -0.030)"
    assert corners["Images (patients)"] == "60 (48)" and corners["Undefined"] == "2"


def test_gallery_shows_mistakes_first(explained):
    section = section_of(explained)
    found = galleries(section)
    assert [len(gallery.panels) for gallery in found] == [4, 4, 4]
    captions = [panel.caption for panel in found[0].panels]
    assert captions[0].startswith(
        "Missed pneumonia, most certain: radiograph 3.png, pneumonia (viral)"
    )
    assert captions[0].endswith("No place supports normal.")
    assert captions[1].startswith(
        "False alarm, least certain and median: radiograph 2.png, normal;"
    )
    assert any("4 radiographs, 2 mistakes" in summary for summary in summaries(section))


def test_another_finding_has_its_own_words(explained):
    text = text_of(section_of(explained, EFFUSION))
    assert "not about the patient" in text and "Missed effusion, most certain" in text
    assert "probability of effusion" in text and "No place supports no finding." in text
    # Names of files are not translated.
    assert "pneumonia" not in text.replace("pneumonia_", "").lower() and "child" not in text


@pytest.mark.parametrize("lacking", [1, 3])
def test_runs_without_maps_are_named_and_stop_nothing(tmp_path, lacking):
    explained = Explanations(Experiment(tmp_path, FOUR_RUNS))
    without = explained.maps[-lacking:]
    for path in without:
        np.savez(path, **arrays_without_maps("nothing reaches the score " * 8))
        write_table(path.with_name("explained.csv"), pd.DataFrame(columns=COLUMNS))
    folders = {"/".join(maps.parts[-4:-1]) for maps in without}
    table = read_table(explained.measures, text=("verdict",))
    write_table(explained.measures, table[~table["run"].isin(folders)])
    write_panels(explained, lambda *paths: panels_of(explained, *paths))
    for folder in explained.panels[-lacking:]:
        (only,) = folder.iterdir()
        assert only.read_text(encoding="utf-8").startswith("No maps are available: nothing reaches")
    section = section_of(explained)
    verdicts = [row["Against controls"] for row in table_of(section, "maps")]
    assert verdicts.count("not available") == lacking
    assert text_of(section).count("No maps are available for ") == lacking
    assert len(galleries(section)) == 3 - lacking


def test_verdict_needs_every_measure_against_every_control(explained, tmp_path):
    table = read_table(explained.measures, text=("verdict",))
    run = table["run"].iloc[0]

    def verdict(*changes, coarse=()):
        changed = table.copy()
        for change in changes:
            change(changed)
        write_table(tmp_path / "changed.csv", changed)
        read = read_faithfulness(tmp_path / "changed.csv", {run: "A network"}, coarse, 0.95)
        return read.verdict(run), read.sentences()

    def set_verdict(measure, other, word):
        def change(rows):
            chosen = (rows["measure"] == measure) & (rows["map"] == f"grad_cam - {other}")
            assert chosen.any()
            rows.loc[chosen, "verdict"] = word

        return change

    assert verdict()[0] == TRUSTED
    found, sentences = verdict(set_verdict("road", "randomised", "not shown"))
    assert (
        found == UNSHOWN
        and "not shown to be better than a map of random weights in ROAD (n" in sentences[0]
    )
    found, sentences = verdict(set_verdict("road", "random", "worse"), coarse=[run])
    assert found == COARSE
    assert sentences == ["No claim, as the maps have too few cells: A network."]
    assert verdict(set_verdict("road", "centre", "too few patients"))[0] == UNTOLD
    found, sentences = verdict(set_verdict("road", "random", "worse"))
    assert found == UNSHOWN
    assert sentences == [
        "Do not rely on the maps of A network: they are worse than a random map in ROAD (n = 48 "
        "patients; each comparison would often miss an effect below 0.41 standard deviations, all "
        "of them together a larger one)."
    ]
    found, sentences = verdict(lambda rows: rows.drop(rows.index[:-1], inplace=True))
    assert found == UNTESTED and sentences == ["Not tested: A network."]


def test_section_says_how_to_switch_explanations_on(made):
    section = build(report_files(made), CHILDREN)
    assert "`explanation.method` to `grad_cam`" in text_of(section)
    assert not section.tables and not galleries(section)


def test_page_with_panels_loads_nothing_and_repeats(made, explained):
    inputs = {**explained.inputs()}
    del inputs["map_method"]
    first, second = (
        render(made, {}, made.folder / name, map_method="grad_cam", **inputs)
        for name in ("first.html", "again.html")
    )
    assert first == second and first.count("data:image/webp;base64,") >= 12


def test_a_picture_that_is_missing_is_named(explained, tmp_path):
    # The first in the gallery is a mistake, if there is one.
    (lost, *_) = sorted(explained.panels[0].glob("false_*.png"))
    lost.rename(tmp_path / lost.name)
    try:
        with pytest.raises(UserError, match=lost.stem):
            section_of(explained)
    finally:
        (tmp_path / lost.name).rename(lost)
