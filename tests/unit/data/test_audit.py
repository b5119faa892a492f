import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dataset_fixture import index, kaggle_folder, write_radiograph
from PIL import Image

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table
from pneumobench.data.audit import audit_dataset
from pneumobench.data.groups import unite
from pneumobench.data.sources.directory import list_directory
from pneumobench.data.split import split_dataset


@pytest.fixture
def root(tmp_path):
    return kaggle_folder(tmp_path / "data")


def audit(root, allow_crossings=(), most_near=0.05, **index_changes):
    folder = root.parent
    manifest = index(root, folder / "manifest.csv", **index_changes)
    audit_dataset(
        manifest,
        folder / "source.json",
        folder / "audit.json",
        allow_crossings=list(allow_crossings),
        maximum_near_duplicate_fraction=most_near,
    )
    return read_json(folder / "audit.json")


def test_clean_folder(root):
    found = audit(root)
    assert found["counts"] == {
        **{"files": 21, "ok": 21, "rejected": 0, "litter": 0},
        **{"near_duplicate_pairs": 0, "near_duplicate_pairs_crossing": 0},
        **{"near_duplicate_images": 0},
        **{"duplicate_sets": 0, "duplicate_files": 0, "redundant_duplicates": 0},
        **{"patients": 21, "patients_development": 15, "patients_test": 6},
        **{"patient_groups": 21, "patient_groups_development": 15, "patient_groups_test": 6},
    }
    assert {
        "official_split": "train",
        "label": "pneumonia",
        "subtype": "viral",
        "images": 5,
        "patients": 5,
    } in found["by_split_label_subtype"]
    assert found["crossings"] == {"patient": [], "exact_duplicate": []}
    for key in ("duplicate_sets", "near_duplicates", "unknown_patients", "rejected", "warnings"):
        assert found[key] == []


def test_crossings_are_counted_with_and_without_the_subtype(root):
    """Two prefixes begin anew: IM-0010 of train and NORMAL2-IM-0010 of test are two children."""
    assert audit(root)["by_number_alone"] == {"patients": 0, "development_images": 0}
    write_radiograph(root / "test/NORMAL/NORMAL2-IM-0010-0001.png", seed=900)
    person = root / "train/PNEUMONIA/person10_virus_10.png"
    person.rename(person.with_name("person1_virus_10.png"))
    (root / "test/PNEUMONIA/person1_virus_1.png").unlink()
    found = audit(root)
    assert found["crossings"]["patient"] == []
    assert found["by_number_alone"] == {"patients": 2, "development_images": 2}
    shutil.rmtree(root / "test")
    assert audit(root)["by_number_alone"] is None


def test_duplicates_unite_patients_and_are_found_by_pixels(root):
    # Same pixels in another format: other bytes, other name, another patient.
    radiograph = root / "train/PNEUMONIA/person10_virus_10.png"
    Image.open(radiograph).convert("RGB").save(radiograph.with_name("person99_virus_1.bmp"))
    found = audit(root)
    (duplicates,) = found["duplicate_sets"]
    assert duplicates == {
        "images": ["person10_virus_10", "person99_virus_1"],
        "patients": ["viral-person10", "viral-person99"],
        "labels": ["pneumonia"],
        "official_splits": ["train"],
        "same_bytes": False,
    }
    counts = found["counts"]
    assert (counts["redundant_duplicates"], counts["duplicate_files"]) == (1, 2)
    assert (counts["patients_development"], counts["patient_groups_development"]) == (16, 15)
    assert found["near_duplicates"] == []


def test_patient_on_both_sides_stops(root):
    write_radiograph(root / "test/NORMAL/IM-0010-0002.png", 77)
    with pytest.raises(UserError, match=r"patient normal-IM-0010 .*audit_failed.json"):
        audit(root)
    evidence = read_json(root.parent / "audit_failed.json")
    assert evidence["crossings"]["patient"] == ["normal-IM-0010"]
    assert not (root.parent / "audit.json").exists()


def test_official_val_is_development(root):
    write_radiograph(root / "val/NORMAL/IM-0010-0002.png", 77)
    assert audit(root)["crossings"]["patient"] == []


def test_identical_image_on_both_sides_stops(root):
    source = root / "train/PNEUMONIA/person10_virus_10.png"
    shutil.copy(source, root / "test/PNEUMONIA/person50_virus_1.png")
    expected = "exact_duplicate person10_virus_10 = person50_virus_1"
    with pytest.raises(UserError, match=expected):
        audit(root)
    # Another kind being allowed does not help.
    with pytest.raises(UserError, match=expected):
        audit(root, ["patient"])


