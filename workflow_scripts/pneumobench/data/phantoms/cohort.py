"""Who is in the data set: patients, radiographs, official splits and Kaggle's file names."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

# Probability that a patient has 1, 2, 3, 4 or 5 images; on average 1.9, 1.2 and 1.1 as in the real
# set.
_RADIOGRAPHS = {
    "bacterial": (0.58, 0.18, 0.10, 0.08, 0.06),
    "viral": (0.83, 0.12, 0.03, 0.01, 0.01),
    "normal": (0.91, 0.08, 0.01, 0.0, 0.0),
}
# Share of the patients that are healthy; gives 27 % and 37 % of the radiographs.
_HEALTHY = {"train": 0.34, "test": 0.45}
# Share of the pneumonia patients that are bacterial; gives two thirds of the radiographs.
_BACTERIAL = 0.56
# Radiographs of each class in the official validation folder.
_VALIDATION_RADIOGRAPHS = 8


@dataclass(frozen=True)
class Patient:
    """One child: index (its seed), subtype, official split and number of radiographs."""

    index: int
    subtype: str
    split: str
    radiographs: int


@dataclass(frozen=True)
class Radiograph:
    """One image file to draw."""

    patient: Patient
    patient_name: str
    number: int  # among the patient's radiographs, from 0
    path: str  # below the data root, posix

    @property
    def label(self) -> str:
        """`normal` or `pneumonia`."""
        return "normal" if self.patient.subtype == "normal" else "pneumonia"


def plan_cohort(patients: int, test_fraction: float, seed: int) -> list[Radiograph]:
    """Lay out the data set.

    Parameters
    ----------
    patients
        Number of patients.
    test_fraction
        Share of the patients in the official test set, 0 to 1.
    seed
        Seed of the data set.

    Returns
    -------
    Radiographs in order of subtype and patient number. Patients never cross the official splits.
    """
    everyone = _draw_patients(patients, test_fraction, seed)
    radiographs: list[Radiograph] = []
    for subtype in _RADIOGRAPHS:
        group = _in_order_of_numbers([p for p in everyone if p.subtype == subtype])
        radiographs += (
            _normal_radiographs(group) if subtype == "normal" else _pneumonia_radiographs(group)
        )
    return radiographs


def _draw_patients(patients: int, test_fraction: float, seed: int) -> list[Patient]:
    in_test = round(patients * test_fraction)
    everyone: list[Patient] = []
    for split, count in (("train", patients - in_test), ("test", in_test)):
        healthy = round(count * _HEALTHY[split])
        bacterial = round((count - healthy) * _BACTERIAL)
        subtypes = ["normal"] * healthy + ["bacterial"] * bacterial
        subtypes += ["viral"] * (count - len(subtypes))
        for subtype in subtypes:
            rng = np.random.default_rng([seed, 0, len(everyone)])
            radiographs = 1 + int(rng.choice(5, p=_RADIOGRAPHS[subtype]))
            everyone.append(Patient(len(everyone), subtype, split, radiographs))
    for subtype in ("normal", "bacterial"):
        everyone = _set_validation_aside(everyone, subtype)
    return everyone


def _set_validation_aside(everyone: list[Patient], subtype: str) -> list[Patient]:
    """Move whole patients from the end of the training list into the validation folder."""
    available = sum(p.radiographs for p in everyone if p.split == "train" and p.subtype == subtype)
    # A small data set gives at most an eighth of its radiographs away.
    missing = min(_VALIDATION_RADIOGRAPHS, available // 8)
    chosen = set()
    for patient in reversed(everyone):
        if (patient.split, patient.subtype) == (
            "train",
            subtype,
        ) and patient.radiographs <= missing:
            chosen.add(patient.index)
            missing -= patient.radiographs
    return [replace(p, split="val") if p.index in chosen else p for p in everyone]


def _in_order_of_numbers(group: list[Patient]) -> list[Patient]:
    """The test set is a block of numbers, the validation set their end, as in the real data."""
    splits = {split: [p for p in group if p.split == split] for split in ("train", "test", "val")}
    # Only bacterial test numbers lie within the training numbers.
    before = len(splits["test"]) if group and group[0].subtype == "bacterial" else 0
    train = splits["train"]
    return train[:before] + splits["test"] + train[before:] + splits["val"]


def _pneumonia_radiographs(group: list[Patient]) -> list[Radiograph]:
    radiographs: list[Radiograph] = []
    for person, patient in enumerate(group, start=1):
        cause = "bacteria" if patient.subtype == "bacterial" else "virus"
        for number in range(patient.radiographs):
            name = f"person{person}_{cause}_{len(radiographs) + 1}.jpeg"
            path = f"{patient.split}/PNEUMONIA/{name}"
            radiographs.append(Radiograph(patient, f"{cause}-person{person}", number, path))
    return radiographs


def _normal_radiographs(group: list[Patient]) -> list[Radiograph]:
    radiographs: list[Radiograph] = []
    counters: Counter[str] = Counter()
    for position, patient in enumerate(group):
        series = ("IM", "NORMAL2-IM")[position % 2]
        counters[series] += 1
        name = f"{series}-{counters[series]:04d}"
        for number in range(patient.radiographs):
            path = f"{patient.split}/NORMAL/{name}-{number + 1:04d}.jpeg"
            radiographs.append(Radiograph(patient, name, number, path))
    return radiographs
