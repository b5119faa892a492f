"""Explained radiographs and their maps: read, refused, and put into words."""

import numpy as np
import pandas as pd
import pytest

from pneumobench.core.errors import UserError
from pneumobench.core.explained import signed_arrays
from pneumobench.core.files import write_table
from pneumobench.core.run import Run
from pneumobench.reporting.explained import read_explained, reasons, size_note


def test_words():
    assert reasons("sample") == []
    assert reasons("outcome:most_certain+sample") == ["most certain"]
    assert size_note((7, 7)) == "map of 7 x 7 cells"
    assert size_note((2, 9)) == "map of 2 x 9 cells: no claim about places"


def test_maps_that_were_changed_or_are_of_another_run_or_images_are_refused(tmp_path):
    run, other = Run("alexnet", "light", 1), Run("vgg16", "light", 1)
    arrays = {"joint": np.random.default_rng(0).random((2, 3, 3), dtype=np.float32)}
    folder = tmp_path / run.folder
    folder.mkdir(parents=True)
    maps, table = folder / "maps.npz", folder / "explained.csv"
    write_table(table, pd.DataFrame({"image_id": ["a", "b"]}))
    signed = signed_arrays(arrays, run, ["a", "b"])
    for content, said in (
        (arrays, ""),
        (signed, ""),
        (signed | {"joint": arrays["joint"][::-1]}, "it was changed"),
        ({name: signed[name] for name in signed if name != "run"}, "it was changed"),
        (signed_arrays(arrays, other, ["a", "b"]), f"maps.npz is of {other.folder}"),
        (signed_arrays(arrays, run, ["b", "a"]), "2 maps for 2 explained images, or of others"),
    ):
        np.savez(maps, **content)
        if said:
            with pytest.raises(UserError, match=said):
                read_explained(table, maps)
        else:
            np.testing.assert_array_equal(read_explained(table, maps)[1], arrays["joint"])
