"""Devices and precision: probed, taken or refused."""

import pytest
import torch

from pneumobench.core.errors import UserError
from pneumobench.training import precision


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