def test_allowed_crossing_passes_with_a_warning(root):
    write_radiograph(root / "test/NORMAL/IM-0010-0002.png", 77)
    with pytest.raises(UserError):
        audit(root)
    found = audit(root, ["patient"])
    assert found["crossings"]["patient"] == ["normal-IM-0010"]
    assert "1 crossings (patient) between development and test are tolerated" in found["warnings"]
    assert not (root.parent / "audit_failed.json").exists()


def test_message_names_at_most_ten_offenders(root):
    for number in range(12):
        write_radiograph(root / f"train/NORMAL/IM-{500 + number}-0001.png", 200 + number)
        write_radiograph(root / f"test/NORMAL/IM-{500 + number}-0002.png", 300 + number)
    with pytest.raises(UserError, match="share 12 patients") as error:
        audit(root)
    assert error.value.where.count("normal-IM-5") == 10
    assert "and 2 more" in error.value.where


def test_near_duplicates_of_other_patients_are_reported(root):
    large = write_radiograph(root / "train/NORMAL/IM-0300-0001.png", 900, 300, 260)
    for stem, width in (("IM-0301-0001", 200), ("IM-0300-0002", 210)):
        smaller = Image.open(large).resize((width, 170), Image.Resampling.BILINEAR)
        smaller.save(root / f"train/NORMAL/{stem}.jpg", quality=85)
    with pytest.raises(UserError, match="3 of 24 images look nearly like one of another") as caught:
        audit(root)
    assert "IM-0300-0001 = IM-0301-0001 (patients normal-IM-0300, " in caught.value.where
    assert "maximum_near_duplicate_fraction" in caught.value.expected
    assert not (root.parent / "audit.json").exists()
    assert read_json(root.parent / "audit_failed.json")["counts"]["near_duplicate_images"] == 3
    found = audit(root, most_near=0.125)
    assert {tuple(pair["images"]) for pair in found["near_duplicates"]} == {
        ("IM-0300-0001", "IM-0301-0001"),
        ("IM-0300-0002", "IM-0301-0001"),
    }
    assert all(pair["differing_bits"] <= 5 for pair in found["near_duplicates"])
    assert (
        "2 pairs of nearly identical images of different patients, 0 of them between development "
        "and test"
    ) in found["warnings"]
    larger = Image.open(large).resize((260, 230), Image.Resampling.BILINEAR)
    larger.save(root / "test/NORMAL/IM-0302-0001.jpg", quality=85)
    found = audit(root, most_near=0.2)
    assert found["counts"]["near_duplicate_pairs"] == 5
    assert found["counts"]["near_duplicate_pairs_crossing"] == 3


def test_oddities_are_listed(root):
    write_radiograph(root / "train/NORMAL/odd name.png", 40)
    write_radiograph(root / "train/NORMAL/person70_virus_1.png", 41)
    (root / "train/NORMAL/empty.png").write_bytes(b"")
    (root / ".DS_Store").write_bytes(b"x")
    found = audit(root, maximum_rejected_fraction=0.1)
    assert found["unknown_patients"] == ["train/NORMAL/odd name.png"]
    assert found["name_folder_conflicts"] == [
        {
            "path": "train/NORMAL/person70_virus_1.png",
            "label": "normal",
            "name_subtype": "viral",
        }
    ]
    assert found["rejected"] == [{"path": "train/NORMAL/empty.png", "reason": "the file is empty"}]
    assert found["counts"]["litter"] == 1
    others = [text for text in found["warnings"] if not text.startswith("few patients")]
    assert len(others) == 3


def test_identical_images_with_both_labels_are_a_warning(root):
    radiograph = write_radiograph(root / "train/NORMAL/IM-0400-0001.png", 42)
    shutil.copy(radiograph, root / "train/PNEUMONIA/person400_virus_1.png")
    assert "1 sets of identical images carry both labels" in audit(root)["warnings"]


