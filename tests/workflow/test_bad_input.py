"""What users get wrong: one message that says what, where and what to do; nothing is lost."""

import shutil

import dicom_fixture
import own_radiographs
import pytest
from broken_input import MANIFEST, SPLITS, fill, refused
from fetched_fixture import medmnist_arrays, npz

from pneumobench.core.files import read_json, read_table


@pytest.fixture
def flow(make_workflow):
    """A workflow on a folder of the test's own."""
    made = make_workflow(data={"source": "directory", "directory": {"path": "radiographs"}})
    made.root = made.folder / "radiographs"
    made.root.mkdir()
    return made


def test_five_mistakes_are_five_messages(make_workflow):
    flow = make_workflow(
        images={"size": 32},
        split={"folds": 1},
        compute={"device": "gpu"},
        recipes={"light": {"optimizer": "adam"}},
        runs=["resnet5O"],
    )
    output = refused(flow, "--dry-run")
    assert "5 errors in the configuration" in output
    for path, value, remedy in (
        ("images.size", "32", "64"),
        ("split.folds", "1", "2"),
        ("compute.device", "gpu", "cuda"),
        ("recipes.light.optimizer", "adam", "optimiser"),
        ("runs[0]", "resnet5O", "resnet50"),
    ):
        lines = output.split(path, 1)[1][:700]
        assert value in lines and remedy in lines, path
    assert not flow.results.exists()


@pytest.mark.parametrize("targets", [(), ("fetch", "all"), ("doctor", "train")])
def test_missing_folder(flow, targets):
    flow.root.rmdir()
    output = refused(flow, *targets, "--dry-run")
    assert "radiographs" in output and "data.directory.path" in output and "to do:" in output
    assert f"looked in {flow.folder}, which has no radiographs" in output


@pytest.mark.parametrize("target", ["fetch", "doctor", "results/tiny/precision.json"])
def test_what_reads_no_images_does_not_ask_for_them(flow, target):
    flow.root.rmdir()
    flow.succeed(target, "--dry-run")


def test_missing_starting_weights(make_workflow):
    flow = make_workflow(recipes={"light": {"pretrained": "own.safetensors"}})
    output = refused(flow, "fetch", "train", "--dry-run")
    assert "recipes.light.pretrained: own.safetensors" in output and "to do:" in output
    flow.succeed("fetch", MANIFEST, "--dry-run")


def test_empty_folder(flow):
    output = refused(flow)
    assert "radiographs" in output and "NORMAL" in output and "to do:" in output
    # No job was begun: it is the only message, of a run of everything, too.
    assert not flow.results.exists() and output.count("to do:") == 1


