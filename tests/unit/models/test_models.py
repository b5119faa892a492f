"""Every architecture of the registry keeps the common contract, at the smallest size and at 224."""

import copy

import pytest
import torch
from torch import nn
from torchvision import models as torchvision_models

from pneumobench.core.errors import UserError
from pneumobench.models import registry
from pneumobench.models.blocks.cbam import CBAM
from pneumobench.models.blocks.normalise import HALF, IMAGENET, Normalise
from pneumobench.models.blocks.pooling import AdaptiveAveragePool
from pneumobench.models.describe import count_parameters

# Published counts at 1000 classes (torchvision, timm; Woo et al. for CBAM's bias-free layers), with
# the last layer for one logit instead.
MILLION_PARAMETERS = {
    "alexnet": 61.101 - 4.097 + 0.004,
    "vgg16": 138.358 - 4.097 + 0.004,
    "plain_resnet18": 11.690 - 0.513 + 0.001,
    "resnet_cbam": 11.690 - 0.513 + 0.001 + 0.044,
    "custom_resnet18": 11.690 - 0.513 + 0.001,
    "custom_resnet_cbam": 11.690 - 0.513 + 0.001 + 0.044,
    "resnet50": 25.557 - 2.049 + 0.002,
    "resnet101": 44.549 - 2.049 + 0.002,
    "densenet121": 7.979 - 1.025 + 0.001,
    "xception": 22.856 - 2.049 + 0.002,
    "xception_vgg16_fusion": (22.856 - 2.049) + 14.715 + 0.328,
    "xception_lstm": (22.856 - 2.049) + 1.050 + 2.101 + 0.066,
    "custom_cnn_lstm": 0.411 + 0.030 + 0.003,
}


@pytest.fixture(scope="module", params=registry.names())
def network(request):
    """One architecture, built once for all tests of it, its attention gates half open."""
    torch.manual_seed(0)
    built = registry.load(request.param).build(1)
    open_gates(built)
    return built


def open_gates(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, CBAM):
            nn.init.constant_(module.alpha, 0.5)


def images(size: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(size))


def as_tuple(features):
    return features if isinstance(features, tuple) else (features,)


@pytest.mark.parametrize("size", [64, 224])
def test_forward_and_backward(network, size):
    network.train().zero_grad(set_to_none=True)
    logits = network(images(size))
    assert logits.shape == (2, 1)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()
    nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor([[0.0], [1.0]])).backward()
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.isfinite().all() or not parameter.grad.any()
    ]
    assert without == []


@pytest.mark.parametrize("size", [64, 97])
def test_evaluation_of_single_images(network, size):
    network.eval()
    with torch.inference_mode():
        together = network(images(size))
        apart = torch.cat([network(image[None]) for image in images(size)])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


def test_output_is_float32_and_trunk_is_not_under_autocast(network):
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        features = network.features(network.prepare(images(64)))
        assert {part.dtype for part in as_tuple(features)} == {torch.bfloat16}
        logits = network.head(features)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_channels_last_gives_the_same(network):
    twin = copy.deepcopy(network).eval().to(memory_format=torch.channels_last)
    network.eval()
    with torch.inference_mode():
        batch = images(64)
        expected = network(batch)
        torch.testing.assert_close(twin(batch), expected, atol=1e-4, rtol=1e-4)


def test_cam_layers_give_the_features_as_maps(network):
    network.eval()
    seen = {}
    hooks = [
        network.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: seen.update({layer: output})
        )
        for layer in network.architecture.cam_layers
    ]
    prepared = network.prepare(images(64))
    features = as_tuple(network.features(prepared))
    for hook in hooks:
        hook.remove()
    assert len(features) == len(network.architecture.cam_layers)
    for layer, part in zip(network.architecture.cam_layers, features, strict=True):
        assert part.ndim == 4
        assert min(part.shape[2:]) >= 2
        assert (part >= 0).all(), "the map is taken after its ReLU, attention keeps the sign"
        torch.testing.assert_close(seen[layer], part)


def test_gradient_reaches_the_map_from_the_head_alone_and_through_hooks(network):
    """Grad-CAM needs both in evaluation mode; an in-place ReLU there would break the hook."""
    network.eval()
    with torch.no_grad():
        parts = as_tuple(network.features(network.prepare(images(64))))
    leaves = tuple(part.clone().requires_grad_() for part in parts)
    network.head(leaves if len(leaves) > 1 else leaves[0]).sum().backward()
    hooked = []
    handles = [
        network.get_submodule(layer).register_full_backward_hook(
            lambda _module, _inputs, outputs: hooked.append(outputs[0])
        )
        for layer in network.architecture.cam_layers
    ]
    network(images(64)).sum().backward()
    for handle in handles:
        handle.remove()
    assert all(leaf.grad.any() for leaf in leaves)
    for leaf in leaves:
        assert any(
            gradient.shape == leaf.shape and torch.allclose(gradient, leaf.grad, atol=1e-6)
            for gradient in hooked
        )


