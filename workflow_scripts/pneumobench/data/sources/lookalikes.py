"""Columns that look like one that is read, and words that look like an allowed one."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from pneumobench.data.spelling import same_form

# A column whose name begins so is meant to be passed over.
UNUSED = "unused"
# Words that stand for an allowed one elsewhere.
MEANT = {
    **dict.fromkeys(("training", "trn", "tr", "development", "dev"), "train"),
    **dict.fromkeys(("entrenamiento", "entrainement", "entraînement", "treino"), "train"),
    **dict.fromkeys(("validation", "valid", "validate", "tuning", "tune", "validación"), "val"),
    **dict.fromkeys(("validacion", "validierung"), "val"),
    **dict.fromkeys(("testing", "tst", "te", "ts", "evaluation", "eval", "prueba"), "test"),
    **dict.fromkeys(("holdout", "hold-out", "heldout", "held-out", "held out", "teste"), "test"),
    **dict.fromkeys(("bacteria", "bacterium", "bacterial pneumonia"), "bacterial"),
    **dict.fromkeys(("virus", "viral pneumonia"), "viral"),
    **dict.fromkeys(("negative", "neg", "healthy", "no", "no finding", "false"), "normal"),
    **dict.fromkeys(("positive", "pos", "yes", "true", "pneumonic", "opacity"), "pneumonia"),
    **{"0.0": "0", "1.0": "1"},
}

_NUMBER = (
    "ids?|uids?|guid|nos?|nr|num|numbers?|nummer|names?|keys?|codes?|index|idx|hash(?:ed)?|"
    "identifiers?|pseudonyms?|ref|mrn"
)
_BEFORE = (
    "the|my|is|anon|anonymi[sz]ed|deidentified|deid|pseudo|hospital|unique|original|orig|src|"
    "source|dicom|true|real|final|new|old|official|col|column"
)
_PARTS = "(?:train|training|trn|test|testing|tst|val|valid|validation|holdout|heldout)"
# Names as they are without case, digits, blanks and signs: the word itself, and what may follow it.
_NAMES = {
    "path": ("paths?|files?|filepaths?|images?|imgs?|films?|pictures?|radiographs?|scans?|xrays?",
             f"{_NUMBER}|paths?|files?"),
    "label": ("labels?|class(?:es)?|targets?|diagnos[ie]s|findings?|categor(?:y|ies)|outcomes?|"
              "groundtruth|gt|disease|pneumonia|status|results?|y", f"{_NUMBER}|text|values?|type"),
    "patient": ("patients?|pat|pt|pid|mrn|subjects?|subj|persons?|participants?|individuals?|"
                "cases?|child(?:ren)?|proband(?:en)?|patienten|pacientes?|pazient[ei]", _NUMBER),
    "split": (f"(?:in|data)?{_PARTS}*(?:splits?|subsets?|folds?|partition(?:s|ing)?)|"
              f"(?:in)?{_PARTS}*sets?|(?:in)?{_PARTS}+", f"{_NUMBER}|types?|kinds?"),
    "subtype": ("subtypes?|subclass(?:es)?|sublabels?|pathogens?|organisms?|a?etiolog(?:y|ies)|"
                "(?:pneumonia|infection|label|disease)types?", _NUMBER),
    "boxes": ("(?:bounding|b)?box(?:es)?(?:x|y|w|h|min|max|left|top|width|height)*", _NUMBER),
}  # fmt: skip
_PATTERNS = {
    role: re.compile(f"(?:{_BEFORE})*(?:{word})(?:{after})*")
    for role, (word, after) in _NAMES.items()
}
_LONGEST = 60
# A column of so many different values holds no words.
_MOST_WORDS = 50
# A name of several words that holds one of these speaks of it, unless of something about it.
_HEADS = {
    "patient": re.compile("patients?|subjects?|participants?|patienten|pacientes?|pazient[ei]"),
    "split": re.compile(
        "(?:k|cv|data)?(?:splits?|folds?)|subsets?|partitions?|holdout|held(?:out)?"
    ),
}
_ATTRIBUTES = frozenset(
    (
        *("age", "ages", "sex", "gender", "weight", "height", "size", "bmi", "birth", "birthdate"),
        *("born", "dob", "race", "ethnicity", "ethnic", "position", "orientation", "view", "state"),
        *("status", "type", "count", "date", "history", "comment", "comments", "note", "notes"),
        *("name", "address", "country", "location", "site", "smoker", "diagnosis", "symptoms"),
    )
)
_PARTS_OF_DATA = ("train", "val", "test")
# What may stand beside such a word and changes nothing.
_BESIDE = re.compile(
    "(?:sets?|data|daten|dataset|images?|splits?|folders?|files?|normal|pneumonia)"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters.

    >>> words_of("ctPatient_ID2")
    ['ct', 'patient', 'id']
    """
    return re.findall(r"[^\W\d_]+", same_form(_CAMEL.sub(" ", name)))


