"""Optimisation, early stopping, precision: each against a reference."""

import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from pneumobench.core.errors import UserError
from pneumobench.training import precision
from pneumobench.training.freezing import freeze, training_mode
from pneumobench.training.monitor import BestEpoch, inner_metrics
from pneumobench.training.recipe import EarlyStopping


def test_inner_metrics_match_sklearn():
    generator = torch.Generator().manual_seed(0)
    # Rounded, so that ties occur.
    logits = torch.randn(60, generator=generator).round(decimals=1)
    labels = (torch.rand(60, generator=generator) > 0.4).float()
    metrics = inner_metrics(logits, labels)
    assert metrics["inner_auc"] == pytest.approx(roc_auc_score(labels, logits), abs=1e-6)
    assert metrics["inner_loss"] == pytest.approx(log_loss(labels, logits.sigmoid()), abs=1e-5)


def test_best_epoch_breaks_ties_by_loss_and_stops():
    model = torch.nn.Linear(1, 1)
    best = BestEpoch(EarlyStopping("auc", patience=2))
    for epoch, (auc, loss) in enumerate([(0.8, 0.5), (0.9, 0.4), (0.9, 0.3), (0.85, 0.1)]):
        torch.nn.init.constant_(model.weight, epoch)
        best.update(epoch, {"inner_auc": auc, "inner_loss": loss}, model)
        assert not best.exhausted(epoch)
    assert best.epoch == 2 and best.weights["weight"].item() == 2
    assert best.exhausted(4)


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


def test_best_epoch_by_accuracy():
    model = torch.nn.Linear(1, 1)
    best = BestEpoch(EarlyStopping("accuracy", patience=None))
    for epoch, (accuracy, loss) in enumerate([(0.7, 0.1), (0.9, 0.4), (0.9, 0.5)]):
        best.update(epoch, {"inner_accuracy": accuracy, "inner_loss": loss}, model)
    assert best.epoch == 1 and not best.exhausted(99)


def test_missing_device_is_an_error_with_a_way_out(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no cuda device") as raised:
        precision.decide_precision("cuda", "auto", 1)
    error = raised.value
    assert "compute.device: cuda" in error.where and "cpu" in error.expected
    assert "compute.device: auto" in error.remedy


def test_float16_on_cpu_is_refused():
    with pytest.raises(UserError, match=r"compute\.precision: float16"):
        precision.decide_precision("cpu", "float16", 1)


@pytest.mark.parametrize(
    ("gain", "error", "expected"),
    [(2.0, 1e-3, "bfloat16"), (1.1, 1e-3, "float32"), (2.0, 0.1, "float32")],
)
def test_bfloat16_needs_speed_and_accuracy(monkeypatch, gain, error, expected):
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(precision, "_probe_bfloat16", lambda: (gain, error))
    decided = precision.decide_precision("cpu", "auto", 1)
    assert decided["precision"] == expected and "probe" in decided["reason"]


def test_bfloat16_is_not_probed_without_hardware(monkeypatch):
    monkeypatch.setattr(precision, "_native_bfloat16", lambda: False)
    decided = precision.decide_precision("cpu", "auto", 1)
    assert decided == {
        "device": "cpu",
        "precision": "float32",
        "reason": "the processor has no native bfloat16 (avx512_bf16 or amx)",
    }


def test_probe_measures():
    gain, error = precision._probe_bfloat16()
    assert gain > 0 and 0 < error < 0.05
