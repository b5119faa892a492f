"""Other heads, and gradient checkpointing: on every architecture that takes them."""

import pytest
import torch
from torch import nn

from pneumobench.core.errors import UserError
from pneumobench.models import registry
from pneumobench.models.heads import replace_head
from pneumobench.training.checkpointing import checkpoint_stages
from pneumobench.training.freezing import freeze

MLP = {"kind": "mlp", "width": 16, "dropout": 0.4, "hidden_dropout": 0.3}
# One of each kind of stage; every architecture's paths are checked below.
STAGED = ["custom_resnet_cbam", "xception_lstm"]


def test_own_head_stays():
    model = registry.load("custom_resnet18").build(1)
    head = model.network.fc
    replace_head(model, **{**MLP, "kind": "own"}, outputs=1)
    assert model.network.fc is head


@pytest.mark.parametrize("name", [*registry.names(), "timm:resnet10t"])
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_every_architecture_takes_another_head(name, kind):
    with torch.device("meta"):
        model = registry.load(name).build(1)
        replace_head(model, **{**MLP, "kind": kind}, outputs=2)
    *_, last = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert last.out_features == 2
    assert kind == "linear" or last.in_features == 16
    head = model.get_submodule(model.architecture.head or "network.fc")
    assert sum(isinstance(layer, nn.Linear) for layer in head.modules()) == 1 + (kind == "mlp")
    assert sum(isinstance(layer, nn.Dropout) for layer in head.modules()) == 2 * (kind == "mlp")


@pytest.mark.parametrize("name", ["custom_resnet18", "alexnet", "custom_cnn_lstm"])
def test_network_with_another_head_gives_its_logits(name):
    model = registry.load(name).build(1)
    replace_head(model, **MLP, outputs=2)
    logits = model.eval()(torch.rand(2, 1, 64, 64))
    assert logits.shape == (2, 2) and logits.dtype == torch.float32


def test_stages_of_every_architecture_are_there():
    staged = [name for name in registry.names() if registry.load(name).stages]
    assert set(STAGED) < set(staged) and len(staged) == 10
    for name in staged:
        with torch.device("meta"):
            model = registry.load(name).build(1)
        assert all(model.get_submodule(path) for path in model.architecture.stages)


def test_network_without_a_linear_layer_keeps_its_head():
    model = registry.load("custom_resnet18").build(1)
    model.network.fc = nn.Identity()
    with pytest.raises(UserError, match="no single linear head"):
        replace_head(model, **MLP, outputs=1)


def test_replaced_head_is_trained_where_only_the_last_stage_is():
    architecture = registry.load("resnet50")
    model = architecture.build(2)
    replace_head(model, **MLP, outputs=2)
    names = [name for name, _ in model.named_parameters()]
    freeze(model, architecture.frozen_names("last_stage", names))
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert {name for name in names if name.startswith("network.fc.")} <= trained


def run_once(name: str, checkpointed: bool) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = registry.load(name).build(1)
    if checkpointed:
        checkpoint_stages(model)
    torch.manual_seed(1)
    model.train()(torch.rand(2, 1, 64, 64)).sum().backward()
    gradients = {key: value.grad for key, value in model.named_parameters()}
    return gradients | dict(model.named_buffers())


@pytest.mark.parametrize("name", STAGED)
def test_checkpointing_changes_no_bit(name):
    plain, checkpointed = run_once(name, False), run_once(name, True)
    assert plain.keys() == checkpointed.keys()
    assert all(torch.equal(plain[key], checkpointed[key]) for key in plain)


def test_checkpointing_keeps_less():
    def kept(checkpointed: bool) -> int:
        model = registry.load("resnet50").build(1)
        if checkpointed:
            checkpoint_stages(model)
        sizes = []

        def count(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            model(torch.rand(2, 1, 64, 64))
        return sum(sizes)

    assert kept(True) < kept(False) / 2


def test_checkpointing_without_stages_is_refused():
    with pytest.raises(UserError, match="gradient_checkpointing: false"):
        checkpoint_stages(registry.load("alexnet").build(1))
