"""Which images are explained follows from a rule, and the sample from nothing but their names."""

import numpy as np
import pandas as pd
import pytest

from pneumobench.explain.choose import choose_images, outcomes, sample_names
from pneumobench.explain.run import mean_maps


def predictions(count: int = 60, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    subtype = np.array(["normal", "bacterial", "viral"])[np.arange(count) % 3]
    return pd.DataFrame(
        {
            "image_id": [f"radiograph{number:03d}" for number in range(count)],
            "label": np.where(subtype == "normal", "normal", "pneumonia"),
            "subtype": subtype,
            "fold": np.arange(count) % 5,
            "logit": generator.normal(size=count).astype(np.float32),
            "threshold": 0.25,
        }
    )


def test_outcomes():
    table = pd.DataFrame(
        {
            "label": ["pneumonia", "pneumonia", "normal", "normal", "normal"],
            "logit": [1.0, 0.0, 1.0, 0.0, 0.5],
            "threshold": 0.5,
        }
    )
    assert outcomes(table).tolist() == [
        "true_positive", "false_negative", "false_positive", "true_negative", "true_negative",
    ]  # fmt: skip


def test_three_images_of_each_outcome():
    table = predictions()
    chosen = choose_images(table, per_subtype=1, mistakes=0, seed=0)
    distance = (table["logit"] - table["threshold"]).abs()
    found = outcomes(table)
    for outcome in found.unique():
        own = distance[found == outcome].sort_values(ascending=False)
        picked = chosen[(chosen["outcome"] == outcome) & chosen["chosen"].str.contains("outcome:")]
        by_reason = {
            reason: row
            for row, reasons in picked["chosen"].items()
            for reason in reasons.split("+")
        }
        assert by_reason["outcome:most_certain"] == own.index[0]
        assert by_reason["outcome:least_certain"] == own.index[-1]
        assert by_reason["outcome:median"] == own.index[round(0.5 * (len(own) - 1))]


def test_one_image_of_an_outcome_has_all_three_reasons():
    table = predictions(3).assign(logit=[-1.0, 1.0, 1.0], threshold=0.0)
    chosen = choose_images(table, per_subtype=1, mistakes=0, seed=0)
    assert chosen.loc[0, "chosen"] == (
        "outcome:most_certain+outcome:median+outcome:least_certain+sample"
    )


@pytest.mark.parametrize("most", [2, None])
def test_mistakes_are_the_most_confident_of_each_kind_or_all(most):
    table = predictions()
    chosen = choose_images(table, per_subtype=1, mistakes=most, seed=0)
    found = set(chosen.index[["mistake" in why.split("+") for why in chosen["chosen"]]])
    distance, outcome = (table["logit"] - table["threshold"]).abs(), outcomes(table)
    for kind in ("false_negative", "false_positive"):
        own = distance[outcome == kind].sort_values(ascending=False)
        assert len(own) > 2 and set(own.index[:most]) <= found
        found -= set(own.index[:most])
    assert not found
    # Nothing else is chosen otherwise.
    without = choose_images(table, per_subtype=1, mistakes=0, seed=0)
    others = chosen[chosen["chosen"] != "mistake"]
    assert others.index.tolist() == without.index.tolist()


def test_the_sample_is_the_same_for_every_model_and_order():
    def sample(table):
        chosen = choose_images(table, per_subtype=4, mistakes=0, seed=0)
        return set(chosen.loc[chosen["chosen"].str.contains("sample"), "image_id"])

    first = sample(predictions())
    assert len(first) == 12
    assert sample(predictions(seed=1)) == first
    assert sample(predictions().sample(frac=1.0, random_state=3).reset_index(drop=True)) == first
    names = [f"radiograph{number}" for number in range(20)]
    assert sample_names(names, 5, 0) == sample_names(names[::-1], 5, 0)
    assert sample_names(names, 5, 0) != sample_names(names, 5, 1)


def mean_of(maps, own_class):
    sample = pd.DataFrame(
        {
            "label": ["pneumonia", "pneumonia", "normal", "pneumonia"],
            "subtype": ["viral", "bacterial", "normal", "viral"],
            "target": ["pneumonia", "pneumonia", "normal", "normal"],
        }
    )
    return mean_maps(sample, maps, own_class=own_class)


def test_mean_maps_of_classes_and_subtypes_leave_empty_maps_out():
    maps = np.zeros((4, 2, 2), np.float32)
    maps[0, 0, 0], maps[1, 1, 1], maps[3, 0, 1] = 2.0, 6.0, 1.0
    found = mean_of(maps, own_class=False)
    assert found["mean_pneumonia"] == pytest.approx(np.array([[1 / 3, 1 / 3], [0.0, 1 / 3]]))
    assert found["mean_viral"] == pytest.approx(np.array([[0.5, 0.5], [0.0, 0.0]]))
    counts = {name: int(found[f"count_{name}"]) for name in ("pneumonia", "viral", "normal")}
    assert counts == {"pneumonia": 3, "viral": 2, "normal": 0}
    assert found["mean_normal"].sum() == 0


def test_maps_of_another_class_than_the_radiographs_are_not_mixed_in():
    maps = np.zeros((4, 2, 2), np.float32)
    maps[0, 0, 0], maps[1, 1, 1], maps[3, 0, 1] = 2.0, 6.0, 1.0
    found = mean_of(maps, own_class=True)
    assert found["mean_viral"] == pytest.approx(np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert int(found["count_pneumonia"]) == 2
