"""Putting starting weights into a network: the trunk is filled or training does not start."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.provenance import file_sha256
from pneumobench.models.architecture import Architecture
from pneumobench.models.weights.fit import below, fitting_state
from pneumobench.models.weights.published import own_names, published
from pneumobench.models.weights.state_file import read_state

logger = logging.getLogger(__name__)

FETCH = (
    "run `snakemake fetch --forcerun fetch_weights` where there is network, and copy "
    "resources/weights here if that is another machine; or set pretrained: false in the recipe"
)

MISFIT = "name a file of the same architecture in recipe key pretrained, or true, or false"

LARGEST = 1e5
"""No parameter of a trained network comes near this."""

Loaded = tuple[list[dict[str, str | None]], set[str]]
"""Entries for run.json, and the names of the parameters and buffers that were filled."""


def load_weights(
    model: nn.Module, architecture: Architecture, source: Path | None
) -> dict[str, Any] | None:
    """Put starting weights into a freshly built network.

    Published weights fill everything below their module path but the classifier of the published
    classes; a head of other layers in its place stays fresh, and so do parts outside of the module
    paths (attention, recurrent and fusion heads). A file of the user's either names every entry of
    the whole network, or bears the names of the published network and is treated like it.

    Parameters
    ----------
    model
        The network; heads of the recipe are in their places already.
    architecture
        Its entry in the registry.
    source
        The record that `fetch_weights` wrote (.json), a file with weights (.safetensors, .pth,
        .pt), or None to leave the network as it is.

    Returns
    -------
    dict or None
        For run.json: origin (published or file), files (module, tag, file, sha256 each),
        loaded_parameters and fresh_parameters (numbers of weights). None without source.

    Raises
    ------
    UserError
        If a file is missing, not as recorded or unreadable, if its entries do not fit (see
        `fitting_state`), or if no training left such numbers.
    """
    if source is None:
        return None
    load = _load_published if source.suffix == ".json" else _load_file
    files, loaded = load(model, architecture, source)
    _check_trained(
        {name: value for name, value in model.named_parameters() if name in loaded}, source
    )
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    fresh = [name for name in sizes if name not in loaded]
    total, drawn = sum(sizes.values()), sum(sizes[name] for name in fresh)
    logger.info("%d of %d parameters are loaded from %s", total - drawn, total, source)
    logger.info("fresh parameters: %s", ", ".join(fresh) or "none")
    return {
        "origin": "published" if source.suffix == ".json" else "file",
        "files": files,
        "loaded_parameters": total - drawn,
        "fresh_parameters": drawn,
    }


def _check_trained(filled: dict[str, Tensor], source: Path) -> None:
    """Refuse weights that no training leaves, zeros alone or huge ones; tell uniform layers."""
    huge = [name for name, value in filled.items() if value.detach().abs().max() > LARGEST]
    layers = {name: value.detach() for name, value in filled.items() if value.dim() > 1}
    even = [name for name, value in layers.items() if value.numel() > 1 and value.std() == 0]
    zeros = bool(layers) and not any(value.any() for value in layers.values())
    if huge or zeros:
        what = (
            f"{len(huge)} of its entries go beyond {LARGEST:,.0f} (as {huge[0]})"
            if huge
            else "all of them are zero"
        )
        raise UserError(
            f"the starting weights are not those of a trained network: {what}",
            where=str(source),
            expected="weights as training leaves them",
            remedy=FETCH if source.suffix == ".json" else MISFIT,
        )
    if even:
        logger.warning(
            "%d of %d layers start with one and the same number everywhere, as %s",
            len(even), len(layers), even[0],
        )  # fmt: skip


def _load_published(model: nn.Module, architecture: Architecture, record: Path) -> Loaded:
    entries = _read_record(record, architecture)
    files, loaded = [], set()
    for path, entry in entries.items():
        file = record.parent / entry["file"]
        if not file.is_file():
            raise _not_fetched(f"published weights are missing: {file.name}", str(file))
        if file_sha256(file) != entry["sha256"]:
            raise _not_fetched(f"{file.name} is not as it was fetched", str(file))
        state = read_state(file, where=str(file), remedy=FETCH)
        loaded |= _fill_trunk(model, path, entry["tag"], state, where=str(file))
        files.append({"module": path, **{key: entry[key] for key in ("tag", "file", "sha256")}})
    return files, loaded


def _not_fetched(what: str, where: str) -> UserError:
    return UserError(
        what, where=where, expected="the files that `snakemake fetch` wrote", remedy=FETCH
    )


def _read_record(record: Path, architecture: Architecture) -> dict[str, dict[str, str]]:
    """Return module path -> entry, insisting on the architecture's tags."""
    if not record.is_file():
        raise _not_fetched("published weights were not fetched", str(record))
    try:
        entries = read_json(record)["checkpoints"]
        tags = {path: entry["tag"] for path, entry in entries.items()}
    except (UserError, LookupError, TypeError, AttributeError) as error:
        raise _not_fetched("the record of the weights cannot be read", str(record)) from error
    if tags != dict(architecture.checkpoints):
        raise _not_fetched("the record names other weights than the architecture", str(record))
    return entries


def _load_file(model: nn.Module, architecture: Architecture, file: Path) -> Loaded:
    remedy = "correct recipe key pretrained: the path of a file, true or false"
    state = read_state(file, where=f"recipe key pretrained: {file}", remedy=remedy)
    entry = {"module": "", "tag": None, "file": str(file), "sha256": file_sha256(file)}
    names = model.state_dict().keys()
    if len(architecture.checkpoints) == 1 and not names & state.keys():
        [(path, tag)] = architecture.checkpoints.items()
        state = own_names(tag, state)
        if model.get_submodule(path).state_dict().keys() & state.keys():
            loaded = _fill_trunk(model, path, tag, state, where=str(file))
            return [entry | {"module": path}], loaded
    return [entry], _fill(model, state, head=(), where=str(file))


def _fill_trunk(
    model: nn.Module, path: str, tag: str, state: dict[str, Tensor], *, where: str
) -> set[str]:
    """Fill the module at `path` from the published network's state; return the names filled."""
    classifier = published(tag).classifier
    state = {name: value for name, value in state.items() if not below(name, classifier)}
    head = {layer.partition(".")[0] for layer in classifier}
    filled = _fill(model.get_submodule(path), state, head=head, where=where)
    return {f"{path}.{name}" for name in filled}


def _fill(
    module: nn.Module, state: Mapping[str, Tensor], *, head: Iterable[str], where: str
) -> set[str]:
    """Fill every parameter and buffer, below `head` only those that fit; return their names."""
    fitting = fitting_state(module.state_dict(), state, head=head, where=where, remedy=MISFIT)
    _check_variances(fitting, where)
    module.load_state_dict(fitting, strict=False)
    return set(fitting)


def _check_variances(state: Mapping[str, Tensor], where: str) -> None:
    """Refuse BatchNorms that never saw a difference: what a file cut off and filled up holds."""
    for name, value in state.items():
        if name.endswith("running_var") and value.numel() and not value.any():
            raise UserError(
                f"every variance of a BatchNorm is zero: {name}",
                where=where,
                expected="the statistics of a network that was trained",
                remedy=MISFIT,
            )
