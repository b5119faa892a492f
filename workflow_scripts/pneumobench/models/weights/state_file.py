"""Reading files with weights, without ever running code that they may carry."""

import pickle
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pneumobench.core.errors import UserError

KINDS = (".safetensors", ".pth", ".pt")

UNREADABLE = (
    SafetensorError, OSError, RuntimeError, EOFError, ValueError,
    # What the reader of pickles stumbles over in a damaged file.
    LookupError, TypeError, AttributeError, AssertionError, struct.error,
)  # fmt: skip


def read_state(path: Path, *, where: str, remedy: str) -> dict[str, Tensor]:
    """Read a state dictionary: name -> tensor, on the CPU.

    Parameters
    ----------
    path
        A file of `KINDS`. Pickles (.pth, .pt) are read as plain weights only.
    where, remedy
        What the file is to the user, and what to do if it is of no use.

    Raises
    ------
    UserError
        If the file is missing, damaged, of another kind, holds anything but named tensors with a
        value for every place, or is a pickle with code.
    """

    def refused(what: str) -> UserError:
        return UserError(
            what,
            where=where,
            expected="a state dictionary (name -> tensor) as .safetensors, .pth or .pt",
            remedy=remedy,
        )

    if path.suffix not in KINDS:
        raise refused(f"{path.name} is no file of weights")
    if not path.is_file():
        raise refused(f"the file of weights {path} does not exist")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise refused(
            f"{path.name} is refused: it is damaged, or it holds Python objects beside weights, "
            "which could run code"
        ) from error
    except UNREADABLE as error:
        raise refused(f"{path.name} cannot be read as weights: {error}") from error
    if not _is_state(state):
        raise refused(f"{path.name} holds something else than named tensors")
    for name, value in state.items():
        if not _is_plain(value):
            raise refused(
                f"{name} of {path.name} is no plain tensor of numbers: {_described(value)}"
            )
    return dict(state)


def _is_state(state: object) -> bool:
    return (
        isinstance(state, Mapping)
        and len(state) > 0
        and all(isinstance(key, str) and isinstance(state[key], Tensor) for key in state)
    )


def _is_plain(value: Tensor) -> bool:
    """Tell whether a tensor has one number of a usual kind for every place, in memory."""
    return (
        value.layout == torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_nested or value.is_complex())
    )


def _described(value: Tensor) -> str:
    kinds = [str(part).removeprefix("torch.") for part in (value.dtype, value.layout)]
    return ", ".join([*kinds, f"on {value.device.type}"])
