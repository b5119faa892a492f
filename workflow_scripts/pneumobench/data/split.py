"""Folds by patient: who is trained on, who is predicted out of fold, who is kept for testing."""

import logging
import math
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from pneumobench.core.errors import UserError
from pneumobench.core.files import write_table
from pneumobench.core.task import BINARY, SUBTYPE, SUBTYPES
from pneumobench.data.file_names import number_of
from pneumobench.data.groups import unite
from pneumobench.data.manifest import accepted_images, in_official_test, read_manifest

logger = logging.getLogger(__name__)

CLASSES = ("normal", "pneumonia")
LABEL_COLUMNS = ["image_id", "label", "subtype", "patient"]
# What tells patients apart.
NAME, NUMBER = "name", "number"
# Sets the hold-out's random numbers apart from those of fold 0, 1, ...
_HOLDOUT = 1_000_000


def split_dataset(
    manifest: Path,
    splits: Path,
    development_labels: Path,
    test_labels: Path,
    *,
    folds: int,
    seed: int,
    holdout_fraction: float,
    inner_fraction: float,
    patient_key: str = NAME,
    task: str = BINARY,
) -> None:
    """Assign each accepted image to the test set or to a fold, whole patients at a time.

    Official train and val images are the cross-validation pool; official test images are never in a
    fold. Data without an official test set lose a patient-grouped hold-out first. Patients who
    share an identical image are one group. Folds, hold-out and early-stopping parts are stratified
    by subtype. Labels go to one file each for development and test, so that training has no path to
    the test labels; there, a patient is such a group.

    Parameters
    ----------
    manifest
        manifest.csv.
    splits, development_labels, test_labels
        The CSV files to write; rows in manifest order of status ok.
    folds, seed
        Number of folds, and what everything random follows from.
    holdout_fraction, inner_fraction
        Share of the images (0 to 0.5) held out of data without an official test set, and of those
        of each fold's training side for early stopping (0 for none), each to within one group.
    patient_key
        What tells patients apart, see `with_patient_key`; development images of patients whom a
        number puts on both sides of an official split are left out (role `left_out`).
    task
        With `subtype` every image must have one, and every part images of each.

    Raises
    ------
    UserError
        If a part lacks a class, there is nothing to develop on, or fewer patients than folds.
    """
    images = accepted_images(read_manifest(manifest))
    if task == SUBTYPE:
        _check_subtypes_known(images, manifest)
    images["patient"] = with_patient_key(images["patient"], patient_key, manifest)
    images["group"] = unite(images["patient"], images["pixel_sha256"])
    test = _test_images(images, manifest, seed, holdout_fraction)
    left_out = _left_out(images, test, patient_key)
    pool = images[~test & ~left_out].reset_index(drop=True)
    assign_folds(pool, manifest, folds=folds, seed=seed, inner_fraction=inner_fraction)
    table = _tabulate(images, pool, np.select([test, left_out], ["test", "left_out"], "cv"))
    if task == SUBTYPE:
        _check_subtypes_in_parts(images, table, manifest)
    write_table(splits, table)
    labels = label_table(images)
    write_table(development_labels, labels[~test & ~left_out])
    write_table(test_labels, labels[test])


def label_table(images: pd.DataFrame) -> pd.DataFrame:
    """Return the labels of images by which they are judged, columns `LABEL_COLUMNS`.

    A patient is the group that the split keeps together: who shares an identical image with another
    is the same child under two names, and must not count as two.

    Parameters
    ----------
    images
        Rows of a manifest with their `group`.
    """
    return images.assign(patient=images["group"])[LABEL_COLUMNS]


def assign_folds(
    pool: pd.DataFrame, source: Path, *, folds: int, seed: int, inner_fraction: float
) -> None:
    """Add the columns `fold` and `inner` to a cross-validation pool, whole groups together.

    Parameters
    ----------
    pool
        Columns label, subtype, group; numbered from 0.
    source
        Where the images are listed, for messages.
    folds, seed, inner_fraction
        As for `split_dataset`.

    Raises
    ------
    UserError
        If there are fewer groups of a class than folds, or a fold would lack a class.
    """
    _check_patients(pool, folds, f"the cross-validation pool of {source}", "split.folds")
    pool["fold"] = _fold_numbers(pool, folds, seed)
    _check_folds(pool, folds, source)
    pool["inner"] = _inner_parts(pool, folds, seed, inner_fraction)


