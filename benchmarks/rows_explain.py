"""Row of the suite about class activation maps: ours, the grad-cam package, one forward pass."""

from typing import Any

import torch
from measure import median_of, ratio_of, take_turns
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from rows_training import IMAGE_SIZE, numerics

from pneumobench.explain.cam import explain
from pneumobench.explain.maps import enlarge
from pneumobench.models import registry

MODEL, BATCH = "plain_resnet18", 64


def explanation_row(repetitions: int, threads: int) -> dict[str, Any]:
    """Measure enlarged Grad-CAM maps of one batch, and an inference pass of the same batch."""
    device, _ = numerics(threads)
    network = registry.load(MODEL).build(1).to(device, memory_format=torch.channels_last).eval()
    images = torch.rand(BATCH, 1, IMAGE_SIZE, IMAGE_SIZE, device=device)
    layer = network.get_submodule(network.architecture.cam_layers[0])

    def ours() -> int:
        return len(enlarge(explain(network, images, target=1).joint, IMAGE_SIZE).cpu())

    def package() -> int:
        with GradCAM(network, [layer]) as cam:
            return len(cam(images, [ClassifierOutputTarget(0)] * BATCH))

    def forward() -> int:
        with torch.inference_mode():
            return len(network(images).cpu())

    contenders = {"ours": ours, "grad-cam package": package, "inference": forward}
    speeds = take_turns(contenders, repetitions)
    return {
        "row": f"Grad-CAM, {MODEL}, batch of {BATCH}",
        "unit": "images/s",
        "device": device.type,
        "precision": "float32",
        "speeds": {name: median_of(values).record() for name, values in speeds.items()},
        "ours / package": ratio_of(speeds, "ours", "grad-cam package").record(),
        "seconds, ours / inference": ratio_of(speeds, "inference", "ours").record(),
    }
