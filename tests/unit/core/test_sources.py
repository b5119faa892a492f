"""Where radiographs lie: the configuration says it before any is looked at."""

import pytest
from configurations import check

from pneumobench.core.sources import Source


def source(overlay: str) -> Source:
    return Source(check(f"data: {overlay}").data)


def test_phantoms_lie_in_a_folder_named_after_all_they_follow_from():
    first = source("{source: phantom}")
    again = source("{source: phantom, directory: {path: elsewhere}}")
    other = source("{source: phantom, phantom: {seed: 99}}")
    assert first.phantoms == again.phantoms != other.phantoms
    assert first.phantoms.startswith("resources/datasets/phantom-")
    assert first.root == f"{first.phantoms}/chest_xray"
    assert first.made == [f"{first.phantoms}/phantoms.csv"]
    assert first.fetched is None and first.records == []


@pytest.mark.parametrize(
    ("overlay", "root"),
    [
        ("{source: directory, directory: {path: a/b}}", "a/b"),
        ("{source: nih, nih: {path: c}}", "c"),
        ("{source: rsna, rsna: {path: d}}", "d"),
        ("{source: table, table: {path: e/f.csv}}", "e"),
        ("{source: table, table: {path: f.csv}}", "."),
        ("{source: table, table: {path: e/f.csv, images: g}}", "g"),
    ],
)
def test_a_users_own_radiographs_wait_for_no_file(overlay, root):
    made = source(overlay)
    assert made.root == root and made.made == made.records == [] and made.fetched is None
    assert made.options["path"]


@pytest.mark.parametrize(
    ("overlay", "name"),
    [
        ("{source: kaggle, kaggle: {dataset: me/mine}}", "kaggle/me/mine"),
        ("{source: mendeley, mendeley: {version: 3}}", "mendeley-v3"),
        ("{source: pneumoniamnist, pneumoniamnist: {size: 64}}", "pneumoniamnist-64"),
    ],
)
def test_fetched_radiographs_wait_for_their_record(overlay, name):
    made = source(overlay.replace("pneumoniamnist: {size: 64}}", "pneumoniamnist: {size: 64}, "
                                  "checks: {minimum_px: 64}}"))  # fmt: skip
    assert made.fetched == name and made.root == f"resources/datasets/{name}"
    assert made.made == made.records == [f"resources/datasets/{name}.json"]


def test_what_only_stops_the_pipeline_lets_no_file_in():
    limits = source("{source: phantom, checks: {maximum_rejected_fraction: 0.5}}").limits
    assert "minimum_px" in limits
    assert not {"reading", "maximum_rejected_fraction", "allow_crossings"} & set(limits)
