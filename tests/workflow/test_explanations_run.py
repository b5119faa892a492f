"""Maps, their measures and their panels, by the workflow."""

import shutil

import numpy as np
import pandas as pd

from pneumobench.core.files import read_table

RUN = "explanations/custom_resnet18/light/seed42"


def test_maps_belong_to_images_that_the_model_has_not_seen(finished):
    explained = read_table(finished.results / RUN / "explained.csv", text=("image_id", "chosen"))
    splits = read_table(finished.results / "dataset/splits.csv", text=("image_id", "inner"))
    merged = explained.merge(splits, on="image_id", suffixes=("", "_split"))
    assert len(merged) == len(explained) > 0
    assert (merged["role"] == "cv").all() and (merged["fold"] == merged["fold_split"]).all()
    with np.load(finished.results / RUN / "maps.npz") as maps:
        assert len(maps["joint"]) == len(explained)
        assert np.allclose(maps["joint"].max((1, 2)), explained["peak"])
        assert maps["agreement"].shape[:2] == (2, len(maps["agreement_ids"]))
        tested = set(splits.query("role == 'test'")["image_id"])
        assert set(maps["agreement_ids"]) <= tested


def test_panels_are_named_by_outcome_class_and_file(finished):
    explained = read_table(finished.results / RUN / "explained.csv", text=("path", "chosen"))
    wanted = explained[explained["chosen"] != "sample"]
    stems = wanted["path"].str.split("/").str[-1].str.removesuffix(".jpeg")
    names = set(wanted["outcome"] + "_" + wanted["label"] + "_" + stems + ".png")
    assert {path.name for path in (finished.results / RUN / "panels").glob("*.png")} == names


def test_every_map_is_measured_beside_maps_that_know_nothing(finished):
    measures = read_table(finished.results / RUN / "measures.csv")
    assert set(measures["map"]) == {"grad_cam", "random", "centre", "randomised"}
    assert set(measures["measure"]) == {
        "insertion", "deletion", "road", "energy_inside", "pointing_game", "iou",
        "energy_outside_body", "energy_border", "energy_corners",
        "like_integrated_gradients", "like_occlusion",
    }  # fmt: skip
    # Phantoms with pneumonia have lesion masks, healthy ones none.
    inside = measures.query("measure == 'energy_inside' and map == 'centre'")
    assert (inside["value"].isna() == (inside["subtype"] == "normal")).all()
    table = pd.read_csv(finished.results / "comparison/explanations.csv")
    assert table["run"].nunique() == 2
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert "What do the networks look at?" in report


def test_unknown_layer_and_foreign_weights_end_with_one_message_each(finished, make_workflow):
    flow = make_workflow(explanation={**finished.overlay["explanation"], "layer": "network.layr4"})
    shutil.copytree(finished.folder, flow.folder, dirs_exist_ok=True)
    weights = {path: path.read_bytes() for path in flow.results.rglob("*.safetensors")}
    assert flow.run("explain").returncode
    log = flow.results / "logs/preview_maps/custom_resnet18.log"
    text = log.read_text(encoding="utf-8")
    assert "no layer network.layr4" in text and "did you mean network.layer4" in text
    assert "Traceback" not in text
    assert {path: path.read_bytes() for path in weights} == weights

    flow.overlay["explanation"] = finished.overlay["explanation"]
    own, other = (
        flow.results / f"runs/{model}/light/seed42/fold0/weights.safetensors"
        for model in ("custom_resnet18", "timm-resnet10t")
    )
    own.write_bytes(other.read_bytes())
    assert flow.run("explain", "--rerun-triggers", "mtime").returncode
    log = flow.results / f"logs/explain_run/{RUN.removeprefix('explanations/')}.log"
    text = log.read_text(encoding="utf-8")
    assert "do not fit the network" in text and "Traceback" not in text
