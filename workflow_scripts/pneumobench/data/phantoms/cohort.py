"""Who is in the data set: patients, films, official splits and Kaggle's file names."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

# Probability that a patient has 1, 2, 3, 4 or 5 films; on average 1.9, 1.2 and 1.1 as in the real
# set.
_FILMS = {
    "bacterial": (0.58, 0.18, 0.10, 0.08, 0.06),
    "viral": (0.83, 0.12, 0.03, 0.01, 0.01),
    "normal": (0.91, 0.08, 0.01, 0.0, 0.0),
}
# Share of the patients that are healthy; gives 27 % and 37 % of the films.
_HEALTHY = {"train": 0.34, "test": 0.45}
# Share of the pneumonia patients that are bacterial; gives two thirds of the films.
_BACTERIAL = 0.56
# Films of each class in the official validation folder.
_VALIDATION_FILMS = 8


@dataclass(frozen=True)
class Patient:
    """One child: index (its seed), subtype, official split and number of films."""

    index: int
    subtype: str
    split: str
    films: int


@dataclass(frozen=True)
class Film:
    """One image file to draw."""

    patient: Patient
    patient_name: str
    number: int  # among the patient's films, from 0
    path: str  # below the data root, posix

    @property
    def label(self) -> str:
        """`normal` or `pneumonia`."""
        return "normal" if self.patient.subtype == "normal" else "pneumonia"


def plan_cohort(patients: int, test_fraction: float, seed: int) -> list[Film]:
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
    Films in order of subtype and patient number. Patients never cross the official splits.
    """
    everyone = _draw_patients(patients, test_fraction, seed)
    films: list[Film] = []
    for subtype in _FILMS:
        group = _in_order_of_numbers([p for p in everyone if p.subtype == subtype])
        films += _normal_films(group) if subtype == "normal" else _pneumonia_films(group)
    return films


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
            films = 1 + int(rng.choice(5, p=_FILMS[subtype]))
            everyone.append(Patient(len(everyone), subtype, split, films))
    for subtype in ("normal", "bacterial"):
        everyone = _set_validation_aside(everyone, subtype)
    return everyone


def _set_validation_aside(everyone: list[Patient], subtype: str) -> list[Patient]:
    """Move whole patients from the end of the training list into the validation folder."""
    available = sum(p.films for p in everyone if p.split == "train" and p.subtype == subtype)
    # A small data set gives at most an eighth of its films away.
    missing = min(_VALIDATION_FILMS, available // 8)
    chosen = set()
    for patient in reversed(everyone):
        if (patient.split, patient.subtype) == ("train", subtype) and patient.films <= missing:
            chosen.add(patient.index)
            missing -= patient.films
    return [replace(p, split="val") if p.index in chosen else p for p in everyone]


def _in_order_of_numbers(group: list[Patient]) -> list[Patient]:
    """The test set is a block of numbers, the validation set their end, as in the real data."""
    splits = {split: [p for p in group if p.split == split] for split in ("train", "test", "val")}
    # Only bacterial test numbers lie within the training numbers.
    before = len(splits["test"]) if group and group[0].subtype == "bacterial" else 0
    train = splits["train"]
    return train[:before] + splits["test"] + train[before:] + splits["val"]


def _pneumonia_films(group: list[Patient]) -> list[Film]:
    films: list[Film] = []
    for person, patient in enumerate(group, start=1):
        cause = "bacteria" if patient.subtype == "bacterial" else "virus"
        for number in range(patient.films):
            name = f"person{person}_{cause}_{len(films) + 1}.jpeg"
            path = f"{patient.split}/PNEUMONIA/{name}"
            films.append(Film(patient, f"{cause}-person{person}", number, path))
    return films


def _normal_films(group: list[Patient]) -> list[Film]:
    films: list[Film] = []
    counters: Counter[str] = Counter()
    for position, patient in enumerate(group):
        series = ("IM", "NORMAL2-IM")[position % 2]
        counters[series] += 1
        name = f"{series}-{counters[series]:04d}"
        for number in range(patient.films):
            path = f"{patient.split}/NORMAL/{name}-{number + 1:04d}.jpeg"
            films.append(Film(patient, name, number, path))
    return films
