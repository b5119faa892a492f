import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from split_fixture import radiographs_of, split

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.data.split import CLASSES, hold_out
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.replicates import replicate_area


def inner_of(splits, fold):
    return np.array([str(fold) in entry.split() for entry in splits["inner"]])


def assert_sound(splits, folds):
    """Each image in one place, each group in one place, early-stopping parts in their side."""
    cv = splits["role"] == "cv"
    assert set(splits["role"]) == {"cv", "test"}
    assert set(splits.loc[cv, "fold"]) == set(range(folds))
    assert splits.loc[~cv, "fold"].isna().all()
    assert (splits.loc[~cv, "inner"] == "").all()
    places = splits["role"] + splits["fold"].astype(str)
    assert (places.groupby(splits["group"]).nunique() == 1).all()
    for fold in range(folds):
        inner = inner_of(splits, fold)
        training = cv & (splits["fold"] != fold)
        assert not (inner & ~training).any()
        assert not set(splits.loc[inner, "group"]) & set(splits.loc[training & ~inner, "group"])


def test_official_split_is_kept_and_val_is_in_the_pool(tmp_path):
    radiographs = [
        *radiographs_of(10, 2),
        *radiographs_of(1, 2, "val", first=50),
        *radiographs_of(3, 2, "test", first=100),
    ]
    splits, development, test = split(tmp_path, radiographs)
    assert_sound(splits, 5)
    official = {stem: part for stem, _, part in radiographs}
    is_test = splits["image_id"].map(official) == "test"
    assert ((splits["role"] == "test") == is_test).all()
    assert development["image_id"].tolist() == splits.loc[~is_test, "image_id"].tolist()
    assert test["image_id"].tolist() == splits.loc[is_test, "image_id"].tolist()
    assert list(test.columns) == ["image_id", "label", "subtype", "patient"]


def test_row_order_is_that_of_the_manifest(tmp_path):
    splits, _, _ = split(tmp_path, radiographs_of(10, 1))
    assert splits["image_id"].is_monotonic_increasing


def test_folds_are_stratified_by_subtype(tmp_path):
    radiographs = [*radiographs_of(50, 1), *radiographs_of(5, 1, "test", first=100)]
    splits, development, _ = split(tmp_path, radiographs)
    table = development.merge(splits, on="image_id")
    assert (pd.crosstab(table["fold"], table["subtype"]) == 10).all().all()
    inner = table[inner_of(table, 0)]
    assert inner["subtype"].value_counts().to_dict() == {"normal": 8, "bacterial": 8, "viral": 8}


def test_data_without_a_test_set_lose_a_fifth_of_their_patients(tmp_path):
    splits, _, test = split(tmp_path, radiographs_of(50, 2, "none"))
    assert_sound(splits, 5)
    assert test["patient"].nunique() == 30
    assert test["subtype"].value_counts().to_dict() == {"bacterial": 20, "normal": 20, "viral": 20}
    quarter = split(tmp_path, radiographs_of(40, 1, "train"), holdout_fraction=0.25)[2]
    assert len(quarter) == 30


def test_children_under_two_names_are_drawn_and_counted_as_one(tmp_path):
    """200 names of 100 children: who has an identical image under both is one patient."""
    radiographs, pixels = [], {}
    for child in range(100):
        stem = "IM-{:04d}-{:04d}" if child % 2 else "person{}_virus_{}"
        label = "normal" if child % 2 else "pneumonia"
        for name in (child, 1000 + child):
            for image in range(2):
                radiographs.append((stem.format(name, image), label, "none"))
            pixels[stem.format(name, 0)] = f"image of child {child}"
    splits, *labels = split(tmp_path, radiographs, pixels)
    labels = pd.concat(labels).merge(splits, on="image_id")
    assert (labels["patient"] == labels["group"]).all()
    assert labels["patient"].nunique() == 100
    # A score that is the child's: two names of it say nothing more than one.
    child = labels["image_id"].str.extract(r"(\d+)")[0].astype(int) % 1000
    positive = (labels["label"] == "pneumonia").to_numpy()
    score = (np.random.default_rng(0).normal(size=100)[child] + positive).astype(np.float32)
    draw, images = Resampling(0.95, 4000, 1), np.arange(len(labels))
    errors = [
        np.nanstd(replicate_area(positive, score, images, resample_patients(whose, draw)))
        for whose in (labels["patient"].to_numpy(str), child.astype(str).to_numpy(str))
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.05) and errors[0] > 0.045


