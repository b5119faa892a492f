"""A finished fold, which tests of predictions start from."""

import pytest
from fold_fixture import train, write_fold
from recipe_fixture import settings

RECIPES = {
    "own": settings(epochs=1, batch_size=16),
    "two_logits": settings(
        epochs=1, batch_size=16, loss="cross_entropy", head={"kind": "mlp", "width": 8},
        ema_decay=0.9,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fold_data")
    write_fold(folder)
    return folder


@pytest.fixture(scope="module", params=RECIPES)
def fold(request, data, tmp_path_factory):
    """A fold that training has just finished."""
    folder = tmp_path_factory.mktemp(f"fold_{request.param}")
    train(data, folder, "custom_resnet18", RECIPES[request.param])
    return folder
