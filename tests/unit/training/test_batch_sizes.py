"""The finder of batch sizes: its search; what it measures needs a GPU."""

import pandas as pd
import pytest
import torch
from recipe_fixture import settings

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_json
from pneumobench.training.batch_sizes import find_batch_sizes, largest_batch


def memory_for(images: int):
    def attempt(size: int) -> float:
        if size > images:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 10.0 * size

    return attempt


@pytest.mark.parametrize(
    ("room", "expected"), [(1, (0, 0)), (2, (2, 20)), (100, (64, 640)), (5000, (1024, 10240))]
)
def test_search_doubles_until_memory_does_not_suffice(room, expected):
    assert largest_batch(memory_for(room), 1024) == expected


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def broken(size: int) -> float:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        largest_batch(broken, 8)


def runs() -> list:
    return [("timm:test_resnet", {"name": "plain", **settings()})]


def test_cpu_is_refused(tmp_path):
    write_json(tmp_path / "precision.json", {"device": "cpu", "precision": "float32"})
    with pytest.raises(UserError, match="on GPUs only"):
        find_batch_sizes(
            tmp_path / "precision.json", tmp_path / "table.csv", runs=runs(), image_size=64
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_holds_a_batch(tmp_path):
    write_json(tmp_path / "precision.json", {"device": "cuda", "precision": "float32"})
    find_batch_sizes(
        tmp_path / "precision.json", tmp_path / "table.csv", runs=runs(), image_size=64
    )
    table: pd.DataFrame = read_table(tmp_path / "table.csv")
    assert table["largest_batch"][0] >= 32 and table["memory_mb"][0] > 0