def test_freeze_policies_name_real_parameters(network):
    architecture = network.architecture
    names = [name for name, _ in network.named_parameters()]
    modules = dict(network.named_modules())
    assert architecture.frozen_names("none", names) == []
    for policy, freeze in architecture.freeze.items():
        assert set(freeze.first) | set(freeze.all_but) <= set(modules)
        for path, count in freeze.first.items():
            assert len(list(modules[path].parameters())) > count
        frozen = architecture.frozen_names(policy, names)
        assert len(names) > len(frozen) > 0, policy


def test_checkpoints_and_branches_name_real_modules(network):
    for path, tag in network.architecture.checkpoints.items():
        assert network.get_submodule(path)
        assert tag.split("/")[0] in ("torchvision", "timm")
    for branch in network.architecture.branches:
        assert network.get_submodule(branch)


def test_state_survives_a_round_trip(network):
    name = network.architecture.name
    torch.manual_seed(1)
    other = registry.load(name).build(1)
    with torch.inference_mode():
        assert not torch.equal(other.eval()(images(64)), network.eval()(images(64)))
        other.load_state_dict(network.state_dict(), strict=True)
        assert torch.equal(other(images(64)), network(images(64)))
    assert not {key for key in network.state_dict() if "normalise" in key}


def test_two_networks_share_no_weights(network):
    def memory(built):
        return {tensor.untyped_storage().data_ptr() for tensor in built.state_dict().values()}

    assert not memory(network) & memory(registry.load(network.architecture.name).build(1))


def test_signal_survives_to_the_features_from_the_start(network):
    """From scratch, a network whose features hardly differ between images hardly learns."""
    network.eval()
    with torch.inference_mode():
        dark, bright = 0.5 * images(64), 0.5 + 0.5 * images(65)[..., :64, :64]
        parts = zip(
            as_tuple(network.features(network.prepare(dark))),
            as_tuple(network.features(network.prepare(bright))),
            strict=True,
        )
        assert all((one - other).norm() > 0.05 * one.norm() > 0 for one, other in parts)


@pytest.mark.parametrize(("name", "millions"), MILLION_PARAMETERS.items())
def test_parameter_counts_are_the_published_ones(name, millions):
    with torch.device("meta"):
        built = registry.load(name).build(1)
    assert count_parameters(built) / 1e6 == pytest.approx(millions, abs=0.002)


def test_outputs_is_the_number_of_logits():
    for name in ("custom_resnet18", "densenet121", "xception_lstm", "custom_cnn_lstm"):
        assert registry.load(name).build(3).eval()(images(64)).shape == (2, 3)


def test_too_small_images_are_refused(network):
    minimum = network.architecture.minimum_size
    with pytest.raises(UserError, match=f"{network.architecture.name}: {minimum - 1} px"):
        network(images(minimum - 1))


class TestNormalisation:
    """Each network, and each branch of the fusion, normalises as its published weights expect."""

    def test_grey_becomes_three_channels(self):
        grey = torch.full((1, 1, 64, 64), 0.5)
        prepared = registry.load("densenet121").build(1).prepare(grey)
        assert prepared.shape == (1, 3, 64, 64)
        expected = [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225]
        torch.testing.assert_close(prepared[0, :, 5, 7], torch.tensor(expected))
        assert not registry.load("xception").build(1).prepare(grey).any()

    def test_fusion_normalises_each_branch(self):
        grey = images(64)
        for_xception, for_vgg16 = registry.load("xception_vgg16_fusion").build(1).prepare(grey)
        torch.testing.assert_close(for_xception, Normalise(HALF)(grey))
        torch.testing.assert_close(for_vgg16, Normalise(IMAGENET)(grey))


class TestAgainstTorchvision:
    """Our own networks and our wrappers give torchvision's logits with torchvision's weights."""

    @pytest.mark.parametrize(
        ("name", "reference", "size"),
        [
            ("custom_resnet18", "resnet18", 64),
            ("custom_resnet18", "resnet18", 224),
            ("custom_resnet_cbam", "resnet18", 64),
            ("resnet_cbam", "resnet18", 64),
            ("plain_resnet18", "resnet18", 64),
            ("resnet50", "resnet50", 64),
            ("densenet121", "densenet121", 64),
            ("alexnet", "alexnet", 64),
            ("vgg16", "vgg16", 80),
        ],
    )
    def test_same_logits(self, name, reference, size):
        torch.manual_seed(3)
        theirs = getattr(torchvision_models, reference)(weights=None, num_classes=1).eval()
        ours = registry.load(name).build(1).eval()
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm2d):
                # Statistics other than 0 and 1, so that a BatchNorm left out would show.
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
        ours.network.load_state_dict(theirs.state_dict(), strict=True)
        for module in ours.modules():
            if isinstance(module, CBAM):
                nn.init.zeros_(module.alpha)
        with torch.inference_mode():
            expected = theirs(ours.prepare(images(size)))
            torch.testing.assert_close(ours(images(size)), expected, atol=1e-6, rtol=1e-6)

    def test_published_names_of_the_branches(self):
        with torch.device("meta"):
            fusion = registry.load("xception_vgg16_fusion").build(1)
            theirs = torchvision_models.vgg16(weights=None).features.state_dict()
        assert {f"features.{name}" for name in theirs} == set(fusion.vgg16.state_dict())


