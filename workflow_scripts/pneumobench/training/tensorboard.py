"""The course of a training for TensorBoard: scalars after each epoch and a grid of images."""

from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

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
        self._writer = SummaryWriter(str(folder))

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
        for name, value in shown.items():
            self._writer.add_scalar(name, float(value), step)
        # An epoch is seen when it ends, and survives a job that is killed.
        self._writer.flush()

    def images(self, batch: torch.Tensor) -> None:
        """Write one grid of the images that training sees, at step 0.

        Parameters
        ----------
        batch
            float32 [B, 1, S, S] in [0, 1], B at least 1, on any device; the first
            `MAXIMUM_IMAGES` are shown.
        """
        grid = image_grid(batch[:MAXIMUM_IMAGES, 0].cpu().numpy())
        self._writer.add_image("augmented_images", grid, 0, dataformats="HW")
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


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