def test_patients_with_an_identical_radiograph_share_a_fold(tmp_path):
    pixels = {f"person{number}_virus_0": "same" for number in range(4)}
    for seed in range(5):
        splits = split(tmp_path, radiographs_of(10, 2, "none"), pixels, seed=seed)[0]
        linked = splits["image_id"].str.match(r"person[0-3]_virus_")
        assert splits.loc[linked, "group"].unique().tolist() == ["viral-person0"]
        assert splits.loc[linked, ["role", "fold"]].drop_duplicates().shape[0] == 1


def test_same_seed_same_bytes_other_seed_other_folds(tmp_path):
    def written(name, seed):
        folder = tmp_path / name
        folder.mkdir()
        split(folder, radiographs_of(10, 2, "none"), seed=seed)
        return (folder / "splits.csv").read_bytes()

    assert written("a", 1) == written("b", 1) != written("c", 2)


def test_test_labels_and_test_size_do_not_touch_the_folds(tmp_path):
    test = radiographs_of(3, 2, "test", first=100)
    flipped = [
        (stem, "normal" if label == "pneumonia" else "pneumonia", part)
        for stem, label, part in test
    ]
    (before, labels, _), (after, same_labels, other) = (
        split(tmp_path, radiographs_of(10, 2) + radiographs) for radiographs in (test, flipped)
    )
    assert before.equals(after)
    assert labels.equals(same_labels)
    assert set(other["label"]) == {"normal", "pneumonia"}
    fewer = split(tmp_path, radiographs_of(10, 2) + test[:6])[0]
    assert (
        fewer[fewer["role"] == "cv"]
        .reset_index(drop=True)
        .equals(before[before["role"] == "cv"].reset_index(drop=True))
    )


def test_each_fold_has_its_own_early_stopping_part(tmp_path):
    splits = split(tmp_path, radiographs_of(50, 1, "none"))[0]
    parts = {tuple(splits.loc[inner_of(splits, fold), "image_id"]) for fold in range(5)}
    assert len(parts) == 5
    for part in parts:
        assert len(part) == pytest.approx(0.2 * 96, abs=3)


def test_no_early_stopping_part_on_request_or_with_too_few_patients(tmp_path, caplog):
    splits = split(tmp_path, radiographs_of(10, 1, "none"), inner_fraction=0)[0]
    assert (splits["inner"] == "").all()
    radiographs = [*radiographs_of(5, 1), *radiographs_of(2, 1, "test", first=100)]
    splits = split(tmp_path, radiographs)[0]
    assert (splits["inner"] == "").all()
    assert "too few patients for an early-stopping part" in caplog.text


def test_a_rare_subtype_is_balanced_with_its_class(tmp_path):
    radiographs = [
        *((f"IM-{number:04d}-0001", "normal", "train") for number in range(20)),
        *((f"person{number}_bacteria_1", "pneumonia", "train") for number in range(18)),
        *((f"person{number}_virus_1", "pneumonia", "train") for number in range(2)),
        *radiographs_of(2, 1, "test", first=100),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splits, development, _ = split(tmp_path, radiographs)
    table = development.merge(splits, on="image_id")
    assert (pd.crosstab(table["fold"], table["label"]) == 4).all().all()


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=8, max_size=25),
    links=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=4),
    folds=st.integers(2, 5),
    seed=st.integers(0, 2**32 - 1),
    with_test=st.booleans(),
)
def test_any_data_are_split_soundly_or_refused(counts, links, folds, seed, with_test):
    radiographs, pixels = [], {}
    for number, images in enumerate(counts):
        stems = (f"IM-{number:04d}-", f"person{number}_bacteria_", f"person{number}_virus_")
        labels = ("normal", "pneumonia", "pneumonia")
        for stem, label, count in zip(stems, labels, images, strict=True):
            radiographs += [(f"{stem}{image:04d}", label, "train") for image in range(count)]
    for one, other in links:
        pixels |= {f"person{number}_virus_0000": f"link{one}-{other}" for number in (one, other)}
    if with_test:
        radiographs += radiographs_of(2, 1, "test", first=500)
    if not radiographs:
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            splits, development, test = split(folder, radiographs, pixels, folds=folds, seed=seed)
        except UserError:
            return
    assert_sound(splits, folds)
    assert sorted([*development["image_id"], *test["image_id"]]) == sorted(
        stem for stem, _, _ in radiographs
    )
    merged = splits.merge(development, on="image_id")
    assert (merged.groupby("fold")["label"].nunique() == 2).all()
    assert set(test["label"]) == {"normal", "pneumonia"}


