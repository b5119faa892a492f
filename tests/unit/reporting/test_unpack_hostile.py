"""Archives of strangers: one message for each, and nothing is written."""

import io
import json
import os
import stat
import struct
import tarfile
import unicodedata
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hostile_archive import FILES, OTHERS, PANELS, SPLITS, png, rebuild, write_archive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pneumobench.core.archive import INDEX, read_archive
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table
from pneumobench.core.job import job_log

IMAGES = np.full((1, 4, 4), 7, np.uint8)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def refused(path: Path) -> str:
    """Insist that an archive is refused and that nothing is written; return the message."""
    results = path.parent / "elsewhere"
    with pytest.raises(UserError) as caught:
        rebuild(path, results)
    assert not [found for found in results.rglob("*") if not found.is_dir()]
    assert sorted(found.name for found in path.parent.iterdir() if found != results) == [path.name]
    text = str(caught.value)
    assert text.isprintable() or set(text) - set(filter(str.isprintable, text)) == {"\n"}
    assert len(text) < 1500
    return text


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "some.zip"


def test_a_good_one_is_rebuilt_from(path, tmp_path):
    radiographs = {
        "radiographs/rows.npy": npy(np.array([1])),
        "radiographs/images.npy": npy(IMAGES),
    }
    rebuild(write_archive(path, FILES | radiographs, radiographs=True), tmp_path / "elsewhere")
    written = {name for name in FILES if name.startswith("results/")}
    for name in written:
        target = tmp_path / "elsewhere" / name.removeprefix("results/")
        assert target.read_bytes() == FILES[name]
    assert np.load(tmp_path / "elsewhere/dataset/images.npy").max(axis=(1, 2)).tolist() == [0, 7]


def test_files_of_earlier_versions_get_their_checksum(path, tmp_path):
    old = {
        "results/experiment.json": b'{"schema_version": 1, "a": 1}',
        "results/dataset/splits.csv": b"schema_version,image_id,inner,group\n1,a,,p\n",
    }
    rebuild(write_archive(path, FILES | old), tmp_path / "elsewhere")
    assert read_json(tmp_path / "elsewhere/experiment.json") == {"a": 1}
    table = read_table(tmp_path / "elsewhere/dataset/splits.csv", text=("inner",))
    assert table.to_dict("records") == [{"image_id": "a", "inner": "", "group": "p"}]


@pytest.mark.parametrize(
    "name",
    [
        "results/report/report.html",
        "results/report/REPORT.html",
        "results/comparison/comparison.csv",
        "results/tables/comparison.tex",
        "results/figures/roc.png",
        "results/dataset/SPLITS.csv",
        "results/dataset/splits.csv/x",
        "results/dataset/splits.csv.",
        "results/dataset/images_64.npy",
        "results/archive.json",
        "results/test_looks/page.html",
        "results/test_looks/.hidden.json",
        "results/test_looks/deeper/one.json",
        f"results/{PANELS}/radiograph.svg",
        f"results/{PANELS}/.radiograph.png",
        f"results/{PANELS}/deeper/radiograph.png",
        "results/explanations/vgg16/light/seed2/panels/radiograph.png",
        "results/.snakemake_timestamp",
        "results/logs/x.log",
        "made/report/report.html",
        "made/dataset/splits.csv",
        "made/../results/experiment.json",
        "results/../../x",
        "/etc/x",
        "C:/x",
        "results\\x",
        "results/\x1b[2J",
        "radiographs/rows.npy",
        "evil.sh",
        INDEX + "/x",
    ],
)
def test_what_has_no_place_is_refused_listed_or_not(path, name):
    refused(write_archive(path, FILES | {name: b"forged"}))
    refused(write_archive(path, FILES | {name: b"forged"}, listed={name: None}))


