"""Tables as users have them: columns that nobody reads, separators, encodings, odd rows."""

import contextlib
import os

import pytest
from dataset_fixture import write_radiograph
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumobench.core.errors import UserError
from pneumobench.data.sources.cells import read_cells
from pneumobench.data.sources.columns import read_columns
from pneumobench.data.sources.lookalikes import looks_like, right_word
from pneumobench.data.sources.nih import list_nih
from pneumobench.data.sources.rsna import CLASSES, LABELS
from pneumobench.data.sources.table import OPTIONAL, list_table


@pytest.fixture
def table(tmp_path):
    """A function that lists a table of this text or bytes; images a.png to d.png are there."""
    for seed, name in enumerate("abcd"):
        write_radiograph(tmp_path / f"{name}.png", seed)

    def listed(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list_table(path, tmp_path)

    return listed


def refused(call, *arguments) -> UserError:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    assert caught.value.remedy and caught.value.expected and caught.value.where
    return caught.value


SPOILING = (
    *(
        b'"',
        b"\r",
        b"\n",
        b",",
        b"\0",
        b"\xff",
        b";",
        b"\xe2\x80\x8b",
        b"[",
        b"1e400",
        b"NaN",
        b"unused_",
    ),
    *(b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc2\x85", b"sep=;\n", b"../../", b"=cmd()"),
)


# Columns that nobody reads


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((name, "patient") for name in ("patient_id", "PatientID", "Patient", "PATIENTS", "pid")),
        *(
            (name, "patient")
            for name in ("subject", "Subject ID", "case_no", "patient\u00a0", "MRN")
        ),
        *((name, "patient") for name in ("patinet", "anon_patient_id", "Patient.Name", "patient2")),
        *((name, "split") for name in ("Split", "splits", "subset", "fold", "Set", "partition")),
        *((name, "split") for name in ("train_test_split", "is_test", "data-split", "spilt")),
        *((name, "subtype") for name in ("Subtype", "sub_type", "subclass", "pathogen")),
        *((name, "boxes") for name in ("bbox", "Box", "bounding_boxes", "bbox_x")),
        *((name, None) for name in ("age", "patient_age", "PatientSex", "view", "id", "site", "x")),
        *(
            (name, None)
            for name in ("width", "notes", "dataset", "unused_patient_id", "", "\u200b")
        ),
    ],
)
def test_names_that_look_like_a_column(name, role):
    assert looks_like(name, OPTIONAL) == role


@pytest.mark.parametrize("name", ["image", "Images", "film", "Films", "radiograph", "xray_path"])
def test_columns_of_images_have_many_names(name):
    assert looks_like(name, ("path",)) == "path"


@pytest.mark.parametrize(
    ("names", "role"),
    [
        ("id_patient,ID Patient,no_patient,identifiant_patient,patient_uuid", "patient"),
        ("study_patient_id,patient_id_anonymized,patient_id_str,patient_code_new", "patient"),
        ("ct_patient_id,PatientNumberAnon,split_patient_id,subjectKeyOld", "patient"),
        ("kfold,cv_fold,dataset_split,random_split,suggested_split,patient_split", "split"),
        ("train_or_test,held_out,holdout_flag,trainTestFlag,fold_of_5", "split"),
        ("patient_age,Age of patient,PatientPosition,patient_birth_date", None),
        ("split_date,folder,inpatient,unused_patient_key,skinfold", None),
    ],
)
def test_names_of_several_words_are_known_by_one(names, role):
    assert [looks_like(name, OPTIONAL) for name in names.split(",")] == [role] * len(
        names.split(",")
    )


@pytest.mark.parametrize(
    "words", ["train set,test set", "Training,Testdaten", "tr,te", "train,test,excluded"]
)
def test_words_for_parts_of_the_data_tell_a_column(table, words):
    rows = "".join(
        f"{name}.png,0,{word}\n" for name, word in zip("abc", words.split(","), strict=False)
    )
    error = refused(table, f"path,label,phase\n{rows}")
    assert "rename 'phase' to 'split'" in error.remedy


def test_columns_that_look_like_patient_and_split_stop(table):
    error = refused(table, "path,label,patient_id,Split\na.png,0,P0,train\nb.png,1,P0,test\n")
    assert "nobody would read the columns 'patient_id', 'Split' of the table" in error.what
    assert "rename 'patient_id' to 'patient', rename 'Split' to 'split'" in error.remedy
    assert "'unused_patient_id'" in error.remedy


