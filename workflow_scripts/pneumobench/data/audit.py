"""What is wrong with the data before anything is trained: leaks, duplicates, odd names."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.few import WANTED, largest_unseen
from pneumobench.core.files import read_json, write_json
from pneumobench.data.file_names import LABEL_OF_SUBTYPE, number_of, parse_stem
from pneumobench.data.groups import unite
from pneumobench.data.manifest import accepted_images, in_official_test, read_manifest
from pneumobench.data.near_duplicates import NearDuplicates, find_near_duplicates, hash_words
from pneumobench.data.sources.radiograph import FILE_NAME

logger = logging.getLogger(__name__)

NEAR_DUPLICATES_LISTED = 1000
# A difference hash of 256 bits.
EXAMPLES = 10


def audit_dataset(
    manifest: Path,
    description: Path,
    audit: Path,
    *,
    allow_crossings: list[str],
    maximum_near_duplicate_fraction: float,
) -> None:
    """Look for leaks and oddities in the manifest, write them down, stop on a leak.

    A crossing is a patient, or a set of identical images, on both sides of the official split:
    development (train and val) and test. Near duplicates are counted and the first 1,000 of them
    listed, only where the patients differ: few happen, many are copies under other names.

    Parameters
    ----------
    manifest
        manifest.csv.
    description
        source.json: what the source is; becomes a part of the audit.
    audit
        The JSON file to write. On a crossing that is not allowed its content goes to a file beside
        it, audit_failed.json, and `audit` is not written.
    allow_crossings
        Kinds of crossings to tolerate: patient, exact_duplicate.
    maximum_near_duplicate_fraction
        Largest tolerated share (0 to 1) of images with a near duplicate of another patient.

    Raises
    ------
    UserError
        On a crossing that is not allowed, or on too many near duplicates; names up to ten.
    """
    table = read_manifest(manifest)
    images = accepted_images(table)
    images["group"] = unite(images["patient"], images["pixel_sha256"])
    findings = _findings(table, images, read_json(description))
    findings["warnings"] = [
        *_warnings(findings, images, allow_crossings),
        *_few_of_each_side(images, findings["source"]),
    ]
    for warning in findings["warnings"]:
        logger.warning("%s", warning)
    failed = audit.with_name(f"{audit.stem}_failed.json")
    forbidden = {
        kind: crossings
        for kind, crossings in findings["crossings"].items()
        if crossings and kind not in allow_crossings
    }
    if forbidden:
        write_json(failed, findings)
        raise _crossing_error(forbidden, failed)
    if findings["counts"]["near_duplicate_images"] > maximum_near_duplicate_fraction * len(images):
        write_json(failed, findings)
        raise _near_duplicate_error(findings, maximum_near_duplicate_fraction, failed)
    write_json(audit, findings)
    failed.unlink(missing_ok=True)


def _findings(table: pd.DataFrame, images: pd.DataFrame, source: dict[str, Any]) -> dict[str, Any]:
    duplicate_sets = _duplicate_sets(images)
    hashed = images[images["dhash"] != ""]
    near = _near_duplicates(hashed)
    rejected = table[table["status"] == "rejected"]
    named = images[images["patient_from"] == FILE_NAME]
    return {
        "source": source,
        "counts": _counts(table, images, duplicate_sets)
        | {"near_duplicate_pairs": near.pairs, "near_duplicate_pairs_crossing": near.across}
        | {"near_duplicate_images": near.images}
        | {"litter": source["litter"]},
        "by_split_label_subtype": _by_split(images),
        "duplicate_sets": duplicate_sets,
        "crossings": {
            "patient": _crossing_patients(images),
            "exact_duplicate": [
                found["images"]
                for found in duplicate_sets
                if "test" in found["official_splits"] and len(found["official_splits"]) > 1
            ],
        },
        "by_number_alone": _by_number_alone(images),
        "near_duplicates": [_describe_pair(hashed, *pair) for pair in near.listed],
        "patients_told_by": images["patient_from"].value_counts().sort_index().to_dict(),
        "unknown_patients": images.loc[images["patient_from"] == "", "path"].tolist(),
        "name_folder_conflicts": list(_conflicts(named)),
        "rejected": rejected[["path", "reason"]].to_dict("records"),
    }


def _conflicts(named: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Yield the radiographs whose names say another class than their folders."""
    for path, label in zip(named["path"], named["label"], strict=True):
        radiograph = parse_stem(Path(path).stem)
        if radiograph is not None and LABEL_OF_SUBTYPE[radiograph.subtype] != label:
            yield {"path": path, "label": label, "name_subtype": radiograph.subtype}


