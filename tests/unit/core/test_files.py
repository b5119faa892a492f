"""Tables: every text and number reads back as it was, and a changed file is refused."""

import csv
import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumobench.core.cells import read_cell, written_cell
from pneumobench.core.errors import UserError
from pneumobench.core.files import (
    atomic_path,
    content_sha256,
    read_json,
    read_table,
    signed_json,
    signed_table,
    write_json,
    write_table,
)

HARD = (
    "", " ", "  blank ", "NA", "nan", "NaN", "null", "None", "inf", "-inf", "1e5", "007", "7.0",
    "True", "a\rb", "a\nb", "a\r\nb", "\r", "\n", "a\0b", "\0", 'a"b', '"', '""', "a,b", ",", "'",
    "''", "'a", "\\", "'\\", "\\n", "\ufeffa", "\udcff", "\ud800x", "é", "e\u0301", "\u2028",
    "\x85", "\x1a", "\x0b", "=1+1", "+1", "-1", "@a", "\t=1", "\r=1", '"=1', "' =1", " =1", "a;=1",
    "a\t@b", "=a\\x3d", "\uff1d1", "x" * 200_000, "😀", "#a",
)  # fmt: skip


def round_trip(path, table, text):
    write_table(path, table)
    return read_table(path, text=text)


def test_every_hard_text_reads_back(tmp_path):
    table = pd.DataFrame({"image_id": HARD, "number": range(len(HARD)), "last": HARD[::-1]})
    back = round_trip(tmp_path / "t.csv", table, ("image_id", "last"))
    assert back.equals(table)


def test_texts_with_line_ends_stay_on_one_line(tmp_path):
    path = tmp_path / "t.csv"
    write_table(path, pd.DataFrame({"a": ["x\ry", "x\nz", "\r\n"]}))
    assert path.read_bytes().count(b"\n") == 4 and b"\r" not in path.read_bytes()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.text(st.characters(exclude_categories=()), max_size=12)] * 2)))
def test_any_text_reads_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    table = pd.DataFrame(rows, columns=["a", "b"], dtype=object)
    back = round_trip(path, table, ("a", "b"))
    assert back["a"].tolist() == table["a"].tolist() and back["b"].tolist() == table["b"].tolist()


@settings(max_examples=300, deadline=None)
@given(st.text("=+-@\t\r\n\0'\"\\;| ax3d", max_size=10))
def test_no_cell_is_a_formula(text):
    cell = written_cell(text)
    assert read_cell(cell) == text
    for separator in ",;\t|":
        for part in next(csv.reader([cell], delimiter=separator, quoting=csv.QUOTE_NONE)):
            assert part.strip(" \"'")[:1] not in tuple("=+-@") or part.startswith("'")
    assert not set("\r\n\0") & set(cell)


def test_ordinary_texts_and_negative_numbers_stay_as_they_are(tmp_path):
    path = tmp_path / "t.csv"
    table = pd.DataFrame(
        {
            "image_id": ["a-b.png", "5 - 3", "it's", r"a\b"],
            "logit": np.array([-1.5, 0.1, np.nan, -np.inf], np.float32),
            "exact": [-0.1, 1 / 3, 1e-300, -0.0],
            "count": pd.array([-1, None, 3, 4], "Int64"),
            "mixed": [-2, "+a", None, -0.5],
        }
    )
    write_table(path, table)
    assert path.read_text().split("\n", 1)[1] == (
        "1,a-b.png,-1.5,-0.1,-1,,\n".replace(",,", ",-2")
        + "1,5 - 3,0.100000001,0.3333333333333333,,'+a\n"
        + "1,it's,,1e-300,3,\n"
        + "1,a\\b,-inf,-0.0,4,-0.5\n"
    )
    back = read_table(path, text=("image_id",))
    assert back["image_id"].tolist() == table["image_id"].tolist()
    np.testing.assert_array_equal(back["logit"].to_numpy(np.float32), table["logit"])
    assert back["mixed"].tolist()[:2] == ["-2", "+a"]


def test_names_of_columns_are_texts_too(tmp_path):
    table = pd.DataFrame({"=a": [1], "share_é\r": [2]})
    assert list(round_trip(tmp_path / "t.csv", table, ()).columns) == list(table.columns)
    with pytest.raises(ValueError, match="one name"):
        write_table(tmp_path / "t.csv", pd.DataFrame([[1, 2]], columns=["a", "a"]))


def changed(change, content):
    return change(content) if callable(change) else change


