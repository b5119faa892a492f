"""Backbones of timm: tokens become maps, shared weights are kept, the rest is said beforehand."""

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, HiResCAM
from torch import nn

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.explain.cam import NoMapError, explain
from pneumobench.explain.preview import preview_maps
from pneumobench.models import registry, timm_backbone
from pneumobench.models.describe import describe_model
from pneumobench.models.heads import replace_head
from pneumobench.models.timm_backbone import TimmBackbone
from pneumobench.models.weights.saved import restore_weights, save_weights

SETTINGS = {"method": "grad_cam", "target": "predicted", "layer": None}
# The head reads the class token, all tokens by attention, the mean of tokens without a prefix.
TOKENS = {
    "timm:test_vit": ("network.blocks.5.norm1", 1),
    "timm:test_vit3": ("last_map", 1),
    "timm:test_vit_relpos": ("last_map", 0),
}
SIDE = 160


# Published size, and side of the map; None where features are a list.
FAMILIES = {
    "cait_xxs24_224": (224, 14),
    "coat_lite_tiny": (224, 7),
    "coat_tiny": (224, None),
    "convit_tiny": (224, 14),
    "convnext_atto": (224, 7),
    "crossvit_tiny_240": (240, None),
    "deit_tiny_distilled_patch16_224": (224, 14),
    "efficientformer_l1": (224, 7),
    "efficientvim_m1": (224, None),
    "eva02_tiny_patch14_224": (224, 16),
    "gmlp_ti16_224": (224, 14),
    "hiera_tiny_224": (224, 7),
    "hrnet_w18_small": (224, 7),
    "inception_next_atto": (224, 7),
    "levit_128s": (224, 4),
    "maxvit_pico_rw_256": (256, 8),
    "mvitv2_tiny": (224, 7),
    "pit_ti_224": (224, 7),
    "pvt_v2_b0": (224, 7),
    "sequencer2d_s": (224, 16),
    "swin_tiny_patch4_window7_224": (224, 7),
    "tnt_s_legacy_patch16_224": (224, 14),
    "twins_svt_small": (224, 7),
    "vit_tiny_patch16_224": (224, 14),
    "vit_tiny_r_s16_p8_224": (224, 7),
    "volo_d1_224": (224, 14),
    "xcit_nano_12_p8_224": (224, 28),
}


def images(size=SIDE, count=2):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(size))


def build(name):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return registry.load(name).build(1).eval()


