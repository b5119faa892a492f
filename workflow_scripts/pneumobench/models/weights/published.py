"""What the tag of published weights stands for: its file, and the network that it fits."""

import re
from dataclasses import dataclass

import timm
from torch import Tensor, nn
from torchvision import models as torchvision

from pneumobench.core.errors import UserError
from pneumobench.models.blocks.initialise import on_meta
from pneumobench.models.weights.fit import check_values

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
# torchvision's file of DenseNet is older than the rule that layer names hold no full stop.
OLD_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
ANOTHER_FILE = (
    "remove the file, or correct downloads.weights_mirror; or set pretrained: false in the recipe"
)
NOT_THE_NETWORKS = (RuntimeError, LookupError, AttributeError, TypeError, ValueError)


@dataclass(frozen=True)
class Published:
    """Weights as torchvision or timm publish them.

    Parameters
    ----------
    tag
        torchvision/<model>.<weights>, or timm/<backbone>.<tag>.
    url
        Address of the publisher's file.
    file_name
        The name of that file, unique among all; mirrors offer it under this name.
    classifier
        Paths of the layers that give the logits of the published classes.
    """

    tag: str
    url: str
    file_name: str
    classifier: tuple[str, ...]

    @property
    def stored_name(self) -> str:
        """Name of the file that the weights are kept in, in the layers' own names."""
        return f"{self.tag.replace('/', '-')}.safetensors"

    @property
    def sha256_start(self) -> str:
        """The first digits of the SHA-256 that the file's name carries, empty if it does not."""
        found = HASH_IN_NAME.search(self.file_name)
        return found[1] if found else ""


def published(tag: str) -> Published:
    """Look up a tag in the library of its publisher.

    Raises
    ------
    UserError
        If there are no such weights.
    """
    publisher, _, name = tag.partition("/")
    find = {"torchvision": _from_torchvision, "timm": _from_timm}.get(publisher)
    found = find(tag, name) if find else None
    if found is None:
        raise UserError(
            f"there are no published weights {tag}",
            where="checkpoints of an architecture",
            expected="torchvision/<model>.<weights> or timm/<backbone>.<tag>",
            remedy="correct the tag; torchvision.models.get_model_weights(model) and "
            "timm.list_pretrained() list what there is",
        )
    return found


def own_names(tag: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state with the layers' names of today's library."""
    if not tag.startswith("torchvision/densenet"):
        return state
    return {OLD_DENSE_LAYER.sub(r"\1\2", name): value for name, value in state.items()}


def complete_state(tag: str, state: dict[str, Tensor], *, where: str) -> dict[str, Tensor]:
    """Return the whole state of the published network, all layers under their own names.

    Parameters
    ----------
    tag
        The tag of the weights.
    state
        The content of the published file.
    where
        The file, for the error.

    Raises
    ------
    UserError
        If the state is not that of the network, or its values are not numbers that it takes.
    """
    publisher, _, name = tag.partition("/")
    try:
        if publisher == "timm":
            own = on_meta(timm.create_model, model_name=name).state_dict()
            check_values(own, state, where=where, remedy=ANOTHER_FILE)
            # timm knows how the names of its files turn into those of its layers.
            network = timm.create_model(
                name, pretrained=True, pretrained_cfg_overlay={"state_dict": state}
            )
        else:
            network, state = _network(name), own_names(tag, state)
            check_values(network.state_dict(), state, where=where, remedy=ANOTHER_FILE)
            network.load_state_dict(state, assign=True)
    except NOT_THE_NETWORKS as error:
        raise UserError(
            f"the file does not hold the weights {tag}: {str(error)[:300]}",
            where=where,
            expected=f"the state dictionary of {name.partition('.')[0]}",
            remedy=ANOTHER_FILE,
        ) from error
    complete = network.state_dict()
    check_values(complete, complete, where=where, remedy=ANOTHER_FILE)
    return {name: value.detach().contiguous() for name, value in complete.items()}


def _from_torchvision(tag: str, name: str) -> Published | None:
    model, _, weights = name.partition(".")
    if model not in torchvision.list_models():
        return None
    found = torchvision.get_model_weights(model).__members__.get(weights)
    if found is None:
        return None
    linear = [
        path for path, module in _network(name).named_modules() if isinstance(module, nn.Linear)
    ]
    return Published(tag, found.url, found.url.rpartition("/")[2], (linear[-1],))


def _network(name: str) -> nn.Module:
    """Build torchvision's network of a tag without memory: only its layers matter."""
    return on_meta(torchvision.get_model, name=name.partition(".")[0], weights=None)


def _from_timm(tag: str, name: str) -> Published | None:
    try:
        found = timm.models.get_pretrained_cfg(name)
    except RuntimeError:  # timm's answer to a tag that the backbone does not have
        return None
    if found is None or not found.has_weights:
        return None
    classifier = found.classifier or ()
    classifier = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    # timm's own order: the hub first, the older address if the hub does not have them.
    if found.hf_hub_id:
        url = f"https://huggingface.co/{found.hf_hub_id}/resolve/main/model.safetensors"
        return Published(tag, url, f"{name}.safetensors", classifier)
    return Published(tag, found.url, found.url.rpartition("/")[2], classifier)
