"""The whole way, for real: from nothing to the report, and what a second run does."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pipeline_runs import RUN, job_counts
from rule_texts import rule_texts
from tiny_experiment import TINY

from pneumobench.core.baselines import BASELINES
from pneumobench.core.files import content_sha256, read_json, read_table
from pneumobench.models import registry

PROJECT = Path(__file__).resolve().parents[2]
KINDS = TINY["ensembles"]
BESIDE = ("baseline", "ensemble")


def test_everything_is_there(finished):
    for name in (
        "dataset/manifest.csv", "dataset/audit.json", "selection/selection.json",
        "comparison/comparison.csv", "tables/comparison.md", "tables/comparison.tex",
        "figures/roc.png", "figures/roc.pdf", "report/report.html", f"{RUN}/fold1/run.json",
        f"{RUN}/model_card.md", "report/checklists/claim_2024.md", "tables/report_tables.tex",
        f"{RUN}/calibration.json", "figures/calibration.png", "figures/decision_curves.pdf",
        "figures/worst_cases.png",
    ):  # fmt: skip
        assert (finished.results / name).stat().st_size > 0, name
    table = pd.read_csv(finished.results / "comparison/comparison.csv")
    assert set(table["model"]) == {"custom_resnet18", "timm:resnet10t"}
    assert set(table["status"]) == {"complete"}
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert "resnet10t" in report and "data:image/webp;base64" in report
    assert "Can the predicted probabilities be trusted?" in report


def test_every_image_has_a_calibrated_probability(finished):
    selection = read_json(finished.results / "selection/selection.json")
    assert {run["calibration"]["method"] for run in selection["runs"]} == {"platt"}
    table = read_table(finished.results / RUN / "calibrated.csv", text=("image_id",))
    splits = read_table(finished.results / "dataset/splits.csv", text=("image_id", "inner"))
    assert sorted(table["image_id"]) == sorted(splits["image_id"])
    assert table["probability"].between(0, 1).all()


def test_my_mistakes_are_listed_with_their_pictures(finished):
    scores = read_table(finished.results / RUN / "scores.csv", text=("image_id",))
    own = scores[(scores["dataset"] == "out_of_fold") | scores["fold"].isna()]
    wrong = own[(own["label"] == "pneumonia") != (own["decision_selected"] == 1)]
    mistakes = read_table(finished.results / RUN / "mistakes.csv", text=("image_id", "panel"))
    assert sorted(mistakes["image_id"]) == sorted(wrong["image_id"]) and len(wrong)
    shown = [panel for panel in mistakes["panel"] if panel]
    assert shown and all((finished.results / panel).is_file() for panel in shown)


def test_seven_lines_of_python_draw_a_figure_from_results(finished, tmp_path, monkeypatch):
    page = (PROJECT / "docs/figures.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line]) == 7
    own, demo = str(finished.results / RUN), "results/demo/runs/custom_resnet_cbam/light/seed42"
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", code.replace(demo, own)]
    subprocess.run(command, check=True, env=os.environ | {"MPLBACKEND": "agg"})
    assert (tmp_path / "roc.pdf").stat().st_size > 5000


def test_the_section_figures_redoes_drawing_alone(finished):
    look = {"runs": ["timm:resnet10t"], "font_size": 10, "width": 183, "format": ["png", "svg"]}
    changed = type(finished)(finished.folder, finished.overlay | {"figures": look})
    rules = set(job_counts(changed.succeed("--dry-run")))
    drawing = {rule for rule in rules if rule.startswith("plot_")}
    assert len(drawing) > 10
    assert rules - drawing <= {"all", "list_figures", "render_report", "total"}


def test_the_pair_is_tested_out_of_fold_and_on_test(finished):
    pairs = read_table(finished.results / "comparison/differences.csv").set_index("dataset")
    runs = read_table(finished.results / "comparison/comparison.csv").set_index("model")
    assert list(pairs.index) == ["out_of_fold", "test"]
    for dataset, pair in pairs.iterrows():
        areas = runs[f"{dataset}_roc_auc"]
        apart = areas[pair["first_model"]] - areas[pair["second_model"]]
        assert pair["difference"] == pytest.approx(apart, abs=1e-9)
        assert 0 < pair["permutation_p"] <= pair["permutation_p_holm"] <= 1
    first, second = (pairs.iloc[0][f"{side}_model"] for side in ("first", "second"))
    assert (runs.loc[first, "rank"], runs.loc[second, "rank"]) == (1, 2)
    assert runs.loc[second, "distinguishable_from_best"] == pairs.iloc[0]["distinguishable"]
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert (
        "Which models are statistically distinguishable?" in report
        and 'id="figure-differences"' in report
    )


def test_manifest_knows_what_each_figure_is_made_of(finished):
    entries = read_json(finished.results / "figures/manifest.json")["entries"]
    found = {Path(entry["file"]).name: entry for entry in entries}
    figures = {path.name for path in (finished.results / "figures").glob("*.p*")}
    assert figures | {"comparison.tex", "report_tables.tex"} <= set(found)
    roc = found["roc.png"]
    assert f"results/tiny/{RUN}/scores.csv" in roc["inputs"]
    assert all(entry["inputs"] for entry in entries)
    for path, digest in (*roc["inputs"].items(), (roc["file"], roc["sha256"])):
        assert hashlib.sha256((finished.folder / path).read_bytes()).hexdigest() == digest


def test_each_look_at_the_test_set_is_counted(finished):
    looks = [read_json(path) for path in (finished.results / "test_looks").iterdir()]
    runs = sorted(look["model"] for look in looks if "model" in look)
    assert runs == ["custom_resnet18", "timm:resnet10t"]
    beside = sorted((kind, look[kind]) for look in looks for kind in look if kind in BESIDE)
    assert beside == [
        *(("baseline", name) for name in sorted(BASELINES)),
        ("ensemble", "logistic_stack"),
        ("ensemble", "rank_mean"),
    ]
    digest = content_sha256(finished.results / "selection/selection.json")
    assert {look["selection_sha256"] for look in looks} == {digest}
    report = (finished.results / "report/report.html").read_text(encoding="utf-8")
    assert "the labels of the test set 7 times, for 2 runs and 5 baselines and ensembles" in report


@pytest.fixture(scope="module")
def archive(finished, make_workflow):
    """The archive of the finished experiment, on a machine that has nothing else of it."""
    finished.succeed("archive_results")
    flow = make_workflow()
    shutil.copy(finished.results / "tiny.zip", flow.folder / "passed_on.zip")
    flow.overlay = {"archive": "passed_on.zip"}
    return flow


def same_bytes(archive, finished, pattern: str) -> int:
    """Insist that files are rebuilt as they were; return how many."""
    paths = [path for path in finished.results.glob(pattern) if path.is_file()]
    for path in paths:
        rebuilt = archive.results / path.relative_to(finished.results)
        assert rebuilt.read_bytes() == path.read_bytes(), rebuilt
    return len(paths)


def test_figures_need_no_rule_that_needs_torch(archive):
    heavy = {rule for rule, text in rule_texts().items() if "envs/train.yaml" in text}
    assert {"train_fold", "predict_corrupted"} <= heavy
    counts = job_counts(archive.succeed("figures", "--dry-run"))
    assert not (heavy | {"index_dataset", "pack_images", "draw_panels"}) & set(counts)
    assert {"evaluate_run", "compare_runs", "plot_roc", "list_figures"} <= set(counts)
    assert counts["unpack_archive"] == 1


def test_an_archive_holds_neither_weights_nor_all_radiographs(archive):
    with zipfile.ZipFile(archive.folder / "passed_on.zip") as container:
        names = container.namelist()
        rows = len(np.load(io.BytesIO(container.read("radiographs/rows.npy"))))
        manifest = container.read("results/dataset/manifest.csv").count(b"\n") - 1
    assert not any(name.endswith(".safetensors") or "images_64" in name for name in names)
    assert 0 < rows < manifest


def test_tables_are_rebuilt_byte_by_byte_and_no_look_is_added(archive, finished):
    archive.succeed("tables")
    assert same_bytes(archive, finished, "tables/comparison.*") == 3
    assert same_bytes(archive, finished, "comparison/[cd]*.*") == 4
    assert same_bytes(archive, finished, "runs/*/*/*/metrics.json") == 2
    assert same_bytes(archive, finished, "test_looks/*") == 7
    assert len(list((archive.results / "test_looks").iterdir())) == 7


def test_computed_results_are_safe_from_an_archive_and_it_from_them(archive, finished):
    # After the tables were rebuilt.
    here = type(finished)(finished.folder, {"archive": str(archive.folder / "passed_on.zip")})
    refused = here.run("tables", "--dry-run")
    assert refused.returncode != 0 and "holds computed results" in refused.stdout
    computing = type(finished)(archive.folder, finished.overlay)
    refused = computing.run("--dry-run")
    assert refused.returncode != 0 and "rebuilt from an archive" in refused.stdout
    mixed = type(finished)(archive.folder, archive.overlay | {"report": {"title": "Another"}})
    refused = mixed.run("tables", "--dry-run")
    assert refused.returncode != 0 and "given beside archive: report" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_archiving_again_gives_the_same_bytes(archive, finished):
    finished.succeed("archive_results", "--forcerun", "archive_results")
    again = (finished.results / "tiny.zip").read_bytes()
    assert again == (archive.folder / "passed_on.zip").read_bytes()


@pytest.mark.slow
def test_figures_are_made_where_torch_is_not_installed(archive, finished, monkeypatch):
    (archive.folder / "without").mkdir()
    (archive.folder / "without/torch.py").write_text("raise ImportError('no torch here')\n")
    monkeypatch.setenv("PYTHONPATH", str(archive.folder / "without"))
    archive.succeed("figures")
    assert same_bytes(archive, finished, "figures/*.p*") >= 34
    assert same_bytes(archive, finished, "tables/*") == 4
    assert same_bytes(archive, finished, "report/report.html") == 1
    assert "Nothing to be done" in archive.succeed("figures", "--dry-run")
    shutil.copyfile(archive.folder / "passed_on.zip", archive.folder / "a copy: later.zip")
    moved = type(archive)(archive.folder, {"archive": str(archive.folder / "a copy: later.zip")})
    assert "Nothing to be done" in moved.succeed("figures", "--dry-run")


@pytest.mark.slow
def test_an_archive_without_radiographs_rebuilds_all_that_shows_none(finished, make_workflow):
    finished.overlay["archive_radiographs"] = False
    try:
        finished.succeed("archive_results", "--forcerun", "archive_results")
    finally:
        del finished.overlay["archive_radiographs"]
    flow = make_workflow()
    shutil.copy(finished.results / "tiny.zip", flow.folder / "passed_on.zip")
    flow.overlay = {"archive": "passed_on.zip"}
    with zipfile.ZipFile(flow.folder / "passed_on.zip") as container:
        assert not any("panels" in name or "radiographs" in name for name in container.namelist())
    flow.succeed("figures")
    made = {path.stem for path in (flow.results / "figures").glob("*.png")}
    whole = {path.stem for path in (finished.results / "figures").glob("*.png")}
    assert whole - made == {"worst_cases", "explanations", "every_map"}
    assert same_bytes(flow, finished, "tables/*") == 4


def test_nothing_to_do_the_second_time(finished):
    assert "Nothing to be done" in finished.succeed("--dry-run")


def test_every_image_is_predicted_exactly_once(finished):
    splits = read_table(finished.results / "dataset/splits.csv", text=("image_id", "inner"))
    folds = [finished.results / RUN / f"fold{fold}" for fold in (0, 1)]
    predicted = pd.concat([read_table(fold / "out_of_fold.csv") for fold in folds])
    development = splits[splits["role"] == "cv"]
    assert sorted(predicted["image_id"]) == sorted(development["image_id"])
    merged = predicted.merge(development, on="image_id", suffixes=("", "_split"))
    assert (merged["fold"] == merged["fold_split"]).all()
    for fold in folds:
        test = read_table(fold / "test.csv")
        assert sorted(test["image_id"]) == sorted(splits.query("role == 'test'")["image_id"])
        assert "label" not in test.columns


def test_no_patient_in_two_folds(finished):
    splits = read_table(finished.results / "dataset/splits.csv", text=("inner", "group"))
    development, test = splits.query("role == 'cv'"), splits.query("role == 'test'")
    assert (development.groupby("group")["fold"].nunique() == 1).all()
    assert not set(development["group"]) & set(test["group"])


def test_run_json_says_where_it_comes_from(finished):
    record = read_json(finished.results / RUN / "fold0/run.json")
    assert record["precision"] in ("float32", "bfloat16") and record["numeric_threads"] == 1
    assert record["settings"]["learning_rate"] == 1.0e-3
    assert record["steps"] >= 2 and len(record["code_hash"]) == 16
    assert "none: its part has" in record["early_stopping"]
    timing = read_table(finished.results / RUN / "fold0/timing.csv")
    assert list(timing["phase"]) == ["load", "train", "predict"] and (timing["seconds"] > 0).all()


def test_adding_a_run_trains_its_folds_only(finished):
    more = type(finished)(finished.folder, finished.overlay | {
        "runs": [*finished.overlay["runs"], "custom_resnet_cbam"]
    })  # fmt: skip
    counts = job_counts(more.succeed("--dry-run"))
    assert counts["train_fold"] == 2
    assert not {"index_dataset", "split_dataset", "pack_images"} & set(counts)


def copied_project(folder: Path) -> Path:
    """Return a copy of the project, which has new time stamps everywhere, as a clone has."""
    project = folder / "copied_project"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "results", "resources", ".snakemake", ".*cache"
    )
    shutil.copytree(PROJECT, project, ignore=ignored, copy_function=shutil.copy)
    for path in project.rglob("*.py"):
        path.touch()
    return project


def test_an_archive_is_rebuilt_without_the_file_of_its_architecture(finished, make_workflow):
    """The fresh clone of somebody who was sent the archive, but not the architecture's file."""
    finished.succeed("archive_results")
    flow = make_workflow()
    project = copied_project(flow.folder)
    (project / "workflow_scripts/pneumobench/models/architectures/custom_resnet18.py").unlink()
    flow.overlay = {"archive": str(finished.results / "tiny.zip")}
    flow.succeed("tables", snakefile=project / "Snakefile")
    assert same_bytes(flow, finished, "tables/comparison.*") == 3
    counts = job_counts(flow.succeed("report", "--dry-run", snakefile=project / "Snakefile"))
    assert "render_report" in counts and "train_fold" not in counts


