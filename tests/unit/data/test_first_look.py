"""What stops before the first job: names of files, rows of tables, folders that are not there."""

import os
from pathlib import Path

import pytest
import yaml
from configurations import check

from pneumobench.core.config import identity
from pneumobench.core.errors import UserError
from pneumobench.core.sources import Source
from pneumobench.data.sources.first_look import check_before_start


def files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"nobody opens this")
    return folder


def look(data: dict) -> str:
    """Return the message for a section `data`, "" where all is well."""
    experiment = check(yaml.safe_dump({"data": data}))
    try:
        check_before_start(experiment, Source(experiment.data), "results/demo/dataset")
    except UserError as error:
        return str(error)
    return ""


def folder_of(path: Path) -> dict:
    return {"source": "directory", "directory": {"path": str(path)}}


def table_of(path: Path, images: Path | None = None) -> dict:
    options = {"path": str(path), "images": images and str(images)}
    return {"source": "table", "table": options}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_sound_folder_and_a_sound_table_may_start(tmp_path):
    images = files(tmp_path / "images", "NORMAL/a.png", "PNEUMONIA/b.png")
    (tmp_path / "t.csv").write_text("path,label\nNORMAL/a.png,0\nPNEUMONIA/b.png,1\n")
    assert look(folder_of(images)) == look(table_of(tmp_path / "t.csv", images)) == ""


def test_a_folder_that_is_not_there_is_told_with_what_is_there(tmp_path):
    files(tmp_path / "images", "NORMAL/a.png")
    message = look(folder_of(Path("imagse/chest")))
    assert message.startswith("the folder of images was not found\n")
    assert f"imagse/chest (looked in {tmp_path}, which has no imagse, but images)" in message
    assert f"looked in {tmp_path}/images, which has no qqq)" in look(folder_of(Path("images/qqq")))
    file = "images/NORMAL/a.png"
    assert f"looked in {tmp_path}/{file}, which has no x)" in look(folder_of(Path(file, "x")))


def test_names_that_no_terminal_shows_and_folders_that_nobody_may_list(tmp_path, monkeypatch):
    for name in (b"imag\xffes", b"imag\x1bes"):
        os.mkdir(os.path.join(os.fsencode(tmp_path), name))
    assert "which has no images)" in look(folder_of(Path("images")))

    def refuse(folder: Path):
        raise PermissionError(folder)

    monkeypatch.setattr(identity.os, "listdir", refuse)
    assert "which has no images)" in look(folder_of(Path("images")))


def test_a_table_that_is_not_there_is_told_with_what_is_there(tmp_path):
    (tmp_path / "table.csv").write_text("path,label\n")
    message = look(table_of(Path("tabel.csv")))
    assert message.startswith("the file was not found\n") and "but table.csv)" in message


def test_images_that_a_table_names_and_that_lie_elsewhere(tmp_path):
    files(tmp_path / "pictures", "a.png", "b.png")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/t.csv").write_text("path,label\na.png,0\nb.png,1\n")
    message = look(table_of(Path("tables/t.csv")))
    assert message.startswith("2 of the 2 images that the table names were not found\n")
    assert f"looked in {tmp_path}/tables for a.png, b.png" in message
    assert "write images: pictures, where a.png lies" in message
    (tmp_path / "tables/t.csv").write_text("path,label\nx/c.png,0\nx/d.png,1\n")
    assert "correct table.images" in look(table_of(Path("tables/t.csv")))


def test_folders_that_name_no_class(tmp_path):
    images = files(tmp_path / "images", "NORMAL/a.png", "sick/b.png", "sick/c.png")
    message = look(folder_of(images))
    assert message.startswith("2 of 3 image files cannot be used, 2 of them: not in a NORMAL or")
    assert f"looked in {images}: sick (2), such as sick/b.png" in message
    assert "name the folders of the two classes NORMAL and PNEUMONIA" in message


def test_images_of_one_class_alone(tmp_path):
    images = files(tmp_path / "images", "NORMAL/a.png", "NORMAL/b.png")
    assert "no image of one of the two classes" in look(folder_of(images))


def test_columns_and_labels_of_a_table(tmp_path):
    files(tmp_path, "a.png")
    for text, words in (
        ("file,label\na.png,0\n", "lacks the column 'path'"),
        ("path,label\na.png,sick\n", "the label 'sick' is none"),
    ):
        (tmp_path / "t.csv").write_text(text)
        assert words in look(table_of(tmp_path / "t.csv"))


def test_nobody_looks_once_images_are_indexed_nor_at_what_is_drawn(tmp_path):
    images = files(tmp_path / "images", "NORMAL/a.png")
    assert look(folder_of(images)) and not look({"source": "phantom"})
    files(tmp_path / "results/demo/dataset", "manifest.csv")
    assert not look(folder_of(images))
