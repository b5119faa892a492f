"""Images that must stay together: one patient's, united with exact duplicates."""

from collections.abc import Sequence


def unite(patients: Sequence[str], duplicates: Sequence[str]) -> list[str]:
    """Return the group of each image: connected over equal patients and over equal pixels.

    Union-find with path halving: two patients who share an identical image fall into one group,
    and so do those that either shares with others.

    Parameters
    ----------
    patients
        Patient key of each image.
    duplicates
        Digest of each image's pixels; equal digests are identical images. "" is unknown.

    Returns
    -------
    list of str
        For each image the alphabetically first patient key of its group.
    """
    parent = {patient: patient for patient in patients}

    def root(patient: str) -> str:
        while parent[patient] != patient:
            parent[patient] = parent[parent[patient]]
            patient = parent[patient]
        return patient

    first_with: dict[str, str] = {}
    for patient, digest in zip(patients, duplicates, strict=True):
        if not digest:
            continue
        one, other = sorted((root(patient), root(first_with.setdefault(digest, patient))))
        parent[other] = one
    return [root(patient) for patient in patients]
