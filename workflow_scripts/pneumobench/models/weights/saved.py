"""Weights of a run's network: written as training writes them, and put back into a fresh one."""

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from pneumobench.core.files import atomic_path
from pneumobench.models.weights.fit import COUNTER, fitting_state
from pneumobench.models.weights.state_file import read_state


def save_weights(path: Path, model: nn.Module, name: str) -> None:
    """Write a network's parameters and buffers as safetensors, with the name of its architecture.

    A tensor that several entries share is written once for each of them.
    """
    write_state(path, model.state_dict(), {"model": name})


def restore_weights(path: Path, model: nn.Module, *, where: str, remedy: str) -> None:
    """Give a network the weights that `save_weights` wrote.

    Parameters
    ----------
    path
        The file.
    model
        A network built as the saved one was; unchanged if the file does not fit.
    where, remedy
        What the file is to the user, and what to do if it is of no use.

    Raises
    ------
    UserError
        If the file cannot be read or does not hold the weights of this network.
    """
    own = model.state_dict()
    state = fitting_state(
        own, read_state(path, where=where, remedy=remedy), where=where, remedy=remedy
    )
    counters = {key: own[key] for key in own.keys() - state.keys() if key.endswith(COUNTER)}
    model.load_state_dict(state | counters)


def write_state(path: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a state as safetensors; a second entry of a tensor is a copy.

    Parameters
    ----------
    metadata
        One entry only: safetensors writes several in an order that changes from run to run.
    """
    written: dict[str, Tensor] = {}
    memory: set[int] = set()
    for name, value in state.items():
        own = value.detach().cpu().contiguous()
        # safetensors refuses entries that lie in the same memory.
        if own.untyped_storage().data_ptr() in memory:
            own = own.clone()
        memory.add(own.untyped_storage().data_ptr())
        written[name] = own
    with atomic_path(path) as temporary:
        save_file(written, temporary, metadata=metadata)
