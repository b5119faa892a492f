"""Rows of the suite about statistics: the patient-clustered bootstrap of all runs and metrics."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import median_of, ratio_of, take_turns
from sklearn import metrics as reference

from pneumobench.core.estimates import Resampling
from pneumobench.statistics.metrics import sigmoid
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.replicates import Scores, replicate_scores
from pneumobench.statistics.samples import Sample, draw_sample

RUNS, REPLICATES = 13, 10_000
# The official test set: 234 normal images and 390 with pneumonia, of 428 patients.
NORMAL, PNEUMONIA, PATIENTS = 234, 390, 428
# Evaluations of one run in one replicate that the loop is timed over; the rest is extrapolated.
LOOPED = 200
EXACT = 1e-12

# Each metric of the library once: sensitivity is the recall, PPV the precision.
OF_SCORES: dict[str, Callable[..., float]] = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "brier": reference.brier_score_loss,
}
OF_DECISIONS: dict[str, Callable[..., float]] = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "precision": reference.precision_score,
    "recall": reference.recall_score,
    "specificity": partial(reference.recall_score, pos_label=0),
    "npv": partial(reference.precision_score, pos_label=0),
    "f1": reference.f1_score,
    "mcc": reference.matthews_corrcoef,
}


def bootstrap_row(repetitions: int) -> dict[str, Any]:
    """Measure every metric of 13 runs in 10,000 replicates against a loop over scikit-learn.

    The loop copies the images of the patients drawn and calls one function a metric, as is usual;
    it runs over few evaluations. Ours includes drawing the patients and runs over all of them.
    """
    labels = _labels()
    logits = _logits(labels)
    first = draw_sample(labels, Resampling(0.95, LOOPED, seed=0))
    looped: list[dict[str, float]] = []

    def ours() -> int:
        sample = draw_sample(labels, Resampling(0.95, REPLICATES, seed=0))
        for logit in logits:
            replicate_scores(_scores(logit), sample)
        return RUNS * REPLICATES

    def loop() -> int:
        looped[:] = [_loop(logits[0], first, row) for row in range(1, 1 + LOOPED)]
        return LOOPED

    speeds = take_turns({"ours": ours, "scikit-learn loop": loop}, repetitions)
    apart = _largest_difference(logits[0], first, looped)
    seconds = {
        name: median_of([RUNS * REPLICATES / value for value in turn])
        for name, turn in speeds.items()
    }
    return {
        "row": f"bootstrap over patients, {REPLICATES:,} replicates x {RUNS} runs x all metrics, "
        f"{NORMAL + PNEUMONIA} images",
        "unit": "s",
        "speeds": {
            "ours": seconds["ours"].record(),
            f"scikit-learn loop, extrapolated from {LOOPED} of {RUNS * REPLICATES:,} evaluations":
            seconds["scikit-learn loop"].record(),
        },
        "ours / loop (speed)": ratio_of(speeds, "ours", "scikit-learn loop").record(),
        "largest difference between them": f"{apart:.0e}",
    }  # fmt: skip


def _labels() -> Labels:
    """Return images of as many patients as the test set has, most with one, some with many."""
    positive = np.arange(NORMAL + PNEUMONIA) >= NORMAL
    generator = np.random.default_rng(0)
    normal = round(PATIENTS * 0.45)
    # Every patient once, then the images that are left to whoever they fall to.
    patient = np.concatenate(
        [
            np.concatenate([own, generator.choice(own, images - len(own))])
            for own, images in (
                (np.arange(normal), NORMAL), (np.arange(normal, PATIENTS), PNEUMONIA)
            )
        ]
    )  # fmt: skip
    names = np.arange(len(positive)).astype(str)
    return Labels(None, names, positive, np.where(positive, "viral", "normal"), patient.astype(str))


def _logits(labels: Labels) -> np.ndarray:
    """Return [runs, images] float32 of networks that are of different worth."""
    generator = np.random.default_rng(1)
    noise = generator.normal(size=(RUNS, len(labels.positive)))
    worth = np.linspace(1, 3, RUNS)[:, np.newaxis]
    return (worth * (labels.positive - 0.5) + noise).astype(np.float32)


def _scores(logit: np.ndarray) -> Scores:
    return Scores(np.arange(len(logit)), logit, {"0.5": logit > 0}, None)


def _loop(logit: np.ndarray, sample: Sample, row: int) -> dict[str, float]:
    copies = np.repeat(sample.images, sample.resamples.multiplicity[row][sample.resamples.cluster])
    truth, score = sample.positive[copies], sigmoid(logit[copies])
    return {name: metric(truth, score) for name, metric in OF_SCORES.items()} | {
        name: metric(truth, logit[copies] > 0) for name, metric in OF_DECISIONS.items()
    }


def _largest_difference(logit: np.ndarray, sample: Sample, looped: list[dict[str, float]]) -> float:
    """Return how far apart both are in the replicates that both computed; stop if it is too far."""
    found = replicate_scores(_scores(logit), sample).metrics
    values = {name: value[1:] for (_, name), value in found.items()}
    apart = max(
        float(np.abs(values[name] - [one[name] for one in looped]).max()) for name in looped[0]
    )
    if not apart <= EXACT:
        raise SystemExit(f"The loop and the library differ by {apart}.")
    return apart
