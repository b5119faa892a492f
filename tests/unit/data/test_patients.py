"""One patient under several spellings is one patient, in every source, and it is told."""

import pytest
from dataset_fixture import DIRECTORY, index, kaggle_folder, write_radiograph
from hypothesis import given
from hypothesis import strategies as st
from nih_fixture import HEADER, nih_name, write_nih_table
from source_fixture import audited, write_rows

from pneumobench.core.errors import UserError
from pneumobench.data.manifest import accepted_images, read_manifest
from pneumobench.data.sources.listing import list_radiographs
from pneumobench.data.sources.patients import one_key_for_each_patient
from pneumobench.data.sources.radiograph import Listing, Radiograph
from pneumobench.data.spelling import same_form, unite_spellings, visible

COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"


@pytest.mark.parametrize(
    "names",
    [
        (COMPOSED, DECOMPOSED, "JOS\u00c9", "jose\u200b\u0301", f"\ufeff{COMPOSED}\u00a0"),
        ("7", "7.0", "007", "7,00", "\uff17", "\u0667", "7\u200e", "07.0"),
        ("P 7", "P\u00a07", "p\u2003 7", "P\t7", "P\r\n7", "P\u200b 7", "P 007"),
        ("A-7", "A\u20117", "A\u20137", "a\u22127"),
        ("O'Brien", "O\u2019Brien", "o\u02bcbrien"),
        ("so\u00adfia", "sofia", "\u202esofia\u202c", "so\ufe0ffia", "so\x00fia", "so\u3164fia"),
        ("stra\u00dfe", "STRASSE"),
        ("7", '="007"', "'007", '"007"', "\u201c7\u201d", "7.", "+7", "#7", "# 007", '=" 7 "'),
        ("1234", "1,234", "01234", "1234.0", '"1,234"'),
        ("12000", "12,000"),
        ("\ufb01n", "fin"),
    ],
)
def test_ways_to_write_one_name(names):
    assert len({same_form(name) for name in names}) == 1
    keys, united = unite_spellings(names)
    assert set(keys.values()) == {min(map(visible, names))} and united == [sorted(names)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "Jose"),
        ("7", "70"),
        ("7.5", "7"),
        ("P1", "P2"),
        ("P 7", "P7"),
        ("P_7", "P-7"),
        ("1.2.840.0.1", "1.2.840.1"),
        ("1.2.0", "1.2"),
        ("a01b1", "a1b01"),
        ("10", "1"),
        ("12,000", "12"),
        ("1,23", "123"),
        ("-7", "7"),
        ("O'Brien", "OBrien"),
        ("7+", "7"),
        ("0", ""),
    ],
)
def test_other_names_stay_others(one, other):
    assert same_form(one) != same_form(other)


@given(st.text())
def test_forms_are_stable(name):
    assert visible(visible(name)) == visible(name)
    assert same_form(visible(name)) == same_form(name)
    keys, united = unite_spellings([name])
    assert united == [] and keys == {name: visible(name)}


@pytest.mark.parametrize(
    "key", ["viral-person12", "normal-NORMAL2-IM-0115", "patient-5660566", "a B"]
)
def test_keys_as_they_are_used_stay(key):
    assert unite_spellings([key]) == ({key: key}, [])


def listing_of(*patients):
    radiographs = [
        Radiograph(f"{number}.png", 1, "normal", "none", patient=name, patient_from="column")
        for number, name in enumerate(patients)
    ]
    return one_key_for_each_patient(Listing(radiographs, "a test"))


def test_what_was_united_is_told():
    listing = listing_of(COMPOSED, DECOMPOSED, "P1", "7", "7.0", "\u200b")
    assert [radiograph.patient for radiograph in listing.radiographs] == [
        COMPOSED,
        COMPOSED,
        "P1",
        "7",
        "7",
        "",
    ]
    assert [radiograph.patient_from for radiograph in listing.radiographs] == ["column"] * 5 + [""]
    assert listing.notes == [
        "2 patients are written in several ways, each is one: '7' = '7.0'; "
        r"'Jose\u0301' = 'Jos\xe9'"
    ]
    many = listing_of(*(f"{n}{end}" for n in range(9) for end in ("", ".0")))
    assert many.notes[0].startswith("9 patients") and many.notes[0].endswith("; and others")


@pytest.mark.parametrize(
    "name", ["nan", "None", "NULL", "NA", "n/a", "Unknown", "?", "-", "nih-nan"]
)
def test_a_patient_that_is_nobody_is_a_warning(name):
    (note,) = listing_of(name, name, "P1").notes
    assert note.startswith(f"2 images have the patient '{name}', which seems to name nobody")


def test_shortened_numbers_are_a_warning():
    (note,) = listing_of("1.23457E+11", "1.23457E+11", "P1").notes
    assert note.startswith("1 patients look like numbers that a spreadsheet shortened")