def test_touched_files_retrain_nothing(finished):
    project = copied_project(finished.folder.parent)
    assert "Nothing to be done" in finished.succeed("--dry-run", snakefile=project / "Snakefile")
    module = project / "workflow_scripts/pneumobench/models/architectures/custom_resnet18.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n\nEDITED = True\n", encoding="utf-8")
    output = finished.succeed("--dry-run", snakefile=project / "Snakefile")
    assert job_counts(output)["train_fold"] == 2
    assert "  its code:\n" in output
    assert "    describe_model (1) of custom_resnet18\n" in output
    assert "    train_fold (2) of custom_resnet18/light/seed42\n" in output


def test_a_changed_recipe_says_what_it_replaces_and_how_to_keep_both(finished):
    light = TINY["recipes"]["light"] | {"epochs": 3, "augmentation": {"rotation_degrees": 15.0}}
    changed = type(finished)(finished.folder, finished.overlay | {"recipes": {"light": light}})
    said = changed.succeed("--dry-run")
    what = "epochs 2 -> 3, augmentation.rotation_degrees 0.0 -> 15.0"
    assert f"recipe light has changed since 4 folds in results/tiny were trained: {what}" in said
    assert "To keep both" in said and "recipes: {light_2: {based_on: light, ...}}" in said
    assert f"  {what}:\n    train_fold (4) of custom_resnet18/light/seed42, timm-" in said


