"""Whether a state fits a network: names, shapes, kinds of numbers, and that they are numbers."""

import logging
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from pneumobench.core.errors import UserError

logger = logging.getLogger(__name__)

# BatchNorm counts its batches and does not use the count; old files come without.
COUNTER = "num_batches_tracked"
SHOWN = 4
# Kinds of numbers that turn into each other with rounding alone.
_REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_WHOLE = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)


def fitting_state(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    *,
    where: str,
    remedy: str,
    head: Iterable[str] = (),
) -> dict[str, Tensor]:
    """Return the entries of a state that a network may take, or say why it must not.

    Real numbers of another precision are accepted, which is logged; whole numbers, complex and
    quantised ones in place of weights are not, nor are infinities and not-a-number, or what becomes
    infinite in the network's precision.

    Parameters
    ----------
    own
        The network's own `state_dict()`; it may lie on the meta device.
    state
        Name -> tensor, as `read_state` returns it.
    where, remedy
        What the state is to the user, and what to do if it does not fit.
    head
        Paths of the network below which entries may be missing, unknown or of another shape; they
        are left out.

    Returns
    -------
    dict
        Name -> tensor, of the network's shapes; counters of batches may be missing.

    Raises
    ------
    UserError
        Naming the first few entries of each kind of misfit.
    """
    head = tuple(head)
    fitting = {
        name: value
        for name, value in state.items()
        if name in own and own[name].shape == value.shape
    }
    wrong = {
        "missing": [name for name in own if name not in state and not name.endswith(f".{COUNTER}")],
        "unexpected": [name for name in state if name not in own],
        "of another shape": [name for name in state if name in own and name not in fitting],
    }
    wrong = {kind: [n for n in names if not below(n, head)] for kind, names in wrong.items()}
    if any(wrong.values()):
        raise _misfit("the weights do not fit the network", wrong, own, state, where, remedy)
    check_values(own, fitting, where=where, remedy=remedy)
    return fitting


def check_values(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], *, where: str, remedy: str
) -> None:
    """Refuse entries whose values a network cannot take; parameters as for `fitting_state`.

    Entries that the network does not have are left alone.

    Raises
    ------
    UserError
        Naming the first few entries of each kind.
    """
    shared = [name for name in state if name in own]
    kinds = [name for name in shared if not _same_kind(own[name].dtype, state[name])]
    wrong: dict[str, list[str]] = {"of another kind of number": kinds}
    if not kinds:
        wrong["infinite or not a number"] = [
            name for name in shared if not _finite(state[name], own[name].dtype)
        ]
        wrong["a negative variance"] = [
            name
            for name in shared
            if name.endswith("running_var") and bool((state[name].float() < 0).any())
        ]
        wrong["a negative count of batches"] = [
            name for name in shared if name.endswith(COUNTER) and bool((state[name] < 0).any())
        ]
    if any(wrong.values()):
        raise _misfit("the weights are not usable", wrong, own, state, where, remedy)
    _tell_conversions(own, state, shared, where)


def below(name: str, paths: Iterable[str]) -> bool:
    """Tell whether an entry lies below one of the paths."""
    return any(name.startswith(f"{path}.") for path in paths)


def _same_kind(own: torch.dtype, value: Tensor) -> bool:
    if own in _REAL:
        return value.dtype in _REAL
    return value.dtype in _WHOLE if own in _WHOLE else value.dtype == own


def _finite(value: Tensor, own: torch.dtype) -> bool:
    if own not in _REAL or value.numel() == 0:
        return True
    # A sum is one pass without memory; it is asked again where it overflows.
    if bool(value.to(own).sum(dtype=torch.float32).isfinite()):
        return True
    return bool(value.to(own).isfinite().all())


def _tell_conversions(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], names: list[str], where: str
) -> None:
    converted = [name for name in names if state[name].dtype != own[name].dtype]
    if converted:
        first = converted[0]
        logger.warning(
            "%s: %d entries are converted, as %s from %s to %s",
            where, len(converted), first, _kind(state[first]), _kind(own[first]),
        )  # fmt: skip


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _misfit(
    what: str,
    wrong: dict[str, list[str]],
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    where: str,
    remedy: str,
) -> UserError:
    """Name the first few entries of each kind of misfit."""

    def shown(name: str) -> str:
        if name in wrong.get("of another shape", ()):
            return f"{name} {list(state[name].shape)} instead of {list(own[name].shape)}"
        if name in wrong.get("of another kind of number", ()):
            return f"{name} {_kind(state[name])} instead of {_kind(own[name])}"
        return name

    texts = [
        f"{len(names)} {kind} ({', '.join(map(shown, names[:SHOWN]))}"
        f"{', ...' if len(names) > SHOWN else ''})"
        for kind, names in wrong.items()
        if names
    ]
    return UserError(
        f"{what}: {'; '.join(texts)}",
        where=where,
        expected="every entry of the network as a finite number, as in the weights.safetensors of "
        "one of its runs, or the names of the published network of an architecture with one trunk",
        remedy=remedy,
    )
