"""The archive: what goes in, what comes out, and what is refused."""

import copy
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hostile_archive import png

from pneumobench.core.archive import INDEX, check_unpacked, read_archive
from pneumobench.core.config.check import check_config
from pneumobench.core.config.earlier import as_written_today
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_table, write_json, write_table
from pneumobench.models import registry
from pneumobench.reporting.archive import ArchiveInputs, archive_results
from pneumobench.reporting.radiographs import place_radiographs
from pneumobench.reporting.unpack import unite_patients, unpack_archive

PROJECT = Path(__file__).resolve().parents[3]
MISSING = [{"model": "vgg16", "recipe": "light", "seed": 1, "note": "0 of 5 folds finished"}]


class Radiographs:
    """Radiographs as `ShownRadiographs` gives them."""

    def read(self):
        return np.array([1, 3]), np.full((2, 4, 4), 7, np.uint8)


def whole_config() -> dict:
    raw = yaml.safe_load((PROJECT / "recipes.yaml").read_text())
    raw.update(
        {
            key: ({**raw.get(key, {}), **value} if key == "recipes" else value)
            for key, value in yaml.safe_load((PROJECT / "config.yaml").read_text()).items()
        }
    )
    return check_config(raw, architectures=registry.names()).model_dump(mode="json")


@pytest.fixture
def made(tmp_path):
    """Results of which an archive is made, and the function that makes it."""
    results = tmp_path / "results/demo"
    splits = pd.DataFrame({"image_id": list("abcde"), "inner": "", "group": list("abcde")})
    write_table(results / "dataset/splits.csv", splits)
    write_json(results / "test_looks/one.json", {"model": "vgg16"})
    panels = results / "explanations/vgg16/light/seed1/panels"
    panels.mkdir(parents=True)
    (panels / "radiograph.png").write_bytes(png())
    (panels / ".snakemake_timestamp").touch()
    (results / "tables").mkdir()
    (results / "tables/comparison.csv").write_text("a,b\n")

    def make(radiographs=None, rebuilt_from=(results / "dataset/splits.csv", panels)) -> Path:
        archive = tmp_path / "demo.zip"
        archive_results(
            ArchiveInputs(
                results, rebuilt_from, [results / "tables/comparison.csv"],
                PROJECT / "requirements.lock", radiographs,
            ),
            archive,
            config=whole_config(),
            missing=MISSING,
        )  # fmt: skip
        return archive

    make.results = results
    return make


def test_what_is_unpacked_is_what_was_archived(made, tmp_path):
    archive = read_archive(made(Radiographs()))
    assert archive.missing == MISSING and archive.radiographs
    other, packed = tmp_path / "other", tmp_path / "other/dataset/images_4.npy"
    empty = other / "explanations/vgg16/light/seed2/panels"
    unpack_archive(archive.path, other, packed, digest=archive.digest, size=4, panels=[empty])
    assert empty.is_dir()
    for name in archive.files:
        assert (other / name).read_bytes() == (made.results / name).read_bytes()
    assert (other / "test_looks/one.json").exists() and (other / INDEX).exists()
    assert not (other / "tables").exists()
    images = np.load(packed)
    assert images.shape == (5, 4, 4) and images.dtype == np.uint8
    assert [image.max() for image in images] == [0, 7, 0, 7, 0]


def test_the_same_results_give_the_same_bytes(made):
    first = made(Radiographs()).read_bytes()
    for path in made.results.rglob("*"):
        path.touch()
    assert made(Radiographs()).read_bytes() == first


def test_an_archive_describes_itself(made):
    with zipfile.ZipFile(made()) as container:
        names = container.namelist()
        index, crate, code, environment = (
            json.loads(container.read(name))
            for name in (INDEX, "ro-crate-metadata.json", "code.json", "environment.json")
        )
        assert b"--config archive=" in container.read("README.md")
    assert "made/tables/comparison.csv" in names and "requirements.lock" in names
    assert not any(name.startswith("radiographs/") or ".snakemake" in name for name in names)
    assert set(names) == {INDEX, "ro-crate-metadata.json", *index["files"]}
    graph = {entry["@id"]: entry for entry in crate["@graph"]}
    assert {part["@id"] for part in graph["./"]["hasPart"]} == {INDEX, *index["files"]}
    assert all(part["@id"] in graph for part in graph["./"]["hasPart"])
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert set(code) == {"git_commit", "changed_files"}
    assert "pandas" in environment["installed_packages"]


def test_the_configuration_survives(made):
    whole = whole_config()
    again = check_config(read_archive(made()).config, architectures=registry.names())
    assert again.model_dump(mode="json") == whole


