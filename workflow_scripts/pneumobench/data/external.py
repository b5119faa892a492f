"""External radiographs: none that the experiment has already; their labels are kept apart."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json, write_table
from pneumobench.data.audit import EXAMPLES, NEAR_DUPLICATES_LISTED, few_patients
from pneumobench.data.groups import unite
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.data.near_duplicates import MOST_KEPT, find_near_duplicates, hash_words
from pneumobench.data.split import label_table

logger = logging.getLogger(__name__)

# Digests of one file, and of one radiograph in two files.
DIGESTS = ("sha256", "pixel_sha256")


def admit_external(
    manifest: Path,
    description: Path,
    known: Path,
    splits: Path,
    labels: Path,
    audit: Path,
    *,
    maximum_near_duplicate_fraction: float,
) -> None:
    """Stop on radiographs that the experiment has already; list the others, and their labels apart.

    All images are used, whatever official split their source has. Patients of two sources cannot be
    compared: equal keys are no equal children, so radiographs alone are.

    Parameters
    ----------
    manifest, description
        manifest.csv and source.json of the external data.
    known
        manifest.csv of the data that networks are trained and tested on.
    splits
        splits.csv to write: every radiograph with the role `external`, without a fold and a label.
    labels
        labels.csv to write, in the form of test_labels.csv.
    audit
        audit.json to write: `source`; `counts` of files, images, patients by their names and groups
        of them with identical images, radiographs that tell no patient, redundant copies;
        `by_label_subtype`; `compared_by_content` (false where images were not read, so that copies
        of known ones were not looked for); `near_duplicates` of known images (the first
        `NEAR_DUPLICATES_LISTED` of them) and how many images have one; `rejected`; `warnings`.
    maximum_near_duplicate_fraction
        Largest tolerated share (0 to 1) of radiographs that look nearly like a known one.

    Raises
    ------
    UserError
        If an image is, byte by byte or pixel by pixel, one that the experiment has, or if too many
        look nearly like one; names up to ten.
    """
    table = read_manifest(manifest)
    images, others = accepted_images(table), accepted_images(read_manifest(known))
    images["group"] = unite(images["patient"], images["pixel_sha256"])
    _check_shared(images, others, manifest, known)
    content = _describe(table, images, others, read_json(description))
    _check_near(content, maximum_near_duplicate_fraction, manifest, known)
    content["warnings"] = [
        *_warnings(content),
        *few_patients(images, content["source"], "the external set"),
    ]
    for warning in content["warnings"]:
        logger.warning("%s", warning)
    listed = images[["image_id"]].assign(role="external", fold=pd.NA, inner="")
    write_table(splits, listed.assign(group=images["group"]))
    write_table(labels, label_table(images))
    write_json(audit, content)


def find_shared(images: pd.DataFrame, others: pd.DataFrame) -> list[tuple[str, str]]:
    """Return images (path) with an image (path) of other data that has the same bytes or pixels.

    Parameters
    ----------
    images, others
        Rows of two manifests. Empty digests are not compared.
    """
    found: dict[str, str] = {}
    for digest in DIGESTS:
        first = others[others[digest] != ""].drop_duplicates(digest).set_index(digest)["path"]
        chosen = images[images[digest].isin(first.index)]
        for path, key in zip(chosen["path"], chosen[digest], strict=True):
            found.setdefault(path, first[key])
    return sorted(found.items())


def find_near(images: pd.DataFrame, others: pd.DataFrame) -> list[dict[str, Any]]:
    """Return pairs of a radiograph and one of other data whose difference hashes are nearly equal.

    Parameters
    ----------
    images, others
        Rows of two manifests. Radiographs without a difference hash are passed over.
    """
    images, others = (part[part["dhash"] != ""] for part in (images, others))
    # A data set is one group: only pairs of the two count.
    group = np.repeat([0, 1], [len(images), len(others)])
    words = hash_words([*images["dhash"], *others["dhash"]])
    near = find_near_duplicates(words, group, group == 1, MOST_KEPT)
    return [
        {
            "external": images["path"].iloc[row],
            "known": others["path"].iloc[other - len(images)],
            "differing_bits": bits,
        }
        for row, other, bits in near.listed
    ]


def _check_shared(images: pd.DataFrame, others: pd.DataFrame, manifest: Path, known: Path) -> None:
    shared = find_shared(images, others)
    if not shared:
        return
    examples = "; ".join(f"{path} = {other}" for path, other in shared[:EXAMPLES])
    more = f" and {len(shared) - EXAMPLES} more" if len(shared) > EXAMPLES else ""
    raise UserError(
        f"{len(shared)} of {len(images)} external images are images of the data that networks are "
        "trained and tested on",
        where=f"{examples}{more} ({manifest} and {known})",
        expected="external data without an image of those data, neither as a file nor as an image",
        remedy="remove these images from the external data, or name another source in `external`",
    )


def _check_near(content: dict[str, Any], maximum: float, manifest: Path, known: Path) -> None:
    counts = content["counts"]
    if counts["near_known"] <= maximum * counts["ok"]:
        return
    examples = "; ".join(
        f"{pair['external']} = {pair['known']}" for pair in content["near_duplicates"][:EXAMPLES]
    )
    raise UserError(
        f"{counts['near_known']:,} of {counts['ok']:,} external images look nearly like images of "
        "the data that networks are trained and tested on, as copies do that were saved anew",
        where=f"{examples} ({manifest} and {known})",
        expected=f"at most a share of {maximum:g} "
        "(external.checks.maximum_near_duplicate_fraction)",
        remedy="remove these images from the external data; raise the limit if they are others",
    )


def _describe(
    table: pd.DataFrame, images: pd.DataFrame, others: pd.DataFrame, source: dict[str, Any]
) -> dict[str, Any]:
    near = find_near(images, others)
    rejected = table[table["status"] == "rejected"]
    read = images["pixel_sha256"] != ""
    by_class = images.groupby(["label", "subtype"])
    return {
        "source": source,
        "counts": {
            "files": len(table),
            "ok": len(images),
            "rejected": len(rejected),
            "litter": source["litter"],
            "patients": int(images["patient"].nunique()),
            "patient_groups": int(images["group"].nunique()),
            "unknown_patients": int((images["patient_from"] == "").sum()),
            "redundant_duplicates": int(images.loc[read, "pixel_sha256"].duplicated().sum()),
            "near_known": len({pair["external"] for pair in near}),
        },
        "by_label_subtype": by_class.agg(
            images=("image_id", "size"), patients=("patient", "nunique")
        )
        .reset_index()
        .to_dict("records"),
        "compared_by_content": bool(read.all() and (others["pixel_sha256"] != "").all()),
        "near_duplicates": near[:NEAR_DUPLICATES_LISTED],
        "rejected": rejected[["path", "reason"]].to_dict("records"),
    }


def _warnings(content: dict[str, Any]) -> Iterator[str]:
    counts = content["counts"]
    for key, text in (
        (
            "near_known",
            "external images are near duplicates of images on which the networks are trained or "
            "tested: they may be copies",
        ),
        (
            "unknown_patients",
            f"of {counts['ok']} external radiographs have no known patient: each counts as its "
            "own, so intervals may be too narrow",
        ),
        ("redundant_duplicates", "external radiographs are copies of other external radiographs"),
        ("rejected", "external files are set aside"),
    ):
        if counts[key]:
            yield f"{counts[key]} {text}"
    if not content["compared_by_content"]:
        yield (
            "radiographs were not read when they were listed: whether external images are copies "
            "of known ones was not looked for"
        )
    yield from content["source"]["notes"]
