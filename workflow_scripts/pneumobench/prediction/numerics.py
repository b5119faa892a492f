"""How torch computes, in training and in prediction alike: equal weights give equal logits."""

import os

import torch


def configure_numerics(threads: int) -> None:
    """Make arithmetic repeatable: fixed threads, deterministic kernels, true float32."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.backends.fp32_precision = "ieee"
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    if torch.cuda.is_available():
        # cuBLAS reads it when its first kernel starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # No error where a layer of some backbone has no deterministic gradient, but a warning.
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False


def present_devices() -> list[str]:
    """Return the kinds of devices that this machine has, the fastest first."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    return [name for name, there in present.items() if there]
