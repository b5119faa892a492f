"""Archives of format 1 are read by today's names, once they are known to be what was archived."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hostile_archive import MADE, OTHERS, SPLITS, write_archive

from pneumobench.core.archive import check_bytes, check_contents, read_archive
from pneumobench.core.earlier import content_today, index_today, path_today
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, signed_json, signed_table
from pneumobench.reporting.radiographs import npy_bytes
from pneumobench.reporting.unpack import unpack_archive

SCORES = signed_table(b"schema_version,floor,fold,image_id,logit\n1,border,0,floor,0.5\n")
SUBTYPES = signed_table(b"schema_version,image_id,model,recipe\n1,floor,thumbnail,floor\n")
SELECTION = {"schema_version": 1, "runs": [{"recipe": "floor"}], "floors": [{"floor": "border"}]}
REBUILT_FROM = [
    "dataset/splits.csv",
    "baselines/border/test.csv",
    "baselines/subtypes/fold0/test.csv",
    "selection/selection.json",
]


def files() -> dict[str, bytes]:
    """Return the files of a small archive of format 1, but those that all archives have."""
    return {
        "results/dataset/splits.csv": SPLITS,
        "results/floors/border/test.csv": SCORES,
        "results/floors/subtypes/fold0/test.csv": SUBTYPES,
        "results/selection/selection.json": signed_json(SELECTION),
        "films/rows.npy": npy_bytes(np.array([1])),
        "films/images.npy": npy_bytes(np.full((1, 4, 4), 7, np.uint8)),
        f"made/{MADE[0]}": b"",
        "config.json": json.dumps(
            {"archive_films": True, "recipes": {"archive_films": 1}}
        ).encode(),
    }


@pytest.fixture
def write(tmp_path):
    """Write an archive of format 1 and return it as it is read."""

    def write(changed=None, **index):
        path = tmp_path / "some.zip"
        said = {"archive_format": 1, "films": True} | index
        return read_archive(write_archive(path, files() | (changed or {}), **said))

    return write


def unpacked(archive, results):
    check_contents(archive, REBUILT_FROM, MADE)
    unpack_archive(archive.path, results, results / "images.npy", digest=archive.digest, size=4)


def test_names_are_those_of_today(write, tmp_path):
    archive, results = write(), tmp_path / "results"
    assert archive.earlier and archive.radiographs
    assert sorted(archive.files) == sorted(REBUILT_FROM)
    assert set(OTHERS) < set(archive.names)
    config = dict(archive.config)
    assert config.pop("figures")["runs"] is None
    assert config == {"archive_radiographs": True, "recipes": {"archive_films": 1}}
    unpacked(archive, results)
    scores = read_table(results / "baselines/border/test.csv")
    # Only a name of the pipeline's own is another one by now: an image may be called as it likes.
    expected = {"baseline": ["border"], "fold": [0], "image_id": ["floor"], "logit": [0.5]}
    pd.testing.assert_frame_equal(scores, pd.DataFrame(expected))
    subtypes = read_table(results / "baselines/subtypes/fold0/test.csv")
    assert subtypes.iloc[0].to_dict() == {
        "image_id": "floor", "model": "thumbnail", "recipe": "baseline"
    }  # fmt: skip
    assert read_json(results / "selection/selection.json") == {
        "runs": [{"recipe": "floor"}], "baselines": [{"baseline": "border"}]
    }  # fmt: skip
    assert (results / "dataset/splits.csv").read_bytes() == SPLITS
    assert np.load(results / "images.npy").max(axis=(1, 2)).tolist() == [0, 7]
    assert not list(results.rglob("*floor*"))


def test_bytes_are_checked_as_they_were_archived(write):
    check_bytes(write())
    name = "results/floors/border/test.csv"
    listed = {name: {"sha256": "0" * 64, "bytes": len(SCORES)}}
    with pytest.raises(UserError, match="is not the one that was archived") as caught:
        check_bytes(write(listed=listed))
    assert name in str(caught.value)


def test_what_was_changed_before_it_was_archived_is_not_made_good(write, tmp_path):
    changed = signed_json(SELECTION).replace(b"border", b"corner")
    unpacked(write({"results/selection/selection.json": changed}), tmp_path / "results")
    with pytest.raises(UserError, match="changed since it was written"):
        read_json(tmp_path / "results/selection/selection.json")


@pytest.mark.parametrize(
    "content",
    [
        b"schema_version,floor\n1,a,b\n",
        b'schema_version,"floor\n1,a\n',
        b"schema_version,floor\n1," + b"a" * 200_000 + b"\n",
        b"schema_version,floor\n1,\xff\n",
    ],
)
def test_tables_that_cannot_be_read_are_named(write, tmp_path, content):
    name = "floors/border/test.csv"
    with pytest.raises(UserError, match="cannot be used") as caught:
        unpacked(write({f"results/{name}": content}), tmp_path / "results")
    assert "baselines/border/test.csv" in str(caught.value)
    assert not list((tmp_path / "results").rglob("*.csv"))


def test_two_files_for_one_place_are_refused(write):
    with pytest.raises(UserError, match=r"floors/border/test[.]csv' and results/baselines"):
        write({"results/baselines/border/test.csv": SCORES})


def test_names_of_another_format_are_refused(write):
    with pytest.raises(UserError, match="radiographs': Input should be a valid boolean"):
        write(films="yes")
    with pytest.raises(UserError, match="for which its experiment has no place"):
        check_contents(write(archive_format=2), REBUILT_FROM, MADE)


def test_places_and_index():
    assert path_today("results/floors/border/test.csv") == "results/baselines/border/test.csv"
    assert path_today("results/runs/floors/test.csv") == "results/runs/floors/test.csv"
    assert index_today({"films": True, "files": {"films/a": 1}}) == {
        "radiographs": True, "files": {"films/a": 1}
    }  # fmt: skip


def test_tables_to_hold_rebuilt_ones_against():
    table = b"schema_version,status,beats_floors,separable_from_best\n1,floor,,True\n"
    found = content_today("comparison/comparison.csv", table)
    assert list(csv.DictReader(io.StringIO(found.decode()))) == [
        {
            "schema_version": "1", "status": "baseline", "beats_baselines": "",
            "distinguishable_from_best": "True",
        }
    ]  # fmt: skip
    assert content_today("runs/a/metrics.json", b'{"floor": 1}') == b'{"floor": 1}'
    assert content_today("tables/comparison.md", b"floor") == b"floor"
