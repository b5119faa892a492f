"""Labels that are doubted: found where they are wrong, and nothing without doubt."""

import builtins
import logging

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.statistics.label_errors import LabelFiles, find_label_errors

DRAW = Resampling(0.95, 100, 1)
IMAGES, WRONG = 1200, 48
logger = logging.getLogger(__name__)


def write_runs(folder, wrong=WRONG, runs=2, seed=0):
    """calibrated.csv of runs that see the truth, while some labels are exchanged."""
    generator = np.random.default_rng(seed)
    truth = np.arange(IMAGES) % 5 < 3
    exchanged = generator.choice(IMAGES, wrong, replace=False)
    label = truth.copy()
    label[exchanged] = ~label[exchanged]
    paths = []
    for run in range(runs):
        logit = 3.5 * np.where(truth, 1, -1) + generator.normal(size=IMAGES)
        table = pd.DataFrame(
            {
                "dataset": "out_of_fold",
                "image_id": [f"i{number:04}" for number in range(IMAGES)],
                "patient": [f"p{number // 2:04}" for number in range(IMAGES)],
                "label": np.where(label, "pneumonia", "normal"),
                "subtype": np.where(label, "viral", "normal"),
                "probability": 1 / (1 + np.exp(-logit)),
                "decision_selected": (logit > 0).astype(int),
            }
        )
        paths.append(folder / f"run{run}.csv")
        test = table.head(10).assign(dataset="test")
        write_table(paths[-1], pd.concat([table, test]))
    return paths, {f"i{number:04}" for number in exchanged}


def write_overlapping(folder, images, area, wrong, generator):
    """calibrated.csv of a network that misreads some images, its probabilities those of the labels.

    Its scores are normal in both classes with equal variance, three images in four are ill, and a
    share `wrong` of the labels is exchanged at random.
    """
    truth = generator.random(images) < 0.75
    exchanged = generator.random(images) < wrong
    distance = np.sqrt(2) * norm.ppf(area)
    score = generator.normal(size=images) + distance * truth
    ill = expit(distance * (score - distance / 2) + np.log(3))
    names = np.array([f"i{number:04}" for number in range(images)])
    table = pd.DataFrame(
        {
            "dataset": "out_of_fold",
            "image_id": names,
            "patient": names,
            "label": np.where(truth ^ exchanged, "pneumonia", "normal"),
            "subtype": "",
            "probability": ill * (1 - wrong) + (1 - ill) * wrong,
            "decision_selected": (ill > 0.5).astype(int),
        }
    )
    write_table(folder / "overlapping.csv", table)
    return [folder / "overlapping.csv"], set(names[exchanged])


def confident_number(positive, probability):
    """The estimated number of wrong labels, written out from the paper."""
    both = np.stack([1 - probability, probability], axis=1)
    given = positive.astype(int)
    threshold = [both[given == label, label].mean() for label in (0, 1)]
    sure = both >= threshold
    chosen = np.where(sure.all(axis=1), both.argmax(axis=1), sure[:, 1])
    joint = np.zeros((2, 2))
    np.add.at(joint, (given[sure.any(axis=1)], chosen[sure.any(axis=1)]), 1)
    joint *= (np.bincount(given) / joint.sum(axis=1))[:, np.newaxis]
    return joint[0, 1] + joint[1, 0]


def find(folder, paths, resampling=DRAW):
    outputs = folder / "label_errors.csv", folder / "label_errors.json"
    find_label_errors(LabelFiles(paths), *outputs, resampling=resampling)
    return read_table(outputs[0], text=("image_id", "label")), read_json(outputs[1])


def test_exchanged_labels_are_found_and_counted(tmp_path):
    paths, exchanged = write_runs(tmp_path)
    found, details = find(tmp_path, paths)
    top = set(found["image_id"].head(WRONG))
    assert len(top & exchanged) > 0.9 * WRONG
    assert details["expected"]["low"] <= WRONG <= details["expected"]["high"]
    assert details["expected"]["value"] == pytest.approx(WRONG, abs=10)
    assert (details["n"], details["patients"], details["runs"]) == (IMAGES, IMAGES // 2, 2)
    assert sum(details["by_label"].values()) == len(found)
    assert found["support"].is_monotonic_increasing and found["rank"].iloc[0] == 1
    assert found["against"].max() == 2


def test_labels_without_an_error_are_hardly_doubted_and_the_number_has_an_upper_bound(tmp_path):
    paths, _ = write_runs(tmp_path, wrong=0)
    found, details = find(tmp_path, paths)
    assert len(found) <= 2
    assert details["expected"]["low"] == pytest.approx(0, abs=1)
    assert details["expected"]["high"] > details["expected"]["value"]


@pytest.mark.parametrize(("area", "wrong"), [(0.9, 0), (0.98, 0.04)])
def test_number_is_that_of_the_paper(tmp_path, area, wrong):
    paths, _ = write_overlapping(tmp_path, 3000, area, wrong, np.random.default_rng(3))
    _, details = find(tmp_path, paths)
    table = read_table(paths[0], text=("image_id", "label"))
    number = confident_number(table["label"] == "pneumonia", table["probability"].to_numpy())
    assert details["expected"]["value"] == pytest.approx(number, abs=1)


def test_images_that_are_misread_count_like_wrong_labels(tmp_path):
    """So the report may not say that labels are wrong: here none is."""
    paths, exchanged = write_overlapping(tmp_path, 3000, 0.95, 0, np.random.default_rng(0))
    found, details = find(tmp_path, paths)
    assert not exchanged and len(found) > 60 and details["expected"]["low"] > 60


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, 0.01, 0.04])
@pytest.mark.parametrize("area", [0.9, 0.95, 0.98, 0.99, 0.995])
def test_what_the_number_says_of_labels(tmp_path, area, wrong):
    """The table of docs/labels.md."""
    generator, rows = np.random.default_rng(0), []
    for _ in range(20):
        paths, exchanged = write_overlapping(tmp_path, 5232, area, wrong, generator)
        found, details = find(tmp_path, paths, Resampling(0.95, 2, 1))
        hits = len(exchanged & set(found["image_id"]))
        rows.append((len(exchanged), details["expected"]["value"], len(found), hits))
    true, expected, listed, hits = np.mean(rows, axis=0)
    logger.info(
        "AUC %s, wrong %s: %.0f wrong, estimated %.0f, listed %.0f, of these wrong %.0f %%",
        *(area, wrong, true, expected, listed, 100 * hits / listed),
    )
    assert expected > 0.97 * true


def test_repetition_and_order_of_runs_change_nothing(tmp_path):
    paths, _ = write_runs(tmp_path)
    find(tmp_path, paths)
    names = [tmp_path / f"label_errors.{end}" for end in ("csv", "json")]
    before = [name.read_bytes() for name in names]
    find(tmp_path, paths[::-1])
    assert [name.read_bytes() for name in names] == before


def test_runs_of_other_images_are_named(tmp_path):
    paths, _ = write_runs(tmp_path)
    table = read_table(paths[1], text=("image_id",))
    write_table(paths[1], table.iloc[1:])
    with pytest.raises(UserError, match=r"different images[\s\S]*run1"):
        find(tmp_path, paths)


def test_without_cleanlab_the_message_says_what_to_install(tmp_path, monkeypatch):
    paths, _ = write_runs(tmp_path)
    imported = builtins.__import__

    def refuse(name, *others):
        if name.startswith("cleanlab"):
            raise ImportError(name)
        return imported(name, *others)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match=r"not installed[\s\S]*pip install"):
        find(tmp_path, paths)
