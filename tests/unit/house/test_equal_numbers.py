"""The comparison of archived tables with rebuilt ones finds other numbers, and nothing else."""

import json
import sys

import equal_numbers
import pytest
from hostile_archive import write_archive

from pneumobench.core.files import signed_json, signed_table

TABLE = b"schema_version,floor,auc,note\n1,border,0.5,below the floors\n"
NOW = b"schema_version,baseline,auc,note\n1,border,0.5,below the baselines\n"
METRICS = {"schema_version": 1, "auc": 0.5, "selection_sha256": "a", "seconds": 1.0, "runs": [1, 2]}
ROW = rb"1 & Floor & 0.632 (0.518--0.743) & 5{,}232 \\"


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Compare an archive of format 1 with results; return the exit status and what is printed."""

    def compare(*options, **changed):
        archived = {
            "made/comparison/external.csv": signed_table(TABLE),
            "made/runs/a/metrics.json": signed_json(METRICS),
            "made/tables/comparison.tex": b"\\toprule\n" + ROW,
        }
        write_archive(tmp_path / "a.zip", archived, archive_format=1, films=False)
        rebuilt = {"table": NOW, "metrics": METRICS | {"selection_sha256": "b"}, "row": ROW}
        rebuilt |= changed
        results = {
            "comparison/external.csv": signed_table(rebuilt["table"]),
            "runs/a/metrics.json": signed_json(rebuilt["metrics"]),
            "tables/comparison.tex": rebuilt["row"].replace(b"Floor", b"Baseline"),
        }
        for name, content in results.items():
            (tmp_path / "r" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "r" / name).write_bytes(content)
        words = ["equal_numbers", str(tmp_path / "a.zip"), str(tmp_path / "r"), *options]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as caught:
            equal_numbers.main()
        return int(caught.value.code), capsys.readouterr().out

    return compare


def test_equal_but_for_names_sentences_and_hashes(compare):
    status, said = compare()
    assert status == 0
    assert said.splitlines() == [
        "comparison/external.csv: equal",
        "runs/a/metrics.json: equal",
        "tables/comparison.tex: equal",
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"table": NOW.replace(b"0.5", b"0.50001")}, "[0].auc: '0.5' became '0.50001'"),
        ({"table": NOW.replace(b"border", b"corner")}, "[0].baseline: 'border' became 'corner'"),
        ({"table": NOW.replace(b"baseline,", b"floor,")}, "[0].baseline: only archived"),
        ({"table": NOW + b"1,corner,0.5,\n"}, ": 1 entries became 2 entries"),
        ({"metrics": METRICS | {"auc": 0.5000000001}}, ".auc: 0.5 became 0.5000000001"),
        ({"metrics": METRICS | {"more": 1}}, ".more: only rebuilt"),
        ({"metrics": METRICS | {"runs": [1, 2.0]}}, ".runs[1]: 2 became 2.0"),
        ({"row": ROW.replace(b"0.743", b"0.744")}, "new: 1 0.632 0.518 0.744 5 232"),
    ],
)
def test_what_differs_is_named(compare, changed, expected):
    status, said = compare(**changed)
    assert status == 1
    assert expected in said and said.count("differs") == 1


def test_trained_again(compare):
    quicker = METRICS | {"seconds": 0.5}
    assert compare(metrics=quicker)[0] == 1
    assert compare("--trained-again", metrics=quicker, row=b"")[0] == 0
    assert compare("--trained-again", metrics=quicker | {"auc": 0.6})[0] == 1


def test_what_was_not_rebuilt_is_no_equality(tmp_path):
    path = write_archive(tmp_path / "a.zip", {"made/runs/a/metrics.json": json.dumps({}).encode()})
    archive = equal_numbers.read_archive(path)
    assert list(equal_numbers.compared(archive, tmp_path)) == [
        ("runs/a/metrics.json", ["it was not rebuilt"])
    ]