def table_of(tmp_path, patients, splits):
    rows = []
    for number, (patient, split) in enumerate(zip(patients, splits, strict=True)):
        write_radiograph(tmp_path / f"{number}.png", number)
        rows.append([f"{number}.png", number % 2, patient, split])
    table = write_rows(tmp_path / "t.csv", ["path", "label", "patient", "split"], rows)
    options = {"path": str(table), "images": None, "population": "children"}
    return index(tmp_path, tmp_path / "m.csv", source="table", options=options)


def test_a_patient_in_two_forms_crosses_the_split(tmp_path):
    manifest = table_of(
        tmp_path, [COMPOSED, DECOMPOSED, "P2", "P3"], ["train", "test", "train", "test"]
    )
    with pytest.raises(UserError, match=f"patient {COMPOSED}"):
        audited(manifest)


def test_carriage_returns_within_cells_lose_no_radiograph(tmp_path):
    manifest = table_of(tmp_path, ["P0", "P\r1", "P\n2", "P\r\n3"], [""] * 4)
    images = accepted_images(read_manifest(manifest))
    assert images["patient"].tolist() == ["P0", "P 1", "P 2", "P 3"]
    assert audited(manifest)["counts"]["ok"] == 4


def test_patterns_read_either_form(tmp_path):
    for seed, name in enumerate((f"NORMAL/{COMPOSED}_1.png", f"PNEUMONIA/{DECOMPOSED}_2.png")):
        write_radiograph(tmp_path / name, seed)
    for pattern in (f"/({COMPOSED})_", r"/(\w+)_"):
        options = {"patient_pattern": pattern, "population": "unknown"}
        radiographs = list_radiographs("directory", tmp_path, options).radiographs
        assert [radiograph.patient for radiograph in radiographs] == [COMPOSED, COMPOSED]


def test_folders_in_either_form_hold_nested_copies(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    for folder in (f"train/NORMAL/{COMPOSED}", f"copy/train/NORMAL/{DECOMPOSED}"):
        write_radiograph(root / folder / "x.png", 99)
    rows = read_manifest(index(root, tmp_path / "m.csv"))
    assert rows["reason"].str.startswith("nested copy of").sum() == 1


def test_published_numbers_are_read_alike(tmp_path):
    radiographs = [(1, 0, "Mass"), (2, 0, "No Finding")]
    write_nih_table(tmp_path, radiographs)
    table = tmp_path / "Data_Entry_2017.csv"
    row = f"{nih_name(1, 1)},Mass,1,001.0,{'1,' * (len(HEADER) - 5)}1\n"
    table.write_text(table.read_text() + row)
    listing = list_radiographs("nih", tmp_path, {"positive": "Mass"})
    assert len({radiograph.patient for radiograph in listing.radiographs}) == 2
    assert any(note.startswith("1 patients are written in several") for note in listing.notes)


def test_an_image_without_a_patient_is_none_that_others_name(tmp_path):
    rows = accepted_images(read_manifest(table_of(tmp_path, ["1", "", "1", ""], [""] * 4)))
    assert rows["patient"].tolist() == ["1", "image 1", "1", "3"]


def test_copies_are_their_patients_and_are_told(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    for seed, name in enumerate(("aug_0_person10_virus_10", "person10_virus_10 (1)")):
        write_radiograph(root / f"train/PNEUMONIA/{name}.png", 70 + seed)
    found = audited(index(root, tmp_path / "m.csv"))
    assert found["counts"]["patients"] == 21 and found["unknown_patients"] == []
    (told,) = (text for text in found["warnings"] if not text.startswith("few patients"))
    assert told.startswith("2 images are named as copies are") and "aug_0_person10" in told
    write_radiograph(root / "test/PNEUMONIA/flip_person10_virus_10.png", 80)
    with pytest.raises(UserError, match="patient viral-person10"):
        audited(index(root, tmp_path / "m.csv"))


# Names of images


def test_images_whose_names_differ_in_case_or_form_have_names_apart(tmp_path):
    names = ["Radiograph", "radiograph", COMPOSED, DECOMPOSED, "dot", "dot.", "alone"]
    for seed, name in enumerate(names):
        write_radiograph(tmp_path / f"{'NORMAL' if seed % 2 else 'PNEUMONIA'}/{name}.png", seed)
    images = read_manifest(index(tmp_path, tmp_path / "m.csv", **DIRECTORY))
    names = images.set_index("path")["image_id"]
    assert len(names) == 7 and names["PNEUMONIA/alone.png"] == "alone"
    folded = {visible(name).casefold().rstrip(".") for name in names}
    assert len(folded) == 7
    assert images["patient"].nunique() == 7
