"""Labels that are doubted: found where they are wrong, and nothing without doubt."""

import builtins

import numpy as np
import pandas as pd
import pytest

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.statistics.label_errors import LabelFiles, find_label_errors

DRAW = Resampling(0.95, 100, 1)
IMAGES, WRONG = 1200, 48


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


def find(folder, paths):
    outputs = folder / "label_errors.csv", folder / "label_errors.json"
    find_label_errors(LabelFiles(paths), *outputs, resampling=DRAW)
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
