"""Attention: what CBAM and LSTM heads weigh, and that looking at it changes nothing."""

import copy

import pytest
import torch
from torch import nn

from pneumobench.core.errors import UserError
from pneumobench.explain.attention import attention_maps
from pneumobench.models import registry
from pneumobench.models.blocks.cbam import CBAM
from pneumobench.models.blocks.lstm_head import LSTMHead
from pneumobench.models.heads import replace_head

OWN = {"kind": "own", "width": 16, "dropout": 0.4, "hidden_dropout": 0.3, "outputs": 1}
SUMS_TO_ONE = {"atol": 1e-5, "rtol": 0}


def network(name: str, token_reading: str = "last"):
    torch.manual_seed(0)
    model = registry.load(name).build(1)
    replace_head(model, **OWN, token_reading=token_reading)
    return model.eval()


def images(size: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(size))


def lstm_head(reading: str) -> LSTMHead:
    head = LSTMHead(24, hidden=16, hidden_dropout=0.0, width=8, width_dropout=0.0, outputs=1)
    head.read_by(reading)
    if reading == "additive":
        nn.init.normal_(head.scorer[2].weight)  # as if it had learned something
    return head.eval()


class TestGates:
    @pytest.mark.parametrize("alpha", [0.5, 1.0])
    @torch.no_grad()
    def test_they_are_those_of_the_modules_own_functions(self, alpha):
        model = network("custom_resnet_cbam")
        inputs = []
        for module in model.modules():
            if isinstance(module, CBAM):
                module.alpha.fill_(alpha)
                module.register_forward_pre_hook(lambda _, given: inputs.append(given[0].clone()))
        found = attention_maps(model, images(64))
        assert list(found) == ["stage_1", "stage_2", "stage_3", "stage_4"]
        # A copy: calling the modules below adds to the list.
        for module, features, gate in zip(model.attention, [*inputs], found.values(), strict=True):
            channels = module.channel_attention(features)
            weighted = features * (1 + alpha * (channels - 1))
            expected = 1 + alpha * (module.spatial_attention(weighted)[:, 0] - 1)
            torch.testing.assert_close(gate, expected)
            torch.testing.assert_close(weighted * gate.unsqueeze(1), module(features))
            assert ((gate > 0) & (gate < 1)).all() and gate.std() > 1e-4

    def test_shut_off_they_are_one(self):
        found = attention_maps(network("resnet_cbam"), images(64))
        assert len(found) == 4 and all((gate == 1).all() for gate in found.values())

    @pytest.mark.parametrize("size", [64, 96, 224])
    def test_grids(self, size):
        found = attention_maps(network("custom_resnet_cbam"), images(size, count=1))
        sides = [size // step for step in (4, 8, 16, 32)]
        assert [gate.shape for gate in found.values()] == [(1, side, side) for side in sides]
        assert {gate.dtype for gate in found.values()} == {torch.float32}


class TestTokens:
    @pytest.mark.parametrize("size, side", [(64, 2), (96, 3), (224, 7)])
    def test_grids_of_xception_lstm(self, size, side):
        found = attention_maps(network("xception_lstm"), images(size, count=1))
        assert found["token_norm"].shape == (1, side, side)

    @pytest.mark.parametrize("size", [64, 96])
    def test_grid_of_the_pooled_network(self, size):
        found = attention_maps(network("custom_cnn_lstm", "additive"), images(size))
        assert {name: tuple(map.shape) for name, map in found.items()} == {
            "token_norm": (2, 7, 7),
            "token_additive": (2, 7, 7),
        }
        for weights in found.values():
            torch.testing.assert_close(weights.sum((1, 2)), torch.ones(2), **SUMS_TO_ONE)

    @torch.no_grad()
    def test_norms_are_those_of_the_source(self):
        model = network("custom_cnn_lstm")
        batch = images(64)
        tokens = model.pool(model.features(model.prepare(batch))).flatten(2).permute(0, 2, 1)
        states, _ = model.recurrent.lstm(tokens)
        expected = torch.softmax(torch.norm(states, dim=2), dim=1).reshape(-1, 7, 7)
        found = attention_maps(model, batch)
        assert list(found) == ["token_norm"]
        torch.testing.assert_close(found["token_norm"], expected)

    @torch.no_grad()
    @pytest.mark.parametrize("seed", range(5))
    def test_only_the_learned_score_is_free_of_the_order(self, seed):
        torch.manual_seed(seed)
        head = lstm_head("additive")
        constant = torch.rand(1, 24, 1, 1).expand(1, 24, 7, 7)
        learned, norms = (head.token_weights(constant, by).flatten() for by in ("additive", "norm"))
        torch.testing.assert_close(learned, torch.full((49,), 1 / 49), atol=1e-7, rtol=0)
        assert norms.argmin() == 0 and norms.max() > 1.2 * norms.min()
        mirrored = torch.rand(1, 24, 7, 7)
        torch.testing.assert_close(
            head.token_weights(mirrored.flip(3), "additive"),
            head.token_weights(mirrored, "additive").flip(2),
        )


class TestReading:
    def test_last_is_the_default_and_draws_nothing(self):
        plain, named = registry.load("custom_cnn_lstm"), network("custom_cnn_lstm", "last")
        torch.manual_seed(0)
        built = plain.build(1).eval()
        assert list(built.state_dict()) == list(named.state_dict())
        assert torch.equal(built(images(64)), named(images(64)))

    @torch.no_grad()
    @pytest.mark.parametrize("reading", ["norm", "additive"])
    def test_states_are_weighted_as_told(self, reading):
        head = lstm_head(reading)
        features = torch.rand(2, 24, 3, 5)
        states, _ = head.lstm(features.flatten(2).transpose(1, 2))
        weights = head.token_weights(features, reading)
        read = torch.einsum("bt,bth->bh", weights.flatten(1), states)
        torch.testing.assert_close(head(features), head.classifier(read))

    @torch.no_grad()
    def test_additive_score_of_one_token(self):
        head = lstm_head("additive")
        features = torch.rand(1, 24, 2, 2)
        into, _, out = head.scorer
        scores = [
            (out.weight @ torch.tanh(into.weight @ features[0, :, row, column] + into.bias)).item()
            for row in range(2)
            for column in range(2)
        ]
        expected = torch.tensor(scores).softmax(0).reshape(1, 2, 2)
        torch.testing.assert_close(head.token_weights(features, "additive"), expected)

    @pytest.mark.parametrize("name", ["xception_lstm", "custom_cnn_lstm"])
    @pytest.mark.parametrize("reading", ["norm", "additive"])
    def test_every_parameter_learns(self, name, reading):
        model = network(name, reading).train()
        model(images(64)).sum().backward()
        without = [
            key
            for key, value in model.named_parameters()
            if value.grad is None or not value.grad.isfinite().all() or not value.grad.any()
        ]
        assert without == []

    def test_another_head_keeps_the_reading(self):
        model = registry.load("custom_cnn_lstm").build(2)
        replace_head(model, **{**OWN, "kind": "mlp", "outputs": 2}, token_reading="additive")
        assert model.eval()(images(64)).shape == (2, 2)
        assert "token_additive" in attention_maps(model, images(64))

    @pytest.mark.parametrize("name", ["custom_resnet18", "timm:resnet10t"])
    def test_networks_without_an_lstm_refuse_it(self, name):
        with torch.device("meta"):
            model = registry.load(name).build(1)
        with pytest.raises(UserError, match=f"additive means nothing for {name}") as refused:
            replace_head(model, **OWN, token_reading="additive")
        assert "head.token_reading: additive" in str(refused.value)


class TestNothingChanges:
    @pytest.mark.parametrize(
        "name, reading", [("custom_resnet_cbam", "last"), ("custom_cnn_lstm", "additive")]
    )
    def test_outputs_weights_and_hooks(self, name, reading):
        model = network(name, reading)
        before, state = model(images(64)).detach(), copy.deepcopy(model.state_dict())
        found = attention_maps(model, images(64))
        assert not any(map.requires_grad for map in found.values())
        assert not any(module._forward_hooks for module in model.modules())
        assert torch.equal(model(images(64)), before)
        assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
        assert all(value.grad is None for value in model.parameters())

    @pytest.mark.parametrize("name", ["custom_resnet_cbam", "custom_cnn_lstm"])
    def test_hooks_go_even_if_the_network_fails(self, name):
        model = network(name)
        with pytest.raises(UserError, match="too small"):
            attention_maps(model, images(32))
        assert not any(module._forward_hooks for module in model.modules())

    def test_networks_without_attention_have_no_maps(self):
        assert attention_maps(network("custom_resnet18"), images(64)) == {}
