"""A run's maps as files: folds of which no image was chosen, images of unknown subtype."""

import numpy as np
import pandas as pd
import pytest
import torch
from packed_fixture import write_packed

from pneumobench.core.explained import COLUMNS, why_no_maps
from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.explain.cam import NoMapError
from pneumobench.explain.choose import first_of_subtypes
from pneumobench.explain.measure import MEASURED, RANDOMISED, MeasuredInputs, measure_maps
from pneumobench.explain.run import SAMPLE_SEED, ExplainedInputs, explain_run
from pneumobench.models import registry

RUN = Run("custom_resnet18", "light", 42)
SETTINGS = {
    "method": "grad_cam", "target": "predicted", "layer": None, "images": 1, "mistakes": 0,
    "second_opinions": 1,
}  # fmt: skip
# All are called normal: of five images the first, the third and the last are chosen by certainty.
LOGITS = (-5.0, -4.0, -3.0, -2.0, -1.0)


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Files of a run of two folds; of the second fold no radiograph is chosen."""
    names = [f"radiograph{number}" for number in range(len(LOGITS))]
    radiographs = pd.DataFrame({"image_id": names, "subtype": "unknown"})
    (sampled,) = first_of_subtypes(radiographs, 1, SAMPLE_SEED)
    left_out = next(number for number in (1, 3) if number != sampled)
    fold = np.where(np.arange(len(names)) == left_out, 1, 0)
    labels = radiographs.assign(label="normal", patient=names)
    write_table(tmp_path / "development_labels.csv", labels)
    tests = pd.DataFrame({"image_id": ["test0"], "role": "test", "fold": -1})
    splits = pd.concat([radiographs[["image_id"]].assign(role="cv", fold=fold), tests])
    write_table(tmp_path / "splits.csv", splits.assign(inner="", group=splits["image_id"]))
    manifest = splits[["image_id"]].assign(
        path=splits["image_id"] + ".png", status="ok", width=64, height=64, depth=None, bytes=100
    )
    write_table(tmp_path / "manifest.csv", manifest)
    squares = np.random.default_rng(0).integers(0, 256, (len(splits), 64, 64), dtype=np.uint8)
    write_packed(tmp_path / "images.npy", squares, splits["image_id"])
    entry = {"model": RUN.model, "recipe": RUN.recipe, "seed": RUN.seed, "thresholds": [0.0, 0.0]}
    write_json(tmp_path / "selection.json", {"runs": [entry]})
    write_json(tmp_path / "preview.json", {"reason": ""})
    for number in (0, 1):
        own = radiographs[fold == number]
        predicted = own.assign(
            model=RUN.model, recipe=RUN.recipe, seed=RUN.seed, fold=number, tta="identity",
            logit=np.array(LOGITS)[fold == number],
        )  # fmt: skip
        write_table(tmp_path / f"fold{number}/out_of_fold.csv", predicted)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = registry.load(RUN.model).build(1).eval()
    monkeypatch.setattr(
        "pneumobench.explain.run.load_trained",
        lambda folder: (model, {"fold": int(folder.name[-1]), "numeric_threads": 1}),
    )
    return ExplainedInputs(
        folds=[tmp_path / "fold0", tmp_path / "fold1"],
        images=tmp_path / "images.npy",
        splits=tmp_path / "splits.csv",
        manifest=tmp_path / "manifest.csv",
        development_labels=tmp_path / "development_labels.csv",
        selection=tmp_path / "selection.json",
        preview=tmp_path / "preview.json",
    )


def test_a_fold_without_a_chosen_radiograph_has_only_its_say_on_agreement(inputs, tmp_path):
    explain_run(
        inputs, tmp_path / "maps.npz", tmp_path / "explained.csv", run=RUN, settings=SETTINGS
    )
    explained = read_table(tmp_path / "explained.csv", text=("image_id", "subtype"))
    assert list(explained.columns) == list(COLUMNS)
    assert set(explained["fold"]) == {0} and set(explained["subtype"]) == {"unknown"}
    with np.load(tmp_path / "maps.npz") as maps:
        assert len(maps["joint"]) == len(explained)
        assert maps["agreement"].shape[:2] == (2, 1)
        assert maps["second_opinion_ids"].shape == (1,) and maps["occlusion"].shape == (1, 64, 64)
        assert {"mean_normal", "mean_unknown", "count_unknown"} <= set(maps.files)


def never(*_, **__):
    raise AssertionError("nothing is to be loaded")


@pytest.mark.parametrize("found", ["beforehand", "by the maps"])
def test_network_without_maps_has_files_that_say_so(inputs, tmp_path, monkeypatch, found):
    maps, explained = tmp_path / RUN.folder / "maps.npz", tmp_path / "explained.csv"
    if found == "beforehand":
        write_json(inputs.preview, {"reason": "it has none"})
        monkeypatch.setattr("pneumobench.explain.run.load_trained", never)
    else:

        def without(*_, **__):
            raise NoMapError("it has none", where="", expected="", remedy="")

        monkeypatch.setattr("pneumobench.explain.run.explain", without)
        with pytest.raises(NoMapError):
            explain_run(inputs, maps, explained, run=RUN, settings=SETTINGS | {"layer": "some"})
        assert not maps.exists()
    explain_run(inputs, maps, explained, run=RUN, settings=SETTINGS)
    assert why_no_maps(maps) == "it has none"
    table = read_table(explained)
    assert table.empty and list(table.columns) == list(COLUMNS)

    monkeypatch.setattr("pneumobench.explain.measure.load_trained", never)
    measures, randomisation = tmp_path / "measures.csv", tmp_path / "randomisation.csv"
    measured = MeasuredInputs(
        inputs.folds, inputs.images, inputs.splits, inputs.manifest, inputs.images, explained, maps,
        tmp_path, "squash",
    )  # fmt: skip
    measure_maps(measured, measures, randomisation, run=RUN, settings=SETTINGS)
    for path, columns in ((measures, MEASURED), (randomisation, RANDOMISED)):
        table = read_table(path)
        assert table.empty and list(table.columns) == ["model", "recipe", "seed", *columns]
