import numpy as np
import pandas as pd
import pytest
from sealed_fixture import edit_csv, read_cells
from statistics_cases import FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.run import Run
from pneumobench.statistics.predictions import (
    align_out_of_fold,
    align_test,
    read_labels,
    read_predictions,
)

RUN = Run("alexnet", "light", 42)


@pytest.fixture
def experiment(tmp_path):
    experiment = make_experiment(tmp_path)
    experiment.add_run(RUN, signal=1)
    return experiment


def align(experiment):
    labels = read_labels(experiment.development_labels)
    predictions = read_predictions(experiment.files([RUN], "out_of_fold.csv"))
    return align_out_of_fold(predictions, labels, RUN, FOLDS)


def align_official(experiment):
    labels = read_labels(experiment.test_labels)
    predictions = read_predictions(experiment.files([RUN], "test.csv"))
    return align_test(predictions, labels, RUN, FOLDS)


def test_predictions_come_in_the_order_of_the_labels(experiment):
    for path in experiment.files([RUN], "out_of_fold.csv"):
        edit_csv(path, lambda table: table[::-1])
    fold, logit = align(experiment)
    written = pd.concat(map(pd.read_csv, experiment.files([RUN], "out_of_fold.csv")))
    written = written.sort_values("image_id")
    assert fold.tolist() == written["fold"].tolist()
    np.testing.assert_array_equal(logit, written["logit"].to_numpy(np.float32))


def test_test_predictions_have_a_row_for_each_fold(experiment):
    logits = align_official(experiment)
    assert logits.shape == (FOLDS, len(experiment.test)) and logits.dtype == np.float32
    assert not np.array_equal(logits[0], logits[1])


def test_logits_are_read_back_exactly(experiment):
    path = experiment.files([RUN], "test.csv")[0]
    exact = np.float32(0.1) * np.float32(3)
    edit_csv(path, lambda table: table.assign(logit=f"{exact:.9g}"))
    assert (align_official(experiment)[0] == exact).all()


def test_missing_fold_is_named(experiment):
    labels = read_labels(experiment.development_labels)
    predictions = read_predictions(experiment.files([RUN], "out_of_fold.csv")[:1])
    with pytest.raises(UserError, match=r"alexnet .*no predictions of fold 1, 2[\s\S]*train_fold"):
        align_out_of_fold(predictions, labels, RUN, FOLDS)


def test_fold_too_many_is_named(experiment):
    labels = read_labels(experiment.development_labels)
    predictions = read_predictions(experiment.files([RUN], "out_of_fold.csv"))
    with pytest.raises(UserError, match=r"fold 2, which do not exist[\s\S]*fold2"):
        align_out_of_fold(predictions, labels, RUN, FOLDS - 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: pd.concat([t, t[:1]]),
            r"images are listed twice: p\d+_0[\s\S]*trains this fold",
        ),
        (lambda t: t.assign(logit="nan"), r"logits are not finite: .* more[\s\S]*fold1"),
        (lambda t: t.assign(logit="inf"), r"logits are not finite"),
        (lambda t: t.assign(logit="many"), r"logits are not finite"),
        (lambda t: t.assign(tta="flip"), r"rows have another tta[\s\S]*tta = identity"),
        (lambda t: t.assign(image_id="x" + t["image_id"]), r"images without a label: xp"),
        (lambda t: t.drop(columns="logit"), r"lacks logit"),
        (lambda t: t[:0], r"lacks rows"),
        (lambda t: t.assign(schema_version="9"), r"schema version 9[\s\S]*schema version 1"),
        (lambda t: t.assign(fold=["0"] * 2 + ["1"] * (len(t) - 2)), r"mixes predictions"),
        (lambda t: t.assign(fold="0"), r"two files hold the predictions of fold 0"),
        (lambda t: t[1:], r"have no out-of-fold prediction: p\d+_0\n[\s\S]*retrained"),
    ],
)
def test_damaged_predictions_say_what_to_rerun(experiment, change, message):
    edit_csv(experiment.files([RUN], "out_of_fold.csv")[1], change)
    with pytest.raises(UserError, match=message) as error:
        align(experiment)
    assert "snakemake" in error.value.remedy


def test_image_of_two_folds_is_named(experiment):
    first, second = experiment.files([RUN], "out_of_fold.csv")[:2]
    other = read_cells(first)[:1].assign(fold="1")
    edit_csv(second, lambda table: pd.concat([table, other]))
    with pytest.raises(UserError, match=r"out of fold in two folds: p\d+_0"):
        align(experiment)


def test_missing_test_image_is_named(experiment):
    edit_csv(experiment.files([RUN], "test.csv")[2], lambda table: table[1:])
    with pytest.raises(UserError, match=r"no test prediction: p\d+_0[\s\S]*fold2"):
        align_official(experiment)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: pd.concat([t, t[:2]]), r"images are listed twice in the labels: p000"),
        (lambda t: t.assign(label="covid"), r"labels are unknown[\s\S]*split_dataset"),
    ],
)
def test_damaged_labels_are_named(experiment, change, message):
    edit_csv(experiment.test_labels, change)
    with pytest.raises(UserError, match=message.replace("p000", r"p\d+")):
        read_labels(experiment.test_labels)


def test_labels_are_counted(experiment):
    counts = read_labels(experiment.test_labels).counts()
    test = experiment.test
    assert counts["n"] == len(test)
    assert counts["events"] == (test["label"] == "pneumonia").sum()
    assert counts["patients"] == test["patient"].nunique() < counts["n"]


def test_averaged_predictions_are_read_by_the_name_of_their_views(experiment):
    experiment.add_views(RUN, "flip")
    paths = experiment.files([RUN], "out_of_fold_flip.csv")
    found = read_predictions(paths, tta="flip")[RUN]
    written = pd.read_csv(paths[1])["logit"].to_numpy(np.float32)
    np.testing.assert_array_equal(found[1].logit.to_numpy(), written)
    with pytest.raises(UserError, match=r"another tta[\s\S]*tta = small[\s\S]*predict_views"):
        read_predictions(paths, tta="small")
