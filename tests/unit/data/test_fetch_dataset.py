"""Published data sets: each a folder of images with its record in the end, or one clear message."""

import hashlib
import re
import shutil

import numpy as np
import pytest
from fetched_fixture import (
    kaggle_zip,
    kermany_radiographs,
    medmnist_arrays,
    mendeley_zip,
    npz,
    radiograph,
    radiographs_below,
    zipped,
)
from publisher_fixture import publisher
from small_disk import on_small_disk

from pneumobench.core.errors import UserError
from pneumobench.core.fetched import FETCHED_SOURCES, fetched_name
from pneumobench.core.files import read_json, write_json
from pneumobench.data.fetch_dataset import PUBLISHED, fetch_dataset
from pneumobench.data.file_names import parse_stem
from pneumobench.data.sources import mendeley, pneumoniamnist
from pneumobench.data.sources.listing import list_radiographs

__all__ = ["publisher"]

KAGGLE = {"dataset": "paultimothymooney/chest-xray-pneumonia"}
V2, V3 = {"version": 2}, {"version": 3}
MNIST = {"size": 64, "file": None}
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def offered(publisher, monkeypatch):
    """A mirror of all data sets, in small; the checksums are those of what it offers."""
    radiographs = kermany_radiographs()
    publisher.files = {
        "/chest-xray-pneumonia.zip": kaggle_zip(radiographs),
        "/ChestXRay2017.zip": mendeley_zip(2, radiographs),
        "/ZhangLabData.zip": mendeley_zip(3, kermany_radiographs(3)),
        "/pneumoniamnist_64.npz": npz(medmnist_arrays()),
    }
    of_version = mendeley._OF_VERSION
    sha256 = hashlib.sha256(publisher.files["/ChestXRay2017.zip"]).hexdigest()
    monkeypatch.setitem(of_version, 2, of_version[2] | {"sha256": sha256})
    md5 = hashlib.md5(publisher.files["/pneumoniamnist_64.npz"]).hexdigest()
    monkeypatch.setitem(pneumoniamnist._MD5, 64, md5)
    return publisher


def refused(function, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments, **options)
    return str(caught.value)


class TestNames:
    def test_of_folders(self):
        assert set(PUBLISHED) == set(FETCHED_SOURCES)
        assert fetched_name("kaggle", KAGGLE) == "kaggle/paultimothymooney/chest-xray-pneumonia"
        assert fetched_name("mendeley", V3) == "mendeley-v3"
        assert fetched_name("pneumoniamnist", MNIST) == "pneumoniamnist-64"
        own = fetched_name("pneumoniamnist", MNIST | {"file": "a.npz"})
        assert own.startswith("pneumoniamnist-64-") and own != fetched_name(
            "pneumoniamnist", MNIST | {"file": "b.npz"}
        )

    def test_addresses(self):
        for version, file in ((2, "ChestXRay2017.zip"), (3, "ZhangLabData.zip")):
            found = PUBLISHED["mendeley"]({"version": version})
            assert found.file == file and f"doi:10.17632/rscbjbr9sj.{version}" in found.citation
            assert re.fullmatch(
                r"https://data\.mendeley\.com/public-files/datasets/rscbjbr9sj/files/"
                r"[0-9a-f-]{36}/file_downloaded",
                found.locate().url,
            )
        for size in (28, 64, 128, 224):
            found = PUBLISHED["pneumoniamnist"]({"size": size, "file": None})
            assert found.locate().url.startswith("https://zenodo.org/records/10519652/files/")
            assert found.file in found.locate().url and len(found.md5) == 32
        assert found.file == "pneumoniamnist_224.npz"


