"""What a radiograph's file name says: its subtype and its patient.

Three grammars are read, all of the same collection (Kermany et al., Cell 172, 2018, 1122-1131):

* ``person12_bacteria_34``, ``person12_virus_34`` (Kaggle, Mendeley version 2), also with a tail
  as in ``person447_virus_921_1``;
* ``IM-0115-0001``, ``NORMAL2-IM-1427-0001``, also with a tail as in ``IM-0176-0001-0002``;
* ``BACTERIA-5660566-0001``, ``VIRUS-...``, ``NORMAL-...`` (Mendeley version 3).

Each may end as Roboflow ends the names of the copies that it exports: ``..._jpeg.rf.1a2b3c``. Each
may stand within a longer name, between signs, as in those of copies: ``aug_0_person12_virus_34``,
``IM-0115-0001 (1)``.
"""

import re
from dataclasses import dataclass, replace

SUBTYPE_OF_WORD = {"bacteria": "bacterial", "virus": "viral", "normal": "normal"}
LABEL_OF_SUBTYPE = {"bacterial": "pneumonia", "viral": "pneumonia", "normal": "normal"}

_PERSON = re.compile(r"person(\d+)_(bacteria|virus)_\d+(?:_\d+)?", re.IGNORECASE)
_NORMAL = re.compile(r"(NORMAL2-)?IM-(\d+)-\d+(?:-\d+)?", re.IGNORECASE)
_EXPORTED = re.compile(r"_(?:jpe?g|png|bmp|tiff?|webp)\.rf\.[0-9a-z]+\Z", re.IGNORECASE)
_VERSION_3 = re.compile(r"(BACTERIA|VIRUS|NORMAL)-(\d+)-\d+", re.IGNORECASE)
# Within a longer name, numbers have as many digits as the collection's: a date is none of them.
_WITHIN = re.compile(
    rf"(?<![^\W_])(?:{_PERSON.pattern}|(?:NORMAL2-)?IM-\d{{4}}-\d{{4}}(?:-\d{{4}})?"
    r"|(?:BACTERIA|VIRUS|NORMAL)-\d{5,}-\d{4})(?![^\W_])",
    re.IGNORECASE,
)
# Keys of patients as `parse_stem` makes them.
_NUMBERED = re.compile(r"(?:bacterial|viral)-(person\d+)|normal-(?:.*-)?(IM-\d+)")


@dataclass(frozen=True)
class NamedRadiograph:
    """Subtype (bacterial, viral or normal) and patient key, as the file name alone tells them.

    `within` tells that the name holds more than the grammars have, as the names of copies do.
    """

    subtype: str
    patient: str
    within: bool = False


def parse_stem(stem: str) -> NamedRadiograph | None:
    """Read subtype and patient from a file name without its suffix; None outside the grammars.

    Person numbers were given within a subtype and IM-numbers within a prefix: the same number with
    another subtype or prefix is another child, so both are part of the key. Version 3 numbers
    patients across subtypes.

    >>> parse_stem("person447_virus_921_1")
    NamedRadiograph(subtype='viral', patient='viral-person447', within=False)
    >>> parse_stem("NORMAL2-IM-1427-0001").patient
    'normal-NORMAL2-IM-1427'
    """
    stem = _EXPORTED.sub("", stem)
    if named := _parse_whole(stem):
        return named
    found = {_parse_whole(match[0]) for match in _WITHIN.finditer(stem)}
    # A mixture of two patients is neither's.
    return replace(found.pop(), within=True) if len(found) == 1 else None


def _parse_whole(stem: str) -> NamedRadiograph | None:
    if match := _PERSON.fullmatch(stem):
        subtype = SUBTYPE_OF_WORD[match[2].lower()]
        return NamedRadiograph(subtype, f"{subtype}-person{int(match[1])}")
    if match := _NORMAL.fullmatch(stem):
        return NamedRadiograph("normal", f"normal-{(match[1] or '').upper()}IM-{match[2]}")
    if match := _VERSION_3.fullmatch(stem):
        return NamedRadiograph(SUBTYPE_OF_WORD[match[1].lower()], f"patient-{match[2]}")
    return None


def number_of(patient: str) -> str | None:
    """Return a patient's number without the subtype or prefix it was given within, or None.

    >>> number_of("viral-person447"), number_of("normal-NORMAL2-IM-1427"), number_of("p1")
    ('person447', 'IM-1427', None)
    """
    found = _NUMBERED.fullmatch(patient)
    return found[1] or found[2] if found else None


def subtype_in_folder(named: NamedRadiograph | None, label: str) -> str:
    """Return the subtype of a radiograph whose label comes from its folder.

    The name decides where it agrees with the folder; a disagreement is "unknown". An image outside
    the grammars is "normal" in the normal folder and "unknown" in the pneumonia folder.
    """
    if named is None:
        return "normal" if label == "normal" else "unknown"
    return named.subtype if LABEL_OF_SUBTYPE[named.subtype] == label else "unknown"