def test_same_seed_gives_the_same_bytes(finished, make_workflow):
    # Measured once: a second probe on a busy machine may answer differently.
    precision = read_json(finished.results / "precision.json")["precision"]
    again = make_workflow(runs=["custom_resnet18"], compute={"precision": precision})
    again.succeed("train")
    for fold in ("fold0", "fold1"):
        for name in ("out_of_fold.csv", "test.csv", "history.csv", "weights.safetensors"):
            first, second = (flow.results / RUN / fold / name for flow in (finished, again))
            assert first.read_bytes() == second.read_bytes(), f"{fold}/{name}"


def test_flipped_test_labels_change_nothing_before_evaluation(finished, make_workflow):
    images = next((finished.folder / "resources/datasets").glob("phantom-*/chest_xray"))
    flows = {}
    for name in ("right", "flipped"):
        # Which precision is faster, two probes on a busy machine answer differently.
        flow = make_workflow(
            prediction={"test_time_augmentation": "flip"}, compute={"precision": "float32"}
        )
        root = flow.folder / "images"
        shutil.copytree(images, root)
        if name == "flipped":
            (root / "test/NORMAL").rename(root / "test/aside")
            (root / "test/PNEUMONIA").rename(root / "test/NORMAL")
            (root / "test/aside").rename(root / "test/PNEUMONIA")
        flow.overlay["data"] = {"source": "directory", "directory": {"path": "images"}}
        stacks = [f"results/tiny/ensembles/{kind}/test.csv" for kind in KINDS]
        flow.succeed(f"results/tiny/{RUN}/metrics.json", *stacks)
        flows[name] = flow.results
    same = [f"{RUN}/fold{fold}/{file}" for fold in (0, 1) for file in
            ("weights.safetensors", "history.csv", "out_of_fold.csv", "test.csv",
             "out_of_fold_flip.csv", "test_flip.csv")]  # fmt: skip
    combined = [
        *(f"baselines/{kind}" for kind in BASELINES),
        *(f"ensembles/{kind}" for kind in KINDS),
    ]
    same += [f"{folder}/{file}.csv" for folder in combined for file in ("out_of_fold", "test")]
    for name in (*same, "selection/selection.json", "dataset/splits.csv"):
        right, flipped = (flows[key] / name for key in ("right", "flipped"))
        assert right.read_bytes() == flipped.read_bytes(), name
    aucs = [
        next(
            estimate["value"]
            for estimate in json.loads((flows[key] / RUN / "metrics.json").read_text())["estimates"]
            if estimate["dataset"] == "test"
            and estimate["aggregate"] == "mean_prediction"
            and estimate["metric"] == "roc_auc"
        )
        for key in ("right", "flipped")
    ]
    assert sum(aucs) == pytest.approx(1) and aucs[0] != aucs[1]