def test_one_name_in_two_spellings(path):
    names = [f"results/{PANELS}/{unicodedata.normalize(form, 'é')}.png" for form in ("NFC", "NFD")]
    text = refused(write_archive(path, FILES | dict.fromkeys(names, png())))
    assert "would overwrite" in text
    with warnings.catch_warnings(), zipfile.ZipFile(write_archive(path, FILES), "a") as packed:
        warnings.simplefilter("ignore")
        packed.writestr("results/dataset/splits.csv", SPLITS)
    assert "would overwrite" in refused(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFDIR])
def test_what_is_no_file(path, kind):
    write_archive(path, FILES | {"results/dataset/splits.csv": b""})
    # The mode stands in the list at the end alone.
    content = bytearray(path.read_bytes())
    place = content.rfind(b"results/dataset/splits.csv") - 46
    content[place + 38 : place + 42] = struct.pack("<L", (kind | 0o777) << 16)
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("name", ["results/experiment.json", *OTHERS])
def test_missing_members(path, name):
    listed = write_archive(path, FILES)
    with zipfile.ZipFile(listed) as packed:
        contents = {entry: packed.read(entry) for entry in packed.namelist()}
    index = json.loads(contents[INDEX])
    del contents[name], index["files"][name]
    for content in (index, json.loads(contents[INDEX])):
        with zipfile.ZipFile(path, "w") as packed:
            for entry, data in (contents | {INDEX: json.dumps(content)}).items():
                packed.writestr(entry, data)
        text = refused(path)
        assert name in text and ("lacks" in text or "missing" in text)


ENTRY = {"sha256": "0" * 64, "bytes": 0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"archive_format": 9}, "has format 9"),
        ({"archive_format": None}, "has format None"),
        ({"archive_format": "1"}, "has format '1'"),
        ({"files": []}, "files"),
        ({"files": {"a": 5}}, "files: a"),
        ({"files": {"a": ENTRY | {"sha256": 5}}}, "sha256"),
        ({"files": {"a": ENTRY | {"sha256": "x"}}}, "sha256"),
        ({"files": {"a": ENTRY | {"bytes": -1}}}, "bytes"),
        ({"files": {"a": ENTRY | {"bytes": "1"}}}, "bytes"),
        ({"missing": None}, "missing"),
        ({"missing": [{"model": "vgg16"}]}, "missing"),
        ({"radiographs": "yes"}, "radiographs"),
        ({"radiographs": True}, "radiographs"),
    ],
)
def test_an_index_of_another_form(path, changes, said):
    assert said in refused(write_archive(path, FILES, **changes))


def deep(depth: int = 200_000) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize("name", [INDEX, "config.json"])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff\xfe", deep(), b'{"a": 1, "a": 2}', b"9" * 5000]
)
def test_what_cannot_be_parsed(path, name, content):
    write_archive(path, FILES)
    with zipfile.ZipFile(path) as packed:
        contents = {entry: packed.read(entry) for entry in packed.namelist()}
    index = json.loads(contents[INDEX])
    index["files"]["config.json"]["bytes"] = len(content)
    contents |= {INDEX: json.dumps(index), name: content}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry, data in contents.items():
            packed.writestr(entry, data)
    text = refused(path)
    assert name in text and len(text.splitlines()) == 4


@pytest.mark.parametrize("where", ["results/dataset/splits.csv", "made/tables/comparison.csv"])
def test_a_changed_file_is_noticed_and_named(path, where):
    content = bytes([FILES[where][0] ^ 1]) + FILES[where][1:]
    honest = write_archive(path, FILES)
    with zipfile.ZipFile(honest) as packed:
        entry = json.loads(packed.read(INDEX))["files"][where]
    text = refused(write_archive(path, FILES | {where: content}, listed={where: entry}))
    assert where in text and "SHA-256" in text
    larger = write_archive(path, FILES | {where: FILES[where] + b"x"}, listed={where: entry})
    assert "another size" in refused(larger)


def test_every_changed_byte_is_noticed_or_changes_nothing(path, tmp_path):
    whole = write_archive(path, FILES).read_bytes()
    random = np.random.default_rng(0)
    for place in np.unique(random.integers(0, len(whole), 150)):
        content = bytearray(whole)
        content[place] ^= int(random.integers(1, 256))
        path.write_bytes(content)
        results = tmp_path / "results" / str(place)
        try:
            rebuild(path, results)
        except UserError:
            assert not results.exists() or not any(results.rglob("*.*"))
        else:
            for name in (name for name in FILES if name.startswith("results/")):
                assert (results / name.removeprefix("results/")).read_bytes() == FILES[name]


