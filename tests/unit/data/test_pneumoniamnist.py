"""MedMNIST's arrays become radiographs; other files are refused, and nothing in them is run."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fetched_fixture import medmnist_arrays, npz, radiographs_below, zipped
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.data.fetch_dataset import fetch_dataset
from pneumobench.data.file_names import parse_stem
from pneumobench.data.sources.pneumoniamnist import write_radiographs

NOBODY = "http://127.0.0.1:9"


def refused(function, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_pixels_and_numbers(tmp_path):
    arrays = medmnist_arrays(28, 12)
    (tmp_path / "p.npz").write_bytes(npz(arrays, compressed=True))
    write_radiographs(tmp_path / "p.npz", tmp_path / "radiographs", size=28)
    paths = radiographs_below(tmp_path / "radiographs")
    assert len(paths) == 20 and "train/NORMAL/train-00001.png" in paths
    assert_written(tmp_path / "radiographs", arrays)
    assert all(parse_stem(Path(path).stem) is None for path in paths), "none names a patient"


def assert_written(folder, arrays):
    """Insist that every image stands in the folder of its own label, pixel by pixel."""
    paths = radiographs_below(folder)
    assert len(paths) == sum(len(arrays[f"{split}_images"]) for split in ("train", "val", "test"))
    for path in paths:
        split, label, name = path.split("/")
        number = int(name.split("-")[1][:5]) - 1
        with Image.open(folder / path) as image:
            assert (np.asarray(image) == arrays[f"{split}_images"][number]).all()
        assert arrays[f"{split}_labels"].reshape(-1)[number] == (label == "PNEUMONIA")


@pytest.mark.parametrize("labels", [np.int64, np.int8, np.uint8])
def test_flat_labels_and_other_integers(tmp_path, labels):
    arrays = medmnist_arrays(28, 6)
    for split in ("train", "val", "test"):
        arrays[f"{split}_labels"] = arrays[f"{split}_labels"].reshape(-1).astype(labels)
    (tmp_path / "p.npz").write_bytes(npz(arrays))
    write_radiographs(tmp_path / "p.npz", tmp_path / "radiographs", size=28)
    assert_written(tmp_path / "radiographs", arrays)


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "p.npz").write_bytes(npz(medmnist_arrays(28, 6)))
    with zipfile.ZipFile(tmp_path / "p.npz", "a") as packed:
        labels = packed.read("train_labels.npy")
        with pytest.warns(UserWarning, match="Duplicate name"):
            packed.writestr("train_labels.npy", labels)
    text = refused(write_radiographs, tmp_path / "p.npz", tmp_path / "radiographs", size=28)
    assert "it holds train_labels.npy more than once" in text
    assert not (tmp_path / "radiographs").exists()


def changed(**arrays):
    made = medmnist_arrays(28, 6) | arrays
    return npz({key: value for key, value in made.items() if value is not None})


BAD = {
    "missing": (changed(val_images=None), "val_images is missing"),
    "missing labels": (changed(test_labels=None), "test_labels is missing"),
    "colour": (
        changed(train_images=np.zeros((6, 28, 28, 3), np.uint8)),
        "train_images is uint8 [6, 28, 28, 3]",
    ),
    "size": (
        changed(train_images=np.zeros((6, 64, 64), np.uint8)),
        "uint8 [N, 28, 28]",
    ),
    "float": (changed(val_images=np.zeros((2, 28, 28))), "val_images is float64"),
    "scalar": (changed(val_images=np.uint8(1)), "val_images is uint8 []"),
    "empty": (
        changed(val_images=np.zeros((0, 28, 28), np.uint8)),
        "val_images has 0 entries",
    ),
    "too many": (
        changed(val_labels=np.zeros((30_000, 1), np.uint8)),
        "30000 entries",
    ),
    "labels": (
        changed(train_labels=np.full((6, 1), 2, np.uint8)),
        "train_labels holds 2",
    ),
    "negative": (
        changed(train_labels=np.full((6, 1), -1, np.int8)),
        "train_labels holds -1",
    ),
    "two columns": (
        changed(train_labels=np.zeros((6, 2), np.uint8)),
        "train_labels is uint8 [6, 2]",
    ),
    "float labels": (
        changed(train_labels=np.zeros((6, 1))),
        "train_labels is float64",
    ),
    "counts": (
        changed(test_labels=np.array([[0], [1], [1]], np.uint8)),
        "test: 2 images and 3 labels",
    ),
    "pickle": (
        npz(medmnist_arrays(28, 6) | {"train_labels": np.array([object()])}),
        "train_labels is object",
    ),
    "no zip": (b"something else", "it cannot be read"),
    "nothing": (b"", "it cannot be read"),
    "cut": (changed()[:-30], "it cannot be read"),
    "no array": (zipped({"train_labels.npy": b"1"}), "cannot be read"),
    "other": (npz({"images": np.zeros(3)}), "it holds images"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file(tmp_path, kind):
    content, said = BAD[kind]
    (tmp_path / "p.npz").write_bytes(content)
    options = {"size": 28, "file": str(tmp_path / "p.npz")}
    text = refused(fetch_dataset, "pneumoniamnist", options, tmp_path / "r.json")
    assert said in text and str(tmp_path / "p.npz") in text
    assert "zenodo.org" in text and "Traceback" not in text
    assert not (tmp_path / "r.json").exists() and not (tmp_path / "r").exists()


def test_header_that_asks_for_all_memory(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 28, 28)}
        )
        for split in ("train", "val", "test"):
            packed.writestr(f"{split}_images.npy", header.getvalue())
            labels = io.BytesIO()
            np.save(labels, np.zeros((3, 1), np.uint8))
            packed.writestr(f"{split}_labels.npy", labels.getvalue())
    (tmp_path / "p.npz").write_bytes(content.getvalue())
    assert "entries" in refused(write_radiographs, tmp_path / "p.npz", tmp_path / "f", size=28)


def test_code_in_a_pickle_is_not_run(tmp_path):
    class Code:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was_here"),)

    arrays = medmnist_arrays(28, 6) | {"val_images": np.array([Code()], dtype=object)}
    (tmp_path / "p.npz").write_bytes(npz(arrays))
    refused(write_radiographs, tmp_path / "p.npz", tmp_path / "radiographs", size=28)
    assert not (tmp_path / "was_here").exists()


def test_own_file_and_its_change(tmp_path):
    own, record = tmp_path / "mine.npz", tmp_path / "p.json"
    own.write_bytes(npz(medmnist_arrays(28, 12)))
    options = {"size": 28, "file": str(own)}
    fetch_dataset("pneumoniamnist", options, record, NOBODY)
    assert read_json(record)["images"] == 20 and read_json(record)["file"] == "mine.npz"
    own.write_bytes(npz(medmnist_arrays(28, 15)))
    fetch_dataset("pneumoniamnist", options, record, NOBODY)
    assert read_json(record)["images"] == 25 and own.exists()


@pytest.mark.parametrize("header", [b"(" * 150, b"-" * 9000 + b"1", b"\t1\n 2", b"{'descr':"])
def test_header_that_is_no_header(tmp_path, header):
    arrays = medmnist_arrays(28)
    stream = io.BytesIO(npz(arrays))
    with zipfile.ZipFile(stream) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    contents["train_labels.npy"] = (
        b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + bytes(100)
    )
    with zipfile.ZipFile(tmp_path / "p.npz", "w") as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    options = {"size": 28, "file": str(tmp_path / "p.npz")}
    text = refused(fetch_dataset, "pneumoniamnist", options, tmp_path / "r.json")
    assert "train_labels cannot be read" in text
