"""What lies below a data folder: helper folders, files without suffix, links, our own results."""

import os
import time

import dicom_fixture
import pytest
from dataset_fixture import index, kaggle_folder, write_radiograph
from source_fixture import audited, nih_folder

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.data.manifest import read_manifest
from pneumobench.data.sources import scan
from pneumobench.data.sources.directory import list_directory
from pneumobench.data.sources.fingerprint import fingerprint
from pneumobench.data.sources.helpers import helper_folder
from pneumobench.data.sources.nih import list_nih
from pneumobench.data.sources.scan import scan_folder


@pytest.fixture
def root(tmp_path):
    return kaggle_folder(tmp_path / "data")


def copy(radiograph, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(radiograph.read_bytes())
    return place


# Masks, labels, copies


@pytest.mark.parametrize(
    ("name", "helper"),
    [
        *((name, True) for name in ("masks", "Mask", "lung masks", "infection_masks", "leftMask")),
        *((name, True) for name in ("annotations", "labels", "Segmentation", "seg", "overlays")),
        *((name, True) for name in ("SegmentationClass", "masks_png", "GT Segmentation", "x_json")),
        *((name, True) for name in ("augmented", "train_augmented", "heatmaps", "grad-cam", "ROI")),
        *((name, True) for name in ("aug", "aug_images", "label", "mask_1")),
        *((name, False) for name in ("Aug", "Aug2019", "2019-aug", "AUG 07", "label_1", "label0")),
        *((name, False) for name in ("no mask", "oxygen_mask", "Patient with mask", "NoMask")),
        *((name, False) for name in ("NORMAL", "images", "train", "unmasked", "labelled", "2019")),
        *(
            (name, False)
            for name in ("Infection Segmentation Data", "JPEGImages", "Lung", "batch 1")
        ),
    ],
)
def test_names_of_helper_folders(name, helper):
    assert helper_folder(f"Train/{name}/masks.png") == (name if helper else "")


def test_months_below_a_year_are_no_copies():
    assert helper_folder("PNEUMONIA/2019/aug/x.png") == ""
    assert helper_folder("PNEUMONIA/set/aug/x.png") == "aug"


@pytest.mark.parametrize("folder", ["NORMAL/masks", "masks/NORMAL", "NORMAL/lung masks/a"])
def test_masks_are_set_aside_with_the_reason_and_do_not_stop(tmp_path, folder):
    for number in range(4):
        for kind in ("NORMAL", "PNEUMONIA"):
            write_radiograph(tmp_path / f"data/{kind}/images/{kind}-{number}.png", number)
        write_radiograph(tmp_path / f"data/{folder}/NORMAL-{number}.png", 100 + number)
    manifest = index(tmp_path / "data", tmp_path / "m.csv", maximum_rejected_fraction=0.0)
    rows = read_manifest(manifest)
    rejected = rows[rows["status"] == "rejected"]
    assert len(rejected) == 4 and (rows["status"] == "ok").sum() == 8
    assert set(rejected["reason"]) == {
        f"in a folder of masks, labels or copies: {folder_of(folder)}"
    }
    warnings = audited(manifest)["warnings"]
    for beginning in (
        "4 image files are set aside, since their folders are named as those",
        "8 of 8 images have no known patient",
    ):
        assert sum(text.startswith(beginning) for text in warnings) == 1


def folder_of(path):
    return next(name for name in path.split("/") if "masks" in name)


def test_patients_in_helper_folders_alone_are_counted(root):
    write_radiograph(root / "train/NORMAL/labels/IM-0010-0002.png", 50)
    write_radiograph(root / "train/NORMAL/labels/IM-0700-0001.png", 51)
    (note,) = list_directory(root).notes
    assert "labels (2); 1 patients have no other image" in note


def test_a_folder_of_helpers_alone_says_so(tmp_path):
    kaggle_folder(tmp_path / "labels")
    with pytest.raises(UserError, match="21 in a folder of masks, labels or copies: labels"):
        list_directory(tmp_path)
    assert len(list_directory(tmp_path / "labels").radiographs) == 21


def test_masks_are_no_second_radiograph_of_a_table(tmp_path):
    root = nih_folder(tmp_path)
    copy(root / "images_001/images/00000001_000.png", root / "masks/00000001_000.png")
    assert not any(
        radiograph.reason for radiograph in list_nih(root, positive="Pneumonia").radiographs
    )


@pytest.mark.parametrize(
    "folder", ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found", ".ipynb_checkpoints", ".git"]
)
def test_folders_of_programs_are_litter_and_told(root, folder):
    before = fingerprint(root)
    copy(root / "train/NORMAL/IM-0010-0001.png", root / f"train/{folder}/NORMAL/IM-0010-0001.png")
    copy(root / "train/NORMAL/IM-0010-0001.png", root / f"train/{folder}/NORMAL/._IM-0010-0001.png")
    listing = list_directory(root)
    assert (len(listing.radiographs), listing.litter) == (21, 2) and fingerprint(root) == before
    assert listing.notes == [
        f"1 image files are hidden or in folders of programs, left out: {folder} (1)"
    ]


def test_kinds_that_are_not_read_are_told(root):
    for name in ("a.jp2", "b.jp2", "c.nii", "notes.txt"):
        copy(root / "train/NORMAL/IM-0010-0001.png", root / "train/NORMAL" / name)
    (root / "gone").symlink_to(root / "nowhere")
    assert list_directory(root).notes == [
        "3 files are of kinds that are not read, left out: .jp2 (2), .nii (1)",
        "1 links lead nowhere, left out: gone (1)",
    ]


# Files whose names do not say that they are images


def test_dicom_is_read_whatever_its_name(root):
    folder = root / "train/NORMAL"
    names = ["a.dicom", "b.DIC", "c.ima", "1.2.840.113619", "scan", "e.dcm", "f.bak"]
    for number, name in enumerate(names):
        (folder / name).write_bytes(dicom_fixture.dicom(dicom_fixture.radiograph(40 + number), 12))
    for name in ("DICOMDIR", "g.txt"):
        (folder / name).write_bytes(dicom_fixture.dicom(dicom_fixture.radiograph(60), 12))
    before = fingerprint(root)
    rows = read_manifest(index(root, root.parent / "m.csv"))
    read = rows[rows["mode"].str.startswith("DICOM")]
    assert {path.split("/")[-1] for path in read["path"]} == set(names)
    assert (read["status"] == "ok").all()
    assert {"a", "scan", "f", "1.2.840.113619"} <= set(read["image_id"])
    assert read_json(root.parent / "source.json")["litter"] == 2
    (folder / "scan").unlink()
    assert fingerprint(root) != before


def test_files_without_a_suffix_are_images_by_their_content(root):
    folder = root / "train/NORMAL"
    radiograph = folder / "IM-0010-0001.png"
    for number, kind in enumerate(("png", "jpeg", "tiff", "gif", "webp")):
        write_radiograph(folder / f"x.{kind}", 60 + number).rename(folder / kind)
    copy(radiograph, folder / "IM-0010-0001.png_original")
    (folder / "README").write_text("BMI and age")
    (folder / "data_set").write_bytes(dicom_fixture.dicom(dicom_fixture.radiograph(), 12)[132:])
    listing = list_directory(root)
    assert len(listing.radiographs) == 21 + 6 and listing.litter == 2
    assert listing.notes == [
        "1 files begin as images do but end in another suffix, left out: .png_original (1)"
    ]


def pnm(kind, blank=b"\n"):
    values = b"1 " * 1440 if kind < b"P4" else bytes(1440)
    return blank.join((kind, b"40 36", b"255", b"")) + values


@pytest.mark.parametrize(
    "content",
    [
        b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(60),
        b"BM" + bytes(12) + b"\x7c\0\0\0" + bytes(60),
        b"RIFF\1\2\3\nWEBPVP8 ",
        *(b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"),
        *(pnm(b"P2"), pnm(b"P5", b"\r\n"), pnm(b"P5", b"\t"), b"P5\n# by hand\n40 36 255\n"),
        *(b"\xff\x4f\xff\x51\0", b"\0\0\0\x0cjP  \r\n"),
    ],
)
def test_no_image_vanishes_whatever_its_name(root, content):
    folder = root / "train/NORMAL"
    for name in ("plain", "a.bmp_original", "b.PGMA"):
        (folder / name).write_bytes(content)
    found = scan_folder(root)
    assert "train/NORMAL/plain" in dict(found.files)
    assert found.notes == [
        "2 files begin as images do but end in another suffix, left out: .bmp_original (1), "
        ".pgma (1)"
    ]


def test_text_that_begins_alike_is_no_image(root):
    for number, text in enumerate(("BMI and age", "P2 is ill", "P51 40", "MM", "BM", "RIFF")):
        (root / f"text{number}").write_text(text)
        (root / f"{number}.notes").write_text(text)
    found = scan_folder(root)
    assert (len(found.files), found.litter, found.notes) == (21, 12, [])


@pytest.mark.parametrize("suffix", ["jpe", "ppm", "pnm", "dib", "btf", "PBM"])
def test_rarer_suffixes_of_formats_that_are_read(root, suffix):
    copy(root / "train/NORMAL/IM-0010-0001.png", root / f"train/NORMAL/x.{suffix}")
    assert len(scan_folder(root).files) == 22


def test_what_is_no_regular_file_is_not_opened(root):
    os.mkfifo(root / "train/NORMAL/pipe")
    assert len(scan_folder(root).files) == 21


def test_names_are_apart_even_of_what_is_set_aside(root):
    copy(root / "train/NORMAL/IM-0010-0001.png", root / "IM-0010-0001")
    rows = read_manifest(index(root, root.parent / "m.csv"))
    assert rows["image_id"].is_unique
    assert rows.set_index("image_id").loc["./IM-0010-0001", "path"] == "IM-0010-0001"


# Links and depth


def test_links_to_each_other_end_soon(root):
    count = 12
    for number in range(count):
        (root / f"f{number}").mkdir()
    for number in range(count):
        for other in range(count):
            (root / f"f{number}/to{other}").symlink_to(root / f"f{other}")
    started = time.process_time()
    assert len(scan_folder(root).files) == 21
    (root / "f0/NORMAL").mkdir()
    write_radiograph(root / "f0/NORMAL/x.png", 90)
    assert time.process_time() - started < 5
    # Each link once, and none to a folder above it.
    assert 22 <= len(scan_folder(root).files) <= 21 + count


def test_links_to_what_holds_the_data_folder_are_no_data(root):
    write_radiograph(root.parent / "elsewhere/NORMAL/x.png", 80)
    (root / "up").symlink_to(root.parent)
    (root / "everything").symlink_to("/")
    assert len(scan_folder(root).files) == 21


def test_a_link_to_a_folder_that_is_there_too_is_another_place(root):
    (root / "val").symlink_to(root / "train")
    assert len(scan_folder(root).files) == 21 + 15


def test_links_to_themselves_are_no_folders(root):
    (root / "loop").symlink_to(root / "loop")
    (root / "train/NORMAL/round.png").symlink_to(root / "train/NORMAL/round.png")
    found = scan_folder(root)
    assert ("train/NORMAL/round.png", -1) in found.files and len(found.notes) == 1


def test_hundreds_of_levels_are_one_message(root):
    here = os.getcwd()
    try:
        os.chdir(root)
        for _ in range(300):
            os.mkdir("deep")
            os.chdir("deep")
    finally:
        os.chdir(here)
    with pytest.raises(UserError, match="folders lie more than 100 deep") as caught:
        scan_folder(root)
    assert len(str(caught.value)) < 1000
    with pytest.raises(UserError, match="more than 100 deep"):
        fingerprint(root)


# Our own folders


def test_own_outputs_are_no_data(root, monkeypatch):
    monkeypatch.chdir(root)
    before = fingerprint(root)
    for folder in ("results/demo/report", "resources/datasets/phantom/NORMAL", ".snakemake/NORMAL"):
        write_radiograph(root / folder / "x.png", 70)
    listing = list_directory(root)
    assert len(listing.radiographs) == 21 and fingerprint(root) == before
    assert listing.notes[-1] == (
        "folders of the pipeline itself lie below the data folder, left out: resources, results"
    )
    monkeypatch.chdir(root / "train")
    # From elsewhere an experiment's folder is known by what lies in it.
    (root / "results/demo/experiment.json").write_text("{}")
    (root / "results/demo/logs").mkdir()
    (root / "resources/datasets/phantom/phantoms.csv").write_text("")
    (root / "resources/datasets/phantom/chest_xray").mkdir()
    found = scan_folder(root)
    assert "left out: resources/datasets/phantom, results/demo" in found.notes[-1]
    assert len(found.files) == 21
    # What is asked for by name is data, wherever it lies.
    monkeypatch.chdir(root)
    write_radiograph(root / "resources/datasets/mine/PNEUMONIA/y.png", 71)
    assert len(scan_folder(root / "resources/datasets").files) == 1


def test_own_outputs_below_a_parent_folder(root, monkeypatch):
    (root / "work/results/demo").mkdir(parents=True)
    write_radiograph(root / "work/results/demo/NORMAL/x.png", 70)
    monkeypatch.chdir(root / "work")
    found = scan_folder("..")
    assert len(found.files) == 21 and "left out: work/results" in found.notes[0]


def test_files_that_say_what_they_are_are_not_opened(root, monkeypatch):
    asked = []
    monkeypatch.setattr(scan, "_begins_as_image", lambda found, _: asked.append(found.entry.name))
    for name in ("notes.txt", "a.json", "b.csv", "plain", "1.2.840"):
        (root / name).write_text("x")
    scan_folder(root)
    assert asked == ["1.2.840", "plain"]
