"""Too little memory: how it is said, and which batch would fit."""

import contextlib
import gc
from collections.abc import Callable, Iterator

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
            remedy="run `snakemake find_batch_size` and set the batch_size that it finds, or set "
            "gradient_checkpointing: true, or a smaller images.size",
        ) from error


def largest_batch(fits: Callable[[int], bool], largest: int) -> int:
    """Return the largest power of two up to `largest` that fits, 0 if not even 2 does.

    Parameters
    ----------
    fits
        Tries a batch size; called with 2, 4, 8, ... until it says no.
    largest
        Bound of the search.
    """
    found, size = 0, 2
    while size <= largest and fits(size):
        found, size = size, size * 2
    return found


def frees_memory() -> None:
    """Give back what a failed attempt held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
