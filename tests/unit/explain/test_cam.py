"""Class activation maps against the reference package, at other layers, on every architecture."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from scipy.stats import spearmanr

from pneumobench.core.errors import UserError
from pneumobench.explain.cam import explain
from pneumobench.explain.maps import enlarge, join
from pneumobench.explain.methods import METHODS
from pneumobench.explain.targets import class_index, predicted_class, target_probabilities
from pneumobench.models import registry
from pneumobench.models.blocks.cbam import CBAM
from pneumobench.prediction.numerics import configure_numerics

REFERENCE = {
    "grad_cam": GradCAM,
    "grad_cam_plus_plus": GradCAMPlusPlus,
    "hires_cam": HiResCAM,
    "layer_cam": LayerCAM,
}
NAMES = [*registry.names(), "timm:resnet10t"]
SIZE = 96


def build(name: str, outputs: int = 1):
    """Return a network with open gates and logits of both signs."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = registry.load(name).build(outputs).eval()
        for module in network.modules():
            if isinstance(module, CBAM):
                torch.nn.init.constant_(module.alpha, 0.5)
            elif isinstance(module, torch.nn.BatchNorm2d):
                # As after training: ReLUs that are half open.
                module.running_mean.normal_(0.0, 0.1)
                module.bias.data.normal_(0.0, 0.1)
    return network


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    return build(request.param)


def radiographs(count: int = 3, size: int = SIZE) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(size))


@pytest.fixture(scope="module")
def recorded(network):
    """What the package keeps of each layer: activations and gradients of the logit."""
    modules = [network.get_submodule(layer) for layer in network.architecture.cam_layers]
    with GradCAM(network, modules) as cam:
        cam.activations_and_grads(radiographs())[:, 0].sum().backward()
        activations, gradients = cam.activations_and_grads.activations, cam.activations_and_grads
        pairs = zip(activations, gradients.gradients, strict=True)
        kept = [(first.numpy(), second.numpy()) for first, second in pairs]
    network.zero_grad(set_to_none=True)
    return dict(zip(network.architecture.cam_layers, kept, strict=True))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [0, 1])
def test_maps_equal_those_of_the_reference_package(network, recorded, method, target):
    ours = explain(network, radiographs(), method=method, target=target)
    for branch, layer in zip(ours.layers, recorded, strict=True):
        activations, gradients = recorded[layer]
        signed = gradients if target else -gradients
        with REFERENCE[method](network, [network.get_submodule(layer)]) as cam:
            theirs = cam.get_cam_image(radiographs(), None, None, activations, signed, False)
        theirs = np.maximum(theirs, 0)
        # Where the channels' products cancel out, what is left is rounding.
        rounding = 1e-6 * np.abs(activations * gradients).sum(1).max()
        difference = np.abs(ours.layers[branch].numpy() - theirs).max()
        assert difference <= 1e-4 * theirs.max() + rounding


@pytest.mark.parametrize("sign", [1, -1])
def test_maps_equal_those_of_the_reference_package_from_radiograph_to_picture(network, sign):
    ours = explain(network, radiographs(), target=int(sign == 1))
    for branch, layer in zip(ours.layers, network.architecture.cam_layers, strict=True):
        with GradCAM(network, [network.get_submodule(layer)]) as cam:
            theirs = cam(radiographs(), [lambda logits: sign * logits[..., 0]] * len(radiographs()))
        # It scales each map before it is enlarged and once more after.
        enlarged = scale_cam_image(ours.layers[branch].numpy(), (SIZE, SIZE))
        np.testing.assert_allclose(scale_cam_image(enlarged), theirs, atol=1e-5)
    network.zero_grad(set_to_none=True)


def test_the_reference_package_needs_networks_that_are_not_frozen():
    network = build("resnet_cbam").requires_grad_(False)
    (layer,) = network.architecture.cam_layers
    with (
        GradCAM(network, [network.get_submodule(layer)]) as cam,
        pytest.raises(RuntimeError, match="does not require grad"),
    ):
        cam(radiographs(), [lambda logits: logits[..., 0]] * len(radiographs()))
    assert (
        not explain(network, radiographs(), target=1).empty.all()
        or not explain(network, radiographs(), target=0).empty.all()
    )


def test_maps_of_trained_like_networks_are_not_all_empty(network, recorded):
    assert not all(explain(network, radiographs(), target=target).empty.all() for target in (0, 1))


def test_both_routes_give_the_same_map(network):
    for number, layer in enumerate(network.architecture.cam_layers):
        at_layer = explain(network, radiographs(), layer=layer, target=1)
        own = list(explain(network, radiographs(), target=1).layers.values())[number]
        torch.testing.assert_close(at_layer.joint, own, rtol=1e-4, atol=1e-7)


def test_nothing_of_the_network_changes(network):
    state = {name: value.clone() for name, value in network.state_dict().items()}
    needed = [parameter.requires_grad for parameter in network.parameters()]
    explain(network, radiographs())
    explain(network, radiographs(), layer=network.architecture.cam_layers[0])
    assert torch.is_grad_enabled() and not network.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert [parameter.requires_grad for parameter in network.parameters()] == needed
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_frozen_networks_have_the_same_maps():
    network = build("xception_lstm")
    free = explain(network, radiographs())
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    assert torch.equal(explain(network, radiographs()).joint, free.joint)