# What a user can get wrong


def test_fewer_patients_than_folds(tmp_path):
    radiographs = [*radiographs_of(4, 9), *radiographs_of(2, 1, "test", first=100)]
    with pytest.raises(UserError, match="4 patients of class normal are too few for 5 parts"):
        split(tmp_path, radiographs)


def test_identical_radiographs_count_as_one_patient(tmp_path):
    pixels = {f"IM-{number:04d}-0000": "same" for number in range(2)}
    radiographs = [*radiographs_of(5, 1), *radiographs_of(2, 1, "test", first=100)]
    with pytest.raises(UserError, match="4 patients of class normal"):
        split(tmp_path, radiographs, pixels)


def test_too_few_patients_for_a_holdout(tmp_path):
    with pytest.raises(UserError, match="no official test set") as error:
        split(tmp_path, radiographs_of(4, 3), folds=2)
    assert "split.holdout_fraction" in str(error.value)


def test_test_set_without_development_images(tmp_path):
    with pytest.raises(UserError, match="no images to develop on"):
        split(tmp_path, radiographs_of(10, 1, "test"))


def test_pool_of_one_class(tmp_path):
    radiographs = [radiograph for radiograph in radiographs_of(10, 1) if radiograph[1] == "normal"]
    with pytest.raises(UserError, match="0 patients of class pneumonia"):
        split(tmp_path, radiographs + radiographs_of(2, 1, "test", first=100))


def test_test_set_of_one_class(tmp_path):
    test = [
        radiograph
        for radiograph in radiographs_of(3, 1, "test", first=100)
        if radiograph[1] == "normal"
    ]
    with pytest.raises(UserError, match="test set holds no pneumonia image"):
        split(tmp_path, radiographs_of(10, 1) + test)


def shares_of(radiographs, folder, **fractions):
    splits, _, test = split(folder, radiographs, inner_fraction=0.25, **fractions)
    return len(test) / len(splits), splits


@pytest.mark.parametrize("fraction", [0.05, 0.15, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5])
@pytest.mark.parametrize("images", [1, 3])
def test_the_hold_out_has_the_share_that_was_asked_for(tmp_path, fraction, images):
    radiographs = radiographs_of(40, images, "none")
    splits, _, test = split(tmp_path, radiographs, holdout_fraction=fraction)
    assert abs(len(test) - fraction * len(splits)) <= images
    # Stratified: no subtype lacks or has more than a patient.
    for number in test["subtype"].value_counts():
        assert abs(number - fraction * 40 * images) <= images


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.4, 0.45])
def test_early_stopping_has_the_share_that_was_asked_for(tmp_path, fraction):
    splits, _, _ = split(tmp_path, radiographs_of(40, 2), inner_fraction=fraction)
    for fold in range(5):
        training = (splits["role"] == "cv") & (splits["fold"] != fold)
        assert abs(inner_of(splits, fold).sum() - fraction * training.sum()) <= 2
    assert_sound(splits, 5)