def split_meant(name: str) -> str:
    """Return the official split that a word or the name of a folder stands for, "" for none.

    >>> [split_meant(name) for name in ("Testing set", "train_NORMAL", "Testdaten", "test bench")]
    ['test', 'train', 'test', '']
    """
    words = [word for word in words_of(name) if not _BESIDE.fullmatch(word)]
    letters = "".join(words)
    for form in (letters, re.sub(f"{_BESIDE.pattern}\\Z", "", letters)):
        if (meant := MEANT.get(form, form)) in _PARTS_OF_DATA:
            return meant
    return ""


def looks_like(name: str, roles: Sequence[str]) -> str | None:
    """Return the column that a name looks like: a synonym, another case, an ending, a slip.

    Parameters
    ----------
    name
        Of a column of a table.
    roles
        The columns to choose from.

    >>> [looks_like(name, ("patient", "split")) for name in ("PatientID", "Fold", "patient_age")]
    ['patient', 'split', None]
    """
    letters = _letters(name)
    if not letters or letters.startswith(UNUSED):
        return None
    for role in roles:
        if role in _PATTERNS and _PATTERNS[role].fullmatch(letters):
            return role
    if head := _head(name):
        return head if head in roles else None
    # A longer name that holds the word is another thing: patient_age.
    words = [role for role in roles if role not in letters or len(letters) == len(role) + 1]
    return next(iter(difflib.get_close_matches(letters, words, n=1, cutoff=0.8)), None)


def _letters(name: str) -> str:
    return re.sub(r"[\W\d_]", "", same_form(name))[:_LONGEST]


def _head(name: str) -> str | None:
    """Return which of patient and split a name of several words speaks of; the last one counts."""
    words = words_of(name)
    if not _ATTRIBUTES.isdisjoint(words):
        return None
    found = [role for word in words for role, head in _HEADS.items() if head.fullmatch(word)]
    if found:
        return found[-1]
    return "split" if {"train", "test"} <= {MEANT.get(word, word) for word in words} else None


def speaks_of(name: str, values: Iterable[str], allowed: Mapping[str, Sequence[str]]) -> str | None:
    """Return the column whose words another one holds, two of them at least and as many others.

    Parameters
    ----------
    name, values
        Of the other column.
    allowed
        The words of each column; "" for an empty cell.
    """
    different = set(values)
    if same_form(name).startswith(UNUSED) or len(different) > _MOST_WORDS:
        return None
    found = {split_meant(word) or MEANT.get(word, word) for word in map(same_form, different)}
    for column, words in allowed.items():
        telling = found & set(words)
        if len(telling) > 1 and len(found - {""}) <= 2 * len(telling):
            return column
    return None


def right_word(word: str, allowed: Sequence[str]) -> str | None:
    """Return the allowed word that another one stands for or is a slip of.

    >>> right_word("Validation", ("train", "val", "test"))
    'val'
    """
    form = same_form(word)
    if MEANT.get(form, form) in allowed:
        return MEANT.get(form, form)
    close = difflib.get_close_matches(form, [word for word in allowed if word], n=1, cutoff=0.6)
    return close[0] if close else None
