"""How such networks are commonly trained: a folder of images, PIL, a loader with workers, float32.

Careful common practice: the number of workers is the best of those tried, workers stay alive, the
files have the training size already where a CPU trains.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from pneumobench.models import registry


class Folder(Dataset):
    """Files of a folder with alternating labels."""

    def __init__(self, files: list[Path], transform: Callable) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        """Count the files."""
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, float]:
        """Decode and transform a file; return it with its label."""
        with Image.open(self.files[index]) as image:
            return self.transform(image.convert("L")), float(index % 2)


def transform_for(image_size: int, augmented: bool) -> Callable:
    """Return the usual transforms, with the mild augmentation of many notebooks or without."""
    steps = [transforms.Resize((image_size, image_size))]
    if augmented:
        steps += [
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(10),
            transforms.ColorJitter(brightness=0.2, contrast=0.2),
        ]
    return transforms.Compose([*steps, transforms.ToTensor()])


def loader(files: list[Path], transform: Callable, batch_size: int, workers: int) -> DataLoader:
    """Return a shuffling loader whose workers stay alive."""
    return DataLoader(
        Folder(files, transform), batch_size, shuffle=True, num_workers=workers, drop_last=True,
        persistent_workers=workers > 0, pin_memory=torch.cuda.is_available(),
    )  # fmt: skip


def common_training(model: str, batches: DataLoader, device: torch.device) -> Callable[[], int]:
    """Return a function that trains an epoch the usual way and returns how many images it saw."""
    network = registry.load(model).build(1).to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    criterion = torch.nn.BCEWithLogitsLoss()

    def run() -> int:
        seen, running_loss, correct = 0, 0.0, 0
        for images, labels in batches:
            images, labels = images.to(device), labels.float().to(device)
            optimiser.zero_grad()
            logits = network(images).squeeze(1)
            loss = criterion(logits, labels)
            loss.backward()
            optimiser.step()
            running_loss += loss.item() * len(images)
            correct += ((logits > 0) == (labels > 0.5)).sum().item()
            seen += len(images)
        return seen

    return run
