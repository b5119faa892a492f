"""Decoding by GDCM in a process of its own.

GDCM ends the whole process on damaged data (`std::terminate`); 47 of 100 files with one changed
byte do that. So it decodes outside, one picture a process, with limits on memory and time. This
file is both sides: `decode_outside` calls, and run as a program it is the process that decodes.
"""

import contextlib
import json
import os
import subprocess
import sys

MOST_SECONDS = 60
# For Python and GDCM themselves, and for each byte of the picture, in bytes.
OWN_MEMORY, MEMORY_PER_BYTE = 1_500_000_000, 12

# Of valid streams of 12 bits: it tries its decoder of 8 bits first.
_NO_DAMAGE = (b"Unsupported JPEG data precision", b"Invalid SOS parameters for sequential JPEG")


class BrokenStreamError(ValueError):
    """Compressed data that GDCM does not decode."""


def decode_outside(stream: bytes, *, syntax: str, shape: tuple[int, int, int], bits: int) -> bytes:
    """Decode one compressed picture.

    Parameters
    ----------
    stream
        The compressed picture, a JPEG or JPEG-LS stream.
    syntax
        UID of its transfer syntax.
    shape
        Rows, columns and samples for each pixel.
    bits
        Bits of a sample in the stream, 2 to 16.

    Returns
    -------
    bytes
        Samples of 8 or 16 bits, little endian, the samples of a pixel together.

    Raises
    ------
    BrokenStreamError
        If the process failed, warned, took too long or returned another number of bytes.
    """
    size = shape[0] * shape[1] * shape[2] * (1 if bits <= 8 else 2)
    order = json.dumps({"syntax": syntax, "shape": shape, "bits": bits, "size": size})
    try:
        done = subprocess.run(
            [sys.executable, "-I", __file__],
            input=order.encode() + b"\n" + stream,
            capture_output=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BrokenStreamError(f"not decoded within {MOST_SECONDS} seconds") from None
    if done.returncode or len(done.stdout) != size:
        raise BrokenStreamError("the decoder broke off")
    # Its libraries warn of damage there, and go on.
    if not all(line.startswith(_NO_DAMAGE) for line in done.stderr.splitlines()):
        raise BrokenStreamError("the decoder warns of damage")
    return done.stdout


def _decode(stream: bytes, syntax: str, shape: tuple[int, int, int], bits: int) -> bytes:
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    rows, columns, samples = shape
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    # Named RGB, colours are left as they are in the stream.
    kind = gdcm.PhotometricInterpretation.GetPIType("RGB" if samples > 1 else "MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    if samples > 1:
        image.SetPlanarConfiguration(0)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    container = 8 if bits <= 8 else 16
    image.SetPixelFormat(gdcm.PixelFormat(samples, container, bits, bits - 1, 0))
    # It hands out bytes as text.
    return image.GetBuffer().encode("utf-8", "surrogateescape")


def _limit(size: int) -> None:
    """Limit this process; Windows has no such limits."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = OWN_MEMORY + MEMORY_PER_BYTE * size
        # macOS knows the limit and refuses it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    stream = sys.stdin.buffer.read()
    # GDCM writes to the standard output, too.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(order.pop("size"))
    with output:
        output.write(_decode(stream, **order))


if __name__ == "__main__":
    _main()
