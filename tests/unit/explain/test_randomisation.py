import copy
import itertools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from pneumobench.explain.randomisation import (
    cascading_randomisation,
    randomise,
    rank_correlation,
    stages,
    structural_similarity,
)
from pneumobench.models import registry


class Small(nn.Module):
    """Layers are defined in another order than they compute."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Linear(6, 1)
        self.gates = nn.ModuleList([Gate(4), Gate(6)])
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 6, 3, padding=1)

    def maps(self, images):
        values = self.gates[0](self.norm(self.first(images)).relu())
        return self.gates[1](self.last(values).relu())

    def forward(self, images):
        return self.logits(self.maps(images).mean((2, 3)))


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, channels))
        self.spatial = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, values):
        gate = torch.sigmoid(self.spatial(values))
        return values * self.scale.view(1, -1, 1, 1) * (1 + self.alpha * (gate - 1))


def explain(model, images):
    """Class activation maps (Zhou et al., 2016) without their sign."""
    with torch.no_grad():
        return torch.einsum("bchw,c->bhw", model.maps(images), model.logits.weight[0]).abs()


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Small()
        nn.init.uniform_(model.norm.weight, 0.5, 1.5)
        nn.init.uniform_(model.norm.running_mean)
    return model.eval()


@pytest.fixture
def images():
    return torch.rand(4, 1, 24, 24, generator=torch.Generator().manual_seed(1))


def test_stages_follow_the_order_of_computing(model, images):
    assert stages(model, images) == {
        "logits": ["logits"],
        "gates": ["gates.0", "gates.0.spatial", "gates.1", "gates.1.spatial"],
        "last": ["last"],
        "first": ["first", "norm"],
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "custom_resnet_cbam",
            ["network.fc", "attention.3", "network.layer4", "attention.2", "network.layer3",
             "attention.1", "network.layer2", "attention.0", "network.layer1", "network.conv1"],
        ),
        (
            "custom_cnn_lstm",
            ["recurrent.classifier", "recurrent.lstm", "trunk.conv3", "trunk.conv2", "trunk.conv1"],
        ),
    ],
)  # fmt: skip
def test_stages_of_architectures(name, expected):
    network = registry.load(name).build(1).eval()
    divided = stages(network, torch.rand(1, 1, 64, 64))
    assert list(divided) == expected
    owners = {path.rpartition(".")[0] for path, _ in network.named_parameters()}
    found = [path for paths in divided.values() for path in paths]
    assert set(found) == owners and len(found) == len(owners)


def test_every_architecture_has_a_bounded_number_of_stages():
    for name in ("xception_vgg16_fusion", "densenet121"):
        network = registry.load(name).build(2).eval()
        divided = stages(network, torch.rand(1, 1, 64, 64))
        assert 5 <= len(divided) <= 20
        assert "classifier" in next(iter(divided))


def test_weights_are_lost_from_the_logits_down(model, images):
    seen = []

    def watch(changed, shown):
        seen.append(copy.deepcopy(changed.state_dict()))
        return explain(changed, shown)

    before = copy.deepcopy(model.state_dict())
    found = cascading_randomisation(model, images, watch, seed=3)
    assert [each.layer for each in found] == ["logits", "gates", "last", "first"]
    beginnings = []
    for state in seen:
        changed = {name for name in before if not torch.equal(state[name], before[name])}
        beginnings.append({name.split(".")[0] for name in changed})
    assert beginnings == [
        set(), {"logits"}, {"logits", "gates"}, {"logits", "gates", "last"},
        {"logits", "gates", "last", "first", "norm"},
    ]  # fmt: skip
    for earlier, later in itertools.pairwise(seen):
        # What is lost is lost once.
        assert all(
            torch.equal(later[name], earlier[name])
            for name in earlier
            if not torch.equal(earlier[name], before[name])
        )


def test_the_model_and_the_random_state_stay(model, images):
    model.train()
    # A state that no randomisation of another test has left behind.
    torch.rand(5)
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    first = cascading_randomisation(model, images, explain, seed=3)
    assert torch.equal(torch.get_rng_state(), state) and model.training
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    torch.rand(5)
    again = cascading_randomisation(model, images, explain, seed=3)
    other = cascading_randomisation(model, images, explain, seed=4)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.spearman, two.spearman)
        np.testing.assert_array_equal(one.ssim, two.ssim)
    assert any(
        not np.array_equal(one.ssim, two.ssim) for one, two in zip(first, other, strict=True)
    )


def test_maps_are_compared_with_those_of_the_trained_network(model, images):
    changed = copy.deepcopy(model)
    randomise(changed.logits, 3, "logits")
    trained, lost = explain(model, images), explain(changed, images)
    found = cascading_randomisation(model, images, explain, seed=3)[0]
    assert found.spearman.shape == found.ssim.shape == (4,)
    np.testing.assert_array_equal(found.spearman, rank_correlation(trained, lost))
    scaled = [
        (maps - maps.amin((1, 2), keepdim=True))
        / (maps.amax((1, 2), keepdim=True) - maps.amin((1, 2), keepdim=True))
        for maps in (trained.double(), lost.double())
    ]
    np.testing.assert_allclose(found.ssim, structural_similarity(*scaled), rtol=1e-9)


def test_maps_that_ignore_the_weights_stay(model, images):
    found = cascading_randomisation(model, images, lambda _, shown: shown[:, 0], seed=0)
    for each in found:
        np.testing.assert_allclose(each.spearman, 1.0)
        np.testing.assert_allclose(each.ssim, 1.0)


def test_coarse_maps_are_compared_at_the_size_of_the_images(model, images):
    def coarse(changed, shown):
        return nn.functional.avg_pool2d(explain(changed, shown), 8)

    found = cascading_randomisation(model, images, coarse, seed=0)
    assert all(np.isfinite(each.ssim).all() for each in found)


def test_modules_reset_themselves(model):
    before = copy.deepcopy(model)
    randomise(model.first, 0, "first")
    assert not torch.equal(model.first.weight, before.first.weight)
    # The range of torch's own initialisation of 9 inputs.
    assert model.first.weight.abs().max() <= 1 / 3
    randomise(model.norm, 0, "norm")
    assert torch.equal(model.norm.weight, torch.ones(4))
    assert torch.equal(model.norm.running_mean, torch.zeros(4))
    other = copy.deepcopy(before)
    randomise(other.first, 0, "other name")
    assert not torch.equal(other.first.weight, model.first.weight)


def test_parameters_that_no_module_resets_change_places(model):
    gate = model.gates[1]
    before = copy.deepcopy(gate)
    randomise(gate, 0, "gates.1")
    assert not torch.equal(gate.scale, before.scale)
    assert torch.equal(gate.scale.sort().values, before.scale)
    assert torch.equal(gate.alpha, before.alpha)
    assert torch.equal(gate.spatial.weight, before.spatial.weight)


def test_rank_correlation_equals_the_reference():
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(5, 7, 7, generator=generator)
    second = (first + torch.rand(5, 7, 7, generator=generator)).round(decimals=1)
    first[2] = (first[2] - 0.5).relu()
    expected = [
        spearmanr(one.flatten(), two.flatten()).statistic
        for one, two in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(rank_correlation(first, second), expected, rtol=1e-12)
    np.testing.assert_allclose(rank_correlation(first, -first), -1.0)


@pytest.mark.filterwarnings("error")
def test_constant_maps_have_no_rank_correlation():
    maps = torch.rand(3, 7, 7)
    other = maps.clone()
    other[1] = 0.0
    found = rank_correlation(maps, other)
    assert np.isnan(found[1]) and found[0] == found[2] == pytest.approx(1.0)
    assert np.isnan(rank_correlation(other, maps)[1])


def reference_similarity(first, second):
    """Wang et al., 2004, equations 13 to 16, place by place."""
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    values = []
    for row in range(5, len(first) - 5):
        for column in range(5, len(first) - 5):
            part = (slice(row - 5, row + 6), slice(column - 5, column + 6))
            one, two = first[part], second[part]
            mean_one, mean_two = (weights * one).sum(), (weights * two).sum()
            variance_one = (weights * (one - mean_one) ** 2).sum()
            variance_two = (weights * (two - mean_two) ** 2).sum()
            covariance = (weights * (one - mean_one) * (two - mean_two)).sum()
            values.append(
                (2 * mean_one * mean_two + 0.01**2) * (2 * covariance + 0.03**2)
                / (mean_one**2 + mean_two**2 + 0.01**2)
                / (variance_one + variance_two + 0.03**2)
            )  # fmt: skip
    return np.mean(values)


def test_structural_similarity_equals_the_reference():
    first, second = np.random.default_rng(0).random((2, 3, 20, 20))
    second[1] = 0.7 * first[1] + 0.3 * second[1]
    second[2] = 1 - first[2]
    found = structural_similarity(torch.from_numpy(first), torch.from_numpy(second))
    expected = [reference_similarity(one, two) for one, two in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found[1] > 0.5 and found[2] < 0
    same = structural_similarity(torch.from_numpy(first), torch.from_numpy(first))
    np.testing.assert_allclose(same, 1.0)


def test_empty_maps(model, images):
    """The first image's map is empty from the start, the second's once the weights are lost."""
    maps = torch.rand(3, 6, 6)
    maps[0] = 0.0
    lost = maps.clone()
    lost[1] = 0.0
    answers = itertools.chain([maps], itertools.repeat(lost))
    for each in cascading_randomisation(model, images, lambda *_: next(answers), seed=0):
        assert np.isnan(each.spearman).tolist() == [True, True, False]
        assert np.isnan(each.ssim).tolist() == [True, False, False]
        assert each.ssim[1] < 0.5 and each.ssim[2] == pytest.approx(1.0)
