"""Xception and VGG16 side by side on the same image, joined before the head."""

import torch
from torch import Tensor, nn

from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.blocks import vgg, xception
from pneumobench.models.blocks.classifier import Classifier, global_average, in_full_precision
from pneumobench.models.blocks.initialise import initialise_he, initialise_logits
from pneumobench.models.blocks.normalise import HALF, IMAGENET, Normalise


class XceptionVGG16Fusion(Classifier):
    """Two trunks, each globally averaged, concatenated (2048 + 512), then two linear layers.

    Each branch normalises the image as its published weights expect.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__(ARCHITECTURE, statistics=None)
        self.normalise = nn.ModuleDict({"xception": Normalise(HALF), "vgg16": Normalise(IMAGENET)})
        self.xception = xception.xception_network(outputs=0)
        self.vgg16 = vgg.vgg16_network(outputs=0)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(2048 + 512, 128),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(128, outputs),
        )
        initialise_he(self.classifier)
        initialise_logits(self.classifier[-1])

    def prepare(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image [B, 1, S, S] as each branch wants it, twice [B, 3, S, S].

        Raises
        ------
        UserError
            If the images are smaller than the architecture takes.
        """
        self.check_size(images)
        return self.normalise["xception"](images), self.normalise["vgg16"](images)

    def features(self, prepared: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return Xception's last map (2048 channels) and VGG16's (512) before its last pooling."""
        for_xception, for_vgg16 = prepared
        return self.xception.forward_features(for_xception), self.vgg16.features[:-1](for_vgg16)

    def head(self, features: tuple[Tensor, Tensor]) -> Tensor:
        """Average each branch over its positions, concatenate, classify."""
        return in_full_precision(self.classifier, torch.cat(self._pooled(features), 1))

    @torch.no_grad()
    def branch_shares(self, features: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Return each branch's share of the norm of the joined features, averaged over the batch.

        The Euclidean norm of each branch's pooled features, divided by the sum of both norms; the
        shares add up to 1. They tell how large a branch's signal is, not how much the decision
        rests on it.
        """
        norms = torch.stack([pooled.norm(dim=1) for pooled in self._pooled(features)])
        shares = norms / norms.sum(0).clamp_min(torch.finfo(norms.dtype).tiny)
        return dict(zip(ARCHITECTURE.branches, shares.mean(1), strict=True))

    def _pooled(self, features: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        from_xception, from_vgg16 = features
        return global_average(from_xception), global_average(self.vgg16.features[-1](from_vgg16))


ARCHITECTURE = Architecture(
    name=__name__,
    title="Xception + VGG16 fusion",
    family="fusion",
    reference=f"{xception.REFERENCE}; Simonyan and Zisserman, 2015, https://arxiv.org/abs/1409.1556",
    build=XceptionVGG16Fusion,
    cam_layers=("xception.act4", "vgg16.features.29"),
    head="classifier",
    stages=tuple(f"xception.{stage}" for stage in xception.STAGES),
    checkpoints={"xception": xception.CHECKPOINT, "vgg16": vgg.CHECKPOINT},
    freeze={
        "first_parameters": Freeze(
            "the first 100 of Xception's 154 parameters and the first 10 of VGG16's 26 stay fixed",
            first={"xception": 100, "vgg16.features": 10},
        ),
        "last_stage": Freeze(
            "only Xception's exit flow, VGG16's fifth block and the head are trained",
            all_but=(
                *(f"xception.{layer}" for layer in xception.EXIT_FLOW),
                *(f"vgg16.{layer}" for layer in vgg.LAST_BLOCK),
                "classifier",
            ),
        ),
    },
    branches=("xception", "vgg16"),
)
