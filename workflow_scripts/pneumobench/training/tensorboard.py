"""The course of a training for TensorBoard: scalars after each epoch and a grid of images.

Only TensorBoard's messages are imported: they take 0.02 s, its writer and PyTorch's, which start a
thread besides, 0.2 s and more of every job. The file around the messages is a few lines.
"""

import functools
import io
import os
import struct
import time
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from pneumobench.core.folders import make_own_folder

# TensorBoard takes every file with `tfevents` in its name.
FILE_NAME = "events.out.tfevents"
# A grid of more images shows nothing that this one does not.
MAXIMUM_IMAGES = 64


class TrainingBoard:
    """One event file, written while a training goes on.

    Event files of an earlier attempt are removed: a resumed training shows its earlier epochs
    again, so that one file holds all of them once.

    Parameters
    ----------
    folder
        Where the file goes; a folder of this training alone, made if it is not there.

    Raises
    ------
    UserError
        If something else lies in its place.
    """

    def __init__(self, folder: Path) -> None:
        make_own_folder(folder)
        for earlier in folder.glob(f"{FILE_NAME}.*"):
            earlier.unlink()
        # A new name each time: an open TensorBoard would go on reading the removed file.
        self._stream = (folder / f"{FILE_NAME}.{time.time_ns()}.{os.getpid()}").open("wb")
        self._write(Event(file_version="brain.Event:2"))

    def __enter__(self) -> "TrainingBoard":
        """Return the board."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the board."""
        self.close()

    def epoch(self, row: dict[str, float], images_per_second: float) -> None:
        """Write the values of an epoch, under the names of the history's columns.

        Parameters
        ----------
        row
            The epoch's row of the history; its `epoch` is the step of the others.
        images_per_second
            Speed of the epoch.
        """
        shown = {**row, "images_per_second": images_per_second}
        step = int(shown.pop("epoch"))
        values = [
            Summary.Value(tag=name, simple_value=float(value)) for name, value in shown.items()
        ]
        self._write(Event(step=step, summary=Summary(value=values)))

    def images(self, batch: torch.Tensor) -> None:
        """Write one grid of the images that training sees, at step 0.

        Parameters
        ----------
        batch
            float32 [B, 1, S, S] in [0, 1], B at least 1, on any device; the first
            `MAXIMUM_IMAGES` are shown.
        """
        grid = image_grid(batch[:MAXIMUM_IMAGES, 0].cpu().numpy())
        encoded = io.BytesIO()
        Image.fromarray(grid).save(encoded, format="PNG")
        height, width = grid.shape
        image = Summary.Image(
            height=height, width=width, colorspace=1, encoded_image_string=encoded.getvalue()
        )
        value = Summary.Value(tag="augmented_images", image=image)
        self._write(Event(step=0, summary=Summary(value=[value])))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._stream.write(_framed(event.SerializeToString()))
        # An epoch is seen when it ends, and survives a job that is killed.
        self._stream.flush()


def image_grid(images: np.ndarray) -> np.ndarray:
    """Lay images out in rows of a square, black where none is left.

    Parameters
    ----------
    images
        float32 [B, S, S] in [0, 1].

    Returns
    -------
    numpy.ndarray
        uint8 [rows * S, columns * S], columns = ceil(sqrt(B)).
    """
    count, size, _ = images.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, size, size), dtype=np.uint8)
    cells[:count] = np.rint(images * 255)
    # (rows, columns, S, S) -> (rows, S, columns, S)
    return cells.reshape(rows, columns, size, size).swapaxes(1, 2).reshape(rows * size, -1)


def _framed(message: bytes) -> bytes:
    """Return a message as a record of an event file: length, checksum, message, checksum."""
    length = struct.pack("<Q", len(message))
    return length + _checksum(length) + message + _checksum(message)


def _checksum(data: bytes) -> bytes:
    """Return the masked CRC-32C that TFRecord files carry."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@functools.cache
def _crc_table() -> tuple[int, ...]:
    """Return the 256 remainders of the reversed Castagnoli polynomial."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)
