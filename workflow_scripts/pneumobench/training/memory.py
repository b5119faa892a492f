"""Too little memory, and how it is said."""

import contextlib
from collections.abc import Iterator

import torch

from pneumobench.core.errors import UserError
from pneumobench.training.recipe import Recipe


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device's or the machine's memory does not suffice."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


@contextlib.contextmanager
def memory_errors_explained(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory error into one that says what to change.

    Raises
    ------
    UserError
        Naming the batch size, and the finder of a batch size that fits.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"the memory of the {device.type} device does not suffice for a batch of "
            f"{recipe.batch_size} images",
            where=f"recipe key batch_size: {recipe.batch_size}",
            expected="a batch whose maps fit into memory",
            remedy="run `snakemake find_batch_sizes` and set a batch_size that it found, or set "
            "gradient_checkpointing: true, or a smaller images.size",
        ) from error
