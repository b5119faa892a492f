"""README's list of the architectures says what the code says."""

import re
from pathlib import Path

import pytest
import torch
from thirteen import THIRTEEN

from pneumobench.models import registry
from pneumobench.models.describe import count_parameters

README = Path(__file__).resolve().parents[3] / "README.md"
ROW = r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (\d{4}) \| ([\d.]+) M \| ([^|]+) \|$"


@pytest.fixture(scope="module")
def listed() -> dict[str, tuple[str, ...]]:
    rows = re.findall(ROW, README.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: row for name, *row in rows}


def test_the_list_has_each_architecture_that_comes_with_the_project(listed):
    assert list(listed) == THIRTEEN and set(THIRTEEN) <= set(registry.names())


@pytest.mark.parametrize("name", THIRTEEN)
def test_a_line_says_what_the_code_says(listed, name):
    architecture = registry.load(name)
    with torch.device("meta"):
        parameters = count_parameters(architecture.build(1))
    sources = sorted({tag.split("/")[0] for tag in architecture.checkpoints.values()})
    published = re.findall(r", (\d{4})\b", architecture.reference)
    assert listed[name] == [
        architecture.title,
        architecture.family,
        max(published),
        f"{parameters / 1e6:.1f}",
        f"ImageNet, {' and '.join(reversed(sources))}" if sources else "random only",
    ]
