"""Whether maps follow what a network has learnt: its weights are lost stage by stage."""

import copy
import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from pneumobench.explain.maps import enlarge
from pneumobench.explain.smoothing import filtered, gaussian_window

ExplainMaps = Callable[[nn.Module, Tensor], Tensor]
"""Maps [B, h, w] that a network gives of images [B, 1, S, S]."""

FEWEST_STAGES = 5

# Wang et al., 2004, section III.C.
SSIM_RADIUS, SSIM_DEVIATION = 5, 1.5
SSIM_STABILISERS = (0.01**2, 0.03**2)


class Similarity(NamedTuple):
    """How much the maps resemble those of the trained network.

    Attributes
    ----------
    layer
        Path of the stage that has lost its weights last; those behind it have lost theirs before.
    spearman
        float64 [B]; see `rank_correlation`. NaN where either map is constant, empty for instance.
    ssim
        float64 [B]; see `structural_similarity`. NaN where the trained network's map is constant:
        there is nothing to resemble. A map that becomes constant has an SSIM, that with zeros.
    """

    layer: str
    spearman: np.ndarray
    ssim: np.ndarray


def cascading_randomisation(
    model: nn.Module, images: Tensor, explain_maps: ExplainMaps, *, seed: int
) -> list[Similarity]:
    """Compare a network's maps with those after its stages lost their weights one after another.

    Cascading randomisation of Adebayo et al., 2018 (https://arxiv.org/abs/1810.03292), from the
    logits down to the input. Maps that stay similar show the image, not what was learnt.

    What a stage is, `stages` says; what its new weights are, `randomise`. Correlation is taken on
    the maps' own grid; for the SSIM they are enlarged to the images' side, as in the paper, and
    each scaled to [0, 1].

    Parameters
    ----------
    model
        Stays as it is: a copy in evaluation mode loses its weights.
    images
        float32 [B, 1, S, S] in [0, 1], S = 11 or more.
    explain_maps
        Must explain the same classes whatever the network: predicted classes change with the
        weights.
    seed
        The new weights follow from it and the modules' names alone.

    Returns
    -------
    list
        One entry a stage, from the logits down.
    """
    changed = copy.deepcopy(model).eval()
    size = images.shape[-1]
    trained = explain_maps(changed, images).detach()
    trained_large = _scaled(enlarge(trained.cpu().double(), size))
    constant = (trained.amin((1, 2)) == trained.amax((1, 2))).cpu().numpy()
    similarities = []
    for stage, names in stages(changed, images[:1]).items():
        for name in names:
            randomise(changed.get_submodule(name), seed, name)
        maps = explain_maps(changed, images).detach()
        ssim = structural_similarity(trained_large, _scaled(enlarge(maps.cpu().double(), size)))
        ssim[constant] = np.nan
        similarities.append(Similarity(stage, rank_correlation(trained, maps), ssim))
    return similarities


def randomised_copy(model: nn.Module, images: Tensor, *, seed: int) -> nn.Module:
    """Return a copy of a network that has lost all its weights; `images` show the stages' order."""
    changed = copy.deepcopy(model).eval()
    for names in stages(changed, images).values():
        for name in names:
            randomise(changed.get_submodule(name), seed, name)
    return changed


def stages(model: nn.Module, images: Tensor) -> dict[str, list[str]]:
    """Divide a network into stages, from the logits down to the input.

    A stage is all modules whose paths begin alike, as `network.layer4`; the common beginning is the
    shortest that yields `FEWEST_STAGES` stages. Stages are ordered by when their last module starts
    to compute. One that holds no matrix of weights, as a normalisation, joins the stage that
    computes before it.

    Parameters
    ----------
    model
        In evaluation mode; runs once on the images, without gradients.
    images
        As the network takes them; one is enough.

    Returns
    -------
    dict
        Path of the stage -> paths of its modules that own parameters themselves.
    """
    starts = _starting_order(model, images)
    owners = [name for name, module in model.named_modules() if _own_parameters(module)]
    depth, deepest = 1, max(name.count(".") + 1 for name in owners)
    grouped = _grouped(owners, depth)
    while len(grouped) < FEWEST_STAGES and depth < deepest:
        depth += 1
        grouped = _grouped(owners, depth)
    upwards: list[tuple[str, list[str]]] = []
    for path in sorted(grouped, key=lambda path: max(starts[name] for name in grouped[path])):
        weighs = any(
            parameter.ndim > 1
            for name in grouped[path]
            for parameter in _own_parameters(model.get_submodule(name))
        )
        if weighs or not upwards:
            upwards.append((path, grouped[path]))
        else:
            upwards[-1][1].extend(grouped[path])
    return dict(reversed(upwards))


