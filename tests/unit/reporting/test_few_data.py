"""What the whole report says of tiny, one-sided and perfect data, computed from drawn logits.

Every section is built from what the statistics write, and its sentences are held against the
intervals that they should follow from, and against each other.
"""

import re

import pytest
from section_fixture import texts
from small_study import RUNS, STRENGTH, Case, Study

from pneumobench.core.files import read_json, read_table
from pneumobench.reporting.sections.answer import COLLAPSE
from pneumobench.reporting.sections.robustness import read_worst_pairs, worst_difference
from pneumobench.statistics.equivalence import EQUIVALENT

CASES = {
    "five normal test images": Case((3, 3), (5, 6)),
    "as few as can be split": Case((2, 2), (2, 2), (2, 2)),
    "all called pneumonia": Case((8, 8), (5, 20), signals=(5, 5, 4.5, 4), drift=14, harm=6),
    "perfect": Case((6, 6), (5, 5), signals=(60, 60, 60, 60), harm=0),
    "chance": Case((5, 5), (5, 5), signals=(0, 0, 0, 0)),
    "few with pneumonia": Case((20, 3), (40, 4), (40, 3), signals=(3, 2, 2, 1)),
    "enough": Case((40, 40), (60, 60), (80, 80), signals=(4, 3.9, 3, 2), drift=3),
}
# What rests on sets that may be few, by section.
RESTS_ON = {
    "answer": ("out_of_fold", "test"),
    "ensembles": ("out_of_fold", "test"),
    "shift": ("out_of_fold", "test"),
    "inflation": ("out_of_fold", "test"),
    "limits": ("out_of_fold", "test"),
    "robustness": ("out_of_fold",),
    "mitigations": ("out_of_fold",),
    "labels": ("out_of_fold",),
    "external": ("out_of_fold", "external"),
}
FEWEST = 30
INTERVAL = r"\(-?\d+(\.\d+)?( to |\N{EN DASH})-?\d+(\.\d+)?"
# Words that claim something of a figure: an interval must stand beside them, or that it is not so.
CLAIMS = re.compile(
    r"\b(falls from|goes from|does not carry over|has the highest|keeps at worst|beats|"
    r"is (higher|lower) than|reaches an AUC|too (high on|low on|extreme|cautious))\b"
)
NOT_CLAIMED = re.compile(r"not shown|cannot be|may be chance|not distinguishable|by paired")
FAULTS = ("too high on average", "too low on average", "too extreme", "too cautious")


@pytest.fixture(scope="module", params=CASES)
def study(request, tmp_path_factory):
    return Study(tmp_path_factory.mktemp("study"), CASES[request.param])


@pytest.fixture(scope="module")
def sections(study):
    return study.sections()


@pytest.fixture(scope="module")
def datasets(study):
    own = read_json(study.inputs["details"])["datasets"]
    return own | {"external": read_json(study.inputs["external"])["datasets"]["external"]}


def few(part):
    return min(part["events"], part["n"] - part["events"]) < FEWEST


def said(section):
    return " ".join(section.answer)


def test_every_section_is_there_and_no_text_names_nothing(study, sections):
    assert set(sections) > {*RESTS_ON, "differences", "variation", "subtypes", "calibration"}
    for text in [text for section in sections.values() for text in texts(section)] + study.cards():
        assert not re.search(r"\b(nan|inf)\b|[( ]None[),;.]", text), text


def test_where_images_are_few_each_answer_says_so(study, sections, datasets):
    for name, rests_on in RESTS_ON.items():
        told = [text for text in texts(sections[name]) if "rest on few images" in text]
        assert bool(told) == any(few(datasets[one]) for one in rests_on), name
        for one in rests_on:
            part = datasets[one]
            numbers = f"{part['n'] - part['events']} without and {part['events']} with pneumonia"
            assert not few(part) or numbers in told[0]
    few_at_home = few(datasets["out_of_fold"]) or few(datasets["test"])
    assert all(("rest on few images" in card) == few_at_home for card in study.cards())
    assert any("few patients:" in text for text in texts(sections["data"])) == few_at_home or (
        min(part["n"] for part in datasets.values()) < 200
    )


def test_claims_have_an_interval_beside_them(sections):
    for section in sections.values():
        for sentence in section.answer:
            for part in re.split(r"(?<=[a-z)])[.;] ", sentence):
                if CLAIMS.search(part) and not NOT_CLAIMED.search(sentence):
                    assert re.search(INTERVAL, sentence), sentence


def test_one_interval_decides_whether_the_threshold_carries_over(study, sections):
    first = read_json(study.inputs["shift"])["scored"][0]
    for record in first["transfer"][1:]:
        metric, apart = record["metric"], record["difference"]
        change = f"a difference of {apart['difference']:.3f} ("
        (of_shift,) = re.findall(f"its {metric} goes from.*?(a difference.*?)(?:;|\\.$|\\. )", (
            next(text for text in sections["shift"].answer if "goes from" in text)
        ))  # fmt: skip
        assert of_shift.startswith(change)
        assert ("may be chance" in of_shift) == (not apart["excludes_zero"])
        falls = [text for text in sections["answer"].answer if f"{metric} falls from" in text]
        lost = record["out_of_fold"]["value"] - record["test"]["value"]
        assert bool(falls) == (lost >= COLLAPSE)
        for fall in falls:
            assert of_shift in fall
            assert ("does not carry over" in fall) == apart["excludes_zero"]
    wide = [record["difference"] for record in first["transfer"][1:]]
    assert all(apart["low"] < apart["high"] for apart in wide)


