"""What the header of an .npy file says, of files that are not trusted."""

import math
import tokenize
from typing import IO

import numpy as np

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Read shape and dtype from the beginning of an .npy file; no array is made.

    Raises
    ------
    ValueError
        If it is no such file.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"arrays of version {version[0]}.{version[1]}")
    try:
        shape, _, dtype = _HEADERS[version](stream)
    except (tokenize.TokenError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise ValueError("its header cannot be read") from error
    if min(shape, default=0) < 0:
        raise ValueError(f"an array of {list(shape)}")
    return shape, dtype


def check_length(stream: IO[bytes], size: int) -> None:
    """Read a header and insist that an .npy file of so many bytes holds the whole array.

    Raises
    ------
    ValueError
        As for `read_header`, if the file is longer or shorter, or if it holds Python objects.
    """
    shape, dtype = read_header(stream)
    if dtype.hasobject or stream.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array of {dtype} {list(shape)} is not of {size} bytes")