def test_one_patient_with_most_images_takes_no_more_than_a_share(tmp_path):
    """A fold of four would hold half of the images if one patient has them."""
    radiographs = [*radiographs_of(40, 1, "none"), *(
        (f"IM-9999-{image:04d}", "normal", "none") for image in range(60)
    )]  # fmt: skip
    splits, _, test = split(tmp_path, radiographs, holdout_fraction=0.25)
    assert abs(len(test) - 0.25 * len(splits)) <= 60


@pytest.mark.parametrize("seed", range(10))
def test_a_large_patient_of_one_class_takes_no_share_of_the_other(seed):
    """Drawn first, one patient of 40 images would leave no pneumonia to be held out."""
    group = [*["large"] * 40, *(f"normal{number}" for number in range(6)), *map(str, range(20))]
    images = pd.DataFrame({"group": group, "label": ["normal"] * 46 + ["pneumonia"] * 20})
    chosen = hold_out(images.assign(subtype="unknown"), 0.45, seed)
    assert chosen[46:].sum() == 9 and abs(chosen.sum() - 0.45 * 66) <= 40


def test_a_share_of_unequal_patients_is_met_and_has_both_classes():
    random, looked_at = np.random.default_rng(0), 0
    for seed in range(400):
        patients = int(random.integers(12, 60))
        size = np.minimum(random.pareto(1.2, patients).astype(int) + 1, 80)
        subtype = np.where(
            random.random(patients) < random.choice([0.15, 0.5, 0.9]),
            random.choice(["bacterial", "viral"], patients), "normal",
        )  # fmt: skip
        images = pd.DataFrame({"group": np.arange(patients).astype(str), "subtype": subtype})
        images["label"] = np.where(subtype == "normal", "normal", "pneumonia")
        images = images.loc[np.repeat(images.index, size)].reset_index(drop=True)
        fraction = random.choice([0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5])
        groups = images.groupby("label")["group"].nunique().reindex(CLASSES, fill_value=0)
        if (groups < 1 / fraction).any():
            continue
        looked_at += 1
        chosen = hold_out(images, fraction, seed)
        assert abs(chosen.sum() - fraction * len(images)) <= size.max()
        for part in (images[chosen], images[~chosen]):
            assert set(part["label"]) == set(CLASSES)
    assert looked_at > 200


def test_fewer_groups_than_parts_after_uniting_are_refused(tmp_path):
    pixels = {f"IM-{number:04d}-0000": "same" for number in range(8)}
    with pytest.raises(UserError, match=r"[12] patients of class normal are too few for 5 parts"):
        split(tmp_path, radiographs_of(9, 1, "train"), pixels)
    with pytest.raises(UserError, match=r"too few for 4 parts[\s\S]*split.holdout_fraction"):
        split(tmp_path, radiographs_of(9, 1, "none"), pixels, holdout_fraction=0.3)


def test_by_number_alone_a_child_is_on_one_side(tmp_path):
    """person3 is a bacterial case in train and a viral one in test."""
    radiographs = [
        *radiographs_of(12, 2),
        *radiographs_of(3, 1, "test", first=100),
        ("person3_virus_77", "pneumonia", "test"),
        ("NORMAL2-IM-0005-0001", "normal", "test"),
    ]
    splits, development, test = split(tmp_path, radiographs)
    assert set(splits["role"]) == {"cv", "test"}
    splits, development, test = split(tmp_path, radiographs, patient_key="number")
    left_out = splits[splits["role"] == "left_out"]
    assert set(left_out["group"]) == {"person3", "IM-0005"} and left_out["fold"].isna().all()
    assert not set(left_out["image_id"]) & {*development["image_id"], *test["image_id"]}
    groups = splits.groupby("group")["role"].agg(set)
    assert not any({"cv", "test"} <= roles for roles in groups)
    assert "person0" in groups.index and "bacterial-person0" not in groups.index


def test_patients_without_such_numbers_cannot_be_told_by_them(tmp_path):
    radiographs = [(f"scan{number}", label, "train") for number in range(30)
                   for label in ("normal" if number % 2 else "pneumonia",)]  # fmt: skip
    with pytest.raises(UserError, match=r"no patient[\s\S]*split.patient_key: number"):
        split(tmp_path, radiographs, patient_key="number")
