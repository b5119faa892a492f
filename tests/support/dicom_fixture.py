"""DICOM files for the tests, and what pydicom makes of them."""

import io
import tempfile
from pathlib import Path

import gdcm
import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread, uid
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

# What must never leave a file.
SECRETS = ("Doe^Jane", "MRN-4711", "19720304", "Saint Elsewhere")
EXPLICIT = uid.ExplicitVRLittleEndian


def radiograph(
    rows: int = 40, columns: int = 48, bits: int = 12, signed: bool = False
) -> np.ndarray:
    """Return smooth random stored values that use their whole range."""
    coarse = np.random.default_rng(bits).random((6, 7))
    smooth = np.asarray(Image.fromarray(coarse.astype(np.float32)).resize((columns, rows)))
    share = (smooth - smooth.min()) / np.ptp(smooth)
    values = np.rint(share * (2**bits - 1)).astype(np.int64) - (2 ** (bits - 1) if signed else 0)
    return values.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def dataset(values: np.ndarray, bits: int = 0, **changes: object) -> Dataset:
    """Return a data set of one picture with identifying elements; None takes an element out."""
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = uid.SecondaryCaptureImageStorage, "1.2.3.4"
    found.PatientName, found.PatientID, found.PatientBirthDate, found.InstitutionName = SECRETS
    found.Rows, found.Columns = values.shape[:2]
    found.SamplesPerPixel = 1 if values.ndim == 2 else 3
    found.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        found.PlanarConfiguration = 0
    found.BitsAllocated = 8 * values.itemsize
    found.BitsStored = bits or found.BitsAllocated
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(values.dtype.kind == "i")
    found.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    found["PixelData"].VR = "OW" if values.itemsize == 2 else "OB"
    for name, value in changes.items():
        if value is None:
            delattr(found, name)
        else:
            setattr(found, name, value)
    return found


def write(found: Dataset, syntax: str = EXPLICIT) -> bytes:
    """Return the bytes of a file."""
    found.file_meta = FileMetaDataset()
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID
    found.file_meta.TransferSyntaxUID = uid.UID(syntax)
    target = io.BytesIO()
    found.save_as(target, enforce_file_format=True)
    return target.getvalue()


def dicom(values: np.ndarray, bits: int = 0, syntax: str = EXPLICIT, **changes: object) -> bytes:
    """Return a DICOM file of one picture."""
    return write(dataset(values, bits, **changes), syntax)


def compressed(content: bytes, syntax: str) -> bytes:
    """Compress a DICOM file by GDCM."""
    kind = gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax)))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source.dcm"), Path(folder, "target.dcm")
        source.write_bytes(content)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(kind)
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def jpeg(pixels: np.ndarray, **changes: object) -> bytes:
    """Return a DICOM file as those of the RSNA's pneumonia challenge: JPEG baseline, 8 bits."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=95)
    found = dataset(pixels, **changes)
    found.PixelData = encapsulate([target.getvalue()])
    found["PixelData"].VR = "OB"
    return write(found, uid.JPEGBaseline8Bit)


def real(name: str) -> bytes:
    """Return one of the files that pydicom brings along."""
    path = get_testdata_file(name, download=False)
    assert path is not None, name
    return Path(path).read_bytes()


def by_pydicom(content: bytes) -> np.ndarray:
    """Return the grey values, float64 0 to 255, that pydicom's own functions lead to."""
    found = dcmread(io.BytesIO(content))
    values = apply_modality_lut(found.pixel_array, found)
    low, high = _range(found)
    if "VOILUTSequence" in found:
        seen = apply_voi_lut(values, found)
        low, high = 0, 2 ** found.VOILUTSequence[0].LUTDescriptor[2] - 1
    else:
        seen = apply_voi_lut(values, found)
    grey = (seen.astype(np.float64) - low) / (high - low) * 255
    return 255 - grey if found.PhotometricInterpretation == "MONOCHROME1" else grey


def _range(found: Dataset) -> tuple[float, float]:
    if "ModalityLUTSequence" in found:
        return 0, 2 ** found.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    smallest = -(2 ** (found.BitsStored - 1)) if found.PixelRepresentation else 0
    ends = np.array([smallest, smallest + 2**found.BitsStored - 1], dtype=np.float64)
    rescaled = ends * float(found.get("RescaleSlope", 1)) + float(found.get("RescaleIntercept", 0))
    return rescaled.min(), rescaled.max()
