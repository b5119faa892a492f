"""Tables and published layouts, each to the same list of radiographs."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from configurations import check
from dataset_fixture import index, kaggle_folder, write_radiograph
from nih_fixture import write_nih_boxes
from PIL import Image
from source_fixture import audited, nih_folder, write_rows

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.sources import Source
from pneumobench.data.images import read_header, read_picture
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.data.pack import pack_images
from pneumobench.data.sources import patient_pattern
from pneumobench.data.sources.columns import tables_beside
from pneumobench.data.sources.directory import list_directory
from pneumobench.data.sources.fingerprint import (
    fingerprint,
    source_fingerprint,
    table_fingerprint,
)
from pneumobench.data.sources.nih import list_nih
from pneumobench.data.sources.rsna import CLASSES, LABELS, NORMAL, OPACITY, OTHER, list_rsna
from pneumobench.data.sources.table import list_table


def message(call, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    assert caught.value.remedy and caught.value.expected
    return str(caught.value)


# The user's own table

HEADER = ["path", "label", "patient", "split", "subtype", "boxes"]


def radiographs_of(tmp_path: Path, names: str = "abcd") -> Path:
    for seed, name in enumerate(names):
        write_radiograph(tmp_path / "radiographs" / f"{name}.png", seed)
    return tmp_path / "radiographs"


def test_table_says_everything(tmp_path):
    root = radiographs_of(tmp_path)
    rows = [
        ["b.png", "Pneumonia", "p1", "test", "viral", "[[1, 2, 3, 4]]"],
        ["a.png", "0", "p2", "train", "", ""],
        ["c.png", "bacterial", "p3", "train", "", ""],
        ["d.png", "1", "p1", "test", "unknown", ""],
    ]
    listing = list_table(write_rows(tmp_path / "t.csv", HEADER, rows), root)
    told = [
        (
            radiograph.path,
            radiograph.label,
            radiograph.subtype,
            radiograph.patient,
            radiograph.official_split,
            radiograph.boxes,
        )
        for radiograph in listing.radiographs
    ]
    assert told == [
        ("a.png", "normal", "normal", "p2", "train", ""),
        ("b.png", "pneumonia", "viral", "p1", "test", "[[1.0, 2.0, 3.0, 4.0]]"),
        ("c.png", "pneumonia", "bacterial", "p3", "train", ""),
        ("d.png", "pneumonia", "unknown", "p1", "test", ""),
    ]
    assert {radiograph.patient_from for radiograph in listing.radiographs} == {"column"}
    assert all(radiograph.size > 0 and not radiograph.reason for radiograph in listing.radiographs)


def test_table_becomes_a_manifest_and_warns_of_unknown_patients(tmp_path):
    root = radiographs_of(tmp_path)
    table = write_rows(
        tmp_path / "t.csv",
        ["label", "path"],
        [[label, f"{name}.png"] for name, label in zip("abcd", "0011", strict=True)],
    )
    manifest = index(
        root,
        tmp_path / "m.csv",
        source="table",
        options={"path": str(table), "images": None, "population": "adults"},
    )
    rows = read_manifest(manifest)
    assert rows["patient"].tolist() == rows["image_id"].tolist() == list("abcd")
    found = audited(manifest)
    assert found["unknown_patients"] == [f"{name}.png" for name in "abcd"]
    assert any(text.startswith("4 of 4 images have no known patient") for text in found["warnings"])
    assert found["source"]["population"] == "adults"
    assert found["source"]["title"] == "the table t.csv"


def test_absolute_paths_and_backslashes(tmp_path):
    root = radiographs_of(tmp_path)
    rows = [[str(root / "a.png"), "0"], ["..\\radiographs\\b.png", "1"]]
    listing = list_table(write_rows(tmp_path / "t.csv", HEADER[:2], rows), root)
    assert [radiograph.reason for radiograph in listing.radiographs] == ["", ""]


def test_a_missing_file_is_a_counted_reject(tmp_path):
    root = radiographs_of(tmp_path)
    rows = [[f"{name}.png", label] for name, label in zip("abcdx", "00111", strict=True)]
    table = write_rows(tmp_path / "t.csv", HEADER[:2], rows)
    options = {
        "source": "table",
        "options": {"path": str(table), "images": None, "population": "adults"},
    }
    manifest = index(root, tmp_path / "m.csv", maximum_rejected_fraction=0.2, **options)
    rejected = read_manifest(manifest).query("status == 'rejected'")
    assert rejected[["path", "reason"]].to_numpy().tolist() == [
        ["x.png", "the table names it, but there is no such file"]
    ]
    text = message(index, root, tmp_path / "m2.csv", maximum_rejected_fraction=0.1, **options)
    assert "1 of the 5 images that the table names were not found" in text
    assert f"looked in {root} for x.png" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("path,label\n", "the table has no rows"),
        ("", "lacks the column 'path'"),
        ("file,label\na.png,0\n", "lacks the column 'path'"),
        ("paths,label\na.png,0\n", "rename 'paths' to 'path'"),
        ("path,label,label\na.png,0,0\n", "the column 'label' more than once"),
        ("path,label\na.png\n", "row 2"),
        ('path,label\n"a.png,0\n', "cannot be read as CSV"),
        ("path,label\na.png,sick\n", "the label 'sick' is none"),
        ("path,label\na.png,\n", "the label '' is none"),
        ("path,label\na.png,0\na.png,1\n", "names a radiograph twice"),
        ("path,label,split\na.png,0,validation\n", "the split 'validation' is none"),
        ("path,label,split\na.png,0,train\nb.png,1,\n", "1 of 2 rows have no split"),
        ("path,label,subtype\na.png,0,viral\n", "the subtype 'viral' contradicts the label '0'"),
        ("path,label,subtype\na.png,bacterial,viral\n", "contradicts the label 'bacterial'"),
        ("path,label,boxes\na.png,1,[1 2 3 4]\n", "the boxes '[1 2 3 4]' cannot be read"),
        ('path,label,boxes\na.png,1,"[[1,2,0,4]]"\n', "cannot be read"),
        (f'path,label,boxes\na.png,1,"[[1,2,3,{"9" * 400}]]"\n', "cannot be read"),
        (f'path,label,boxes\na.png,1,"{"[" * 50_000}"\n', "cannot be read"),
        ('path,label,boxes\na.png,1,"[{""1"":0,""2"":0,""3"":0,""4"":0}]"\n', "cannot be read"),
        ('path,label,boxes\na.png,1,"[[1,2,true,true]]"\n', "cannot be read"),
        ('path,label,boxes\na.png,1,"{}"\n', "cannot be read"),
        ('path,label,boxes\na.png,0,"[[1,2,3,4]]"\n', "a normal radiograph has the boxes"),
        ("path,label,split\na.png,1,NA\n", "leave the cell empty where nobody knows"),
        ("path,label\na.png,0\n./a.png,1\n", "names a radiograph twice"),
        ("path,label\na.png,0\nx/../a.png,1\n", "names a radiograph twice"),
    ],
)
def test_bad_tables(tmp_path, content, said):
    table = tmp_path / "t.csv"
    table.write_text(content, encoding="utf-8")
    text = message(list_table, table, radiographs_of(tmp_path))
    assert said in text and str(table) in text


def test_tables_that_are_no_text(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"path,label\n\xff\xfe.png,0\n")
    assert "no UTF-8 text (byte 11)" in message(list_table, tmp_path / "t.csv", tmp_path)
    assert "cannot be read (No such file" in message(list_table, tmp_path / "no.csv", tmp_path)
    assert "cannot be read (Is a directory" in message(list_table, tmp_path, tmp_path)


def test_an_absolute_path_is_no_second_radiograph(tmp_path):
    root = radiographs_of(tmp_path)
    rows = [["a.png", "0"], [str(root / "a.png"), "1"]]
    text = message(list_table, write_rows(tmp_path / "t.csv", HEADER[:2], rows), root)
    assert "names a radiograph twice" in text and "row 3" in text


def test_byte_order_mark_and_blank_end(tmp_path):
    root = radiographs_of(tmp_path)
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfpath,label\r\na.png,0\r\nb.png,1\r\n\r\n\r\n")
    assert len(list_table(tmp_path / "t.csv", root).radiographs) == 2


# A folder with a pattern


def test_patient_pattern(tmp_path):
    for name in ("NORMAL/Ann_1.png", "NORMAL/Ann_2.png", "PNEUMONIA/Bob_1.png", "NORMAL/x.png"):
        write_radiograph(tmp_path / name, len(name))
    for pattern in (r"/([A-Z][a-z]+)_\d", r"/(?P<patient>[A-Z][a-z]+)_(\d)"):
        radiographs = list_directory(tmp_path, patient_pattern=pattern).radiographs
        assert [(radiograph.patient, radiograph.patient_from) for radiograph in radiographs] == [
            *(("Ann", "pattern"), ("Ann", "pattern"), ("", ""), ("Bob", "pattern"))
        ]


@pytest.mark.parametrize(
    "pattern", [r"/(a+)+$", r"(?P<patient>(\w|\w\w)+)!", r"(.*)*x$", r"(.*.*.*.*.*.*)!$"]
)
def test_patient_pattern_that_does_not_end(tmp_path, monkeypatch, pattern):
    write_radiograph(tmp_path / "NORMAL" / f"{'a' * 60}.png", 1)
    monkeypatch.setattr(patient_pattern, "PATIENCE", 0.2)
    started = time.monotonic()
    with pytest.raises(UserError, match="takes too long to search") as caught:
        list_directory(tmp_path, patient_pattern=pattern)
    assert time.monotonic() - started < 5
    assert pattern in str(caught.value) and "aaaa.png" in str(caught.value)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("pattern", [r"Patient(\d+)", r"NORMAL/()", r"NORMAL/(?P<patient>z)?"])
def test_patient_pattern_that_finds_nobody(tmp_path, pattern):
    write_radiograph(tmp_path / "NORMAL/Ann_1.png", 1)
    with pytest.raises(UserError, match="finds none in any path") as caught:
        list_directory(tmp_path, patient_pattern=pattern)
    assert "NORMAL/Ann_1.png" in str(caught.value) and pattern in str(caught.value)


def test_folder_names_patients_by_file_name(tmp_path):
    radiographs = list_directory(kaggle_folder(tmp_path)).radiographs
    assert {radiograph.patient_from for radiograph in radiographs} == {"file_name"}
    assert "viral-person12" in {radiograph.patient for radiograph in radiographs}


def test_a_class_folder_with_a_blank_is_named(tmp_path):
    write_radiograph(tmp_path / "train/NORMAL/a.png", 1)
    write_radiograph(tmp_path / "train/PNEUMONIA /b.png", 2)
    reasons = [radiograph.reason for radiograph in list_directory(tmp_path).radiographs]
    assert reasons[0] == "" and "folder ('PNEUMONIA ' holds a blank" in reasons[1]


# NIH


def test_nih_finding_against_none(tmp_path):
    listing = list_nih(nih_folder(tmp_path), positive="Pneumonia")
    assert (
        len(listing.radiographs) == 10
        and "2 radiographs with findings other than" in listing.notes[1]
    )
    by_name = {Path(radiograph.path).name: radiograph for radiograph in listing.radiographs}
    radiograph = by_name["00000001_001.png"]
    assert radiograph.path == "images_002/images/00000001_001.png"
    assert (radiograph.label, radiograph.patient, radiograph.official_split) == (
        "pneumonia",
        "nih-1",
        "train",
    )
    assert json.loads(radiograph.boxes) == [[10.5, 20.0, 5.0, 6.0]]
    assert by_name["00000005_001.png"].official_split == "test"
    assert listing.positive == "Pneumonia" and listing.population == "adults"


def test_nih_any_finding(tmp_path):
    listing = list_nih(nih_folder(tmp_path, split=False), positive="abnormal")
    assert len(listing.radiographs) == 12
    labels = [
        radiograph.label
        for radiograph in sorted(
            listing.radiographs, key=lambda radiograph: Path(radiograph.path).name
        )
    ]
    assert labels[:5] == ["normal", "pneumonia", "pneumonia", "pneumonia", "normal"]
    assert {radiograph.official_split for radiograph in listing.radiographs} == {"none"}
    assert listing.positive == "any finding"


def test_nih_to_a_manifest_with_patients_apart(tmp_path):
    root = nih_folder(tmp_path / "nih")
    manifest = index(
        root, tmp_path / "m.csv", source="nih",
        options={"path": str(root), "positive": "Pneumonia"},
    )  # fmt: skip
    images = accepted_images(read_manifest(manifest))
    assert len(images) == 10 and images["patient"].nunique() == 6
    assert "mined" in read_json(tmp_path / "source.json")["reference"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda root: (root / "Data_Entry_2017.csv").unlink(),
            "the table of the NIH radiographs is not",
        ),
        (lambda root: (root / "test_list.txt").unlink(), "test_list.txt is missing"),
        (
            lambda root: (root / "test_list.txt").write_text("00000001_000.png\n"),
            "1 radiographs stand in both lists",
        ),
        (
            lambda root: (root / "Data_Entry_2017.csv").write_text(
                "Image Index,Finding Labels,Patient ID\nx.png,Cough,1\n"
            ),
            "unknown finding, 'Cough'",
        ),
        (
            lambda root: (root / "Data_Entry_2017.csv").write_text(
                "Image Index,Finding Labels,Patient ID\nx.png,Mass,1\ny.png,No Finding|Mass,1\n"
            ),
            "row 3, column Finding Labels",
        ),
        (
            lambda root: (root / "train_val_list.txt").write_text("x.png", encoding="utf-16"),
            "a list of the official split cannot be read",
        ),
        (
            lambda root: (root / "BBox_List_2017.csv").write_text(
                "Image Index,Finding Label,Bbox [x,y,w,h]\nx.png,Pneumonia,1,2,three,4\n"
            ),
            "a box of x.png cannot be read",
        ),
        (
            lambda root: (root / "BBox_List_2017.csv").write_text(
                "Image Index,Finding Label,Bbox [x,y,w,h]\nx.png,pneumonia,1,2,3,4\n"
            ),
            "the list of boxes names an unknown finding, 'pneumonia'",
        ),
    ],
)
def test_bad_nih_folders(tmp_path, spoil, said):
    root = nih_folder(tmp_path)
    spoil(root)
    assert said in message(list_nih, root, positive="Pneumonia")


def test_a_radiograph_in_two_folders_is_named_with_both(tmp_path):
    root = nih_folder(tmp_path / "nih")
    name = "00000001_000.png"
    write_radiograph(root / "copies" / name, 99)
    write_radiograph(root / "copies/of_no_row.png", 1)
    write_radiograph(root / "more/of_no_row.png", 2)
    text = message(list_nih, root, positive="Pneumonia")
    assert f"copies/{name} and images_001/images/{name}" in text
    root = rsna_folder(tmp_path / "rsna")
    write_radiograph(root / "converted/00000000-aaaa.jpg", 0)
    text = message(list_rsna, root, negatives="all")
    assert "converted/00000000-aaaa.jpg and stage_2_train_images/00000000-aaaa.png" in text


def test_a_list_with_a_byte_order_mark_names_its_first_radiograph(tmp_path):
    root = nih_folder(tmp_path)
    lists = root / "train_val_list.txt"
    lists.write_text(lists.read_text(), encoding="utf-8-sig")
    assert not any(
        radiograph.reason for radiograph in list_nih(root, positive="Pneumonia").radiographs
    )


def test_nih_radiographs_in_no_list_and_absent_radiographs_are_set_aside(tmp_path):
    root = nih_folder(tmp_path)
    (root / "test_list.txt").write_text("")
    (root / "images_002/images/00000001_001.png").unlink()
    reasons = {Path(radiograph.path).name: radiograph.reason for radiograph in
               list_nih(root, positive="Pneumonia").radiographs}  # fmt: skip
    assert reasons["00000001_001.png"] == "the table names it, but there is no such file"
    assert reasons["00000006_001.png"] == "in neither train_val_list.txt nor test_list.txt"


def test_many_rows_are_listed_without_opening_a_radiograph(tmp_path):
    # The speed is measured by the benchmark suite; here, that nothing grows faster than the rows.
    rows = [[f"{n:08d}_000.png", "No Finding" if n % 2 else "Mass", n] for n in range(20_000)]
    write_rows(
        tmp_path / "Data_Entry_2017.csv", ["Image Index", "Finding Labels", "Patient ID"], rows
    )
    started = time.process_time()
    radiographs = list_nih(tmp_path, positive="abnormal").radiographs
    assert len(radiographs) == 20_000 and time.process_time() - started < 20


@pytest.mark.parametrize(
    "name", ["test_list_NIH.txt", "My train list.csv", "test_list", "train_val_list", "train.csv",
             "Test images.txt"],
)  # fmt: skip
def test_lists_of_the_split_under_other_names_stop(tmp_path, name):
    root = nih_folder(tmp_path, split=False)
    (root / name).write_text("00000001_000.png\n")
    assert f"nobody would read {name}" in message(list_nih, root, positive="Pneumonia")
    (root / "lists").mkdir()
    (root / name).rename(root / "lists" / name)
    assert f"nobody would read lists/{name}" in message(list_nih, root, positive="Pneumonia")
    (root / "lists" / name).rename(root / "BBox_List_2017_Official.csv")
    notes = list_nih(root, positive="Pneumonia").notes
    assert "tables in the folder that nobody reads: BBox_List_2017_Official.csv" in notes


def test_other_files_that_speak_of_tests_are_no_lists_of_the_split(tmp_path):
    root = nih_folder(tmp_path, split=False)
    for name in ("train.py", "test_results.csv", "training notes.txt", "latest.txt"):
        (root / name).write_text("")
    assert len(list_nih(root, positive="Pneumonia").radiographs) == 10


def test_nih_names_and_patients_agree(tmp_path):
    root = nih_folder(tmp_path)
    table = root / "Data_Entry_2017.csv"
    table.write_text(
        table.read_text().replace("_001.png,Pneumonia,1,1,", "_001.png,Pneumonia,1,9,")
    )
    text = message(list_nih, root, positive="Pneumonia")
    assert "00000001_001.png and its Patient ID, '9', contradict" in text
    assert "row 3" in text


def test_nih_boxes_of_other_radiographs_are_told(tmp_path):
    root = nih_folder(tmp_path)
    write_nih_boxes(root, [("00000099_000.png", "Pneumonia", "1,1,2,2")])
    notes = list_nih(root, positive="Pneumonia").notes
    assert (
        "1 radiographs of BBox_List_2017.csv are not in the table, such as 00000099_000.png."
        in notes
    )
    for name in ("00000001_001.PNG", "images/00000001_001.png"):
        write_nih_boxes(root, [(name, "Pneumonia", "1,1,2,2")])
        text = message(list_nih, root, positive="Pneumonia")
        assert f"calls a radiograph {name}, the table 00000001_001.png" in text


# RSNA


def rsna_folder(root: Path) -> Path:
    """Six radiographs, two of each class; one has two boxes."""
    labels, classes = [], []
    for number, kind in enumerate([OPACITY, NORMAL, OTHER] * 2):
        name = f"{number:08x}-aaaa"
        write_radiograph(root / "stage_2_train_images" / f"{name}.png", number)
        boxes = (
            [["", "", "", ""]] if kind != OPACITY else [[1.0, 2.0, 3.0, 4.0]] * (1 + number // 3)
        )
        for box in boxes:
            labels.append([name, *box, int(kind == OPACITY)])
            classes.append([name, kind])
    write_rows(root / LABELS, ["patientId", "x", "y", "width", "height", "Target"], labels)
    write_rows(root / CLASSES, ["patientId", "class"], classes)
    return root


def test_rsna_negatives(tmp_path):
    root = rsna_folder(tmp_path)
    normal, all_radiographs = (list_rsna(root, negatives=kind) for kind in ("normal", "all"))
    assert (len(normal.radiographs), len(all_radiographs.radiographs)) == (4, 6)
    assert any("2 radiographs that are neither normal nor" in note for note in normal.notes)
    boxes = [
        json.loads(radiograph.boxes)
        for radiograph in normal.radiographs
        if radiograph.label == "pneumonia"
    ]
    assert list(map(len, boxes)) == [1, 2]
    assert all(radiograph.patient_from == "column" for radiograph in all_radiographs.radiographs)


@pytest.mark.parametrize(
    ("name", "header", "rows", "said"),
    [
        (CLASSES, ["patientId", "class"], [["00000000-aaaa", "Sick"]], "says 'Sick'"),
        (
            CLASSES,
            ["patientId", "class"],
            [["00000000-aaaa", NORMAL], ["00000000-aaaa", OTHER]],
            f"and {NORMAL!r} before",
        ),
        (CLASSES, ["patientId", "class"], [["another", NORMAL]], "no row"),
        (
            LABELS,
            ["patientId", "x", "y", "width", "height", "Target"],
            [["00000000-aaaa", 1, 2, 3, 4, 0]],
            "contradict each other",
        ),
        (
            LABELS,
            ["patientId", "x", "y", "width", "height", "Target"],
            [["00000000-aaaa", 1, 2, "", 4, 1]],
            "a box of 00000000-aaaa cannot be read",
        ),
    ],
)
def test_bad_rsna_tables(tmp_path, name, header, rows, said):
    root = rsna_folder(tmp_path)
    write_rows(root / name, header, rows)
    assert said in message(list_rsna, root, negatives="all")


def test_rsna_tables_hold_the_same_radiographs(tmp_path):
    root = rsna_folder(tmp_path)
    labels = (root / LABELS).read_text().splitlines(keepends=True)
    (root / LABELS).write_text("".join(labels[:-1]))
    text = message(list_rsna, root, negatives="normal")
    assert f"1 radiographs of {CLASSES} are not in {LABELS}" in text and "00000005-aaaa" in text


def test_rsna_boxes_belong_to_opacities(tmp_path):
    root = rsna_folder(tmp_path)
    labels = (root / LABELS).read_text()
    (root / LABELS).write_text(labels.replace("00000001-aaaa,,,,", "00000001-aaaa,1,2,3,4"))
    text = message(list_rsna, root, negatives="all")
    assert "00000001-aaaa has a box, but Target 0" in text and "row 3, 1, 2, 3, 4" in text


def test_rsna_tables_saved_by_pandas_are_read(tmp_path):
    root = rsna_folder(tmp_path)
    before = list_rsna(root, negatives="all").radiographs
    lines = (root / LABELS).read_text().splitlines()
    (root / LABELS).write_text("\n".join([lines[0], *(f"{line}.0" for line in lines[1:])]))
    assert list_rsna(root, negatives="all").radiographs == before


def test_rsna_without_a_table(tmp_path):
    (rsna_folder(tmp_path) / CLASSES).unlink()
    assert CLASSES in message(list_rsna, tmp_path, negatives="all")


# Changes are noticed


def test_fingerprint_sees_tables(tmp_path):
    root = nih_folder(tmp_path)
    tables = tables_beside(root)
    assert [path.name for path in tables] == [
        *("BBox_List_2017.csv", "Data_Entry_2017.csv", "test_list.txt", "train_val_list.txt")
    ]
    before = fingerprint(root, tables)
    (root / "test_list.txt").write_text("00000006_001.png\n")
    assert fingerprint(root, tables) != before
    assert fingerprint(root, [root / "not_there.csv"]) != fingerprint(root)


def test_fingerprint_of_a_table_sees_its_own_radiographs_alone(tmp_path):
    root = radiographs_of(tmp_path)
    elsewhere = write_radiograph(tmp_path / "elsewhere" / "e.png", 5)
    rows = [["radiographs/a.png", "0"], [str(elsewhere), "1"], ["radiographs/lost.png", "1"]]
    table = write_rows(tmp_path / "t.csv", HEADER[:2], rows)
    seen = [table_fingerprint(table, tmp_path)]
    write_radiograph(tmp_path / "results" / "figure.png", 0)
    (root / "b.png").unlink()
    assert table_fingerprint(table, tmp_path) == seen[0]
    for change in (
        lambda: (root / "a.png").write_bytes(b"another"),
        lambda: elsewhere.unlink(),
        lambda: write_radiograph(root / "lost.png", 0),
        lambda: write_rows(table, HEADER[:2], [["radiographs/a.png", "1"], *rows[1:]]),
        lambda: table.write_text("no table"),
        lambda: table.unlink(),
    ):
        change()
        seen.append(table_fingerprint(table, tmp_path))
    assert len(set(seen)) == 7


def test_only_users_own_sources_have_a_fingerprint(tmp_path):
    write_radiograph(tmp_path / "NORMAL/a.png", 70)
    table = tmp_path / "own.csv"
    table.write_text("path,label\nNORMAL/a.png,normal\n")

    def seen(overlay: str) -> str:
        return source_fingerprint(Source(check(f"data: {overlay}").data))

    assert seen("{source: phantom}") == seen("{source: mendeley}") == ""
    own = f"{{source: directory, directory: {{path: {tmp_path}}}}}"
    assert seen(own) == fingerprint(tmp_path)
    nih = f"{{source: nih, nih: {{path: {tmp_path}}}}}"
    assert seen(nih) == fingerprint(tmp_path, [table]) != seen(own)
    listed = f"{{source: table, table: {{path: {table}}}}}"
    assert seen(listed) == table_fingerprint(table, tmp_path)


# Boxes


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (["nan", 2, 3, 4], "its box is not finite: x nan, y 2, width 3, height 4"),
        ([1, 2, "inf", 4], "is not finite"),
        ([1, 2, 3, -4], "has no positive size"),
        (
            [40, 2, 3, 4],
            "outside the picture: x 40, y 2, width 3, height 4 on a radiograph of 40x36",
        ),
        ([1, -4, 3, 4], "lies outside the picture"),
        ([39, 35, 30, 40], ""),
    ],
)
@pytest.mark.parametrize("reading", ["whole", "header"])
def test_radiographs_of_impossible_boxes_are_set_aside(tmp_path, box, said, reading):
    root = rsna_folder(tmp_path / "rsna")
    labels = (root / LABELS).read_text().replace("0-aaaa,1.0,2.0,3.0,4.0", "0-aaaa,{},{},{},{}")
    (root / LABELS).write_text(labels.format(*box))
    options = {"source": "rsna", "options": {"negatives": "all"}, "reading": reading}
    manifest = index(root, tmp_path / "m.csv", maximum_rejected_fraction=0.5, **options)
    row = read_manifest(manifest).set_index("path").loc["stage_2_train_images/00000000-aaaa.png"]
    assert said in row["reason"] and row["status"] == ("rejected" if said else "ok")
    assert bool(row["pixel_sha256"]) == (reading == "whole" and not said)


# Headers alone


def test_headers_tell_sizes_and_nothing_else(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    (root / "train/NORMAL/broken.png").write_bytes(b"no radiograph")
    write_radiograph(root / "train/NORMAL/small.png", 0, 40, 31)
    radiograph = root / "train/NORMAL/IM-0010-0001.png"
    radiograph.with_name("copy.png").write_bytes(radiograph.read_bytes())
    limit = {"maximum_rejected_fraction": 0.5}
    by_header, whole = (
        read_manifest(index(root, tmp_path / f"{how}.csv", reading=how, **limit))
        for how in ("header", "whole")
    )
    alike = ["image_id", "path", "width", "height", "mode", "bytes", "status", "reason", "patient"]
    assert by_header[alike].equals(whole[alike])
    assert (by_header[["sha256", "pixel_sha256", "dhash"]] == "").all(axis=None)


def test_headers_find_nested_copies(tmp_path):
    root = kaggle_folder(tmp_path / "chest_xray")
    shutil.copytree(root, tmp_path / "copy")
    shutil.move(tmp_path / "copy", root / "chest_xray")
    other = write_radiograph(root / "chest_xray/train/NORMAL/IM-0010-0001.png", 99)
    (root / "train/NORMAL/IM-0011-0001.png").write_bytes(b"no radiograph")
    limit = {"maximum_rejected_fraction": 0.5}
    by_header, whole = (
        read_manifest(index(root, tmp_path / f"{how}.csv", reading=how, **limit)).set_index("path")
        for how in ("header", "whole")
    )
    assert by_header["reason"].equals(whole.loc[by_header.index, "reason"])
    assert by_header["reason"].str.startswith("nested copy of").sum() == 19
    assert by_header.loc[other.relative_to(root).as_posix(), "status"] == "ok"
    assert (by_header["sha256"] == "").all()


def test_headers_name_radiographs_of_one_stem_by_their_paths(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    for seed, folder in enumerate(("train/NORMAL/b", "train/PNEUMONIA/b")):
        write_radiograph(root / folder / "x0.png", seed)

    def names(manifest):
        table = read_manifest(index(root, tmp_path / manifest, reading="header"))
        return table.set_index("path")["image_id"].filter(like="x0.png").to_dict()

    before = names("m.csv")
    assert all(re.fullmatch("x0-[0-9a-f]{8}", name) for name in before.values())
    write_radiograph(root / "train/NORMAL/a/x0.png", 7)
    after = names("m2.csv")
    assert len(set(after.values())) == 3 and before.items() <= after.items()


def test_headers_unite_and_warn(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    manifest = index(root, tmp_path / "m.csv", reading="header")
    found = audited(manifest)
    assert found["counts"]["patient_groups"] == 21 and found["duplicate_sets"] == []
    assert any("nobody looked for duplicates" in warning for warning in found["warnings"])
    write_squares_of(manifest, root, tmp_path)
    (root / "test/NORMAL/IM-0000-0001.png").write_bytes(b"\x89PNG damaged")
    with pytest.raises(UserError, match=r"reading: whole sets it aside"):
        write_squares_of(manifest, root, tmp_path)


def write_squares_of(manifest, root, folder):
    pack_images(
        manifest, root, folder / "i.npy", folder / "i.json", size=32, resize="squash", workers=1
    )


def test_a_photograph_on_its_side_has_the_sides_of_its_picture(tmp_path):
    image = Image.new("L", (60, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    content = (tmp_path / "turned.jpg").read_bytes()
    picture = read_picture(content)
    outline = read_header(tmp_path / "turned.jpg", 1.0)
    assert (outline.width, outline.height) == picture.image.size == (40, 60)
