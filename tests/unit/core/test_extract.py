"""Archives of strangers: everything that is wrong with them is refused, and nothing gets out."""

import dataclasses
import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pneumobench.core import extract, members, room
from pneumobench.core.errors import UserError
from pneumobench.core.extract import Limits, unpack

FILES = {"a/train/one.png": b"1" * 1000, "a/train/two.png": os.urandom(5000), "b.txt": b""}


def make_zip(path, files, mode=None, compression=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, content in files.items() if isinstance(files, dict) else files:
            entry = zipfile.ZipInfo(name)
            entry.filename = entry.orig_filename = name
            entry.compress_type = compression
            if mode is not None:
                entry.external_attr = mode << 16
            packed.writestr(entry, content)
    return path


def make_tar(path, files, *, kind=tarfile.REGTYPE, mode="w", link="") -> Path:
    with tarfile.open(path, mode) as packed:
        for name, content in files.items() if isinstance(files, dict) else files:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, link, len(content)
            packed.addfile(entry, io.BytesIO(content))
    return path


def unpacked(folder) -> dict[str, bytes]:
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def refused(archive, **options) -> str:
    folder = archive.parent / "radiographs"
    before = set(archive.parent.iterdir())
    with pytest.raises(UserError) as caught:
        unpack(archive, folder, **options)
    assert set(archive.parent.iterdir()) == before, "nothing is left"
    assert str(archive) in str(caught.value)
    return str(caught.value)


@pytest.fixture(params=["zip", "tar", "tar.gz"])
def make(request, tmp_path):
    """Return a function that makes an archive of each kind."""

    def of(files) -> Path:
        path = tmp_path / f"data.{request.param}"
        if request.param == "zip":
            return make_zip(path, files)
        return make_tar(path, files, mode="w:gz" if request.param == "tar.gz" else "w")

    return of


class TestUnpacked:
    def test_all_and_again(self, make, tmp_path):
        archive = make(FILES)
        unpack(archive, tmp_path / "in" / "radiographs")
        assert unpacked(tmp_path / "in" / "radiographs") == FILES
        assert len(list((tmp_path / "in").iterdir())) == 1
        archive.unlink()
        unpack(archive, tmp_path / "in" / "radiographs")
        assert unpacked(tmp_path / "in" / "radiographs") == FILES

    def test_only_what_is_wanted(self, make, tmp_path):
        unpack(make(FILES), tmp_path / "radiographs", keep=lambda path: path.suffix == ".png")
        assert set(unpacked(tmp_path / "radiographs")) == {"a/train/one.png", "a/train/two.png"}

    def test_folders_dots_and_modes(self, tmp_path):
        archive = tmp_path / "data.tar"
        with tarfile.open(archive, "w") as packed:
            for name, kind in (("./", tarfile.DIRTYPE), ("./a/", tarfile.DIRTYPE),
                               ("./a/b.png", tarfile.REGTYPE)):  # fmt: skip
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode, entry.uid = kind, 0o6777, 12345
                packed.addfile(entry)
        unpack(archive, tmp_path / "radiographs")
        assert unpacked(tmp_path / "radiographs") == {"a/b.png": b""}
        mode = stat.S_IMODE((tmp_path / "radiographs/a/b.png").stat().st_mode)
        assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR)

    def test_what_a_killed_process_left(self, make, tmp_path):
        left = tmp_path / ".radiographs.partial" / "a"
        left.mkdir(parents=True)
        (left / "half.png").write_bytes(b"half")
        unpack(make(FILES), tmp_path / "radiographs")
        assert unpacked(tmp_path / "radiographs") == FILES and not left.exists()

    def test_many_files(self, make, tmp_path):
        files = {f"{n % 7}/{n}.png": str(n).encode() for n in range(500)}
        unpack(make(files), tmp_path / "radiographs")
        assert unpacked(tmp_path / "radiographs") == files

    def test_longest_names(self, make, tmp_path):
        files = {"/".join(["a" * 200] * 4 + ["b" * 200]): b"1", "c" * 255: b"2", "ü" * 127: b"3"}
        unpack(make(files), tmp_path / "radiographs")
        assert unpacked(tmp_path / "radiographs") == files