def _counts(
    table: pd.DataFrame, images: pd.DataFrame, duplicate_sets: list[dict[str, Any]]
) -> dict[str, int]:
    test = in_official_test(images)
    in_sets = sum(len(found["images"]) for found in duplicate_sets)
    return {
        "files": len(table),
        "ok": len(images),
        "rejected": len(table) - len(images),
        "duplicate_sets": len(duplicate_sets),
        "duplicate_files": in_sets,
        "redundant_duplicates": in_sets - len(duplicate_sets),
        # Patients as the names tell them; groups are patients united over identical images.
        "patients": images["patient"].nunique(),
        "patients_development": images.loc[~test, "patient"].nunique(),
        "patients_test": images.loc[test, "patient"].nunique(),
        "patient_groups": images["group"].nunique(),
        "patient_groups_development": images.loc[~test, "group"].nunique(),
        "patient_groups_test": images.loc[test, "group"].nunique(),
    }


def _by_split(images: pd.DataFrame) -> list[dict[str, Any]]:
    grouped = images.groupby(["official_split", "label", "subtype"])
    table = grouped.agg(images=("image_id", "size"), patients=("patient", "nunique"))
    return table.reset_index().to_dict("records")


def _duplicate_sets(images: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the sets of images with identical pixels, in the order of their first image."""
    known = images[images["pixel_sha256"] != ""]
    copies = known[known.duplicated("pixel_sha256", keep=False)]
    return [
        {
            "images": found["image_id"].tolist(),
            "patients": sorted(found["patient"].unique()),
            "labels": sorted(found["label"].unique()),
            "official_splits": sorted(found["official_split"].unique()),
            "same_bytes": found["sha256"].nunique() == 1,
        }
        for _, found in copies.groupby("pixel_sha256", sort=False)
    ]


def _crossing_patients(images: pd.DataFrame) -> list[str]:
    test = in_official_test(images)
    return sorted(set(images.loc[test, "patient"]) & set(images.loc[~test, "patient"]))


def _by_number_alone(images: pd.DataFrame) -> dict[str, int] | None:
    """Return what would cross the official split if equal numbers were one patient.

    File names of Kermany's data number children within a subtype (bacterial, viral) or a prefix
    (IM, NORMAL2-IM): every series begins at its own low numbers, so that equal numbers are bound to
    occur in several and tell nothing of the child. The coarser reading is counted all the same.

    Returns
    -------
    dict or None
        `patients` on both sides by number alone and their `development_images`; None where no
        patient has such a number, or there is no official split.
    """
    numbers, test = images["patient"].map(number_of), in_official_test(images)
    if numbers.isna().all() or not test.any():
        return None
    crossing = set(numbers[test].dropna()) & set(numbers[~test].dropna())
    return {
        "patients": len(crossing),
        "development_images": int((numbers.isin(crossing) & ~test).sum()),
    }


def _near_duplicates(images: pd.DataFrame) -> NearDuplicates:
    """Find pairs of different groups whose difference hashes are nearly equal."""
    return find_near_duplicates(
        hash_words(images["dhash"].tolist()),
        pd.factorize(images["group"])[0],
        in_official_test(images).to_numpy(),
        NEAR_DUPLICATES_LISTED,
    )


def _describe_pair(images: pd.DataFrame, row: int, other: int, bits: int) -> dict[str, Any]:
    pair = images.iloc[[row, other]]
    return {
        "images": pair["image_id"].tolist(),
        "patients": pair["patient"].tolist(),
        "official_splits": pair["official_split"].tolist(),
        "differing_bits": bits,
    }


def _warnings(
    findings: dict[str, Any], images: pd.DataFrame, allow_crossings: list[str]
) -> Iterator[str]:
    counted = (
        (
            findings["unknown_patients"],
            f"of {len(images)} images have no known patient: each counts as a patient of its own, "
            "so images of one patient may be in several folds and on both sides of the split",
        ),
        (findings["name_folder_conflicts"], "file names contradict their class folder"),
        (findings["rejected"], "files are set aside"),
        (
            [found for found in findings["duplicate_sets"] if len(found["labels"]) > 1],
            "sets of identical images carry both labels",
        ),
    )
    for found, text in counted:
        if found:
            yield f"{len(found)} {text}"
    if pairs := findings["counts"]["near_duplicate_pairs"]:
        crossing = findings["counts"]["near_duplicate_pairs_crossing"]
        yield (
            f"{pairs:,} pairs of nearly identical images of different patients, {crossing:,} of "
            "them between development and test"
        )
    for kind in allow_crossings:
        if found := findings["crossings"].get(kind):
            yield f"{len(found)} crossings ({kind}) between development and test are tolerated"
    yield from findings["source"]["notes"]


def _few_of_each_side(images: pd.DataFrame, source: dict[str, Any]) -> Iterator[str]:
    tested = in_official_test(images)
    if not tested.any():
        yield from few_patients(images, source, "the data set, before a test set is set apart,")
        return
    yield from few_patients(images[~tested], source, "the development set")
    yield from few_patients(images[tested], source, "the test set")


def few_patients(images: pd.DataFrame, source: dict[str, Any], where: str) -> Iterator[str]:
    """Yield a warning for each class with few patients, and what so few leave open.

    Parameters
    ----------
    images
        With `label` and `group`.
    source
        source.json, which has the names of the classes.
    where
        What the images are called: `the test set`.
    """
    names = {"normal": source["negative"], "pneumonia": source["positive"]}
    patients = images.groupby("label")["group"].nunique()
    for label, name in names.items():
        number = int(patients.get(label, 0))
        if 0 < number < WANTED:
            yield (
                f"few patients: {where} has {number} of class {name}. A model that is wrong about "
                f"none of them may still be wrong about {largest_unseen(number):.0%} of all (upper "
                "95 % bound)"
            )


def _crossing_error(forbidden: dict[str, list[Any]], evidence: Path) -> UserError:
    offenders = [
        f"{kind} {entry if isinstance(entry, str) else ' = '.join(entry)}"
        for kind, entries in forbidden.items()
        for entry in entries
    ]
    more = f" and {len(offenders) - EXAMPLES} more" if len(offenders) > EXAMPLES else ""
    return UserError(
        f"development and test share {len(offenders)} patients or identical images",
        where=f"{'; '.join(offenders[:EXAMPLES])}{more} (all in {evidence})",
        expected="no patient and no image on both sides of the official split",
        remedy="remove them from one side, or name the kind in data.checks.allow_crossings: "
        + ", ".join(forbidden),
    )


def _near_duplicate_error(findings: dict[str, Any], maximum: float, evidence: Path) -> UserError:
    counts = findings["counts"]
    examples = "; ".join(
        f"{' = '.join(pair['images'])} (patients {', '.join(pair['patients'])})"
        for pair in findings["near_duplicates"][:EXAMPLES]
    )
    return UserError(
        f"{counts['near_duplicate_images']:,} of {counts['ok']:,} images look nearly like one of "
        "another patient, as copies do that were augmented, resized or saved anew",
        where=f"{examples} (more in {evidence})",
        expected=f"at most a share of {maximum:g} (data.checks.maximum_near_duplicate_fraction)",
        remedy="remove the copies, or give them the patient of their original; raise the limit if "
        "these are different radiographs",
    )