def test_sets_differ_only_by_an_interval_of_enough_patients(study, sections):
    answer, shown = sections["shift"].answer[0], []
    for record in read_json(study.inputs["shift"])["domains"]:
        enough = min(record[side]["groups"] for side in ("development", "test")) >= FEWEST
        if record["baseline"] == "thumbnail" and enough:
            shown.append(record["roc_auc"]["low"] > 0.5)
    assert answer.startswith("Yes") == any(shown)
    assert answer.startswith("Whether the two sets differ cannot be") == (not shown)


def test_probabilities_of_few_images_are_not_judged(study, sections, datasets):
    calibration, external = said(sections["calibration"]), said(sections["external"])
    if few(datasets["test"]):
        assert "better than treating everybody or nobody at thresholds" not in calibration
        assert "Whether acting on its probability would help cannot be told" in calibration
    if few(datasets["test"]) and few(datasets["out_of_fold"]):
        assert not any(fault in calibration for fault in FAULTS)
    if few(datasets["external"]):
        assert not any(fault in external for fault in FAULTS)
        assert "they cannot be judged: too few images" in external


def test_equal_draws_prove_neither_equality_nor_power(study, sections):
    differences = said(sections["differences"])
    assert "difference of 0.0 points" not in differences
    table = read_table(study.inputs["differences"], text=("dataset", "verdict", "noise_floor"))
    same = (table["difference_low"] == 0) & (table["difference_high"] == 0)
    alike = table["noise_floor"] == "equal predictions"
    assert not (table["verdict"][same & ~alike] == EQUIVALENT).any()


def test_the_first_in_rank_is_the_same_everywhere(study, sections):
    label = study.files().comparison.iloc[0]["label"]
    for name in ("answer", "calibration", "external", "ensembles"):
        assert label in said(sections[name]), name
    ranked = [text for text in sections["answer"].answer if "with 95" in text]
    assert ranked and label in ranked[0]


def test_what_may_be_best_and_what_differs_agree_or_are_said_not_to(study, sections):
    rows = study.files().comparison
    others = rows[~rows["best"].astype(bool)]
    odd = others["may_be_best"].astype(bool) != ~others["distinguishable_from_best"].astype(bool)
    text = said(sections["answer"])
    assert ("the permutation test disagree" in text) == odd.any()
    for label in others["label"][odd]:
        assert label in re.search(r"On (.*?), this and the permutation test", text)[1]


def test_robustness_is_ordered_by_intervals_alone(study, sections):
    pairs, rows = read_worst_pairs(study.files()), study.files().comparison
    (reading,) = [text for text in texts(sections["robustness"]) if text.startswith("Strength 2:")]
    assert "lowest" not in reading
    if "none can be called robust" in reading:
        return
    best = rows[[f"{label} has the highest" in reading for label in rows["label"]]].iloc[0]
    lower = reading.partition("Shown to be lower: ")[2]
    close = reading.partition("Not distinguishable from it: ")[2].partition(". Shown")[0]
    for _, row in rows[rows["learned"].astype(bool) & (rows["run"] != best["run"])].iterrows():
        _, sure = worst_difference(pairs, STRENGTH, best["run"], row["run"])
        assert (row["label"] in lower) == sure and (row["label"] in close) == (not sure)
    lead = "Shown to keep more specificity: "
    more, same = (
        said(sections[name]).partition(lead)[2].split(". ")[0] for name in ("answer", "robustness")
    )
    assert same.rstrip(".") == more.rstrip(".")
    for _, row in rows.iterrows():
        if more and f"{row['label']} (0" in more:
            difference, sure = worst_difference(pairs, STRENGTH, rows.iloc[0]["run"], row["run"])
            assert sure and difference.value > 0


def test_an_ensemble_helps_by_its_own_intervals(study, sections):
    entries = read_json(study.inputs["details"])["ensembles"]
    both = [
        all(one["excludes_zero"] and one["difference"] > 0 for one in entry["differences"])
        for entry in entries
    ]
    lead = sections["ensembles"].answer[0]
    assert ("helps here, out of fold and on the test set" in lead) == any(both)


def test_trainings_that_agree_are_not_said_to_differ(study, sections):
    rows = read_table(study.inputs["variation"], text=("model", "between"))
    (row,) = rows[rows["between"] != ""].to_dict("records")
    answer = said(sections["variation"])
    equal = f"{row['lowest']:.3f}" == f"{row['highest']:.3f}"
    assert ("have the same AUC here" in answer) == equal
    assert ("differ in their AUC" in answer) == (not equal)
    assert "So few trainings say little" in answer and len(RUNS) == 4


def test_no_doubted_label_is_no_proof(study, sections):
    doubted = len(read_table(study.inputs["label_errors"], text=("image_id",)))
    text = said(sections["labels"])
    assert ("That every label is right is not shown" in text) == (doubted == 0)
    assert ("That any label is wrong is not shown" in text) == (doubted > 0)
