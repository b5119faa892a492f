"""Frozen layers keep what they are told to keep."""

import torch

from pneumobench.training.freezing import freeze, training_mode


def test_frozen_layers_keep_parameters_and_statistics():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Conv2d(2, 2, 3), torch.nn.ReLU()
    )
    freeze(model, ["0.weight", "0.bias", "1.weight", "1.bias"])
    training_mode(model, "fixed")
    assert [layer.training for layer in model] == [False, False, True, True]
    before = model[1].running_mean.clone()
    model(torch.rand(4, 1, 8, 8)).sum().backward()
    assert torch.equal(model[1].running_mean, before)
    assert model[0].weight.grad is None and model[2].weight.grad is not None


def test_statistics_of_frozen_layers_move_where_the_recipe_says_so():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    freeze(model, ["1.weight", "1.bias"])
    training_mode(model, "updated")
    before = model[1].running_mean.clone()
    model(torch.rand(4, 1, 8, 8))
    assert not torch.equal(model[1].running_mean, before)
