"""Weights that are not kept: removed, written down, and never those that are to stay."""

import hashlib

import pytest

from pneumobench.core.discarding import WEIGHTS, discard_weights
from pneumobench.core.files import read_json, write_json

BEST = {"model": "timm:resnet10t", "recipe": "light", "seed": 42}


@pytest.fixture
def results(tmp_path):
    write_json(tmp_path / "selection.json", {"best": BEST})
    for model in ("timm:resnet10t", "vgg16"):
        for fold in (0, 1):
            folder = tmp_path / f"runs/{model.replace(':', '-')}/light/seed42/fold{fold}"
            write_json(
                folder / "run.json",
                {**BEST, "model": model, "fold": fold, "code_hash": "c" * 16, "other": 1},
            )
            (folder / WEIGHTS).write_bytes(model.encode())
    return tmp_path


def discard(results, keep: str) -> dict:
    record = results / "kept_weights.json"
    discard_weights(
        results.rglob("run.json"), results / "selection.json", record, results / "log", keep=keep
    )
    return read_json(record)


def left(results) -> set[str]:
    return {path.parts[-5] for path in results.rglob(WEIGHTS)}


def test_the_best_or_none_or_all_stay(results):
    assert len(discard(results, "all")["kept"]) == 4
    assert left(results) == {"timm-resnet10t", "vgg16"} and not (results / "log").exists()
    record = discard(results, "best")
    assert left(results) == {"timm-resnet10t"}
    assert len(record["kept"]) == len(record["not_there"]) == 2
    discard(results, "none")
    assert left(results) == set()


def test_what_was_removed_is_written_down_for_good(results):
    discard(results, "best")
    before = {path: path.read_bytes() for path in (results / "log").iterdir()}
    discard(results, "none")
    after = {path: path.read_bytes() for path in (results / "log").iterdir()}
    assert len(before) == 2 and len(after) == 4 and before.items() <= after.items()
    entries = [read_json(path) for path in after]
    assert {entry["sha256"] for entry in entries} == {
        hashlib.sha256(name).hexdigest() for name in (b"vgg16", b"timm:resnet10t")
    }
    assert sorted(entry["fold"] for entry in entries) == [0, 0, 1, 1]
