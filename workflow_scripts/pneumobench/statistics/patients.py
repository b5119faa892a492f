"""Patients instead of images: a patient is answered once, by the mean of his or her images.

Several images of a patient count as one, so patients with many do not weigh more than others.
"""

from dataclasses import replace

import numpy as np

from pneumobench.statistics.bootstrap import Resamples
from pneumobench.statistics.judgement import Predicted
from pneumobench.statistics.predictions import Labels

MIXED = "mixed"


def gather_patients(
    predicted: Predicted, standards: dict[str, Labels], resamples: dict[str, Resamples]
) -> tuple[Predicted, dict[str, Labels], dict[str, Resamples]]:
    """Return what `judgement.judge` takes, with a patient in the place of every image.

    A patient's logit is the mean of those of the images, so that the distance from a threshold is
    the mean distance; the patient is positive if an image is. Replicates are the same draws.

    Parameters
    ----------
    predicted
        A run's predictions of images; all out-of-fold images of a patient are of one fold.
    standards, resamples
        Labels and replicates of `out_of_fold` and `test`.

    Returns
    -------
    tuple
        Predictions, labels (`image_id` is the patient; `subtype` `MIXED` where images differ) and
        replicates, each in the order of the replicates' columns.
    """
    development, test = (resamples[name].cluster for name in ("out_of_fold", "test"))
    first = _first(development)
    gathered = Predicted(
        predicted.fold[first],
        _mean(predicted.logit, development),
        np.stack([_mean(logits, test) for logits in predicted.logits]),
    )
    labels = {name: _gather(standards[name], own.cluster) for name, own in resamples.items()}
    draws = {
        name: replace(own, cluster=np.arange(own.multiplicity.shape[1]))
        for name, own in resamples.items()
    }
    return gathered, labels, draws


def _gather(labels: Labels, cluster: np.ndarray) -> Labels:
    first = _first(cluster)
    subtype = labels.subtype[first].astype(object)
    subtype[np.unique(cluster[labels.subtype != subtype[cluster]])] = MIXED
    return Labels(
        path=labels.path,
        image_id=labels.patient[first],
        positive=np.bincount(cluster, labels.positive) > 0,
        subtype=subtype.astype(str),
        patient=labels.patient[first],
    )


def _first(cluster: np.ndarray) -> np.ndarray:
    """Return the position of one image of every patient, [patients] int."""
    return np.unique(cluster, return_index=True)[1]


def _mean(logit: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    total = np.bincount(cluster, logit.astype(float))
    return (total / np.bincount(cluster)).astype(np.float32)
