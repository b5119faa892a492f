"""The state of an unfinished training on disk, so that a killed job goes on where it was.

Two files are kept, the newest state and the one before it: whatever happens while a state is
written, one whole state is there.
"""

import json
import logging
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch

from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path
from pneumobench.core.folders import make_own_folder

logger = logging.getLogger(__name__)


class ResumeState:
    """The states of one training job.

    Parameters
    ----------
    folder
        A folder of this job alone, outside the declared outputs of its rule, which Snakemake
        deletes when a job fails.
    fingerprint
        Everything the result follows from, by name; JSON values. A state with another fingerprint
        is refused.
    """

    def __init__(self, folder: Path, fingerprint: dict[str, Any]) -> None:
        self.folder = folder
        self.fingerprint = json.loads(json.dumps(fingerprint))
        self.newest, self.previous = folder / "state.pt", folder / "previous.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Write a state: tensors, numbers, texts, None, and lists and dictionaries of these."""
        content = {"fingerprint": json.dumps(self.fingerprint), "state": state}
        with atomic_path(self.newest) as temporary:
            # Into a stream: of a full disk torch itself says something else.
            with temporary.open("wb") as stream:
                torch.save(content, stream)
            if self.newest.exists():
                os.replace(self.newest, self.previous)

    def load(self) -> dict[str, Any] | None:
        """Return the newest whole state, None if there is none.

        Raises
        ------
        UserError
            If it is the state of a training with another fingerprint, or if something lies where
            states are to be written.
        """
        make_own_folder(self.folder)
        for path in (self.newest, self.previous):
            if not path.exists():
                continue
            try:
                _check_bytes(path)
                content = torch.load(path, map_location="cpu", weights_only=True)
                fingerprint, state = json.loads(content["fingerprint"]), content["state"]
            except Exception as error:  # noqa: BLE001 - torch raises many kinds for a damaged file
                logger.warning("%s is damaged (%s): the state before it is used", path, error)
                continue
            self._check(fingerprint, path)
            return state
        return None

    def remove(self) -> None:
        """Forget the states: the training is finished and its results are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self, other: dict[str, Any], path: Path) -> None:
        old, new = _flat(other), _flat(self.fingerprint)
        keys = [key for key in {**new, **old} if old.get(key) != new.get(key)]
        if keys:
            differences = "".join(
                f"\n    {key}: {old.get(key)} in the state, {new.get(key)} now" for key in keys
            )
            raise UserError(
                f"an unfinished training of this fold has another configuration:{differences}",
                where=str(path),
                expected="the same settings, data, code, threads, device and precision",
                remedy=f"set them back to go on with it, or remove {self.folder} to start anew",
            )


def _check_bytes(path: Path) -> None:
    """Stop at a changed byte, which torch would take for a number."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise ValueError(f"{damaged} has another checksum")


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = _flat(value, f"{above}{key}.") if isinstance(value, dict) else None
        flat |= {f"{above}{key}": value} if inner is None else inner
    return flat