def randomise(module: nn.Module, seed: int, name: str) -> None:
    """Give a module's own parameters new values, in place, by its `reset_parameters`.

    This also clears the statistics of a BatchNorm. Parameters of a module that cannot reset itself
    change places within each tensor at random: size and sign stay plausible, what was learnt is
    lost. A single number, as CBAM's alpha, therefore keeps its value; it says how much of a gate is
    let in, not where.

    Parameters
    ----------
    module
        On any device; the values are drawn on the CPU and are the same on all.
    seed, name
        The new values follow from them. torch's global random state is left alone.
    """
    state = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big") >> 1
    if hasattr(module, "reset_parameters"):
        fresh = copy.deepcopy(module).cpu()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(state)
            fresh.reset_parameters()
        module.load_state_dict(fresh.state_dict())
        return
    generator = torch.Generator().manual_seed(state)
    with torch.no_grad():
        for parameter in _own_parameters(module):
            places = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[places].view_as(parameter))


def rank_correlation(first: Tensor, second: Tensor) -> np.ndarray:
    """Return Spearman's rank correlation of maps, image by image.

    Parameters
    ----------
    first, second
        [B, h, w]. Equal values share their mean rank.

    Returns
    -------
    ndarray
        float64 [B] in [-1, 1]; NaN where a map is constant, an empty one for instance: it has no
        order.
    """
    first, second = (rankdata(maps.flatten(1).cpu().numpy(), axis=1) for maps in (first, second))
    first, second = (ranks - ranks.mean(1, keepdims=True) for ranks in (first, second))
    with np.errstate(invalid="ignore"):
        return (first * second).sum(1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))


def structural_similarity(first: Tensor, second: Tensor) -> np.ndarray:
    """Return the structural similarity (SSIM) of maps in [0, 1], image by image.

    Wang et al., 2004, doi:10.1109/TIP.2003.819861, equation 13: a Gaussian window of 11x11 pixels
    (deviation 1.5) at every place where it lies wholly inside, K1 = 0.01, K2 = 0.03, mean over all
    places.

    Parameters
    ----------
    first, second
        [B, S, S] in [0, 1], S = 11 or more.

    Returns
    -------
    ndarray
        float64 [B] in [-1, 1]; 1 for equal maps, constant ones included.
    """
    first, second = first.double().unsqueeze(1), second.double().unsqueeze(1)
    window = gaussian_window(SSIM_RADIUS, SSIM_DEVIATION)
    mean_first, mean_second = filtered(first, window), filtered(second, window)
    variances = filtered(first**2 + second**2, window) - mean_first**2 - mean_second**2
    covariance = filtered(first * second, window) - mean_first * mean_second
    for_means, for_variances = SSIM_STABILISERS
    luminance = (2 * mean_first * mean_second + for_means) / (
        mean_first**2 + mean_second**2 + for_means
    )
    structure = (2 * covariance + for_variances) / (variances + for_variances)
    return (luminance * structure).mean((1, 2, 3)).cpu().numpy()


def _scaled(maps: Tensor) -> Tensor:
    """Scale each map [B, S, S] to [0, 1]; a constant one becomes 0."""
    lowest, highest = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    spread = highest - lowest
    return (maps - lowest) / torch.where(spread > 0, spread, 1)


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))


def _grouped(names: list[str], depth: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(".".join(name.split(".")[:depth]), []).append(name)
    return groups


@torch.no_grad()
def _starting_order(model: nn.Module, images: Tensor) -> dict[str, int]:
    """Return each module's place in the order of computing.

    A module that is never called itself, as one whose weights another reads, starts with the module
    that contains it.
    """
    starts: dict[str, int] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            starts.setdefault(name, len(starts))

        return hook

    hooks = [module.register_forward_pre_hook(note(name)) for name, module in model.named_modules()]
    try:
        model(images)
    finally:
        for hook in hooks:
            hook.remove()
    for name, _ in model.named_modules():
        starts.setdefault(name, starts[name.rpartition(".")[0]] if name else 0)
    return starts