class TestSeedDetails:
    """What the documents of the project say about single networks."""

    def test_attention_starts_closed_on_a_pretrained_trunk_and_open_from_scratch(self):
        for name, alpha in (("resnet_cbam", 0.0), ("custom_resnet_cbam", 1.0)):
            gates = [m.alpha.item() for m in registry.load(name).build(1).attention]
            assert gates == [alpha] * 4

    def test_cbam_follows_the_paper(self):
        torch.manual_seed(0)
        block, x = CBAM(32, alpha=1.0), torch.randn(2, 32, 5, 6)
        average, maximum = x.mean((2, 3)), x.flatten(2).max(2).values
        first, _, second = block.shared
        weights = [layer.weight.flatten(1) for layer in (first, second)]
        shared = sum((v @ weights[0].T).relu() @ weights[1].T for v in (average, maximum))
        by_channel = x * shared.sigmoid()[:, :, None, None]
        stacked = torch.stack([by_channel.mean(1), by_channel.max(1).values], 1)
        by_position = nn.functional.conv2d(stacked, block.spatial.weight, padding=3).sigmoid()
        torch.testing.assert_close(block(x), by_channel * by_position)
        assert first.out_channels == 2
        assert block.spatial.kernel_size == (7, 7)

    def test_fusion_freezes_the_named_parameters(self):
        with torch.device("meta"):
            fusion = registry.load("xception_vgg16_fusion").build(1)
        names = [name for name, _ in fusion.named_parameters()]
        frozen = fusion.architecture.frozen_names("first_parameters", names)
        assert frozen == [
            *[name for name in names if name.startswith("xception.")][:100],
            *[name for name in names if name.startswith("vgg16.features.")][:10],
        ]

    def test_last_stage_leaves_only_layer4_and_the_head(self):
        network = registry.load("resnet50").build(1)
        names = [name for name, _ in network.named_parameters()]
        frozen = set(network.architecture.frozen_names("last_stage", names))
        trained = {".".join(name.split(".")[:2]) for name in names if name not in frozen}
        assert trained == {"network.layer4", "network.fc"}

    def test_branch_shares_add_up_and_follow_the_norms(self):
        fusion = registry.load("xception_vgg16_fusion").build(1).eval()
        features = (torch.full((3, 2048, 2, 2), 2.0), torch.full((3, 512, 4, 4), 4.0))
        shares = fusion.branch_shares(features)
        # norms: 2 * sqrt(2048) and 4 * sqrt(512), which are equal
        assert {name: pytest.approx(share.item()) for name, share in shares.items()} == {
            "xception": 0.5,
            "vgg16": 0.5,
        }
        silent = fusion.branch_shares((features[0], torch.zeros(3, 512, 4, 4)))
        assert (silent["xception"].item(), silent["vgg16"].item()) == (1.0, 0.0)

    def test_lstm_reads_in_raster_order_and_classifies_the_last_state(self):
        head = registry.load("custom_cnn_lstm").build(1).recurrent.eval()
        features = torch.rand(1, 100, 7, 7)
        steps = [features[:, :, row, column] for row in range(7) for column in range(7)]
        _, (last, _) = head.lstm(torch.stack(steps, 1))
        torch.testing.assert_close(head(features), head.classifier(last[0]))

    def test_dropouts_are_the_documented_ones(self):
        expected = {
            "xception_vgg16_fusion": [0.5, 0.3],
            "xception_lstm": [0.2, 0.3],
            "custom_cnn_lstm": [0.0, 0.27],
        }
        for name, probabilities in expected.items():
            with torch.device("meta"):
                built = registry.load(name).build(1)
            found = [m.p for m in built.modules() if isinstance(m, nn.Dropout)]
            assert found == probabilities

    def test_lstm_starts_with_open_forget_gates(self):
        lstm = registry.load("custom_cnn_lstm").build(1).recurrent.lstm
        bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
        assert bias[50:100].eq(1).all()
        assert bias[:50].eq(0).all()
        gate = lstm.weight_hh_l0[:50].detach()
        torch.testing.assert_close(gate @ gate.T, torch.eye(50), atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [1, 2, 5, 7, 9, 14, 16])
def test_pooling_is_torchs_in_value_and_gradient(side):
    ours = torch.randn(2, 3, side, side + 1, dtype=torch.float64, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    pooled = AdaptiveAveragePool(7)(ours)
    expected = nn.functional.adaptive_avg_pool2d(theirs, 7)
    torch.testing.assert_close(pooled, expected)
    weights = torch.randn_like(pooled)
    (pooled * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_pooling_leaves_a_map_of_the_right_size_alone():
    features = torch.rand(1, 2, 7, 7)
    assert AdaptiveAveragePool(7)(features) is features