def test_what_a_column_holds_tells_it_too(table):
    error = refused(table, "path,label,Phase,kind\na.png,0,TRAIN,virus\nb.png,1,TEST,bacteria\n")
    assert "rename 'Phase' to 'split', rename 'kind' to 'subtype'" in error.remedy
    assert len(table("path,label,phase\na.png,0,I\nb.png,1,II\n").radiographs) == 2
    assert len(table("path,label,unused_set\na.png,0,train\nb.png,1,test\n").radiographs) == 2


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("split,set", "train,test;test,train", "row 2, 'train' and 'test'"),
        ("split,phase", "train,Training;train,Test set", "row 3, 'train' and 'Test set'"),
        ("subtype,kind", "viral,virus;viral,bacteria", "row 3"),
        ("patient,patient_id", "P1,7;P2,007", "rows 2 and 3, '7' is both 'p1' and 'p2'"),
        ("patient,case_no", "P1,K;P2,K;P2,L", "rows 2 and 3"),
    ],
)
def test_a_column_that_contradicts_one_that_is_read_stops(table, header, rows, said):
    radiographs = "".join(
        f"{name}.png,1,{row}\n" for name, row in zip("abcd", rows.split(";"), strict=False)
    )
    error = refused(table, f"path,label,{header}\n{radiographs}")
    assert "contradict each other" in error.what and said in error.where
    assert f"'unused_{header.split(',')[1]}'" in error.remedy


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("split,set", "train,val;test,testing"),
        ("split,fold", "train,0;test,1"),
        ("patient,patient_id", "P1,7;P1,8;P2,9"),
        ("patient,pid", "P1,unknown;P2,unknown;P3,3"),
        ("patient,case", "P1,mild;P2,mild;P3,mild;P4,mild"),
        ("patient,unused_patient_id", "P1,7;P2,7"),
        ("patient,patient_age", "P1,7;P2,7"),
    ],
)
def test_columns_that_agree_or_say_something_else_are_named_alone(table, header, rows):
    radiographs = "".join(
        f"{name}.png,1,{row}\n" for name, row in zip("abcd", rows.split(";"), strict=False)
    )
    (note,) = table(f"path,label,{header}\n{radiographs}").notes
    assert note.endswith(f"nobody reads: {header.split(',')[1]}")


def test_an_empty_column_is_as_good_as_none(table):
    error = refused(table, "path,label,patient,PatientID\na.png,0,,P1\nb.png,1,,P2\n")
    assert "more than once" not in error.what and "'PatientID'" in error.what
    assert len(table("path,label,bbox,patient\na.png,0,,P1\nb.png,1,,P2\n").radiographs) == 2


def test_other_unused_columns_are_named(table):
    listing = table("path,label,age,patient,patient_name,\na.png,0,3,P1,x,\nb.png,1,4,P2,y,\n")
    assert listing.notes == ["columns of t.csv that nobody reads: age, patient_name"]
    listing = table(",path,label\n0,a.png,0\n1,b.png,1\n")
    assert listing.notes == ["columns of t.csv that nobody reads: column 1 (without a name)"]
    assert table("path,label\na.png,0\nb.png,1\n").notes == []


@pytest.mark.parametrize(
    ("header", "remedy"),
    [
        ("file,label", "rename 'file' to 'path'"),
        ("filename,class", "rename 'filename' to 'path', rename 'class' to 'label'"),
        ("Path,Label,PatientId", "rename 'Path' to 'path', rename 'Label' to 'label', rename 'Pat"),
        ("Image Index,target", "rename 'Image Index' to 'path', rename 'target' to 'label'"),
        ("a,b", "add the column"),
    ],
)
def test_lacking_columns_are_found_under_other_names(table, header, remedy):
    assert refused(table, f"{header}\na.png,0,1\n").remedy.startswith(remedy)


def test_a_column_in_two_cases_is_there_twice(table):
    error = refused(table, "path,label,patient,Patient\na.png,0,1,2\n")
    assert "the column 'patient' more than once" in error.what and "Patient" in error.where


