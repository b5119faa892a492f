"""Losses, optimisers, schedules and the moving average, against torch and scikit-learn."""

import numpy as np
import pytest
import torch
from recipe_fixture import recipe
from sklearn.metrics import log_loss

from pneumobench.training.averaging import WeightAverage
from pneumobench.training.loss import Loss, class_weights
from pneumobench.training.optimisation import Schedule, build_optimiser

LABELS = torch.tensor([1.0, 0.0, 0.0, 0.0])
LOGITS = torch.tensor([2.0, -1.0, 0.3, -0.2])


def two_logits(logits: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.zeros_like(logits), logits], 1)


def test_loss_of_one_logit_is_sklearns():
    loss = Loss(recipe(), LABELS)(LOGITS.unsqueeze(1), LABELS)
    assert loss.item() == pytest.approx(log_loss(LABELS, LOGITS.sigmoid()))


def test_two_logits_have_the_loss_of_their_difference():
    loss = Loss(recipe(loss="cross_entropy"), LABELS)(two_logits(LOGITS), LABELS)
    assert loss.item() == pytest.approx(log_loss(LABELS, LOGITS.sigmoid()))


@pytest.mark.parametrize("kind", ["binary_cross_entropy", "cross_entropy"])
def test_smoothed_labels_lie_between_the_classes(kind):
    logits = LOGITS.unsqueeze(1) if kind == "binary_cross_entropy" else two_logits(LOGITS)
    loss = Loss(recipe(loss=kind, label_smoothing=0.2), LABELS)(logits, LABELS)
    targets = torch.tensor([0.9, 0.1, 0.1, 0.1])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(LOGITS, targets)
    assert loss.item() == pytest.approx(expected.item())


def test_class_weights_are_inverse_frequencies_with_the_minority_boosted():
    weights = class_weights(LABELS, "inverse_frequency", 1.0)
    assert weights.tolist() == pytest.approx([0.5, 1.5])
    boosted = class_weights(LABELS, "inverse_frequency", 1.3)
    assert (boosted[1] / boosted[0]).item() == pytest.approx(3 * 1.3)
    assert boosted.sum().item() == pytest.approx(2)
    assert class_weights(LABELS, "none", 1.0) is None


def test_weighted_losses_are_torchs():
    settings = {"class_weights": "inverse_frequency", "minority_boost": 1.3}
    ratio = torch.tensor(3 * 1.3)
    one = Loss(recipe(**settings), LABELS)(LOGITS.unsqueeze(1), LABELS)
    assert one.item() == pytest.approx(
        torch.nn.BCEWithLogitsLoss(pos_weight=ratio)(LOGITS, LABELS).item()
    )
    two = Loss(recipe(loss="cross_entropy", **settings), LABELS)(two_logits(LOGITS), LABELS)
    reference = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, ratio]))
    assert two.item() == pytest.approx(reference(two_logits(LOGITS), LABELS.long()).item())


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_optimisers_are_fused_and_move(name):
    parameter = torch.nn.Parameter(torch.ones(3))
    optimiser = build_optimiser([parameter], name, 0.1, 0.0)
    assert optimiser.defaults["fused"]
    parameter.sum().backward()
    optimiser.step()
    assert (parameter < 1).all()


def rates(kind: str, steps: int, **keys) -> list[float]:
    schedule = Schedule(recipe(schedule=kind, **keys), steps)
    return [schedule.factor(step) for step in range(steps)]


def torchs_rates(scheduler: type, steps: int, rate: float = 1.0, **keys) -> list[float]:
    optimiser = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=rate)
    schedule, seen = scheduler(optimiser, **keys), []
    for step in range(steps):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step < steps - 1:
            schedule.step()
    return seen


@pytest.mark.parametrize("warm_up", [0.1, 0.3])
def test_one_cycle_is_torchs(warm_up):
    expected = torchs_rates(
        torch.optim.lr_scheduler.OneCycleLR, 50, max_lr=1.0, total_steps=50, pct_start=warm_up
    )
    assert rates("one_cycle", 50, warm_up=warm_up) == pytest.approx(expected, rel=1e-9)


def test_cosine_is_torchs():
    expected = torchs_rates(torch.optim.lr_scheduler.CosineAnnealingLR, 20, T_max=20)
    assert rates("cosine", 20) == pytest.approx(expected, abs=1e-12)
    assert rates("none", 3) == [1, 1, 1]


def test_warm_up_rises_in_a_line_and_falls_as_a_cosine():
    factors = rates("warm_up_cosine", 40, warm_up=0.1)
    assert factors[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert factors[4:] == pytest.approx(rates("cosine", 36))


@pytest.mark.parametrize("kind", ["one_cycle", "warm_up_cosine", "cosine"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_short_schedules_are_finite_and_positive(kind, steps):
    assert all(0 < factor <= 1 for factor in rates(kind, steps))


def test_plateau_is_torchs_and_survives_a_restart():
    losses = [1.0, 0.9, 0.9, 0.95, 0.89999, 0.5, *np.linspace(0.6, 0.7, 9)]
    optimiser = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=2)
    keys = {"schedule": "plateau", "plateau": {"factor": 0.5, "patience": 2}}
    schedule = Schedule(recipe(**keys), 100)
    for loss in losses:
        reference.step(loss)
        schedule.epoch_ended(loss)
        restarted = Schedule(recipe(**keys), 100)
        restarted.restore(schedule.state())
        schedule = restarted
        assert schedule.factor(5) == pytest.approx(optimiser.param_groups[0]["lr"])
    assert schedule.factor(5) < 0.5


def test_average_of_the_weights_is_the_recursion_and_steps_aside():
    model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    average = WeightAverage(model, decay=0.9)
    expected = model[0].weight.detach().clone()
    for step in range(200):
        with torch.no_grad():
            model[0].weight += 0.1
        average.update()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model[0].weight.detach()
    own = model[0].weight.detach().clone()
    with average.in_place():
        assert torch.allclose(model[0].weight, expected, rtol=1e-5)
        assert not torch.allclose(model[0].weight, own)
    assert torch.equal(model[0].weight, own)