class TestMirrored:
    @pytest.mark.parametrize(
        ("source", "options", "version"),
        [("kaggle", KAGGLE, None), ("mendeley", V2, "2"), ("mendeley", V3, "3"),
         ("pneumoniamnist", MNIST, "3.0")],
    )  # fmt: skip
    def test_radiographs_and_record(self, offered, tmp_path, source, options, version):
        record = tmp_path / f"{fetched_name(source, options)}.json"
        fetch_dataset(source, options, record, offered.url + "/")
        said, folder = read_json(record), record.with_suffix("")
        content = next(iter(offered.files[path] for path, _ in offered.asked))
        assert said["source"] == source and said["version"] == version
        assert said["licence"] == "CC BY 4.0" and "Kermany" in said["citation"]
        assert said["address"].startswith("https://") and "127.0.0.1" not in record.read_text()
        assert said["sha256"] == hashlib.sha256(content).hexdigest()
        assert said["bytes"] == len(content)
        listing = list_radiographs(source, folder, options)
        assert said["images"] == len(listing.radiographs) == len(radiographs_below(folder))
        assert {radiograph.official_split for radiograph in listing.radiographs} >= {
            "train",
            "test",
        }
        assert {radiograph.label for radiograph in listing.radiographs} == {"normal", "pneumonia"}
        if source == "pneumoniamnist":
            assert said["patients"] == said["subtypes"] == "unknown"
            assert not any(radiograph.patient for radiograph in listing.radiographs)
            assert "neither patients nor subtypes" in listing.notes[0]
        else:
            assert all(radiograph.patient for radiograph in listing.radiographs)
            assert {radiograph.subtype for radiograph in listing.radiographs} == {
                "normal",
                "bacterial",
                "viral",
            }
        left = sorted(path.name for path in record.parent.iterdir())
        stem = record.stem
        assert left == sorted([stem, f"{stem}.json", f"{stem}.origin.json"])

        # Again, without network: nothing is fetched, and the record is the same.
        before, asked = record.read_bytes(), len(offered.asked)
        record.unlink()
        fetch_dataset(source, options, record, NOBODY)
        assert record.read_bytes() == before and len(offered.asked) == asked

    def test_what_is_no_radiograph_stays_packed(self, offered, tmp_path):
        fetch_dataset("mendeley", V3, tmp_path / "m.json", offered.url)
        assert all(
            path.startswith("CellData/chest_xray/") and path.endswith(".jpeg")
            for path in radiographs_below(tmp_path / "m")
        )
        assert parse_stem(radiographs_below(tmp_path / "m")[0].split("/")[-1][:-5]) is not None

    def test_put_there_by_hand(self, offered, tmp_path):
        for name, content in offered.files.items():
            (tmp_path / name[1:]).write_bytes(content)
        fetch_dataset("mendeley", V2, tmp_path / "m.json", NOBODY)
        fetch_dataset("pneumoniamnist", MNIST, tmp_path / "p.json", NOBODY)
        fetch_dataset("kaggle", KAGGLE, tmp_path / "k.json")
        assert (tmp_path / "ChestXRay2017.zip").exists() and offered.asked == []

    def test_by_hand_and_wrong(self, tmp_path):
        (tmp_path / "ChestXRay2017.zip").write_bytes(b"another")
        text = refused(fetch_dataset, "mendeley", V2, tmp_path / "m.json")
        assert "ChestXRay2017.zip" in text and "SHA-256" in text and "remove" in text
        assert not (tmp_path / "m.json").exists()

    def test_without_network_the_ways_out_are_named(self, tmp_path):
        text = refused(fetch_dataset, "mendeley", V2, tmp_path / "m.json", NOBODY)
        for way_out in ("snakemake fetch", str(tmp_path / "ChestXRay2017.zip"),
                        "downloads.data_mirror", "data.mendeley.com/datasets/rscbjbr9sj/2",
                        ):  # fmt: skip
            assert way_out in text
        assert not (tmp_path / "m.json").exists() and not (tmp_path / "m").exists()

    def test_a_download_that_broke_off_goes_on(self, offered, tmp_path):
        content = offered.files["/ZhangLabData.zip"]
        offered.faults = [{"cut": len(content) - 10}, {"status": 404}]
        refused(fetch_dataset, "mendeley", V3, tmp_path / "m.json", offered.url)
        fetch_dataset("mendeley", V3, tmp_path / "m.json", offered.url)
        assert offered.ranges_asked()[-1] is not None

    def test_file_that_is_another_one_later(self, offered, tmp_path):
        record = tmp_path / "m.json"
        fetch_dataset("mendeley", V3, record, offered.url)
        shutil.rmtree(tmp_path / "m")
        record.unlink()
        offered.files["/ZhangLabData.zip"] = mendeley_zip(3, kermany_radiographs(3, patients=27))
        text = refused(fetch_dataset, "mendeley", V3, record, offered.url)
        assert "another one than the one fetched before" in text and "m.origin.json" in text
        assert not record.exists() and not (tmp_path / "m").exists()

    def test_published_file_that_does_not_fit_its_checksum(self, offered, tmp_path):
        offered.files["/ChestXRay2017.zip"] += b"1"
        text = refused(fetch_dataset, "mendeley", V2, tmp_path / "m.json", offered.url)
        assert "SHA-256" in text
        offered.files["/pneumoniamnist_64.npz"] += b"1"
        text = refused(fetch_dataset, "pneumoniamnist", MNIST, tmp_path / "p.json", offered.url)
        assert "MD5" in text and not (tmp_path / "p").exists()

    def test_folder_of_unknown_origin(self, offered, tmp_path):
        (tmp_path / "m").mkdir()
        text = refused(fetch_dataset, "mendeley", V2, tmp_path / "m.json", offered.url)
        assert "nothing says what it holds" in text and offered.asked == []

    def test_radiograph_that_was_removed(self, offered, tmp_path):
        record = tmp_path / "m.json"
        fetch_dataset("mendeley", V2, record, offered.url)
        next((tmp_path / "m").rglob("*.jpeg")).unlink()
        assert "radiographs lie where" in refused(
            fetch_dataset, "mendeley", V2, record, offered.url
        )

    def test_killed_between_unpacking_and_counting(self, offered, tmp_path):
        record = tmp_path / "m.json"
        fetch_dataset("mendeley", V2, record, offered.url)
        whole, origin = record.read_text(), tmp_path / "m.origin.json"
        write_json(origin, read_json(origin) | {"images": None})
        fetch_dataset("mendeley", V2, record, offered.url)
        assert record.read_text() == whole and len(offered.asked) == 1

    @pytest.mark.parametrize(
        ("files", "said"),
        [
            ({"readme.txt": b"1"}, "no image file"),
            ({"radiographs/a.png": b"1"}, "none in a class folder"),
            ({"train/NORMAL/a.png": b"1", "PNEUMONIA/b.png": b"2"}, "outside train, val and test"),
        ],
    )
    def test_archive_of_something_else(self, offered, tmp_path, files, said):
        offered.files["/chest-xray-pneumonia.zip"] = zipped(files)
        text = refused(fetch_dataset, "kaggle", KAGGLE, tmp_path / "k.json", offered.url)
        assert "holds no data set of radiographs" in text
        assert said in text or "labelled" in text
        assert not (tmp_path / "k").exists() and not (tmp_path / "k.json").exists()

    def test_hostile_archive(self, offered, tmp_path):
        offered.files["/chest-xray-pneumonia.zip"] = zipped({"../../train/NORMAL/a.png": b"1"})
        text = refused(fetch_dataset, "kaggle", KAGGLE, tmp_path / "k.json", offered.url)
        assert "leads out" in text and not list(tmp_path.rglob("a.png"))

    def test_damaged_archive_can_be_fetched_anew(self, offered, tmp_path):
        whole = offered.files["/chest-xray-pneumonia.zip"]
        offered.files["/chest-xray-pneumonia.zip"] = whole[:-500]
        text = refused(fetch_dataset, "kaggle", KAGGLE, tmp_path / "k.json", offered.url)
        assert "damaged" in text and not (tmp_path / "k").exists()