class TestNames:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("/etc/passwd", "absolute"),
            ("//a", "absolute"),
            ("C:/a.png", "absolute"),
            ("c:a.png", "absolute"),
            ("../a.png", "leads out"),
            ("a/../../b.png", "leads out"),
            ("a/..", "leads out"),
            ("..\\a.png", "backslash"),
            ("\\\\host\\a", "backslash"),
            ("a\nb.png", "control character"),
            ("a\x1b[2J.png", "control character"),
            ("a" * 256, "too long"),
            ("ü" * 128, "too long"),
            ("a/" * 600 + "b", "too long"),
        ],
    )
    def test_refused(self, make, name, said):
        text = refused(make({"fine.png": b"1", name: b"2"}))
        assert said in text and "data.source: directory" in text
        assert "\x1b" not in text and len(text) < 1000

    def test_null_character(self, tmp_path):
        archive = make_zip(tmp_path / "data.zip", {"fine.pngX../../out": b"1"})
        content = archive.read_bytes().replace(b"fine.pngX", b"fine.png\0")
        archive.write_bytes(content)
        assert "control character" in refused(archive) or "damaged" in refused(archive)

    def test_no_text(self, tmp_path):
        archive = make_tar(tmp_path / "data.tar", {"a\udcff.png": b"1"})
        assert "no valid text" in refused(archive)

    @pytest.mark.parametrize("name", ["", ".", "./."])
    def test_no_name(self, tmp_path, name):
        assert "no name" in refused(make_zip(tmp_path / "data.zip", {name: b"1"}))

    @pytest.mark.parametrize(
        "pair",
        [
            ("a.png", "a.png"),
            ("a.png", "./a.png"),
            ("a.png", "A.PNG"),
            ("a/b.png", "A/B.png"),
            ("straße.png", "STRASSE.png"),
            ("\u00e9.png", "e\u0301.png"),
            ("ﬁle.png", "file.png"),
            ("a", "a/b.png"),
            ("a/b.png", "a"),
            ("a/b/c", "A/b"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_overwriting(self, make, pair):
        assert "would overwrite" in refused(make([(name, b"1") for name in pair]))

    def test_wanted_or_not(self, tmp_path):
        archive = make_zip(tmp_path / "data.zip", {"../a.txt": b"1", "b.png": b"2"})
        assert "leads out" in refused(archive, keep=lambda path: path.suffix == ".png")


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            (tarfile.SYMTYPE, "link"),
            (tarfile.LNKTYPE, "link"),
            (tarfile.CHRTYPE, "device"),
            (tarfile.BLKTYPE, "device"),
            (tarfile.FIFOTYPE, "pipe"),
            (tarfile.CONTTYPE, None),
        ],
    )
    def test_in_tar(self, tmp_path, kind, said):
        archive = make_tar(tmp_path / "data.tar", {"a": b""}, kind=kind, link="../../etc/passwd")
        if said is None:
            unpack(archive, tmp_path / "radiographs")
            assert unpacked(tmp_path / "radiographs") == {"a": b""}
        else:
            assert said in refused(archive)

    @pytest.mark.parametrize(
        ("mode", "said"),
        [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "pipe"), (stat.S_IFCHR, "device")],
    )
    def test_in_zip(self, tmp_path, mode, said):
        archive = make_zip(tmp_path / "data.zip", {"a": b"/etc/passwd"}, mode=mode | 0o777)
        assert said in refused(archive)

    def test_link_and_then_a_file_behind_it(self, tmp_path):
        archive = tmp_path / "data.tar"
        with tarfile.open(archive, "w") as packed:
            link = tarfile.TarInfo("a")
            link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
            packed.addfile(link)
            packed.addfile(tarfile.TarInfo("a/out.png"))
        refused(archive)
        assert not (tmp_path / "out.png").exists()

    def test_encrypted(self, tmp_path):
        archive = make_zip(tmp_path / "data.zip", {"a.png": b"1"})
        content = bytearray(archive.read_bytes())
        for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            content[content.index(signature) + place] |= 1
        archive.write_bytes(content)
        assert "encrypted" in refused(archive)