def with_patient_key(patients: pd.Series, key: str, source: Path) -> pd.Series:
    """Return who counts as one patient, by image.

    Parameters
    ----------
    patients
        Keys of patients as the source tells them.
    key
        `NAME`: these keys. `NUMBER`: for file names of Kermany's data the number alone, without the
        subtype or the prefix it was given within (`file_names.number_of`); keys of another form
        stay as they are.
    source
        Where they are listed, for messages.

    Raises
    ------
    UserError
        If no key has a number of this kind.
    """
    if key == NAME:
        return patients
    numbers = patients.map(number_of)
    if numbers.isna().all():
        raise UserError(
            "no patient of these data has a number that could be read without its subtype",
            where=f"{source} (split.patient_key: number)",
            expected="patients told by file names such as person447_virus_921.jpeg or "
            "IM-0115-0001.jpeg",
            remedy="set split.patient_key: name",
        )
    return numbers.fillna(patients)


def _left_out(images: pd.DataFrame, test: np.ndarray, key: str) -> np.ndarray:
    """Return the development images, bool [N], of groups that numbers alone put on both sides."""
    crossing = images["group"].isin(images.loc[test, "group"]).to_numpy() & ~test
    if key == NAME or not crossing.any():
        return np.zeros(len(images), bool)
    logger.warning(
        "%d development images of %d patients are left out: by number alone the test set has these "
        "patients, too",
        crossing.sum(), images.loc[crossing, "group"].nunique(),
    )  # fmt: skip
    return crossing


def _tabulate(images: pd.DataFrame, pool: pd.DataFrame, role: np.ndarray) -> pd.DataFrame:
    """Return splits.csv: the fold and the parts for early stopping of what is for development."""
    table = images[["image_id"]].assign(role=role)
    table["fold"] = pd.array([pd.NA] * len(table), dtype="Int64")
    table["inner"] = ""
    for column in ("fold", "inner"):
        table.loc[table["role"] == "cv", column] = pool[column].to_numpy()
    return table.assign(group=images["group"])


def _test_images(
    images: pd.DataFrame, manifest: Path, seed: int, holdout_fraction: float
) -> np.ndarray:
    """Return which images are for testing, bool [N]: the official ones, else a fresh hold-out."""
    test = in_official_test(images).to_numpy()
    if test.all():
        raise UserError(
            "there is a test set but there are no images to develop on",
            where=str(manifest),
            expected="images in train (and val) beside those in test",
            remedy="add train/NORMAL and train/PNEUMONIA to the data folder",
        )
    if not test.any():
        where, key = f"{manifest} (no official test set)", "split.holdout_fraction"
        _check_patients(images, _parts_of(holdout_fraction), where, key)
        test = hold_out(images, holdout_fraction, derived_seed(seed, _HOLDOUT))
        logger.info("no official test set: %d of %d images held out", test.sum(), len(test))
    missing = set(CLASSES) - set(images.loc[test, "label"])
    if missing:
        raise UserError(
            f"the test set holds no {missing.pop()} image",
            where=str(manifest),
            expected="readable test images of both classes",
            remedy="complete the test folder; without one, change split.seed or add patients",
        )
    return test