def test_names_of_columns_are_read_as_they_are_seen(table):
    listing = table("\ufeff path\u00a0,la\u200bbel,patient\na.png,0,P1\nb.png,1,P2\n")
    assert [radiograph.patient for radiograph in listing.radiographs] == ["P1", "P2"]


@pytest.mark.parametrize(
    ("row", "remedy"),
    [
        ("0,training", "write train instead, in every row"),
        ("0,Validation", "write val instead"),
        ("0,testing", "write test instead"),
        ("normall,test", "write normal instead"),
        ("Bacteria,test", "write bacterial instead"),
        ("1.0,test", "write 1 instead"),
        ("?,test", "correct the table"),
    ],
)
def test_words_that_mean_another_are_named(table, row, remedy):
    assert refused(table, f"path,label,split\na.png,{row}\n").remedy.startswith(remedy)


def test_words_are_read_as_they_are_seen(table):
    (radiograph,) = table("path,label,split\na.png,\u200bNormal\u00a0,\uff34rain\n").radiographs
    assert (radiograph.label, radiograph.official_split) == ("normal", "train")
    assert right_word("", ("train",)) is None


# Rows


def test_row_numbers_count_empty_rows(table):
    listing = table("\npath,label\na.png,0\n\n,\nb.png,1\n\n")
    assert len(listing.radiographs) == 2
    assert "row 6" in refused(table, "\npath,label\na.png,0\n\n,\nb.png,sick\n").where
    error = refused(table, 'path,label,age\na.png,0,"1\n2"\nb.png,1,3\n\na.png,1,2\n')
    assert "row 5, " in error.where and "as in row 2" in error.where


@pytest.mark.parametrize("row", ["a.png,0,Doe, John", "a.png,0,P1,,,x", "a.png"])
def test_rows_of_another_length_stop(table, row):
    error = refused(table, f"path,label,patient\nb.png,1,P2\n{row}\n")
    assert "cells where 3 columns are named" in error.what and "row 3" in error.where


def test_empty_cells_behind_the_last_column_are_nothing(table):
    assert len(table("path,label,,\na.png,0,,,,\nb.png,1\n").radiographs) == 2


@pytest.mark.parametrize("place", [1, 2])
def test_a_quotation_mark_that_swallows_rows_stops(table, place):
    rows = [["a.png", "0", "P1"], ["b.png", "1", "P2"], ["c.png", "1", "P3"]]
    rows[0][place] = '"' + rows[0][place]
    rows[1][place] += '"'
    text = "\n".join(map(",".join, [["path", "label", "patient"], *rows]))
    error = refused(table, text)
    assert "a cell holds another row of the table" in error.what and "row 2" in error.where


def test_line_breaks_within_cells_are_no_rows(table):
    text = 'path,label,patient,report\na.png,0,"P\r1","clear, no effusion\nnormal, see before"\n'
    listing = table(text + "b.png,1,P2,\n")
    assert [radiograph.patient for radiograph in listing.radiographs] == ["P\r1", "P2"]


# What is no table


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"path;label\na.png;0\n", "separated by semicolons"),
        (b"path\tlabel\tpatient\na.png\t0\t1\n", "separated by tabs"),
        (b"path|label\na.png|0\n", "separated by vertical bars"),
        (b"sep=;\npath;label\na.png;0\n", "separated by"),
        (b'path;label;"a,b"\na.png;0;1\n', "separated by semicolons"),
        ("path,label\na.png,0\n".encode("utf-16"), "is text in UTF-16"),
        ("path,label\na.png,0\n".encode("utf-16-le"), "is text in UTF-16"),
        ("path,label\na.png,0\n".encode("utf-32"), "is text in UTF-32"),
        ("path,label\na.png,0\nMüller.png,1\n".encode("latin-1"), "is no UTF-8 text (byte 20)"),
        (b"path,label\na.png,0\nb.\0png,1\n", "holds bytes of zero"),
        (b"PK\x03\x04 and so on", "is a workbook (Excel or OpenDocument)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
        (b"\x1f\x8b\x08", "is compressed (gzip)"),
        (b'path,label\na.png,0\nb.png,"1\n', "a quotation mark opens a cell that never ends"),
        (b"path,label\na.png," + b"0" * 200_000, "a cell has more than 131,072 characters"),
        (b"path,label\n,\n\n", "the table has no rows"),
        (b"", "lacks the column 'path'"),
        (b"\xef\xbb\xbf", "lacks the column 'path'"),
    ],
)
def test_what_is_no_table_is_told(table, content, said):
    assert said in str(refused(table, content))


