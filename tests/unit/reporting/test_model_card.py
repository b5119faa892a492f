"""What a model card says of a run."""

import re

import pytest
from paper_fixture import RUN, card_of, judged_experiment

from pneumobench.core.files import content_sha256, read_json
from pneumobench.reporting.words import Words


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return judged_experiment(tmp_path_factory.mktemp("judged"))


def test_model_card_has_the_figures_of_the_run(judged, tmp_path):
    text = card_of(judged, tmp_path, "directory")
    (entry,) = [
        entry for entry in read_json(judged.folder(RUN) / "metrics.json")["estimates"]
        if (entry["dataset"], entry["aggregate"], entry["threshold"], entry["metric"])
        == ("test", "mean_prediction", "out_of_fold", "specificity")
    ]  # fmt: skip
    (line,) = [line for line in text.splitlines() if line.startswith("| Specificity")]
    assert f"{entry['value']:.3f} ({entry['low']:.3f}" in line.split("|")[3]
    assert "not a medical device" in text and "Phantoms" not in text
    assert content_sha256(judged.selection) in text
    assert "Phantoms, not patients" in card_of(judged, tmp_path, "phantom")
    assert "no external validation" in text
    assert "no external" not in card_of(judged, tmp_path, "directory", external=True)


def test_model_card_speaks_of_the_data_at_hand(judged, tmp_path):
    usual = card_of(judged, tmp_path, "phantom")
    assert "decide about a child" in usual and "one logit of pneumonia" in usual
    assert "with pneumonia; no network" in usual and "adults, other devices" in usual
    other = card_of(judged, tmp_path, "phantom", words=Words("effusion", "no finding", adults=True))
    assert "decide about a patient" in other and "one logit of effusion" in other
    assert "cannot detect out-of-distribution images" in other
    assert "nothing about patients" in other and "children, other devices" in other
    assert not re.search("pneumonia|[Cc]hild(?!ren, other)", other)
