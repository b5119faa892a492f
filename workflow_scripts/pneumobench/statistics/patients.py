"""Patients instead of images: a patient is answered once, by the mean of his or her images.

Several images of a patient count as one, so patients with many do not weigh more than others.
"""

from dataclasses import replace

import numpy as np

from pneumobench.statistics.frozen import Cuts
from pneumobench.statistics.judgement import Predicted
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.samples import Sample, Samples

MIXED = "mixed"


def gather_patients(
    predicted: Predicted, cuts: Cuts, samples: Samples
) -> tuple[Predicted, Cuts, Samples]:
    """Return what `judgement.judge` takes, with a patient in the place of every image.

    A patient's logit is the mean of those of the images, so that the distance from a threshold is
    the mean distance; the patient is positive if an image is. Replicates are the same draws.

    Parameters
    ----------
    predicted
        A run's predictions of images; all out-of-fold images of a patient are of one fold.
    cuts
        Where they are cut; all out-of-fold images of a patient at one threshold.
    samples
        `out_of_fold` and `test`.

    Returns
    -------
    tuple
        Predictions, thresholds, and the data sets (`image_id` is the patient; `subtype` `MIXED`
        where images differ), each in the order of the replicates' columns.
    """
    development, test = (samples[name].resamples.cluster for name in ("out_of_fold", "test"))
    first = _first(development)
    gathered = Predicted(
        predicted.fold[first],
        _mean(predicted.logit, development),
        np.stack([_mean(logits, test) for logits in predicted.logits]),
    )
    own = Cuts(cuts.out_of_fold[first], cuts.test)
    return gathered, own, {name: _gather(sample) for name, sample in samples.items()}


def _gather(sample: Sample) -> Sample:
    labels, cluster = sample.labels, sample.resamples.cluster
    first = _first(cluster)
    subtype = labels.subtype[first].astype(object)
    subtype[np.unique(cluster[labels.subtype != subtype[cluster]])] = MIXED
    own = Labels(
        path=labels.path,
        image_id=labels.patient[first],
        positive=np.bincount(cluster, labels.positive) > 0,
        subtype=subtype.astype(str),
        patient=labels.patient[first],
    )
    drawn = replace(sample.resamples, cluster=np.arange(len(first)))
    return Sample(own, sample.fold[first], drawn)


def _first(cluster: np.ndarray) -> np.ndarray:
    """Return the position of one image of every patient, [patients] int."""
    return np.unique(cluster, return_index=True)[1]


def _mean(logit: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    total = np.bincount(cluster, logit.astype(float))
    return (total / np.bincount(cluster)).astype(np.float32)