def test_places_are_told_where_text_goes_wrong(table):
    error = refused(table, "path,label\na.png,0\nMüller.png,1\n".encode("latin-1"))
    assert "line 3" in error.where and "'Müller.png,1'" in error.where
    assert "row 3" in refused(table, b'path,label\na.png,0\nb.png,"1\n').where
    assert "line 3" in refused(table, b"path,label\na.png,0\nb.\0png,1\n").where


@pytest.mark.parametrize("first", ["sep=,", '"sep=,"', "SEP=,"])
def test_a_first_line_that_names_commas_is_passed_over(table, first):
    assert len(table(f"{first}\npath,label\na.png,0\nb.png,1\n").radiographs) == 2
    assert "row 3" in refused(table, f"{first}\npath,label\na.png,sick\n").where


def test_lines_may_end_in_any_way(tmp_path):
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "t.csv").write_text(f'a,b{end}1,"x\ry"{end}', newline="")
        assert read_cells(tmp_path / "t.csv") == [(1, ["a", "b"]), (2, ["1", "x\ry"])]


@settings(deadline=None, max_examples=100, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from([*SPOILING, None]), st.integers(0, 9)),
        min_size=1,
        max_size=6,
    )
)
def test_a_spoiled_table_is_read_or_refused_in_one_message(tmp_path_factory, changes):
    content = bytearray(
        'path,label,patient,boxes\na.png,0,José,"[[1,2,3,4]]"\nb.png,1,"x, y",\n'.encode()
    )
    for place, inserted, removed in changes:
        place %= len(content) or 1
        content[place : place + removed] = inserted or b""
    table = tmp_path_factory.getbasetemp() / "spoiled.csv"
    table.write_bytes(content)
    with contextlib.suppress(UserError):
        assert list_table(table, table.parent).radiographs


# Published tables


def test_columns_of_published_tables_are_no_news(tmp_path):
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    row = "00000001_000.png,Mass,0,1,58,M,PA,2682,2749,0.143,0.143,"
    table = tmp_path / "Data_Entry_2017.csv"
    table.write_text(f"{header}\n{row}\n")
    assert not any("nobody reads" in note for note in list_nih(tmp_path, positive="Mass").notes)
    table.write_text(f"{header}Split\n{row}test\n")
    notes = list_nih(tmp_path, positive="Mass").notes
    assert any(note.endswith("nobody reads: Split") for note in notes)
    (tmp_path / LABELS).write_text("patientId,x,y,width,height,Target\na,1,2,3,4,1\n")
    assert (
        read_columns(tmp_path / LABELS, ("patientId", "x", "y", "width", "height", "Target")).unused
        == []
    )
    (tmp_path / CLASSES).write_text("patientid,class\na,Normal\n")
    error = refused(read_columns, tmp_path / CLASSES, ("patientId", "class"))
    assert "rename 'patientid' to 'patientId'" in error.remedy


def test_names_of_files_are_found_in_either_form(tmp_path):
    composed, decomposed = "Jos\u00e9.png", "Jose\u0301.png"
    write_radiograph(tmp_path / decomposed, 1)
    write_radiograph(tmp_path / "b.png", 2)
    (tmp_path / "t.csv").write_text(f"path,label\n{composed},0\nb.png,1\n", encoding="utf-8")
    radiographs = list_table(tmp_path / "t.csv", tmp_path).radiographs
    assert {radiograph.path for radiograph in radiographs} == {decomposed, "b.png"}
    assert not any(radiograph.reason for radiograph in radiographs)
    both = f"path,label\n{composed},0\n{decomposed},1\n"
    (tmp_path / "t.csv").write_text(both, encoding="utf-8")
    assert "names a radiograph twice" in refused(list_table, tmp_path / "t.csv", tmp_path).what
    (tmp_path / "t.csv").write_text("path,label\n\ufeffb.png\u200b,1\n", encoding="utf-8")
    assert [
        radiograph.path for radiograph in list_table(tmp_path / "t.csv", tmp_path).radiographs
    ] == ["b.png"]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    assert "is no regular file" in refused(read_cells, tmp_path / "t.csv").what