FOLD_AFTER_FOLD = """
import torch
from pneumobench.explain.cam import explain
from pneumobench.models import registry
from pneumobench.prediction.numerics import configure_numerics

network, radiographs = registry.load("custom_cnn_lstm").build(1), torch.rand(2, 1, 64, 64)
for _ in range(2):
    configure_numerics(1)
    print(tuple(explain(network, radiographs).joint.shape), torch.backends.cudnn.enabled)
"""


def test_a_process_explains_folds_of_recurrent_networks_one_after_another():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    finished = subprocess.run(
        [sys.executable, "-c", FOLD_AFTER_FOLD], env=environment, capture_output=True, text=True
    )
    assert finished.stdout.splitlines() == ["(2, 16, 16) True"] * 2, finished.stderr


def test_a_batch_is_its_images():
    network = build("custom_resnet_cbam")
    together = explain(network, radiographs(4))
    apart = [explain(network, radiograph.unsqueeze(0)).joint for radiograph in radiographs(4)]
    torch.testing.assert_close(together.joint, torch.cat(apart), rtol=1e-4, atol=1e-6)


def test_bfloat16_ranks_places_as_float32_does():
    network, images = build("plain_resnet18"), radiographs(4, 224)
    full = explain(network, images, target=1).joint
    half = explain(network, images, target=1, precision="bfloat16").joint
    assert half.dtype == torch.float32
    correlation = spearmanr(full.flatten(), half.flatten()).statistic
    assert correlation >= 0.99


def test_predicted_class_is_explained_where_none_is_named():
    network = build("custom_resnet18")
    logits = network(radiographs(4)).detach()
    with torch.no_grad():
        network.network.fc.bias -= logits.median()
    found = explain(network, radiographs(4))
    assert found.target.tolist() == predicted_class(found.logits).tolist()
    assert set(found.target.tolist()) == {0, 1}
    assert explain(network, radiographs(4), threshold=1e9).target.tolist() == [0] * 4
    for row, target in enumerate(found.target.tolist()):
        one = explain(network, radiographs(4), target=target).joint[row]
        assert torch.equal(found.joint[row], one)


def test_several_logits():
    network = build("custom_resnet18", outputs=3)
    assert not torch.equal(
        explain(network, radiographs(), target=0).joint,
        explain(network, radiographs(), target=1).joint,
    )
    # Two of three equal logits are of pneumonias.
    assert float(target_probabilities(torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([1]))) == (
        pytest.approx(2 / 3)
    )
    with pytest.raises(UserError, match="no class 2"):
        explain(network, radiographs(), target=2)


def test_a_map_against_the_class_is_empty():
    network = build("custom_resnet18")
    with torch.no_grad():
        network.network.fc.weight.abs_()
    assert not explain(network, radiographs(), target=1).empty.any()
    against = explain(network, radiographs(), target=0)
    assert against.empty.all() and float(against.joint.max()) == 0


def test_branches_join_before_scaling():
    found = explain(build("xception_vgg16_fusion"), radiographs(), target=1)
    assert list(found.layers) == ["xception", "vgg16"]
    large, small = found.layers["vgg16"], found.layers["xception"]
    assert found.joint.shape == large.shape != small.shape
    torch.testing.assert_close(found.joint, large + enlarge(small, tuple(large.shape[-2:])))
    assert torch.equal(join([small]), small)


@pytest.mark.parametrize(
    ("layer", "said", "remedy"),
    [
        ("network.layer5", "no layer network.layer5", "did you mean network.layer"),
        ("", "no layer", "null"),
        ("network.fc", "has no map: it gives [3, 1]", "explanation.layer to null"),
    ],
)
def test_bad_layers(layer, said, remedy):
    network = build("custom_resnet18")
    with pytest.raises(UserError) as raised:
        explain(network, radiographs(), layer=layer)
    assert said in str(raised.value) and remedy in raised.value.remedy
    assert torch.is_grad_enabled()
    assert not any(module._forward_hooks for module in network.modules())


def test_networks_of_several_branches_of_tokens_have_no_map():
    with pytest.raises(UserError) as raised:
        explain(registry.load("timm:crossvit_tiny_240").build(1), torch.rand(1, 1, 240, 240))
    assert "has no map" in str(raised.value) and "explanation.method" in raised.value.remedy


def test_a_layer_that_is_used_twice_is_explained_where_it_is_used_last():
    network = build("plain_resnet18")
    block = explain(network, radiographs(), layer="network.layer4.1", target=1)
    shared = explain(network, radiographs(), layer="network.layer4.1.relu", target=1)
    torch.testing.assert_close(shared.joint, block.joint)


def test_class_names():
    assert class_index("predicted") is None
    assert class_index("pneumonia") == 1
    with pytest.raises(UserError, match="no class pneumona") as raised:
        class_index("pneumona")
    assert "did you mean pneumonia" in raised.value.remedy
    assert class_index("viral", ("normal", "bacterial", "viral")) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", registry.names())
def test_processor_and_gpu_agree(name):
    configure_numerics(1)
    network = build(name)
    on_cpu = explain(network, radiographs(), target=1).joint
    on_gpu = explain(network.cuda(), radiographs().cuda(), target=1).joint.cpu()
    assert (on_cpu - on_gpu).abs().max() <= 1e-3 * on_cpu.max()