def test_unknown_split_folders_are_a_warning(tmp_path):
    root = kaggle_folder(tmp_path / "data")
    (root / "train").rename(root / "Leeds")
    (root / "test").rename(root / "York")
    warning, *few = audit(root)["warnings"]
    assert "Leeds, York" in warning
    assert all(text.startswith("few patients: the data set, before a test") for text in few)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training", "testing"),
        ("Train set", "TestSet"),
        ("train/2019", "test/2019"),
        ("dev", "eval"),
    ],
)
def test_folders_that_look_like_official_splits_stop(tmp_path, train, test):
    root = kaggle_folder(tmp_path / "data")
    for old, new in (("train", train), ("test", test)):
        (root / old).rename(tmp_path / old)
        (root / new).parent.mkdir(exist_ok=True)
        (tmp_path / old).rename(root / new)
    with pytest.raises(UserError, match="named like official splits") as caught:
        audit(root)
    assert f"move the images of {train}/NORMAL to train/NORMAL" in caught.value.remedy
    # Of one alone, no split is lost.
    shutil.rmtree(root / test)
    assert audit(root)["counts"]["patients_test"] == 0


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("{}/train", "{}/test"),
        ("{}", "{}/test"),
        ("train_{0}/{0}", "test_{0}/{0}"),
        ("{}/entrenamiento", "{}/prueba"),
        ("train/{}", "train/{}/held-out"),
        ("Leeds/{}", "external test/{0}/Test Images"),
    ],
)
def test_official_splits_below_or_within_the_names_of_class_folders_stop(tmp_path, train, test):
    root = kaggle_folder(tmp_path / "data")
    for place, split in ((train, "train"), (test, "test")):
        for kind in ("NORMAL", "PNEUMONIA"):
            target = tmp_path / "new" / place.format(kind)
            target.mkdir(parents=True, exist_ok=True)
            for radiograph in (root / split / kind).iterdir():
                radiograph.rename(target / radiograph.name)
    with pytest.raises(UserError, match="named like official splits") as caught:
        list_directory(tmp_path / "new")
    assert f"{test.format('NORMAL')} to test/NORMAL" in caught.value.remedy


def test_union_find_joins_chains():
    patients = ["c", "a", "b", "b", "d", "e"]
    pixels = ["1", "1", "2", "3", "2", "4"]
    assert unite(patients, pixels) == ["a", "a", "b", "b", "b", "e"]
    # A third radiograph links both groups.
    assert unite([*patients, "d"], [*pixels, "1"]) == ["a", "a", "a", "a", "a", "e", "a"]


def test_union_find_does_not_depend_on_order():
    rng = np.random.default_rng(0)
    patients = [f"p{number}" for number in rng.integers(0, 60, 100)]
    pixels = [f"x{number}" for number in rng.integers(0, 160, 100)]
    groups = unite(patients, pixels)
    order = rng.permutation(100)
    shuffled = unite([patients[i] for i in order], [pixels[i] for i in order])
    assert shuffled == [groups[i] for i in order]
    assert len(set(groups)) < len(set(patients))


KAGGLE = Path(__file__).parents[3] / "resources" / "datasets" / "chest_xray"


@pytest.mark.slow
@pytest.mark.skipif(not KAGGLE.is_dir(), reason=f"needs Kaggle's images in {KAGGLE}")
def test_facts_of_the_kaggle_data(tmp_path):
    manifest, audit_file = tmp_path / "manifest.csv", tmp_path / "audit.json"
    index(KAGGLE, manifest)
    audit_dataset(
        manifest,
        manifest.with_name("source.json"),
        audit_file,
        allow_crossings=[],
        maximum_near_duplicate_fraction=0.0,
    )
    found = read_json(audit_file)
    counts = found["counts"]
    assert (counts["ok"], counts["rejected"]) == (5856, 0)
    assert (counts["duplicate_sets"], counts["redundant_duplicates"]) == (30, 32)
    assert (counts["patients_development"], counts["patients_test"]) == (3669, 428)
    assert counts["patient_groups"] == 4096
    assert found["unknown_patients"] == found["near_duplicates"] == []
    paths = [tmp_path / f"{name}.csv" for name in ("splits", "development", "test")]
    split_dataset(manifest, *paths, folds=5, seed=42, holdout_fraction=0.2, inner_fraction=0.2)
    splits, development = (read_table(path, text=("inner",)) for path in paths[:2])
    assert splits["role"].value_counts().to_dict() == {"cv": 5232, "test": 624}
    folds = development.merge(splits, on="image_id")
    table = pd.crosstab(folds["fold"], folds["subtype"])
    for subtype, expected in (("normal", 270), ("bacterial", 508), ("viral", 269)):
        assert (abs(table[subtype] - expected) <= 2).all()