@pytest.mark.parametrize(("method", "theirs"), [("grad_cam", GradCAM), ("hires_cam", HiResCAM)])
@pytest.mark.parametrize("name", TOKENS)
def test_maps_of_tokens_equal_those_of_the_reference_package(name, method, theirs):
    network, (layer, prefix) = build(name), TOKENS[name]
    assert network.explained_layers == (layer,)

    def reshape(tokens):
        grid = tokens[:, prefix:].reshape(len(tokens), SIDE // 16, SIDE // 16, -1)
        return grid.permute(0, 3, 1, 2)

    # The package needs a gradient all the way down.
    network.requires_grad_(True)
    for target, sign in ((1, 1.0), (0, -1.0)):
        with theirs(network, [network.get_submodule(layer)], reshape_transform=reshape) as cam:
            cam.activations_and_grads(images())[:, 0].sum().backward()
            kept = cam.activations_and_grads
            activations, gradients = kept.activations[0].numpy(), sign * kept.gradients[0].numpy()
            expected = cam.get_cam_image(images(), None, None, activations, gradients, False)
        network.zero_grad(set_to_none=True)
        ours = explain(network, images(), method=method, target=target)
        expected = np.maximum(expected, 0)
        assert ours.joint.shape == (2, SIDE // 16, SIDE // 16)
        limit = 1e-5 * expected.max()
        np.testing.assert_allclose(ours.joint.numpy(), expected, rtol=1e-5, atol=limit)
        assert expected.max() > 0 or target == 0


@pytest.mark.parametrize("name", TOKENS)
def test_each_token_stands_where_its_part_of_the_image_is(name):
    network, radiographs = build(name), images(count=1)
    seen = []
    layer = network.get_submodule(network.explained_layers[0])
    layer.register_forward_hook(lambda *given: seen.append(network.as_map(given[-1])))
    with torch.no_grad():
        network(radiographs)
        for row, column in ((1, 7), (8, 2)):
            changed = radiographs.clone()
            changed[..., row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 0.0
            network(changed)
            difference = (seen[-1] - seen[0]).abs().sum((0, 1))
            assert divmod(int(difference.argmax()), SIDE // 16) == (row, column)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_kept_and_explained_at_their_published_size(name, tmp_path):
    (size, side), name = FAMILIES[name], f"timm:{name}"
    description = describe_model(name, size)
    assert (reason(name, size, tmp_path) == "") == (side is not None)
    if side is not None:
        assert description["cam_layers"][0]["map"] == [side, side]
        assert explain(build(name), images(size, 1)).joint.shape == (1, side, side)


def test_grids_that_are_not_square():
    network = build("timm:test_vit")
    network.network.patch_embed.grid_size = (4, 9)
    tokens = torch.arange(37.0).view(1, 37, 1)
    grid = network.as_map(tokens)
    assert grid.shape == (1, 1, 4, 9) and torch.equal(grid.flatten(), torch.arange(1.0, 37.0))
    assert network.as_map(torch.ones(1, 8, 3)) is None, "seven places form no grid"
    assert network.as_map(torch.ones(1, 5)) is None


def test_maps_of_inner_layers_have_their_channels_first():
    network = build("timm:test_mambaout")
    assert network.as_map(torch.ones(1, 5, 5, 64)).shape == (1, 64, 5, 5)
    assert network.as_map(torch.ones(1, 24, 80, 80)).shape == (1, 24, 80, 80)
    own = explain(network, images(), target=1)
    inner = explain(network, images(), target=1, layer="network.stages.3")
    torch.testing.assert_close(inner.joint, own.joint)


def reason(name, size, tmp_path, **settings):
    preview_maps(name, size, SETTINGS | settings, tmp_path / "preview.json")
    return read_json(tmp_path / "preview.json")["reason"]


def test_backbone_with_shared_tensors_is_kept_and_explained(tmp_path):
    name = "timm:coat_lite_tiny"
    description = describe_model(name, 224)
    assert description["cam_layers"][0]["map"] == [7, 7]
    assert reason(name, 224, tmp_path) == ""
    saved, fresh = build(name), registry.load(name).build(1).eval()
    save_weights(tmp_path / "weights.safetensors", saved, name)
    restore_weights(tmp_path / "weights.safetensors", fresh, where="here", remedy="do this")
    with torch.no_grad():
        assert torch.equal(fresh(images(224, 1)), saved(images(224, 1)))


def test_features_of_several_branches_are_trained_without_maps(tmp_path):
    name = "timm:crossvit_tiny_240"
    assert describe_model(name, 240)["cam_layers"][0]["layer"].startswith("network.")
    assert "gives 2 tensors of 2 branches" in reason(name, 240, tmp_path)
    with pytest.raises(NoMapError):
        explain(build(name), images(240, 1))
    network = registry.load(name).build(1)
    network(images(240)).sum().backward()
    assert network.network.norm[0].weight.grad is not None


def test_places_that_do_not_reach_the_score_are_found_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(TimmBackbone, "_before_last_attention", lambda _: None)
    assert "only from its class token" in reason("timm:test_vit", 64, tmp_path)


def test_head_of_zeros_says_nothing_about_its_maps(tmp_path):
    assert reason("timm:resmlp_12_224", 224, tmp_path) == ""


def test_layer_that_somebody_asked_for_is_corrected_beforehand(tmp_path):
    with pytest.raises(UserError, match=r"no layer network.block.5"):
        reason("timm:test_vit", 64, tmp_path, layer="network.block.5")
    with pytest.raises(UserError, match="has no map"):
        reason("timm:test_vit", 64, tmp_path, layer="network.head")
    assert not (tmp_path / "preview.json").exists()
    assert reason("timm:test_vit", 64, tmp_path, layer="network.blocks.2.norm1") == ""


def test_head_is_replaced_where_the_logits_are_made():
    settings = {"width": 8, "dropout": 0.0, "hidden_dropout": 0.0, "outputs": 1}
    network = build("timm:test_mambaout")
    replace_head(network, "linear", **settings)
    assert isinstance(network.network.head.fc, nn.Linear)
    # Two heads whose mean is the logit: another one in the place of the last would be half of it.
    network = build("timm:crossvit_tiny_240")
    with pytest.raises(UserError, match="no single linear head"):
        replace_head(network, "mlp", **settings)


def said(function, *arguments):
    with pytest.raises(UserError) as caught:
        function(*arguments)
    return str(caught.value)


class Taken(nn.Module):
    """A layer that is given a parameter, as those of CaiT are."""

    def forward(self, tokens, token):
        return tokens + token


class Takes(TimmBackbone):
    """A backbone with such a layer."""

    def __init__(self, name, outputs):
        super().__init__(name, outputs)
        self.take, self.token = Taken(), nn.Parameter(torch.zeros(1))

    def head(self, features):
        return super().head(self.take(features, self.token.expand(1)))


def test_layers_that_are_given_a_parameter_can_be_counted(monkeypatch):
    monkeypatch.setattr(timm_backbone, "TimmBackbone", Takes)
    description = describe_model("timm:test_vit", 64)
    assert description["trainable_parameters"] == description["parameters"] > 1


def remembered(network, logits):
    """Return logits that follow from what training left in a plain attribute."""
    if network.training:
        network.seen = getattr(network, "seen", 0.0) + float(logits.detach().abs().mean())
    return logits + getattr(network, "seen", 0.0)


class TestUnusable:
    """What is built, but cannot be used, is said in one message before anything is trained."""

    @pytest.fixture
    def made(self, monkeypatch):
        """Return a function that lets timm build something else."""

        def make(create):
            monkeypatch.setattr(timm_backbone.timm, "create_model", create)

        return make

    def test_package_that_is_missing(self, made):
        def create(*_, **__):
            raise ImportError("No module named 'mamba_ssm'\nTraceback")

        made(create)
        text = said(describe_model, "timm:test_vit", 64)
        assert "timm:test_vit cannot be used: timm cannot build it: No module named" in text
        assert "Traceback" not in text and "leave timm:test_vit out" in text

    def test_network_without_classes_and_one_of_other_channels(self, made):
        network = build("timm:test_vit").network
        made(lambda *_, **__: nn.Linear(1, 1))
        assert "no forward_features and no forward_head" in said(
            describe_model, "timm:test_vit", 64
        )

        network.pretrained_cfg = {"input_size": (4, 64, 64)}
        made(lambda *_, **__: network)
        assert "images of 4 channels" in said(describe_model, "timm:test_vit", 64)

    def test_network_without_published_statistics_takes_those_of_imagenet(self, made):
        network = build("timm:test_vit").network
        network.pretrained_cfg = None
        made(lambda *_, **__: network)
        taken = registry.load("timm:test_vit").build(1)
        assert taken.normalise.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda _, logits: torch.cat([logits, logits], 1), "is [1, 2]"),
            (lambda _, logits: (logits, logits), "is tuple"),
            (lambda _, logits: logits / 0, "not finite"),
            (lambda network, logits: logits + id(network) % 97, "give other logits"),
            (lambda network, logits: [logits] if network.training else logits, "is list"),
            (lambda _, logits: logits.detach(), "give no gradient"),
            (lambda _, logits: logits.sigmoid().mul_(2) + logits.exp().mul_(2), "give no gradient"),
            (lambda _, logits: (logits - logits.detach()).sqrt(), "is not finite"),
            (lambda _, logits: logits + 0.1 * logits.mean(), "an image alone"),
            (lambda _, logits: logits + torch.rand(1), "the second time"),
            (lambda network, logits: remembered(network, logits), "a registered buffer"),
        ],
    )
    def test_outputs_that_are_no_logits(self, change, expected, monkeypatch):
        class Changed(TimmBackbone):
            def head(self, features):
                return change(self, super().head(features) + 1.0)

        monkeypatch.setattr(timm_backbone, "TimmBackbone", Changed)
        text = said(describe_model, "timm:test_vit", 64)
        assert "timm:test_vit cannot be trained" in text and expected in text

    def test_parameters_that_the_logits_do_not_use(self, monkeypatch, caplog):
        class Spare(TimmBackbone):
            def __init__(self, name, outputs):
                super().__init__(name, outputs)
                self.spare = nn.Linear(2, 2)

        monkeypatch.setattr(timm_backbone, "TimmBackbone", Spare)
        describe_model("timm:test_vit", 64)
        assert "no gradient reaches 2 of its" in caplog.text and "spare.weight" in caplog.text
