"""Trained networks, built again as training built them, that compute as they did then."""

from pathlib import Path
from typing import Any

import torch

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.core.provenance import file_sha256
from pneumobench.models import registry
from pneumobench.models.blocks.classifier import Classifier
from pneumobench.models.heads import replace_head
from pneumobench.models.weights.saved import restore_weights
from pneumobench.prediction.numerics import configure_numerics, present_devices


def load_trained(run_folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """Build the network of a finished fold, give it its weights, and compute as its training did.

    Parameters
    ----------
    run_folder
        The fold's folder, with run.json and weights.safetensors.

    Returns
    -------
    model, record
        The network on the device of its training, channels last, in evaluation mode; and run.json.

    Raises
    ------
    UserError
        If this machine lacks that device, or the weights are not those of this network.
    """
    path = run_folder / "run.json"
    record = read_json(path)
    present = present_devices()
    if record["device"] not in present:
        raise UserError(
            f"the fold was trained on {record['device']}, which this machine does not have",
            where=str(path),
            expected=f"a fold trained on {' or '.join(present)}: other devices give other logits",
            remedy="run snakemake on a machine with that device",
        )
    model = registry.load(record["model"]).build(record["outputs"])
    replace_head(model, **record["settings"]["head"], outputs=record["outputs"])
    weights = run_folder / "weights.safetensors"
    remedy = f"remove {run_folder} and run snakemake again: the fold is trained anew"
    restore_weights(weights, model, where=str(weights), remedy=remedy)
    # Runs of earlier versions have none.
    if record.get("weights_sha256", found := file_sha256(weights)) != found:
        raise UserError(
            "the weights are not those that the training wrote",
            where=str(weights),
            expected=f"the SHA-256 that {path} names",
            remedy=remedy,
        )
    configure_numerics(record["numeric_threads"])
    return model.to(record["device"], memory_format=torch.channels_last).eval(), record
