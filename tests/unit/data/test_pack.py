import hashlib

import numpy as np
import pytest
from dataset_fixture import index, kaggle_folder, write_radiograph
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.data import pack, squares
from pneumobench.data.images import resize_square
from pneumobench.data.manifest import accepted_images, read_manifest


@pytest.fixture
def root(tmp_path):
    return kaggle_folder(tmp_path / "data")


def packed(root, name="images", **changes):
    folder = root.parent
    settings = {"size": 16, "resize": "squash", "workers": 2} | changes
    images, digest = folder / f"{name}.npy", folder / f"{name}.json"
    pack.pack_images(folder / "manifest.csv", root, images, digest, **settings)
    return images, digest


def test_rows_are_the_accepted_images_in_manifest_order(root):
    (root / "train/NORMAL/IM-0010-0002.png").write_bytes(b"")
    manifest = index(root, root.parent / "manifest.csv", maximum_rejected_fraction=0.1)
    for resize in ("squash", "pad", "crop"):
        array = np.load(packed(root, resize=resize)[0])
        assert (array.shape, array.dtype) == ((21, 16, 16), np.uint8)
        for row, path in enumerate(accepted_images(read_manifest(manifest))["path"]):
            expected = resize_square(np.asarray(Image.open(root / path)), 16, resize)
            np.testing.assert_array_equal(array[row], expected)


def test_digest_describes_the_array(root):
    index(root, root.parent / "manifest.csv")
    images, digest = packed(root, resize="pad")
    content = read_json(digest)
    assert content["sha256"] == hashlib.sha256(np.load(images).tobytes()).hexdigest()
    assert (content["size"], content["resize"], content["count"]) == (16, "pad", 21)
    assert content["pillow"]


def test_workers_and_chunks_do_not_matter(root, monkeypatch):
    index(root, root.parent / "manifest.csv")
    images, digest = packed(root, "one", workers=1)
    monkeypatch.setattr(squares, "ROWS_AT_A_TIME", 4)
    chunked, same = packed(root, "many", workers=3)
    assert chunked.read_bytes() == images.read_bytes()
    assert same.read_bytes() == digest.read_bytes()


def test_changed_file_stops_and_leaves_nothing(root):
    index(root, root.parent / "manifest.csv")
    write_radiograph(root / "train/NORMAL/IM-0010-0001.png", 999)
    with pytest.raises(UserError, match=r"IM-0010-0001.png: its content changed"):
        packed(root)
    assert not [path for path in root.parent.iterdir() if "images" in path.name]


def test_vanished_file_stops(root):
    index(root, root.parent / "manifest.csv")
    (root / "train/NORMAL/IM-0010-0001.png").unlink()
    with pytest.raises(UserError, match="No such file"):
        packed(root)
