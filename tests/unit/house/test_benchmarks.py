"""The rows of the speed suite still call the library as it is today; in small, for no figures."""

from types import SimpleNamespace

import numpy as np
import rows_explain
import rows_ingest
import rows_nih
import rows_pipeline
import rows_statistics
import rows_training
import suite

MODEL = "plain_resnet18"


def test_ingest(monkeypatch):
    monkeypatch.setattr(rows_ingest, "RADIOGRAPHS", 6)
    monkeypatch.setattr(rows_ingest, "MANY", (6,))
    row = rows_ingest.ingest_row(1, 2)
    assert row["ours / bound"]["median"] > 0 and "2 workers / 1 worker" in row
    memory = rows_ingest.memory_row(1)
    assert memory["index, 6 images"] > 10 and memory["packed file, 6 images"] > 0


def test_no_radiograph_is_blank_by_chance(monkeypatch, tmp_path):
    grey = SimpleNamespace(integers=lambda *limits, dtype: np.full(limits[2], 128, dtype))
    monkeypatch.setattr(np.random, "default_rng", lambda *_: grey)
    rows_ingest._radiographs(tmp_path / "radiographs", 2, rows_ingest.SMALL)
    rows_ingest._index(tmp_path, 1)


def test_nih_table():
    row = rows_nih.nih_row(1, 1, radiographs=60)
    assert row["row"] == "NIH table, 60 rows, headers"
    assert set(row["speeds"]) == {"ours, 1 workers", "pandas and PIL, one core"}


def test_networks(monkeypatch):
    for module in (rows_training, rows_explain):
        monkeypatch.setattr(module, "IMAGE_SIZE", 64)
    for name, value in {"TRAINING_BATCH": 4, "BATCH_SIZE": 4, "WORKERS": (0,)}.items():
        monkeypatch.setattr(rows_training, name, value)
    monkeypatch.setattr(rows_explain, "BATCH", 2)
    rows = (
        rows_training.training_row(MODEL, 1, 1, 1),
        rows_training.engine_row(1, 1),
        rows_training.prediction_row(MODEL, 1, 1),
        rows_explain.explanation_row(1, 1),
        rows_pipeline.resume_row(MODEL, 1),
    )
    for row in rows:
        assert all(figure["median"] > 0 for figure in row["speeds"].values()), row["row"]


def test_bootstrap(monkeypatch):
    for name, value in {"RUNS": 1, "REPLICATES": 20, "LOOPED": 5}.items():
        monkeypatch.setattr(rows_statistics, name, value)
    assert rows_statistics.bootstrap_row(1)["ours / loop (speed)"]["median"] > 0


def test_every_name_has_its_row(monkeypatch):
    called = []
    for module in (rows_training, rows_explain, rows_ingest, rows_nih, rows_pipeline,
                   rows_statistics):  # fmt: skip
        for name in [name for name in vars(module) if name.endswith("_row")]:
            monkeypatch.setattr(module, name, lambda *_, name=name: called.append(name))
    for name in suite.row_names():
        suite.measure(name, 1, 1, 1)
    assert len(called) == len(suite.row_names())
    kinds = {name.partition(":")[0] for name in suite.row_names()}
    assert len(set(called)) == len(kinds)
