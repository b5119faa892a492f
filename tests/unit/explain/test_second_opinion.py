"""Integrated gradients and occlusion: against their definitions and against captum."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from torch import nn

from pneumobench.core.errors import UserError
from pneumobench.explain.second_opinion import (
    OPINIONS,
    STEPS,
    integrated_gradients,
    occlusion,
    second_opinions,
)
from pneumobench.explain.targets import target_scores
from pneumobench.models import registry

SIZE = 64


def network(name: str, outputs: int = 1):
    torch.manual_seed(0)
    model = registry.load(name).build(outputs)
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.normal_(last.weight, std=0.5)  # fresh networks are undecided, which would hide errors
    return model.eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def scores(model, images, target):
    with torch.no_grad():
        return target_scores(model(images), target)


class Weighing(nn.Module):
    """A linear score, for which both methods have an exact answer: one weight a pixel."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        weights = torch.randn(outputs, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
        self.weights = nn.Parameter(weights)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bhw,ohw->bo", images[:, 0], self.weights)


# The quadrature needs more points where the score bends more, here relative to how little it rises.
@pytest.mark.parametrize("name, steps", [("custom_resnet_cbam", 128), ("custom_cnn_lstm", 16)])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_integrated_gradients_share_out_the_rise_of_the_score(name, steps, baseline, images):
    model = network(name)
    target = torch.tensor([1, 0])
    maps = integrated_gradients(model, images, target, steps=steps, baseline=baseline)
    start = torch.zeros_like(images)
    if baseline == "mean":
        start = images.mean((1, 2, 3), keepdim=True).expand_as(images)
    rise = scores(model, images, target) - scores(model, start, target)
    assert maps.shape == (2, SIZE, SIZE) and maps.dtype == torch.float32
    assert (rise.abs() > 1e-3).all()
    torch.testing.assert_close(maps.sum((1, 2)), rise, rtol=0.05, atol=1e-3)


def test_integrated_gradients_are_captums(images):
    model = network("custom_resnet18", outputs=2)
    target = torch.tensor([0, 1])
    expected = IntegratedGradients(model).attribute(
        images, torch.zeros_like(images), target=target, n_steps=7
    )
    found = integrated_gradients(model, images, target, steps=7)
    torch.testing.assert_close(found, expected[:, 0].float(), rtol=1e-4, atol=1e-6)


def test_integrated_gradients_in_parts_are_the_same(images, monkeypatch):
    model, target = network("custom_resnet18"), torch.tensor([1, 1])
    whole = integrated_gradients(model, images, target, steps=9)
    monkeypatch.setattr("pneumobench.explain.second_opinion.BATCH_SIZE", 4)
    torch.testing.assert_close(
        integrated_gradients(model, images, target, steps=9), whole, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("outputs", [1, 2])
def test_both_have_the_sign_of_what_speaks_for_the_class(outputs, images):
    model = Weighing(outputs)
    target = torch.tensor([0, 1])
    weights = torch.stack(
        [-model.weights[0], model.weights[0]] if outputs == 1 else [*model.weights]
    )
    expected = weights[target].detach() * images[:, 0]
    torch.testing.assert_close(integrated_gradients(model, images, target, steps=3), expected)
    hidden = occlusion(model, images, target, window=1, stride=1, baseline="black")[:, :4, :4]
    torch.testing.assert_close(hidden, expected[:, :4, :4], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("window, stride", [(16, 16), (24, 16), (20, 15)])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_occlusion_is_a_loop_over_squares(window, stride, baseline, images):
    model = network("custom_resnet18")
    target = torch.tensor([1, 0])
    grey = images.mean((1, 2, 3)) if baseline == "mean" else torch.zeros(2)
    falls, covered = torch.zeros(2, SIZE, SIZE), torch.zeros(SIZE, SIZE)
    tops = range(0, SIZE - window + stride, stride)
    for top in tops:
        for left in tops:
            hidden = images.clone()
            place = (slice(top, top + window), slice(left, left + window))
            hidden[:, 0, *place] = grey[:, None, None]
            fall = scores(model, images, target) - scores(model, hidden, target)
            falls[:, *place] += fall[:, None, None]
            covered[place] += 1
    assert covered.min() >= 1
    found = occlusion(model, images, target, window=window, stride=stride, baseline=baseline)
    assert found.shape == (2, SIZE, SIZE) and found.dtype == torch.float32
    assert found.std() > 1e-4
    torch.testing.assert_close(found, falls / covered, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["custom_cnn_lstm", "resnet50"])
def test_frozen_networks_are_explained_and_left_alone(name, images):
    model = network(name).train().requires_grad_(False)
    target = torch.tensor([1, 1])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for maps in (
        integrated_gradients(model, images, target, steps=2),
        occlusion(model, images, target, window=32, stride=32),
    ):
        assert maps.isfinite().all() and maps.any() and not maps.requires_grad
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not images.requires_grad


@pytest.mark.parametrize("window, stride", [(16, 17), (SIZE + 1, 1), (8, 0)])
def test_squares_that_leave_pixels_out_are_refused(window, stride, images):
    with pytest.raises(UserError, match=f"squares of {window} px every {stride} px"):
        occlusion(Weighing(1), images, torch.tensor([1, 1]), window=window, stride=stride)


def test_unknown_baseline_is_refused(images):
    with pytest.raises(UserError, match="no baseline blck"):
        integrated_gradients(Weighing(1), images, torch.tensor([1, 1]), steps=2, baseline="blck")


def test_pipeline_asks_for_both_about_packed_images():
    model = network("custom_resnet_cbam")
    squares = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE), dtype=np.uint8)
    images, target = torch.from_numpy(squares).unsqueeze(1) / 255, torch.tensor([1, 0])
    maps = second_opinions(model, squares, target)
    assert tuple(maps) == OPINIONS
    expected = occlusion(model, images, target, window=16, stride=8)
    torch.testing.assert_close(maps["occlusion"], expected)
    expected = integrated_gradients(model, images, target, steps=STEPS, baseline="mean")
    torch.testing.assert_close(maps["integrated_gradients"], expected)
    nobody = second_opinions(model, squares[:0], target[:0])
    assert all(one.shape == (0, SIZE, SIZE) for one in nobody.values())
