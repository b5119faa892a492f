"""A disk that takes no more: one message with the file, what was there before stays, no rests."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from pneumobench.core.errors import UserError
from pneumobench.core.files import LONGEST_NAME, atomic_path, read_json, write_json, write_table
from pneumobench.data.squares import write_batches
from pneumobench.models.weights.saved import write_state
from pneumobench.reporting.drawing.style import save_figure
from pneumobench.reporting.radiographs import place_radiographs
from pneumobench.training.resume import ResumeState

MUCH = np.random.default_rng(0).integers(0, 256, 2_000_000, dtype=np.uint8)


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A file system of 256 KB; only root may make one."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(small_disk):
    for path in small_disk.iterdir():
        path.unlink()
    return small_disk


def figure(path):
    drawn = plt.figure(figsize=(8, 8))
    drawn.figimage(MUCH[:1_000_000].reshape(1000, 1000), cmap="gray")
    save_figure(drawn, path.with_suffix(""))


def radiograph_places(path):
    splits = path.with_name("splits.csv")
    write_table(splits, pd.DataFrame({"image_id": ["a"], "inner": "", "group": ""}))
    images = MUCH[:1_000_000].reshape(1, 1000, 1000)
    place_radiographs(np.zeros(1, np.int64), images, splits, path)


def arrays(path):
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, maps=MUCH)


def archive(path):
    with atomic_path(path) as temporary:
        temporary.write_bytes(MUCH.tobytes())


WRITERS = {
    "table.csv": lambda path: write_table(path, pd.DataFrame({"a": MUCH[:200_000]})),
    "facts.json": lambda path: write_json(path, {"values": MUCH[:100_000].tolist()}),
    "images_8.npy": lambda path: write_batches(
        path, range(30_000), 8, 512, lambda rows: MUCH[: 64 * len(rows)].reshape(-1, 8, 8)
    ),
    "maps.npz": arrays,
    "weights.safetensors": lambda path: write_state(
        path, {"weight": torch.from_numpy(MUCH)}, {"model": "m"}
    ),
    "state.pt": lambda path: ResumeState(path.parent, {}).save({"w": torch.from_numpy(MUCH)}),
    "figure.png": figure,
    "result.zip": archive,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_ends_in_one_message(disk, name):
    path = disk / name
    path.write_bytes(b"earlier")
    with pytest.raises(UserError, match="the disk is full") as raised:
        WRITERS[name](path)
    assert str(path) in raised.value.where and "make room" in raised.value.remedy
    assert path.read_bytes() == b"earlier"
    assert {left.name for left in disk.iterdir()} <= {name, "previous.pt"}


def test_mapped_radiographs_meet_a_full_disk(disk):
    """A mapped file kills the process where its disk is full; it must not come to that."""
    path = disk / "images.npy"
    code = (
        "import sys; from pathlib import Path; import test_room as tests\n"
        "from pneumobench.core.errors import UserError\n"
        "try: tests.radiograph_places(Path(sys.argv[1]))\n"
        "except UserError as error: sys.exit(str(error))\n"
    )
    paths = [str(Path(__file__).parent), *sys.path]
    finished = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 1 and "the disk is full" in finished.stderr, finished
    assert not path.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_what_the_system_says_is_said_plainly(tmp_path, number):
    path = tmp_path / "metrics.json"
    write_json(path, {"auc": 1})
    with pytest.raises(UserError) as raised, atomic_path(path) as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))
    assert str(path) in raised.value.where and "cannot be written" in raised.value.what
    assert read_json(path) == {"auc": 1} and list(tmp_path.iterdir()) == [path]


def test_errors_of_other_files_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), atomic_path(tmp_path / "a.txt"):
        raise PermissionError(errno.EACCES, "no", "/somewhere/else")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "none").read_text()


def test_a_file_where_a_folder_belongs_is_named(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match="a file stands where a folder belongs"):
        write_json(tmp_path / "results/a.json", {})
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match="a folder stands where the file belongs"):
        write_json(tmp_path / "a.json", {})


@pytest.mark.parametrize("name", ["x" * 250 + ".json", "é" * 125 + ".json", "a." + "b" * 253])
def test_the_longest_names_have_a_temporary_one(tmp_path, name):
    assert len(os.fsencode(name)) <= LONGEST_NAME
    write_json(tmp_path / name, {"a": 1})
    assert read_json(tmp_path / name) == {"a": 1}