TABLE = pd.DataFrame({"image_id": ["a", "b", "c"], "logit": [1.0, -2.0, 3.0]})
CHANGES = {
    "empty": b"",
    "cut": lambda content: content[:-3],
    "cut between rows": lambda content: content[: content.rindex(b"1,c")],
    "binary": bytes(range(256)) * 4,
    "reversed": lambda content: b"".join(
        [content.splitlines(True)[0], *content.splitlines(True)[:0:-1]]
    ),
    "one digit": lambda content: content.replace(b"-2.0", b"-2.1"),
    "a column less": lambda content: content.replace(b",logit", b""),
    "a text for a number": lambda content: content.replace(b"3.0", b"three"),
    "NaN": lambda content: content.replace(b"3.0", b""),
    "twice the same column": lambda content: content.replace(b"logit", b"image_id"),
    "without a checksum": b"schema_version,a\n1,b\n",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_is_not_what_was_written_is_named(tmp_path, change):
    path = tmp_path / "splits.csv"
    write_table(path, TABLE)
    path.write_bytes(changed(CHANGES[change], path.read_bytes()))
    with pytest.raises(UserError, match=r"splits\.csv") as raised:
        read_table(path, text=("image_id",))
    assert str(path) in raised.value.where and "again" in raised.value.remedy


JSON_CHANGES = {
    "empty": b"",
    "cut": lambda content: content[: len(content) // 2],
    "binary": b"\xff\xfe\0\1",
    "a list": b"[1, 2]",
    "a text": b'"run"',
    "nothing in it": b"{}",
    "deep": b"[" * 100_000,
    "another value": lambda content: content.replace(b'"epochs": 3', b'"epochs": 4'),
    "text for a number": lambda content: content.replace(b'"epochs": 3', b'"epochs": "3"'),
    "NaN": lambda content: content.replace(b'"epochs": 3', b'"epochs": NaN'),
    "a key less": lambda content: content.replace(b'"epochs"', b'"epoch"'),
}


@pytest.mark.parametrize("change", JSON_CHANGES)
def test_a_json_file_that_is_not_what_was_written_is_named(tmp_path, change):
    path = tmp_path / "run.json"
    write_json(path, {"epochs": 3, "share": 0.1, "names": ["é", "\udcff"], "none": None})
    path.write_bytes(changed(JSON_CHANGES[change], path.read_bytes()))
    with pytest.raises(UserError) as raised:
        read_json(path)
    assert str(path) in raised.value.where and "again" in raised.value.remedy


def test_a_key_that_a_json_file_lacks_is_named(tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(signed_json({"schema_version": 1, "epoch": 1}))
    with pytest.raises(UserError, match=r"run\.json .* lacks 'epochs'"):
        read_json(path)["epochs"]


@pytest.mark.parametrize("read", [read_json, read_table])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, read):
    with pytest.raises(UserError, match="No such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(UserError, match="directory"):
        read(tmp_path)


def test_the_checksum_is_no_part_of_what_a_file_says(tmp_path):
    table, said = tmp_path / "t.csv", tmp_path / "t.json"
    write_table(table, pd.DataFrame({"a": ["x", "y"]}))
    write_json(said, {"a": 1})
    plain = (b"schema_version,a\n1,x\n1,y\n", b'{\n  "schema_version": 1,\n  "a": 1\n}\n')
    for path, content in zip((table, said), plain, strict=True):
        assert content_sha256(path) == hashlib.sha256(content).hexdigest()


def test_table_keeps_float32_exactly(tmp_path):
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1e3, 500).astype(np.float32)
    write_table(tmp_path / "t.csv", pd.DataFrame({"image_id": "x", "logit": logits}))
    back = read_table(tmp_path / "t.csv")
    assert np.array_equal(back["logit"].to_numpy(np.float32), logits)
    assert list(back.columns) == ["image_id", "logit"]


def test_table_keeps_text(tmp_path):
    table = pd.DataFrame({"image_id": ["007", "NA"], "inner": ["", "3"]})
    write_table(tmp_path / "t.csv", table)
    assert read_table(tmp_path / "t.csv", text=("image_id", "inner")).equals(table)


def test_table_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "old.csv"
    path.write_bytes(signed_table(b"schema_version,a\n99,1\n"))
    with pytest.raises(UserError, match="schema version 99") as raised:
        read_table(path)
    assert "schema version 1" in raised.value.expected and "again" in raised.value.remedy
    for content in ("a\n1\n", "schema_version,a\n1,1\n"):
        path.write_text(content)
        with pytest.raises(UserError, match=r"old\.csv .* has no checksum"):
            read_table(path)


def test_json_round_trip_and_version(tmp_path):
    write_json(tmp_path / "a.json", {"value": 1})
    assert read_json(tmp_path / "a.json") == {"value": 1}
    (tmp_path / "a.json").write_text('{"schema_version": 7}')
    with pytest.raises(UserError, match="schema version 7"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"value": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]