class TestAmounts:
    def test_bomb(self, tmp_path):
        archive = make_zip(tmp_path / "data.zip", {"a.png": bytes(40_000_000)})
        assert "bomb" in refused(archive)

    def test_bomb_behind_gzip(self, tmp_path):
        archive = make_tar(tmp_path / "data.tar.gz", {"a.png": bytes(40_000_000)}, mode="w:gz")
        assert "bomb" in refused(archive)

    def test_small_files_may_shrink_much(self, make, tmp_path):
        unpack(make({"a.png": bytes(1_000_000)}), tmp_path / "radiographs")
        assert unpacked(tmp_path / "radiographs") == {"a.png": bytes(1_000_000)}

    def test_too_much(self, make):
        assert "larger than" in refused(make(FILES), limits=Limits(bytes=5999))

    def test_too_many(self, make):
        text = refused(make(FILES), limits=Limits(files=2))
        assert "one file too many" in text and "at most 2 files" in text

    def test_size_that_is_a_lie(self, tmp_path, monkeypatch):
        """What is counted is what comes, whatever the archive states."""
        archive = make_zip(tmp_path / "data.zip", {"a.png": bytes(20_000_000)})
        honest = members._of_zip

        def lying(packed):
            return (dataclasses.replace(member, size=10) for member in honest(packed))

        monkeypatch.setattr(members, "_of_zip", lying)
        assert "larger than it says" in refused(archive)

    def test_smaller_size_in_the_headers(self, tmp_path):
        archive = make_zip(tmp_path / "data.zip", {"a.png": b"0123456789" * 1000})
        size = struct.pack("<L", 10_000)
        archive.write_bytes(archive.read_bytes().replace(size, struct.pack("<L", 10)))
        assert "damaged" in refused(archive)

    def test_room(self, make, monkeypatch):
        usage = room.shutil.disk_usage("/")._replace(free=5000)
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage)
        archive = make(FILES)
        with pytest.raises(UserError, match="not enough room"):
            unpack(archive, archive.parent / "radiographs")

    def test_header_of_any_length(self, tmp_path):
        """A tar archive states how long a name is, and tarfile reads it in one go."""
        archive = tmp_path / "data.tar.gz"
        entry = tarfile.TarInfo("././@LongLink")
        entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 300_000_000
        with gzip.open(archive, "wb", compresslevel=1) as stream:
            stream.write(entry.tobuf(tarfile.GNU_FORMAT))
            for _ in range(8):
                stream.write(bytes(1_000_000))
        assert "header" in refused(archive)

    def test_much_behind_the_end(self, tmp_path):
        archive = make_tar(tmp_path / "data.tar", FILES)
        with archive.open("ab") as stream:
            stream.truncate(members.LONGEST_END + 50_000_000)
        assert "behind its end" in refused(archive)


class TestDamage:
    @pytest.mark.parametrize("content", [b"", b"<html>no</html>", b"PK", bytes(2000)])
    def test_no_archive(self, tmp_path, content):
        archive = tmp_path / "data.zip"
        archive.write_bytes(content)
        assert "no zip, tar or tar.gz" in refused(archive)

    def test_not_there(self, tmp_path):
        assert "cannot be read" in refused(tmp_path / "data.zip")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_cut_off(self, make, share):
        archive = make({f"{n}.png": os.urandom(30_000) for n in range(5)})
        archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])
        assert "damaged" in refused(archive)

    def test_cut_off_between_members(self, tmp_path):
        archive = make_tar(tmp_path / "data.tar", {"a.png": bytes(512), "b.png": bytes(512)})
        archive.write_bytes(archive.read_bytes()[: 2 * 512])
        assert "breaks off" in refused(archive)

    def test_other_bytes(self, tmp_path):
        for archive in (make_zip(tmp_path / "a.zip", FILES),
                        make_tar(tmp_path / "a.tar.gz", FILES, mode="w:gz")):  # fmt: skip
            content = bytearray(archive.read_bytes())
            content[len(content) // 2] ^= 0x55
            archive.write_bytes(content)
            assert "damaged" in refused(archive)

    def test_full_while_unpacking(self, make, tmp_path, monkeypatch):
        def full(member):
            yield b"1"
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(extract.Member, "blocks", full)
        with pytest.raises(UserError, match="the disk is full"):
            unpack(make(FILES), tmp_path / "radiographs")
        assert not (tmp_path / "radiographs").exists()


PARTS = st.one_of(
    st.sampled_from(["..", ".", "", "a", "A", "/", "\\", "C:", "é", "é", "\0", "~", " "]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("/".join)


def files_in(archive, packer) -> list[str]:
    """Return the names of an archive's files as the standard library reads them."""
    if packer is make_zip:
        with zipfile.ZipFile(archive) as packed:
            return [entry.orig_filename for entry in packed.infolist() if not entry.is_dir()]
    with tarfile.open(archive) as packed:
        return [entry.name for entry in packed if entry.isfile()]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(NAMES, min_size=1, max_size=4), packer=st.sampled_from([make_zip, make_tar]))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_whatever_the_names_nothing_gets_out(tmp_path_factory, names, packer):
    around = tmp_path_factory.mktemp("around")
    inner = around / "one" / "two"
    inner.mkdir(parents=True)
    archive = packer(inner / "data", [(name, b"content") for name in names])
    try:
        unpack(archive, inner / "radiographs")
    except UserError as error:
        assert str(archive) in str(error)
        assert sorted(inner.iterdir()) == [archive]
    else:
        found = unpacked(inner / "radiographs")
        assert found == {str(PurePosixPath(name)): b"content" for name in files_in(archive, packer)}
        assert sorted(inner.iterdir()) == [archive, inner / "radiographs"]
    assert list(around.iterdir()) == [around / "one"]
