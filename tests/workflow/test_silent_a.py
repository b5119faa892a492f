"""Images that would have been read wrongly in silence: set aside with a reason, or told of."""

import io

import numpy as np
from damaged_images import WHOLE, encoded, mask, png16, tiff
from PIL import Image

from pneumobench.core.files import read_json, read_table

AUDIT, MANIFEST = "results/tiny/dataset/audit.json", "results/tiny/dataset/manifest.csv"
DAMAGED = {
    "person900_virus_1.jpeg": (WHOLE["jpeg"][:-900] + b"\xff\xd9", "premature end"),
    "person901_virus_1.jpeg": (WHOLE["jpeg"][:900] + bytes(900), "no end marker"),
    "person902_virus_1.bmp": (
        WHOLE["bmp"][:9000] + bytes(len(WHOLE["bmp"]) - 9000),
        "the end was lost",
    ),
    "person903_virus_1.png": (encoded("PNG", mask()), "a mask, no radiograph"),
}


def deep(number: int, bits: int) -> np.ndarray:
    coarse = np.random.default_rng(number).integers(0, 256, (6, 7), dtype=np.uint8)
    grey = np.asarray(Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC))
    return grey.astype(np.int64) * (2**bits - 1) // 255


def jpeg_of(number: int) -> bytes:
    target = io.BytesIO()
    Image.fromarray(deep(number, 8).astype(np.uint8)).save(target, "JPEG")
    return target.getvalue()


def test_a_data_set_of_damaged_masked_and_deep_images(make_workflow):
    flow = make_workflow(
        data={
            "source": "directory",
            "directory": {"path": "radiographs"},
            "checks": {"maximum_rejected_fraction": 0.5},
        }
    )
    root = flow.folder / "radiographs"
    for label in ("NORMAL", "PNEUMONIA"):
        (root / label).mkdir(parents=True)
    for number in range(12):
        (root / "NORMAL" / f"IM-{number:04d}-0001.jpeg").write_bytes(jpeg_of(number))
    for number in range(12, 24):
        values = deep(number, 12)
        # White as zero, and values that use 12 bits of 16 without saying so.
        white = tiff(4095 - values, 12, photometric=0)
        content = (png16(values), tiff(values, 16), white)[number % 3]
        kind = ("png", "tif", "tif")[number % 3]
        (root / "PNEUMONIA" / f"person{number}_bacteria_{number}.{kind}").write_bytes(content)
    for name, (content, _) in DAMAGED.items():
        (root / "PNEUMONIA" / name).write_bytes(content)
    flow.succeed(AUDIT)
    table = read_table(flow.folder / MANIFEST, text=("image_id", "path", "reason", "status"))
    rejected = table[table["status"] == "rejected"].set_index("path")["reason"]
    assert set(rejected.index) == {f"PNEUMONIA/{name}" for name in DAMAGED}
    for name, (_, reason) in DAMAGED.items():
        assert reason in rejected[f"PNEUMONIA/{name}"]
    assert sorted(table["depth"].dropna()) == [12] * 8
    warnings = read_json(flow.folder / AUDIT)["warnings"]
    assert "4 files are set aside" in warnings
    assert any("all are scaled from 12 bits" in warning for warning in warnings)