def test_missing_run_is_named_and_does_not_block(finished, make_workflow):
    """One run failed, the other is complete: the report is built from what there is."""
    partial = make_workflow(runs=["custom_resnet18", "custom_resnet_cbam"])
    shutil.copytree(finished.folder / "resources", partial.folder / "resources")
    partial.succeed(*(f"results/tiny/{RUN}/fold{fold}/run.json" for fold in (0, 1)))
    partial.overlay["allow_partial"] = True
    partial.succeed()
    table = pd.read_csv(partial.results / "comparison/comparison.csv")
    missing = table[table["status"] == "missing"]
    assert list(missing["model"]) == ["custom_resnet_cbam"]
    assert "0 of 2 folds" in missing["note"].iloc[0]
    assert "0 of 2 folds" in (partial.results / "report/report.html").read_text(encoding="utf-8")


def test_all_thirteen_train(make_workflow):
    """Every architecture trains a few steps and stands in the table."""
    recipe = {"epochs": 1, "batch_size": 16, "offline_copies": False}
    flow = make_workflow(experiment="thirteen", runs=registry.names(), recipes={"light": recipe})
    flow.succeed()
    table = pd.read_csv(flow.results / "comparison/comparison.csv")
    assert sorted(table["model"]) == registry.names() and len(table) == 13
    assert table["out_of_fold_roc_auc"].between(0, 1).all()
