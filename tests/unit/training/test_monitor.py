"""The best epoch, and when training ends: against a reference."""

import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

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


def test_best_epoch_by_accuracy():
    model = torch.nn.Linear(1, 1)
    best = BestEpoch(EarlyStopping("accuracy", patience=None))
    for epoch, (accuracy, loss) in enumerate([(0.7, 0.1), (0.9, 0.4), (0.9, 0.5)]):
        best.update(epoch, {"inner_accuracy": accuracy, "inner_loss": loss}, model)
    assert best.epoch == 1 and not best.exhausted(99)
