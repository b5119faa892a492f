import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from dataset_fixture import index, kaggle_folder, write_radiograph
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.data.images import (
    UnreadableImageError,
    decode_grey,
    difference_hash,
    resize_square,
)
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.data.sources.directory import folder_above_class, list_directory
from pneumobench.data.sources.fingerprint import fingerprint
from pneumobench.data.sources.scan import scan_folder

# Folder layouts


@pytest.mark.parametrize(
    ("folder", "split", "label"),
    [
        ("train/NORMAL", "train", "normal"),
        ("VAL/Pneumonia", "val", "pneumonia"),
        ("chest_xray/test/pneumonia", "test", "pneumonia"),
        ("NORMAL", "none", "normal"),
        ("chest_xray/PNEUMONIA", "none", "pneumonia"),
        ("normal/train/PNEUMONIA", "train", "pneumonia"),
        ("train/NORMAL/first batch", "train", "normal"),
    ],
)
def test_layouts(tmp_path, folder, split, label):
    write_radiograph(tmp_path / folder / "radiograph.png", 0)
    (radiograph,) = list_directory(tmp_path).radiographs
    assert (radiograph.official_split, radiograph.label, radiograph.stem) == (
        split,
        label,
        "radiograph",
    )


def test_litter_is_counted_and_not_listed(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    radiographs = len(list_directory(root).radiographs)
    litter = (
        ".DS_Store",
        "train/NORMAL/._IM-0010-0001.png",
        "train/NORMAL/Thumbs.db",
        "train/NORMAL/notes.txt",
        "__MACOSX/train/NORMAL/IM-0010-0001.png",
        ".cache/train/NORMAL/IM-0010-0001.png",
    )
    before = fingerprint(root)
    for name in litter:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    listing = list_directory(root)
    assert (len(listing.radiographs), listing.litter) == (radiographs, len(litter))
    assert fingerprint(root) == before


def test_fingerprint_sees_names_and_sizes(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    before = fingerprint(root)
    radiograph = root / "train/NORMAL/IM-0010-0001.png"
    radiograph.write_bytes(radiograph.read_bytes() + b"x")
    grown = fingerprint(root)
    radiograph.rename(radiograph.with_name("IM-0099-0001.png"))
    assert len({before, grown, fingerprint(root)}) == 3


def test_linked_folders_are_entered(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "train").symlink_to(root / "train")
    assert len(scan_folder(linked)[0]) == 15


def test_links_in_a_circle_end(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    radiographs = scan_folder(root)
    (root / "train" / "again").symlink_to(root)
    assert scan_folder(root) == radiographs


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    root = kaggle_folder(tmp_path / "data")
    listed = os.scandir

    def refuse(folder):
        if Path(folder).name == "NORMAL":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UserError, match=r"cannot be read\n.*/NORMAL: Permission denied"):
        scan_folder(root)


def test_folder_above_class():
    assert folder_above_class("a/train/NORMAL/x.png") == "a/train"
    assert folder_above_class("NORMAL/x.png") == "."


# Decoding


def encoded(image, tmp_path, name):
    image.save(tmp_path / name)
    return (tmp_path / name).read_bytes()


def test_grey_colour_and_palette_give_the_same_pixels(tmp_path):
    grey = Image.fromarray(np.arange(0, 240, dtype=np.uint8).reshape(12, 20))
    expected = np.asarray(grey)
    for mode in ("L", "RGB", "RGBA", "LA", "P"):
        content = encoded(grey.convert(mode), tmp_path, f"{mode}.png")
        pixels, found = decode_grey(content)
        assert found == mode
        np.testing.assert_array_equal(pixels, expected)


def test_transparency_is_black(tmp_path):
    image = Image.new("LA", (4, 4), (200, 0))
    image.putpixel((1, 0), (200, 255))
    pixels, _ = decode_grey(encoded(image, tmp_path, "clear.png"))
    assert pixels[0, 1] == 200
    assert pixels.sum() == 200


@pytest.mark.parametrize(("bits", "largest"), [(8, 255), (12, 4095), (16, 65535)])
def test_more_bits_are_scaled_by_the_bits_in_use(tmp_path, bits, largest):
    values = np.array([[0, largest // 2, largest]], dtype=np.uint16)
    content = encoded(Image.fromarray(values), tmp_path, f"{bits}.png")
    pixels, _ = decode_grey(content)
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [[0, 127, 255]]


def test_exposure_of_deep_images_is_kept(tmp_path):
    # Not stretched to the extremes: a dark radiograph of 16 bits stays dark.
    values = np.full((2, 2), 20000, dtype=np.uint16)
    pixels, _ = decode_grey(encoded(Image.fromarray(values), tmp_path, "dark.png"))
    assert (pixels == round(20000 * 255 / 65535)).all()


def test_camera_orientation_is_applied(tmp_path):
    image = Image.new("L", (6, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    pixels, _ = decode_grey((tmp_path / "turned.jpg").read_bytes())
    assert pixels.shape == (6, 4)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tiff", "gif", "webp"])
def test_every_truncation_is_noticed(tmp_path, suffix):
    content = write_radiograph(tmp_path / f"radiograph.{suffix}", 1).read_bytes()
    decode_grey(content)
    for share in (0.2, 0.5, 0.8):
        with pytest.raises(UnreadableImageError, match=r"damaged|no image"):
            decode_grey(content[: int(len(content) * share)])


def test_unreadable_content_has_a_plain_reason():
    with pytest.raises(UnreadableImageError, match="empty"):
        decode_grey(b"")
    with pytest.raises(UnreadableImageError, match="no image in a known format"):
        decode_grey(b"this is a letter, not a radiograph")


def test_floating_point_images_are_refused(tmp_path):
    content = encoded(Image.new("F", (8, 8), 0.5), tmp_path, "float.tiff")
    with pytest.raises(UnreadableImageError, match="floating point"):
        decode_grey(content)


# Squares


def test_resize_modes():
    # A white radiograph of 20 x 10 pixels with a black left half.
    pixels = np.full((10, 20), 255, dtype=np.uint8)
    pixels[:, :10] = 0
    squash, pad, crop = (resize_square(pixels, 8, mode) for mode in ("squash", "pad", "crop"))
    assert squash[:, 0].max() == 0 and squash[:, -1].min() == 255
    assert pad[:2].max() == 0 and pad[6:].max() == 0 and pad[2:6, -1].min() == 255
    assert crop[:, 0].max() == 0 and crop[:, -1].min() == 255
    with pytest.raises(ValueError, match="resize is 'stretch'"):
        resize_square(pixels, 8, "stretch")


def test_shrinking_is_antialiased():
    # A fine chequerboard becomes grey; sampling single pixels would leave black or white.
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = resize_square(board, 8, "squash")
    assert abs(small.astype(int) - 127).max() <= 2


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (3, 400)])
def test_extreme_shapes_become_squares(shape):
    for mode in ("squash", "pad", "crop"):
        assert resize_square(np.full(shape, 9, dtype=np.uint8), 16, mode).shape == (16, 16)


def test_difference_hash_survives_resizing_and_compression(tmp_path):
    def bits(one, other):
        return (int(difference_hash(one), 16) ^ int(difference_hash(other), 16)).bit_count()

    radiograph = Image.open(write_radiograph(tmp_path / "radiograph.png", 5, 300, 240))
    radiograph.resize((200, 200), Image.Resampling.BILINEAR).save(tmp_path / "copy.jpg", quality=80)
    copy, _ = decode_grey((tmp_path / "copy.jpg").read_bytes())
    other = np.asarray(Image.open(write_radiograph(tmp_path / "other.png", 6, 300, 240)))
    assert len(difference_hash(copy)) == 64
    assert bits(np.asarray(radiograph), copy) <= 5 < bits(np.asarray(radiograph), other)


# The manifest


def test_manifest_of_a_clean_folder(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    table = read_manifest(index(root, tmp_path / "manifest.csv"))
    assert len(table) == 21
    assert table["image_id"].is_monotonic_increasing and table["image_id"].is_unique
    row = table.set_index("image_id").loc["person12_virus_12"]
    content = (root / row["path"]).read_bytes()
    assert row["path"] == "train/PNEUMONIA/person12_virus_12.png"
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    pixels = np.asarray(Image.open(root / row["path"]))
    assert row["pixel_sha256"] == hashlib.sha256(b"40x36:" + pixels.tobytes()).hexdigest()
    assert row[["label", "subtype", "patient", "official_split"]].tolist() == [
        *("pneumonia", "viral", "viral-person12", "train")
    ]
    assert row[["width", "height", "mode", "bytes"]].tolist() == [40, 36, "L", len(content)]
    assert row[["mask_path", "boxes", "status", "reason"]].tolist() == ["", "", "ok", ""]


def test_number_of_workers_does_not_matter(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    one = index(root, tmp_path / "1.csv", workers=1).read_bytes()
    assert one == index(root, tmp_path / "4.csv", workers=4).read_bytes()


def test_bad_files_are_set_aside_with_their_reason(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    normal = root / "train" / "NORMAL"
    radiograph = (normal / "IM-0010-0001.png").read_bytes()
    (normal / "a-empty.jpeg").write_bytes(b"")
    (normal / "b-letter.jpeg").write_text("not a radiograph")
    (normal / "c-half.png").write_bytes(radiograph[: len(radiograph) // 2])
    write_radiograph(normal / "d-small.png", 1, 40, 31)
    write_radiograph(root / "e-lost.png", 2)
    (normal / "f-gone.png").symlink_to(tmp_path / "nowhere.png")
    table = read_manifest(index(root, tmp_path / "m.csv", maximum_rejected_fraction=0.5))
    rejected = table[table["status"] == "rejected"].set_index("image_id")
    assert (rejected.index == rejected["path"]).all()
    reasons = {path.rsplit("/")[-1][0]: reason for path, reason in rejected["reason"].items()}
    assert reasons == {
        "a": "the file is empty",
        "b": "the content is no image in a known format",
        "c": reasons["c"],
        "d": "40x31 pixels, a side is shorter than 32",
        "e": "not in a NORMAL or PNEUMONIA folder",
        "f": "the file cannot be read (No such file or directory)",
    }
    assert reasons["c"].startswith("the image is truncated or damaged")
    assert (rejected["pixel_sha256"] == "").all()
    assert len(accepted_images(table)) == 21


def test_nested_copies_count_once_and_not_as_damage(tmp_path):
    root = kaggle_folder(tmp_path / "chest_xray")
    clean = read_manifest(index(root, tmp_path / "clean.csv"))
    shutil.copytree(root, tmp_path / "copy")
    shutil.move(tmp_path / "copy", root / "chest_xray")
    table = read_manifest(index(root, tmp_path / "nested.csv", maximum_rejected_fraction=0.0))
    assert len(table) == 2 * len(clean)
    assert accepted_images(table).equals(clean)
    nested = table[table["status"] == "rejected"]
    assert set(nested["image_id"]) == set("chest_xray/" + clean["path"])
    originals = nested["path"].str.removeprefix("chest_xray/")
    assert (nested["reason"] == "nested copy of " + originals).all()


def test_equal_stems_of_different_radiographs_are_both_kept(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    radiographs = [root / "train/NORMAL/radiograph.png", root / "train/PNEUMONIA/radiograph.png"]
    digests = [
        hashlib.sha256(write_radiograph(radiograph, seed).read_bytes()).hexdigest()[:8]
        for seed, radiograph in enumerate(radiographs)
    ]
    table = read_manifest(index(root, tmp_path / "m.csv")).set_index("path")
    for radiograph, digest in zip(radiographs, digests, strict=True):
        row = table.loc[radiograph.relative_to(root).as_posix()]
        assert row["image_id"] == row["patient"] == f"radiograph-{digest}"
        assert row["status"] == "ok"


def test_the_same_file_in_two_classes_keeps_two_rows(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    radiograph = write_radiograph(root / "train/NORMAL/radiograph.png", 3)
    shutil.copy(radiograph, root / "train/PNEUMONIA/radiograph.png")
    table = read_manifest(index(root, tmp_path / "m.csv"))
    assert table["image_id"].is_unique
    assert (table["status"] == "ok").sum() == 23


def test_odd_names_survive_the_table(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    names = ["0007", 'comma, quote" and space', "zwei Zeilen\nlang", "Röntgenbild"]
    for seed, name in enumerate(names):
        write_radiograph(root / "train/NORMAL" / f"{name}.PNG", 100 + seed)
    table = read_manifest(index(root, tmp_path / "m.csv"))
    assert set(names) <= set(table["image_id"])
    odd = table[table["image_id"].isin(names)]
    assert (odd["patient"] == odd["image_id"]).all()
    assert all((root / path).is_file() for path in odd["path"])


def test_colour_and_deep_radiographs_are_accepted(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    write_radiograph(root / "train/NORMAL/colour.jpg", 50, mode="RGB")
    deep = np.linspace(0, 60000, 1600).reshape(40, 40).astype(np.uint16)
    Image.fromarray(deep).save(root / "train/NORMAL/deep.png")
    table = read_manifest(index(root, tmp_path / "m.csv")).set_index("image_id")
    assert table.loc["colour", ["mode", "status"]].tolist() == ["RGB", "ok"]
    assert table.loc["deep", ["mode", "status"]].tolist() == ["I;16", "ok"]


def test_masks_are_found_by_stem(tmp_path):
    root = kaggle_folder(tmp_path / "phantoms" / "chest_xray")
    masks = tmp_path / "phantoms" / "masks"
    write_radiograph(masks / "person12_virus_12.png", 0)
    table = read_manifest(index(root, tmp_path / "m.csv", source="phantom", options={}))
    table = table.set_index("image_id")
    path = table.loc["person12_virus_12", "mask_path"]
    assert path == "../masks/person12_virus_12.png"
    assert (root / path).is_file()
    assert (table.drop("person12_virus_12")["mask_path"] == "").all()


def test_swapped_test_folders_change_test_labels_only(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    before = read_manifest(index(root, tmp_path / "before.csv"))
    test = root / "test"
    (test / "NORMAL").rename(test / "aside")
    (test / "PNEUMONIA").rename(test / "NORMAL")
    (test / "aside").rename(test / "PNEUMONIA")
    after = read_manifest(index(root, tmp_path / "after.csv"))
    told_by_folder = ["label", "subtype", "path"]
    assert before.drop(columns=told_by_folder).equals(after.drop(columns=told_by_folder))
    development = before["official_split"] != "test"
    assert before[development].equals(after[development])
    assert (before.loc[~development, "label"] != after.loc[~development, "label"]).all()
    assert (after.loc[~development, "subtype"] == "unknown").all()


# What a user can get wrong


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match="there is no data folder"):
        index(tmp_path / "nowhere", tmp_path / "m.csv")


def test_file_in_place_of_the_folder(tmp_path):
    with pytest.raises(UserError, match="the data folder is a file"):
        index(write_radiograph(tmp_path / "radiograph.png", 0), tmp_path / "m.csv")


def test_empty_folder(tmp_path):
    with pytest.raises(UserError, match=r"no labelled images\n.*no image file"):
        index(tmp_path, tmp_path / "m.csv")


def test_folder_without_class_folders(tmp_path):
    write_radiograph(tmp_path / "images" / "radiograph.png", 0)
    with pytest.raises(UserError, match=r"1 image files, 1 not in a NORMAL or PNEUMONIA folder"):
        index(tmp_path, tmp_path / "m.csv")


def test_one_class_only(tmp_path):
    write_radiograph(tmp_path / "NORMAL" / "radiograph.png", 0)
    with pytest.raises(UserError, match=r"one of the two classes\n.*only of normal"):
        index(tmp_path, tmp_path / "m.csv")


def test_mixed_layouts(tmp_path):
    root = kaggle_folder(tmp_path)
    write_radiograph(root / "validation" / "NORMAL" / "radiograph.png", 0)
    with pytest.raises(UserError, match="1 images lie outside train, val and test"):
        index(root, tmp_path / "m.csv")


def test_too_many_rejected_files(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    for number in range(3):
        (root / "train/NORMAL" / f"bad{number}.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"3 of 24 image files.*\n.*bad0.png: the file is empty"):
        index(root, tmp_path / "m.csv", maximum_rejected_fraction=0.1)
    assert not (tmp_path / "m.csv").exists()
