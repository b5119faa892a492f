"""A training whose every epoch is predicted, test images included: what bad practice looks at.

Nothing here may serve an honest figure; honest training looks at test images once, at its end.
"""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd

from pneumobench.core.arrays import read_arrays
from pneumobench.core.files import atomic_path, write_table
from pneumobench.core.interruption import Interruption
from pneumobench.prediction.predict import predict_logits
from pneumobench.training.files import FoldInputs, FoldJob
from pneumobench.training.fold import PreparedFold, prepare_fold
from pneumobench.training.memory import memory_errors_explained
from pneumobench.training.trainer import Training, train_model


class EpochPredictions:
    """Predicts the same images after each epoch; `train_model` takes it for its board.

    The logits lie beside the state of the unfinished training and go on with it. Each part is
    predicted by itself, as `train_fold` does: other batches have other last bits.
    """

    def __init__(self, training: Training, parts: dict[str, np.ndarray], folder: Path) -> None:
        self.training, self.parts, self.folder = training, parts, folder

    def epoch(self, row: dict[str, float], _images_per_second: float) -> None:
        """Predict, unless an earlier attempt has done so."""
        path = self._path(int(row["epoch"]))
        if path.exists():
            return
        training, average = self.training, self.training.step.average
        with contextlib.nullcontext() if average is None else average.in_place():
            logits = [
                predict_logits(training.model, training.data.images, rows, training.device)
                for rows in self.parts.values()
            ]
        with atomic_path(path) as temporary:
            np.savez(temporary, logits=np.concatenate(logits))

    def logits(self) -> np.ndarray:
        """Return all of them, [epochs, images] float32."""
        epochs = range(1, len(self.training.history) + 1)
        found = []
        for epoch in epochs:
            with read_arrays(self._path(epoch)) as arrays:
                found.append(arrays["logits"])
        return np.stack(found)

    def _path(self, epoch: int) -> Path:
        return self.folder / f"epoch{epoch}.npz"


def train_inflated(inputs: FoldInputs, epochs: Path, job: FoldJob, *, arm: str) -> None:
    """Train one fold and write what its network says after every epoch.

    The training is that of `train_fold`: with the honest tables the kept epoch says what the run's
    out_of_fold.csv and test.csv say.

    Parameters
    ----------
    inputs
        Files of the fold, in which an arm differs.
    epochs
        epochs.csv to write: a row for each epoch and image that the network was not fitted to, with
        `part` (`inner`, `out_of_fold` or `test`) and `kept` (1 for the epoch that honest training
        keeps).
    job
        Which training it is.
    arm
        How the images were split; see `core.inflation.ARMS`.

    Raises
    ------
    InterruptedJobError, UserError
        As `train_fold`.
    """
    interruption = Interruption(job.runtime_minutes)
    prepared = prepare_fold(inputs, job)
    training, members, resume = prepared.training, prepared.members, prepared.resume
    if resume.load() is None:
        # Logits without a state are of nobody knows which training.
        resume.remove()
    parts = {"inner": members.inner, "out_of_fold": members.held_out, "test": members.test}
    recorder = EpochPredictions(training, parts, job.resume_folder)
    with memory_errors_explained(training.recipe, training.device):
        train_model(training, resume, interruption, recorder)
    write_table(epochs, _tabulate(prepared, recorder, arm))
    resume.remove()


def _tabulate(prepared: PreparedFold, recorder: EpochPredictions, arm: str) -> pd.DataFrame:
    parts = recorder.parts
    names = prepared.splits["image_id"].to_numpy()[np.concatenate(list(parts.values()))]
    part = np.repeat(list(parts), [len(rows) for rows in parts.values()])
    tables = [
        pd.DataFrame(
            {
                "arm": arm,
                **prepared.identity,
                "epoch": epoch,
                "kept": int(epoch == prepared.training.best.epoch + 1),
                "part": part,
                "image_id": names,
                "logit": logits,
            }
        )
        for epoch, logits in enumerate(recorder.logits(), start=1)
    ]
    return pd.concat(tables, ignore_index=True)
