"""Maps that need no layer: integrated gradients and occlusion, on the pixels themselves.

They judge class activation maps by other means: one by the input's gradient, the other without any
gradient. Both have a sign: positive speaks for the class, negative against it. Compare their
positive part, `map.clamp(min=0)`, with class activation maps, which are cut off at zero as well.
"""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion
from torch import Tensor

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.explain.targets import target_scores
from pneumobench.models.blocks.classifier import Classifier

OPINIONS = ("integrated_gradients", "occlusion")

BASELINES = ("black", "mean")
"""What stands for "nothing there": black, or each image's own mean grey value."""

BATCH_SIZE = 64
"""Images in one pass through the network, varied ones of one image among them."""

STEPS = 24
"""Points of the integral in the pipeline."""

WINDOWS = 4
"""How many occluding squares fit side by side; each overlaps the next by half."""


def second_opinions(model: Classifier, squares: np.ndarray, target: Tensor) -> dict[str, Tensor]:
    """Return both maps of packed images with their settings in the pipeline.

    Parameters
    ----------
    model
        On its device.
    squares
        uint8 [B, S, S].
    target
        int64 [B], the class explained; on any device.

    Returns
    -------
    dict
        integrated_gradients and occlusion, float32 [B, S, S] with their sign.
    """
    size = squares.shape[-1]
    if not len(squares):
        return {name: torch.zeros(0, size, size) for name in OPINIONS}
    device, window = next(model.parameters()).device, size // WINDOWS
    found = []
    for start in range(0, len(squares), BATCH_SIZE):
        batch = slice(start, start + BATCH_SIZE)
        images = torch.from_numpy(squares[batch]).to(device).unsqueeze(1) / 255.0
        classes = target[batch].to(device)
        maps = (
            integrated_gradients(model, images, classes, steps=STEPS, baseline="mean"),
            occlusion(model, images, classes, window=window, stride=max(1, window // 2)),
        )
        found.append(maps)
    return {name: torch.cat(parts) for name, *parts in zip(OPINIONS, *found, strict=True)}


def integrated_gradients(
    model: Classifier, images: Tensor, target: Tensor, *, steps: int, baseline: str = "black"
) -> Tensor:
    """Share out the score's rise from a baseline among the pixels.

    Integrated gradients (Sundararajan et al., 2017, https://arxiv.org/abs/1703.01365, eq. 1), the
    integral by Gauss-Legendre quadrature. A map's sum is the score of the image minus that of the
    baseline, up to the error of the quadrature. A pixel as grey as the baseline gets nothing: from
    black, dark lungs stay silent, which `mean` avoids.

    Parameters
    ----------
    model, images
        As `cam.explain` takes them; the model is left in evaluation mode.
    target
        int64 [B]; the class whose score is explained.
    steps
        Points between baseline and image, each with a forward and a backward pass.
    baseline
        One of `BASELINES`.

    Returns
    -------
    Tensor
        float32 [B, S, S] with its sign, in units of the score.

    Raises
    ------
    UserError
        If there is no such baseline.
    """
    attribution = IntegratedGradients(_score_of(model), multiply_by_inputs=True).attribute(
        images,
        baselines=_baseline_of(images, baseline),
        additional_forward_args=target,
        n_steps=steps,
        internal_batch_size=max(BATCH_SIZE, len(images)),
    )
    return attribution.detach().squeeze(1).float()


def occlusion(
    model: Classifier,
    images: Tensor,
    target: Tensor,
    *,
    window: int,
    stride: int,
    baseline: str = "mean",
) -> Tensor:
    """Measure how far the score falls where a square hides the image.

    Occlusion sensitivity (Zeiler and Fergus, 2014, https://arxiv.org/abs/1311.2901, section 4.2).
    Each pixel gets the mean fall over the squares that hide it; the last square of a row or column
    is cut off by the border where the stride does not fit.

    Parameters
    ----------
    model, images, target
        As `integrated_gradients` takes them.
    window
        Side of the square in pixels.
    stride
        Pixels from one square to the next.
    baseline
        What the square shows, one of `BASELINES`.

    Returns
    -------
    Tensor
        As that of `integrated_gradients`.

    Raises
    ------
    UserError
        If squares would leave pixels out or the image, or if there is no such baseline.
    """
    size = min(images.shape[-2:])
    if not 1 <= stride <= window <= size:
        raise UserError(
            f"squares of {window} px every {stride} px do not cover images of {size} px",
            where="occlusion: window and stride",
            expected=f"1 <= stride <= window <= {size}",
            remedy="take a window within the image, and a stride within the window",
        )
    attribution = Occlusion(_score_of(model)).attribute(
        images,
        sliding_window_shapes=(1, window, window),
        strides=(1, stride, stride),
        baselines=_baseline_of(images, baseline),
        additional_forward_args=target,
        perturbations_per_eval=max(1, BATCH_SIZE // len(images)),
    )
    return attribution.squeeze(1).float()


def _score_of(model: Classifier) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what captum explains: images and classes in, scores [B] out."""
    model.eval()

    def score(images: Tensor, target: Tensor) -> Tensor:
        return target_scores(model(images), target)

    return score


def _baseline_of(images: Tensor, name: str) -> Tensor:
    if name == "black":
        return torch.zeros_like(images)
    if name == "mean":
        return images.mean((1, 2, 3), keepdim=True).expand_as(images).contiguous()
    raise UserError(
        f"there is no baseline {name}",
        where=f"baseline: {name}",
        expected=f"one of {', '.join(BASELINES)}",
        remedy=f"{did_you_mean(name, BASELINES)} Take one of them".strip(),
    )