def patched(path: Path, local: int, central: int, value: int) -> Path:
    """Write a number of two bytes into both headers of every member."""
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", local), (b"PK\1\2", central)):
        start = content.find(mark)
        while start >= 0:
            content[start + place : start + place + 2] = struct.pack("<H", value)
            start = content.find(mark, start + 4)
    path.write_bytes(content)
    return path


def test_encrypted(path):
    assert "is encrypted" in refused(patched(write_archive(path, FILES), 6, 8, 1))


@pytest.mark.parametrize("method", [1, 9, 93, 99])
def test_methods_that_are_not_known(path, method):
    text = refused(patched(write_archive(path, FILES), 8, 10, method))
    assert "compression" in text and "fetch the archive again" in text


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_cut_off(path, share):
    write_archive(path, FILES | {f"results/{PANELS}/a.png": os.urandom(10_000)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert "cannot be read" in refused(path)


def test_what_is_no_zip(path, tmp_path):
    for content in (b"no zip", b"\x1f\x8b\x08" + bytes(100), bytes(5000), b"PK\x03\x04"):
        path.write_bytes(content)
        assert "cannot be read" in refused(path)
    with tarfile.open(path, "w") as packed:
        packed.addfile(tarfile.TarInfo("radiograph.png"), io.BytesIO(b""))
    assert f"its {INDEX} is missing" in refused(path)
    for wrong, said in ((tmp_path, "not a file"), (tmp_path / "none.zip", "exist"), (5, "exist")):
        with pytest.raises(UserError, match=said):
            read_archive(wrong)


def test_a_path_that_would_be_taken_for_a_variable(tmp_path):
    with pytest.raises(UserError, match="variable"):
        read_archive(write_archive(tmp_path / "a<results>b.zip", FILES))
    assert read_archive(write_archive(tmp_path / "a <B> 100%.zip", FILES)).files


@pytest.mark.parametrize("number", [1, 0xFFFF])
def test_several_disks_and_lies_of_the_last_record(path, number):
    for place in (4, 6, 8, 10):
        content = bytearray(write_archive(path, FILES).read_bytes())
        end = content.rfind(b"PK\5\6")
        content[end + place : end + place + 2] = struct.pack("<H", number)
        path.write_bytes(content)
        try:
            rebuild(path, path.parent / "elsewhere" / str(place))
        except UserError as error:
            assert "cannot be read" in str(error) or "refused" in str(error)


def test_bombs(path):
    zeros = write_archive(path, FILES | {"results/dataset/splits.csv": bytes(300_000_000)})
    assert "bomb" in refused(zeros)
    index = write_archive(path, FILES, note="a" * 40_000_000)
    text = refused(index)
    assert "bomb" in text or "too long" in text


def test_a_list_without_end(path):
    """A zip of few bytes may state any size of its list, and any number of members."""
    content = bytearray(write_archive(path, FILES).read_bytes())
    end = content.rfind(b"PK\5\6")
    content[end + 12 : end + 16] = struct.pack("<L", 0xFFFFFFF0)
    path.write_bytes(content)
    assert "cannot be read" in refused(path)


def header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def with_header(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text


HEADS = (b"(" * 60_000, b"(" * 150, b"-" * 9000 + b"1", b"\t1\n 2", b"{'descr':", b"{1: 2}", b"[]")


@pytest.mark.parametrize(
    ("rows", "images"),
    [
        (npy(np.array([2])), npy(IMAGES)),
        (npy(np.array([-1])), npy(IMAGES)),
        (npy(np.array([0.0])), npy(IMAGES)),
        (npy(np.array([[0]])), npy(IMAGES)),
        (npy(np.array([0, 0])), npy(np.zeros((2, 4, 4), np.uint8))),
        (npy(np.array([0])), npy(IMAGES.astype("f4"))),
        (npy(np.array([0])), npy(np.zeros((1, 4, 8), np.uint8))),
        (npy(np.array([0])), npy(np.zeros((1, 4), np.uint8))),
        (npy(np.array([], np.int64)), header((0, 10**7, 10**7))),
        (npy(np.array([0])), header((1, 10**9, 10**9))),
        (npy(np.array([0])), header((10**30,))),
        (npy(np.array([0])), header((-1, 4, 4))),
        (npy(np.array([0])), npy(IMAGES)[:-1]),
        (npy(np.array([{}], object)), npy(IMAGES)),
        (b"", npy(IMAGES)),
        *(
            (b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head, npy(IMAGES))
            for head in HEADS
        ),
    ],
)
def test_radiographs_that_are_none(path, rows, images):
    radiographs = {"radiographs/rows.npy": rows, "radiographs/images.npy": images}
    refused(write_archive(path, FILES | radiographs, radiographs=True))


def npz(**arrays: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in arrays.items():
            packed.writestr(f"{name}.npy", content)
    return stream.getvalue()


BIG_PICTURE = bytearray(png())
BIG_PICTURE[16:24] = struct.pack(">LL", 200_000, 200_000)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results/experiment.json", deep()),
        ("results/experiment.json", b"[]"),
        ("results/experiment.json", b"\0"),
        ("results/dataset/splits.csv", b""),
        ("results/dataset/splits.csv", b"\x89PNG"),
        ("results/dataset/splits.csv", b"image_id\na\n"),
        ("results/dataset/splits.csv", b"schema_version" + b",a" * 1_000_000),
        (f"results/{PANELS}/radiograph.png", b"<svg onload='alert(1)'>"),
        (f"results/{PANELS}/radiograph.png", png()[:-20]),
        (f"results/{PANELS}/radiograph.png", bytes(BIG_PICTURE)),
        (f"results/{PANELS}/radiograph.png", png(9000, 9000)),
        ("results/test_looks/one.json", b"{"),
    ],
)
def test_files_that_are_not_what_their_names_say(path, name, content):
    text = refused(write_archive(path, FILES | {name: content}))
    assert name in text or "bomb" in text


@pytest.mark.parametrize(
    "content",
    [
        b"no zip",
        npz(joint=npy(np.array([{}], object))),
        npz(joint=header((10**12,))),
        npz(joint=header((10**12,), "<f4") + bytes(100)),
        npz(joint=b""),
        npz(joint=npy(np.zeros(3)))[:-40],
    ],
)
def test_arrays_that_are_none(tmp_path, content):
    from pneumobench.reporting.kinds import check_kind

    (tmp_path / "maps.npz").write_bytes(content)
    with pytest.raises(UserError):
        check_kind(tmp_path / "maps.npz", "maps.npz")
    (tmp_path / "maps.npz").write_bytes(npz(joint=npy(np.zeros((3, 7, 7)))))
    check_kind(tmp_path / "maps.npz", "maps.npz")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.dictionaries(
        st.sampled_from(["archive_format", "radiographs", "missing", "files"]), JSON
    )
)
def test_any_index(tmp_path, changes):
    path = tmp_path / "some.zip"
    write_archive(path, FILES, **changes)
    try:
        read_archive(path)
    except UserError as error:
        assert "archive" in str(error)


def test_contents_that_no_rule_can_use_end_in_one_message(tmp_path, capsys):
    log = tmp_path / "results/demo/logs/render_report.log"
    for rebuilt in (False, True):
        if rebuilt:
            (tmp_path / "results/demo/archive.json").write_text("{}")
        with pytest.raises(SystemExit) as caught, job_log(log):
            raise KeyError("counts\x1b[2J")
        shown = capsys.readouterr().err
        assert caught.value.code == 1 and "Traceback" in log.read_text()
        assert ("Traceback" in shown) is not rebuilt and "counts" in shown
    assert "to do:" in shown and "\x1b" not in shown