def _fold_numbers(images: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image, int [N], whole groups together, subtypes in equal shares."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    numbers = np.full(len(images), -1)
    parts = splitter.split(images, _strata(images, folds), images["group"])
    for fold, (_, held_out) in enumerate(parts):
        numbers[held_out] = fold
    return numbers


def _strata(images: pd.DataFrame, parts: int) -> pd.Series:
    """Return what is balanced: the subtype, or the label alone where a subtype has few groups."""
    strata = images["label"] + "/" + images["subtype"]
    groups = images["group"].groupby([images["label"], images["subtype"]]).nunique()
    rare = set(groups[groups < parts].index.get_level_values("label"))
    return strata.where(~images["label"].isin(rare), images["label"])


def _inner_parts(pool: pd.DataFrame, folds: int, seed: int, inner_fraction: float) -> np.ndarray:
    """Return for each image the folds for whose training side it is the early-stopping part.

    Text like "0 3". A fold whose training side has too few patients for such a part has none.
    """
    inner: list[list[str]] = [[] for _ in range(len(pool))]
    for fold in range(folds if inner_fraction > 0 else 0):
        training = pool[pool["fold"] != fold]
        parts = _parts_of(inner_fraction)
        if _fewest_groups(training)[0] < parts:
            logger.warning("fold %d: too few patients for an early-stopping part", fold)
            continue
        chosen = hold_out(training, inner_fraction, derived_seed(seed, fold))
        for row in training.index[chosen]:
            inner[row].append(str(fold))
    return np.array([" ".join(entry) for entry in inner], dtype=object)


def hold_out(images: pd.DataFrame, fraction: float, seed: int) -> np.ndarray:
    """Return a share of the images, bool [N], whole groups together, subtypes in equal shares.

    Fractions that are one over a whole number are one fold of so many; where groups are too unequal
    for that, and for all other fractions, groups are drawn one after the other until the share is
    reached. It is met to within the images of one group.

    Parameters
    ----------
    images
        Columns label, subtype and group.
    fraction
        In (0, 0.5].
    seed
        Of the draw.
    """
    wanted, parts = fraction * len(images), round(1 / fraction)
    if abs(parts * fraction - 1) < 1e-9:
        chosen = _fold_numbers(images, parts, seed) == 0
        if abs(chosen.sum() - wanted) <= images["group"].value_counts().max():
            return chosen
    strata = _strata(images, 2)
    generator, drawn, due = np.random.default_rng(seed), set(), 0.0
    # A group of several strata counts where it has the first image.
    first = images.assign(stratum=strata).drop_duplicates("group")
    sizes = images["group"].value_counts()
    own_of = [own for _, own in first.groupby("stratum")["group"]]
    # What one stratum was given too much or too little, the next makes good: the one with the
    # largest group comes last, lest that group alone use up the share of a class.
    for own in sorted(own_of, key=lambda own: sizes[own].max()):
        due += fraction * sizes[own].sum()
        for group in generator.permutation(sorted(own)):
            if sizes[group] / 2 <= due:
                drawn.add(group)
                due -= sizes[group]
    return images["group"].isin(drawn).to_numpy()


def _parts_of(fraction: float) -> int:
    """Return how many groups of a class there must be for a share of them to be any."""
    return max(2, math.ceil(1 / fraction - 1e-9))


def derived_seed(seed: int, number: int) -> int:
    """Return the seed of one of several draws that follow from one seed."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def _fewest_groups(images: pd.DataFrame) -> tuple[int, str]:
    """Return the smaller number of groups of the two classes, and that class."""
    groups = images.groupby("label")["group"].nunique()
    return min((int(groups.get(label, 0)), label) for label in CLASSES)


def _check_patients(images: pd.DataFrame, parts: int, where: str, key: str) -> None:
    fewest, label = _fewest_groups(images)
    if fewest < parts:
        raise UserError(
            f"{fewest} patients of class {label} are too few for {parts} parts",
            where=where,
            expected=f"at least {parts} patients of each class ({key})",
            remedy=f"add images of more patients, or change {key} to ask for fewer parts",
        )


def _check_folds(pool: pd.DataFrame, folds: int, manifest: Path) -> None:
    """Stop if patients are so unequal that a fold has only one class: nothing to score there."""
    classes = pool.groupby("fold")["label"].nunique().reindex(range(folds), fill_value=0)
    if (classes < len(CLASSES)).any():
        raise UserError(
            f"fold {classes.idxmin()} lacks images of one class",
            where=str(manifest),
            expected="images of both classes in each fold",
            remedy="lower split.folds, try another split.seed, or add images of more patients",
        )


def _check_subtypes_known(images: pd.DataFrame, manifest: Path) -> None:
    unknown = images[~images["subtype"].isin(SUBTYPES)]
    if len(unknown):
        some = ", ".join(unknown["path"].head(3))
        raise UserError(
            f"{len(unknown)} of {(images['label'] == 'pneumonia').sum()} images of pneumonia tell "
            f"no subtype, such as {some}",
            where=f"{manifest} (task: subtype)",
            expected="bacterial or viral for every radiograph of pneumonia",
            remedy="set task: binary, or take a source whose file names or table tell the subtype "
            "(data.source: table has a column for it)",
        )


def _check_subtypes_in_parts(images: pd.DataFrame, splits: pd.DataFrame, manifest: Path) -> None:
    """Stop if a fold or the test set lacks a subtype: nothing could be said of it there."""
    part = splits["fold"].map(lambda fold: "the test set" if pd.isna(fold) else f"fold {fold}")
    counts = pd.crosstab(part, images["subtype"]).reindex(columns=SUBTYPES, fill_value=0)
    lacking = [(place, name) for name in SUBTYPES for place in counts.index[counts[name] == 0]]
    if lacking:
        place, name = lacking[0]
        raise UserError(
            f"{place} has no {name} radiograph",
            where=f"{manifest} (task: subtype)",
            expected=f"{', '.join(SUBTYPES)} radiographs in every fold and in the test set",
            remedy="lower split.folds, try another split.seed, add images of more patients, or set "
            "task: binary",
        )
