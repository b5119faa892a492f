"""Sound files of every kind that the pipeline reads, small, and the same at every call."""

import functools
import io
import tarfile
import zipfile
from pathlib import Path

import dicom_fixture
import numpy as np
import yaml
from PIL import Image
from pydicom import uid

PROJECT = Path(__file__).resolve().parents[2]


def grey(width: int = 64, height: int = 56) -> np.ndarray:
    """Return a smooth image with grain, uint8 [height, width]."""
    generator = np.random.default_rng(7)
    coarse = generator.integers(30, 220, (7, 8), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return (smooth.astype(int) + generator.integers(-8, 9, smooth.shape)).clip(0, 255).astype("u1")


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


@functools.cache
def images() -> dict[str, dict[str, bytes]]:
    """Return image files, by format and by variant."""
    plain = Image.fromarray(grey())
    colour, deep = plain.convert("RGB"), Image.fromarray(grey().astype(np.uint16) * 257)
    turned = Image.Exif()
    turned[0x0112] = 6
    tiff = {kind: _saved(plain, "TIFF", compression=kind) for kind in _TIFF}
    return {
        "PNG": {
            "grey": _saved(plain, "PNG"),
            "colour": _saved(colour, "PNG"),
            "palette": _saved(plain.convert("P"), "PNG"),
            "alpha": _saved(plain.convert("LA"), "PNG"),
            "16 bit": _saved(deep, "PNG"),
            "told": _saved(plain, "PNG", dpi=(72, 72), exif=turned),
        },
        "JPEG": {
            "grey": _saved(plain, "JPEG", quality=90),
            "colour": _saved(colour, "JPEG", quality=90),
            "progressive": _saved(plain, "JPEG", progressive=True),
            "restarts": _saved(plain, "JPEG", restart_marker_blocks=4),
            "four colours": _saved(colour.convert("CMYK"), "JPEG"),
            "turned": _saved(plain, "JPEG", exif=turned),
        },
        "GIF": {"grey": _saved(plain, "GIF")},
        "BMP": {"grey": _saved(plain, "BMP"), "colour": _saved(colour, "BMP")},
        "PPM": {
            "grey": _saved(plain, "PPM"),
            "colour": _saved(colour, "PPM"),
            "16 bit": _saved(deep, "PPM"),
        },
        "TIFF": tiff | {"16 bit": _saved(deep, "TIFF"), "colour": _saved(colour, "TIFF")},
        "WEBP": {"lossy": _saved(plain, "WEBP"), "lossless": _saved(plain, "WEBP", lossless=True)},
        "DICOM": _dicoms(),
    }


_TIFF = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")


def _dicoms() -> dict[str, bytes]:
    eight, twelve = grey(), dicom_fixture.radiograph()
    plain = dicom_fixture.dicom(twelve, 12)
    return {
        "explicit": plain,
        "implicit": dicom_fixture.dicom(twelve, 12, uid.ImplicitVRLittleEndian),
        "run lengths": dicom_fixture.compressed(plain, uid.RLELossless),
        "JPEG": dicom_fixture.jpeg(eight),
        "JPEG 2000": dicom_fixture.compressed(plain, uid.JPEG2000Lossless),
        "MONOCHROME1": dicom_fixture.dicom(eight, PhotometricInterpretation="MONOCHROME1"),
    }


@functools.cache
def outside_dicoms() -> dict[str, bytes]:
    """Return DICOM files that are decoded in a process of their own, some 0.2 s each."""
    plain = dicom_fixture.dicom(dicom_fixture.radiograph(), 12)
    syntaxes = {"lossless JPEG": uid.JPEGLosslessSV1, "JPEG-LS": uid.JPEGLSLossless}
    return {name: dicom_fixture.compressed(plain, syntax) for name, syntax in syntaxes.items()}


def tables() -> dict[str, bytes]:
    """Return tables of images, as users write them."""
    rows = ["path,label,patient,split,subtype,boxes"]
    for number in range(6):
        label = "pneumonia" if number % 2 else "normal"
        subtype, boxes = ("viral", '"[[1, 2, 30, 40]]"') if number % 2 else ("normal", "")
        split = "test" if number > 3 else "train"
        rows.append(f"images/{number}.png,{label},José {number},{split},{subtype},{boxes}")
    text = "\n".join(rows) + "\n"
    quoted = "\n".join(",".join(f'"{n}"' for n in row.split(",")[:4]) for row in rows)
    return {"plain": text.encode(), "marked": text.encode("utf-8-sig"), "quoted": quoted.encode()}


def data_archives() -> dict[str, bytes]:
    """Return archives of images, as publishers pack them."""
    files = {f"set/train/NORMAL/IM-{n:04d}-0001.png": images()["PNG"]["grey"] for n in range(4)}
    plain, stored = io.BytesIO(), io.BytesIO()
    for target, method in ((plain, zipfile.ZIP_DEFLATED), (stored, zipfile.ZIP_STORED)):
        with zipfile.ZipFile(target, "w", method) as packed:
            for name, content in files.items():
                packed.writestr(zipfile.ZipInfo(name), content, method)
    tars = {kind: io.BytesIO() for kind in ("w:", "w:gz")}
    for kind, target in tars.items():
        with tarfile.open(fileobj=target, mode=kind) as packed:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
    return {
        "zip": plain.getvalue(),
        "stored zip": stored.getvalue(),
        "tar": tars["w:"].getvalue(),
        "tar.gz": tars["w:gz"].getvalue(),
    }


def configurations() -> dict[str, bytes]:
    """Return the project's own configuration and its overlays."""
    files = sorted((PROJECT / "experiments").glob("*.yaml"))
    return {path.name: path.read_bytes() for path in (PROJECT / "config.yaml", *files)}


def whole_configuration() -> dict[str, object]:
    """Return recipes.yaml and config.yaml merged, as Snakemake merges them."""
    recipes = yaml.safe_load((PROJECT / "recipes.yaml").read_text(encoding="utf-8"))
    given = yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    return given | {"recipes": recipes["recipes"] | given.get("recipes", {})}
