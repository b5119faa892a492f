"""Device and number format of an experiment, decided once and by evidence.

bfloat16 convolutions are 25 to 500 times slower than float32 on processors that only emulate them
(pytorch#146508, #183815), so `auto` takes them only where the hardware computes them natively and
a short probe finds them faster and right.
"""

import contextlib
import logging
import time
from typing import Any

import torch

from pneumobench.core.errors import UserError
from pneumobench.prediction.numerics import configure_numerics, present_devices

logger = logging.getLogger(__name__)

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}

# The probe: bfloat16 must be this much faster, and its output this close (relative).
MINIMUM_GAIN, MAXIMUM_ERROR = 1.2, 2e-2


def decide_precision(device: str, precision: str, threads: int) -> dict[str, Any]:
    """Resolve the configured device and precision on this machine.

    Parameters
    ----------
    device
        auto, cpu, cuda or mps.
    precision
        auto, float32, bfloat16 or float16.
    threads
        Numeric threads, as training will use them.

    Returns
    -------
    device, precision and the reason for each, as `precision.json` holds them.

    Raises
    ------
    UserError
        If the device is not there, or float16 is asked for on a CPU.
    """
    configure_numerics(threads)
    chosen = _resolve_device(device)
    if precision == "float16" and chosen.type == "cpu":
        raise UserError(
            "float16 cannot be trained on a CPU",
            where="config key compute.precision: float16",
            expected="auto, float32 or bfloat16 on a CPU",
            remedy="set compute.precision: auto",
        )
    if precision != "auto":
        return {"device": chosen.type, "precision": precision, "reason": "set in the configuration"}
    decided, reason = {"cuda": _cuda, "cpu": _cpu, "mps": _mps}[chosen.type]()
    logger.info("%s on %s: %s", decided, chosen.type, reason)
    return {"device": chosen.type, "precision": decided, "reason": reason}


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """Return the context in which the layers of a model run in `precision`."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, DTYPES[precision], cache_enabled=False)


def _resolve_device(device: str) -> torch.device:
    present = present_devices()
    if device == "auto":
        return torch.device(present[0])
    if device not in present:
        raise UserError(
            f"this machine has no {device} device that PyTorch {torch.__version__} can use",
            where=f"config key compute.device: {device}",
            expected=f"one of: auto, {', '.join(present)}",
            remedy="set compute.device: auto, or run where the device and its driver are",
        )
    return torch.device(device)


def _cuda() -> tuple[str, str]:
    major, minor = torch.cuda.get_device_capability()
    if major >= 8:
        return "bfloat16", f"native from compute capability 8.0; this GPU has {major}.{minor}"
    return "float16", f"with a gradient scaler: compute capability {major}.{minor} is below 8.0"


def _mps() -> tuple[str, str]:
    return "float32", "the only precision tried on this device"


def _cpu() -> tuple[str, str]:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported() or not _native_bfloat16():
        return "float32", "the processor has no native bfloat16 (avx512_bf16 or amx)"
    gain, error = _probe_bfloat16()
    measured = f"in a probe bfloat16 ran at {gain:.2f}x float32 with relative error {error:.1e}"
    return ("bfloat16" if gain >= MINIMUM_GAIN and error <= MAXIMUM_ERROR else "float32"), measured


def _native_bfloat16() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _probe_bfloat16() -> tuple[float, float]:
    """Train one convolution block in both formats; return speed ratio and output error."""
    generator = torch.Generator().manual_seed(0)
    block = torch.nn.Sequential(
        torch.nn.Conv2d(64, 64, 3, padding=1, bias=False), torch.nn.BatchNorm2d(64), torch.nn.ReLU()
    ).to(memory_format=torch.channels_last)
    images = torch.randn(16, 64, 28, 28, generator=generator).to(memory_format=torch.channels_last)
    times, outputs = {"float32": [], "bfloat16": []}, {}
    # In turns, and by the processor's own time: other work on the machine decides nothing.
    for _ in range(5):
        for precision, taken in times.items():
            start = time.process_time()
            with autocast(torch.device("cpu"), precision):
                output = block(images)
            output.float().square().mean().backward()
            taken.append(time.process_time() - start)
            outputs[precision] = output.detach().float()
    error = (outputs["bfloat16"] - outputs["float32"]).norm() / outputs["float32"].norm()
    return min(times["float32"]) / min(times["bfloat16"]), error.item()