@pytest.mark.parametrize("mirror", ["data_mirror", "weights_mirror"])
def test_the_address_of_a_mirror_is_not_passed_on(made, monkeypatch, mirror):
    config = copy.deepcopy(whole_config())
    config["downloads"][mirror] = "https://name:password@inside.example"
    monkeypatch.setattr(f"{__name__}.whole_config", lambda: config)
    assert b"inside.example" not in made().read_bytes()
    assert read_archive(made()).config["downloads"][mirror] is None


def test_computed_and_rebuilt_results_do_not_mix(made, tmp_path):
    archive, results = read_archive(made()), tmp_path / "elsewhere"
    check_unpacked(results, archive)
    check_unpacked(results, None)
    (results / "logs").mkdir(parents=True)
    (results / "logs/unpack_archive.log").touch()
    (results / "dataset").mkdir()
    check_unpacked(results, archive)
    write_json(results / "experiment.json", {})
    check_unpacked(results, None)
    with pytest.raises(UserError, match="holds computed results"):
        check_unpacked(results, archive)
    write_json(results / INDEX, {})
    with pytest.raises(UserError, match="rebuilt from another archive"):
        check_unpacked(results, archive)
    (results / INDEX).write_bytes(archive.packed.read(INDEX))
    check_unpacked(results, archive)
    with pytest.raises(UserError, match="rebuilt from an archive"):
        check_unpacked(results, None)


def test_only_a_fresh_folder_is_rebuilt_in(made, tmp_path):
    archive, results = read_archive(made()), tmp_path / "elsewhere"
    results.mkdir()
    (results / "report").symlink_to(tmp_path)
    with pytest.raises(UserError, match="is not empty"):
        check_unpacked(results, archive)


def test_placed_radiographs_take_hardly_any_space(tmp_path):
    table = pd.DataFrame({"image_id": map(str, range(20_000)), "inner": "", "group": ""})
    write_table(tmp_path / "splits.csv", table)
    packed = tmp_path / "images.npy"
    place_radiographs(
        np.array([19_999]), np.ones((1, 64, 64), np.uint8), tmp_path / "splits.csv", packed
    )
    assert np.load(packed, mmap_mode="r")[19_999].all()
    assert packed.stat().st_size > 80e6 and packed.stat().st_blocks * 512 < 1e6


def test_a_configuration_of_an_earlier_version_lacks_no_key():
    config = whole_config()
    del config["data"]["checks"]["maximum_near_duplicate_fraction"]
    del config["split"]["repeats"]
    del config["figures"]
    completed = as_written_today(config)
    assert completed["split"]["repeats"] == 1
    assert completed["data"]["checks"]["maximum_near_duplicate_fraction"] == 1
    assert completed["figures"] == whole_config()["figures"]
    assert check_config(completed, architectures=registry.names())
    assert as_written_today(whole_config()) == whole_config()
    odd = {"data": {"checks": 3}, "a": [1], "figures": 2}
    assert as_written_today(odd) == odd


def test_labels_of_earlier_archives_name_the_groups_of_the_split(tmp_path):
    splits = pd.DataFrame({"image_id": ["a", "b", "c"], "group": ["p1", "p1", "p3"]})
    labels = pd.DataFrame({"image_id": ["a", "b"], "patient": ["p1", "p2"], "label": "normal"})
    write_table(tmp_path / "splits.csv", splits.assign(inner=""))
    for name in ("development", "test"):
        write_table(tmp_path / f"{name}_labels.csv", labels.assign(subtype="normal"))
    unite_patients(tmp_path)
    united = read_table(tmp_path / "test_labels.csv", text=("image_id", "patient"))
    assert united["patient"].tolist() == ["p1", "p1"]
    before = (tmp_path / "test_labels.csv").stat().st_mtime_ns
    unite_patients(tmp_path)
    assert (tmp_path / "test_labels.csv").stat().st_mtime_ns == before
    (tmp_path / "splits.csv").unlink()
    unite_patients(tmp_path)


def test_external_patients_of_earlier_archives_are_united_or_refused(made, tmp_path):
    def unpack(known):
        audit = made.results / "external/audit.json"
        write_json(audit, {"counts": known})
        archive = read_archive(made(rebuilt_from=(made.results / "dataset/splits.csv", audit)))
        folder = tmp_path / f"other{len(known)}"
        unpack_archive(archive.path, folder, None, digest=archive.digest, size=4)
        return folder / "external/audit.json"

    assert unpack({"redundant_duplicates": 2, "patient_groups": 3}).is_file()
    assert unpack({"redundant_duplicates": 0}).is_file()
    with pytest.raises(UserError, match="2 external images are copies of others"):
        unpack({"redundant_duplicates": 2, "ok": 9, "files": 9})