def test_full_disk_leaves_nothing_that_passes_as_complete(tmp_path):
    """Radiographs that outgrow a disk of 2 MB: no folder, no record, whatever they come from."""
    (tmp_path / "disk").mkdir()
    draw = np.random.default_rng(0)
    radiographs = {f"train/{kind}/{n}.jpeg": draw.bytes(60_000)
             for kind in ("NORMAL", "PNEUMONIA") for n in range(30)}  # fmt: skip
    (tmp_path / "data.zip").write_bytes(zipped(radiographs))
    noise = {f"{split}_images": draw.integers(0, 256, (900, 64, 64), np.uint8)
             for split in ("train", "val", "test")}  # fmt: skip
    noise |= {f"{split}_labels": np.zeros((900, 1), np.uint8) for split in ("train", "val", "test")}
    (tmp_path / "data.npz").write_bytes(npz(noise))
    code = (
        "import sys; from pathlib import Path\n"
        "from pneumobench.core import extract\n"
        "from pneumobench.data.sources.pneumoniamnist import write_radiographs\n"
        "disk = Path(sys.argv[1])\n"
        "def attempt(function, *arguments, **options):\n"
        "    try: function(*arguments, **options)\n"
        "    except Exception as error: print(error)\n"
        "    print('LEFT', sorted(path.name for path in disk.iterdir()))\n"
        "attempt(extract.unpack, Path(sys.argv[2]), disk / 'a')\n"
        "extract.check_room = lambda folder, needed: None\n"
        "attempt(extract.unpack, Path(sys.argv[2]), disk / 'b')\n"
        "attempt(write_radiographs, Path(sys.argv[3]), disk / 'c', size=64)\n"
    )
    files = (str(tmp_path / "data.zip"), str(tmp_path / "data.npz"))
    output = on_small_disk(tmp_path / "disk", code, *files)
    assert "not enough room" in output and output.count("the disk is full") == 2
    assert output.count("LEFT []") == 3


def test_radiographs_of_the_fixture_differ():
    draw = np.random.default_rng(0)
    assert radiograph(draw, True).mean() > radiograph(draw, False).mean() + 5
