"""One key for each patient, however a source writes it, and what is odd about the keys."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pneumobench.data.sources.radiograph import Listing, Radiograph
from pneumobench.data.spelling import same_form, unite_spellings

# What programs and people write where they know no patient.
NOBODY = frozenset(
    (
        *(
            "-",
            "--",
            "---",
            "?",
            "??",
            "???",
            ".",
            "*",
            "#",
            "nan",
            "none",
            "null",
            "nil",
            "na",
            "n/a",
        ),
        *("n.a.", "<na>", "nat", "inf", "unknown", "unk", "unbekannt", "undefined", "missing"),
        *(
            "not available",
            "not known",
            "anonymous",
            "anonymized",
            "anonymised",
            "anon",
            "tbd",
            "todo",
        ),
        *("x", "xx", "xxx", "#n/a", "#ref!", "#value!", "#name?", "false", "true"),
    )
)
# A long number as a spreadsheet shortens it.
_ROUNDED = re.compile(r"\d([.,]\d+)?e\+\d+")
_OF_SOURCE = re.compile(r"^(nih|rsna)-")
EXAMPLES = 5


def one_key_for_each_patient(listing: Listing) -> Listing:
    """Give radiographs whose patients are one patient, written in several ways, the same key.

    Whatever the source is; see `pneumobench.data.spelling.unite_spellings`. What was united, and
    keys that name nobody, are told in the notes.
    """
    radiographs = listing.radiographs
    key_of, united = unite_spellings(
        radiograph.patient for radiograph in radiographs if radiograph.patient
    )
    radiographs = [
        _with_key(radiograph, key_of.get(radiograph.patient, "")) for radiograph in radiographs
    ]
    return replace(
        listing, radiographs=radiographs, notes=[*listing.notes, *_notes(radiographs, united)]
    )


def _with_key(radiograph: Radiograph, key: str) -> Radiograph:
    if key == radiograph.patient:
        return radiograph
    return replace(radiograph, patient=key, patient_from=radiograph.patient_from if key else "")


def _notes(radiographs: Iterable[Radiograph], united: list[list[str]]) -> Iterator[str]:
    if united:
        examples = "; ".join(" = ".join(map(ascii, found[:4])) for found in united[:EXAMPLES])
        more = "; and others" if len(united) > EXAMPLES else ""
        yield f"{len(united):,} patients are written in several ways, each is one: {examples}{more}"
    number = Counter(radiograph.patient for radiograph in radiographs if radiograph.patient)
    form_of = {key: _OF_SOURCE.sub("", same_form(key)) for key in sorted(number)}
    for key, form in form_of.items():
        if form in NOBODY:
            yield (
                f"{number[key]:,} images have the patient {key!r}, which seems to name nobody; "
                "they count as one patient: leave the cell empty where nobody knows"
            )
    rounded = [key for key, form in form_of.items() if _ROUNDED.fullmatch(form)]
    if rounded:
        yield (
            f"{len(rounded):,} patients look like numbers that a spreadsheet shortened, such as "
            f"{rounded[0]}: different patients may have one key; export the table anew, with "
            "this column as text"
        )