def change(file, old, new):
    """Replace the first of some words in a file; they must stand there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def unknown_label(root):
    data = own_radiographs.table(root)
    change(root / "radiographs.csv", ",bacterial,", ",sick,")
    return data


def missing_list(root):
    data = own_radiographs.nih(root)
    (root / "test_list.txt").unlink()
    return data


def contradiction(root):
    data = own_radiographs.rsna(root)
    change(root / "stage_2_detailed_class_info.csv", ",Lung Opacity", ",Normal")
    return data


def missing_key(root):
    arrays = medmnist_arrays(64, 6)
    del arrays["val_labels"]
    (root / "own.npz").write_bytes(npz(arrays))
    return {
        "source": "pneumoniamnist",
        "pneumoniamnist": {"size": 64, "file": f"{root.name}/own.npz"},
    }


def radiographs_in_motion(root):
    content = dicom_fixture.dicom(dicom_fixture.radiograph(), 12, NumberOfFrames=2)
    for kind in ("NORMAL", "PNEUMONIA"):
        (root / kind).mkdir()
        for number in range(2):
            (root / kind / f"{kind}{number}.dcm").write_bytes(content)
    return {"source": "directory", "directory": {"path": root.name}}


@pytest.mark.parametrize(
    ("publish", "words"),
    [
        (unknown_label, ("the label 'sick' is none", "radiographs.csv", "row 4", "bacterial")),
        (missing_list, ("test_list.txt is missing", "train_val_list.txt", "radiographs")),
        (contradiction, ("two tables contradict each other", "stage_2_train_labels.csv")),
        (missing_key, ("val_labels is missing", "own.npz", "data.pneumoniamnist.size")),
        (
            radiographs_in_motion,
            ("4 of 4 image files had to be set aside", "NORMAL0.dcm", "2 pictures"),
        ),
    ],
)
def test_bad_sources(flow, publish, words):
    flow.overlay["data"] = publish(flow.root)
    earlier = {
        flow.results / "report/report.html": "an earlier report",
        flow.results.with_name("other") / "dataset/manifest.csv": "of another experiment",
    }
    for path, content in earlier.items():
        path.parent.mkdir(parents=True)
        path.write_text(content)
    output = refused(flow, SPLITS)
    for word in (*words, "to do:"):
        assert word in output, output
    assert {path: path.read_text() for path in earlier} == earlier
    assert not (flow.folder / MANIFEST).exists() and not (flow.folder / SPLITS).exists()


def test_one_class_only(flow):
    fill(flow.root / "train/PNEUMONIA", 6)
    output = refused(flow, SPLITS)
    assert "NORMAL" in output.upper() and "to do:" in output


def test_fewer_patients_than_folds(flow):
    flow.overlay["split"] = {"folds": 5}
    fill(flow.root / "train/PNEUMONIA", 8)
    fill(flow.root / "train/NORMAL", 3, "normal")
    fill(flow.root / "test/PNEUMONIA", 3, "virus")
    fill(flow.root / "test/NORMAL", 2, "normal")
    for path in (flow.root / "test/NORMAL").iterdir():
        path.rename(path.with_name(f"NORMAL2-{path.name}"))
    output = refused(flow, SPLITS)
    assert "split.folds" in output and "5" in output and "3" in output and "to do:" in output


def test_broken_images_are_set_aside_and_counted(finished, make_workflow):
    flow = make_workflow(runs=["custom_resnet18"])
    images = next((finished.folder / "resources/datasets").glob("phantom-*/chest_xray"))
    shutil.copytree(images, flow.folder / "radiographs")
    flow.overlay["data"] = {
        "source": "directory",
        "directory": {"path": "radiographs"},
        "checks": {"maximum_rejected_fraction": 0.2},
    }
    folder = flow.folder / "radiographs/train/NORMAL"
    whole = next(folder.iterdir()).read_bytes()
    (folder / "truncated.jpeg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpeg").write_bytes(b"")
    (folder / "text.jpeg").write_text("not an image")
    (folder / ".DS_Store").write_bytes(b"litter")
    flow.succeed()
    manifest = read_table(flow.results / "dataset/manifest.csv", text=("reason",))
    rejected = manifest[manifest["status"] == "rejected"]
    assert {path.split("/")[-1] for path in rejected["path"]} == {
        "truncated.jpeg", "empty.jpeg", "text.jpeg",
    }  # fmt: skip
    assert (rejected["reason"] != "").all()
    assert read_json(flow.results / "dataset/audit.json")["counts"]["rejected"] == 3
    report = (flow.results / "report/report.html").read_text(encoding="utf-8")
    assert "truncated.jpeg" in report and "text.jpeg" in report

    # Too many of them stop the pipeline and leave the earlier results alone.
    flow.overlay["data"]["checks"]["maximum_rejected_fraction"] = 0.01
    before = (flow.results / "report/report.html").read_bytes()
    output = refused(flow)
    assert "maximum_rejected_fraction" in output and "to do:" in output
    assert (flow.results / "report/report.html").read_bytes() == before


def test_results_folder_of_another_configuration(finished):
    other = type(finished)(finished.folder, finished.overlay | {"images": {"size": 96}})
    before = sorted(path for path in finished.results.rglob("*") if path.is_file())
    output = refused(other, "--dry-run")
    assert "images.size" in output and "64" in output and "96" in output
    assert "experiment" in output.split("to do:")[1]
    assert sorted(path for path in finished.results.rglob("*") if path.is_file()) == before


def test_image_size_that_a_backbone_cannot_take(make_workflow):
    flow = make_workflow(runs=["timm:vit_tiny_patch16_224"])
    output = refused(flow, "results/tiny/models/timm-vit_tiny_patch16_224.json")
    assert "timm:vit_tiny_patch16_224" in output and "224" in output and "to do:" in output


def test_unknown_backbone_names_the_nearest(make_workflow):
    flow = make_workflow(runs=["timm:mobilenetv3_smal_100"])
    output = refused(flow, "results/tiny/models/timm-mobilenetv3_smal_100.json")
    assert "mobilenetv3_small_100" in output
