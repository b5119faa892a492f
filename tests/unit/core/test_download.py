"""One file over HTTP: whole and right or not at all, however the server behaves."""

import base64
import errno
import hashlib
import json
import logging
import random
import signal
import subprocess
import sys
import time

import pytest
import requests
from publisher_fixture import publisher
from small_disk import SCRIPTS, on_small_disk

from pneumobench.core import attempts, room, transfer
from pneumobench.core.download import download
from pneumobench.core.errors import UserError
from pneumobench.core.transfer import without_secrets

__all__ = ["publisher"]

CONTENT = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = random.Random(2).randbytes(2_500_000)
NAME = "/folder/radiographs.zip"


@pytest.fixture(autouse=True)
def offered(publisher):
    publisher.files[NAME] = CONTENT


def fetch(publisher, path, **settings) -> str:
    settings = {"remedy": "do something else"} | settings
    return download(publisher.url + NAME, path, **settings)


def refused(publisher, path, **settings) -> str:
    with pytest.raises(UserError) as caught:
        fetch(publisher, path, **settings)
    assert not path.exists(), "nothing passes as the whole file"
    return str(caught.value)


class TestWhole:
    def test_plainly(self, publisher, tmp_path):
        target = tmp_path / "new" / "radiographs.zip"
        assert fetch(publisher, target) == SHA256
        assert target.read_bytes() == CONTENT
        assert [path.name for path in target.parent.iterdir()] == ["radiographs.zip"]

    @pytest.mark.parametrize("cuts", [[1_000_000], [70_000, 900_000, 1_100_000]])
    def test_broken_connections_go_on(self, publisher, tmp_path, cuts):
        publisher.faults = [{"cut": cut} for cut in cuts]
        assert fetch(publisher, tmp_path / "f") == SHA256
        starts = [int(asked[6:-1]) for asked in publisher.ranges_asked() if asked]
        assert len(publisher.asked) == len(cuts) + 1
        # At most one block of each connection is lost.
        for start, reached in zip(starts, [sum(cuts[: n + 1]) for n in range(len(cuts))],
                                  strict=True):  # fmt: skip
            assert 0 <= reached - start <= transfer.BLOCK * len(cuts)

    def test_more_breaks_than_tries_as_long_as_there_is_progress(self, publisher, tmp_path):
        publisher.files[NAME] = content = CONTENT * 6
        publisher.faults = [{"cut": 1_300_000}] * 13
        assert fetch(publisher, tmp_path / "f") == hashlib.sha256(content).hexdigest()
        assert len(publisher.asked) > attempts.FRUITLESS

    def test_server_that_heeds_no_ranges(self, publisher, tmp_path):
        publisher.ranges = False
        publisher.faults = [{"cut": 2_000_000}]
        assert fetch(publisher, tmp_path / "f") == SHA256
        assert publisher.ranges_asked()[0] is None and publisher.ranges_asked()[1] is not None

    def test_server_without_validators_is_never_continued(self, publisher, tmp_path):
        publisher.validators = False
        publisher.faults = [{"cut": 2_000_000}]
        assert fetch(publisher, tmp_path / "f") == SHA256
        assert publisher.ranges_asked() == [None, None]

    def test_last_modified_will_do(self, publisher, tmp_path):
        publisher.validators = False
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        publisher.extra_headers = {"Last-Modified": date, "ETag": 'W/"weak"'}
        publisher.heeds_if_range = False
        publisher.faults = [{"cut": 2_000_000}]
        assert fetch(publisher, tmp_path / "f") == SHA256
        assert publisher.asked[1][1]["If-Range"] == date

    @pytest.mark.parametrize("heeds_if_range", [True, False])
    def test_file_that_changes_meanwhile(self, publisher, tmp_path, heeds_if_range):
        publisher.faults = [{"cut": 1_500_000}, {"status": 404}]
        assert "404" in refused(publisher, tmp_path / "f")
        publisher.files[NAME] = OTHER
        publisher.heeds_if_range = heeds_if_range
        assert fetch(publisher, tmp_path / "f") == hashlib.sha256(OTHER).hexdigest()

    def test_file_that_shrank_below_what_is_there(self, publisher, tmp_path):
        publisher.faults = [{"cut": 2_500_000}, {"status": 404}]
        refused(publisher, tmp_path / "f")
        publisher.files[NAME], publisher.heeds_if_range = OTHER[:1000], False
        assert fetch(publisher, tmp_path / "f") == hashlib.sha256(OTHER[:1000]).hexdigest()

    def test_everything_is_there_but_its_name(self, publisher, tmp_path):
        publisher.faults = [{"cut": 1_500_000}, {"status": 404}]
        refused(publisher, tmp_path / "f")
        (tmp_path / "f.part").write_bytes(CONTENT)
        before = len(publisher.asked)
        assert fetch(publisher, tmp_path / "f") == SHA256 and len(publisher.asked) == before

    @pytest.mark.parametrize("record", ["", "{", "[]", "{}", '{"url": 1, "validator": 2}'])
    def test_damaged_record_starts_over(self, publisher, tmp_path, record):
        (tmp_path / "f.part").write_bytes(OTHER)
        (tmp_path / "f.part.json").write_text(record)
        assert fetch(publisher, tmp_path / "f") == SHA256
        assert publisher.ranges_asked() == [None]

    def test_part_of_another_address_starts_over(self, publisher, tmp_path):
        publisher.files["/other"] = OTHER
        publisher.faults = [{"cut": 500_000}, {"status": 404}]
        with pytest.raises(UserError):
            download(publisher.url + "/other", tmp_path / "f", remedy="none")
        assert fetch(publisher, tmp_path / "f") == SHA256

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_passing_refusals(self, publisher, tmp_path, status):
        publisher.faults = [{"status": status}] * 2
        assert fetch(publisher, tmp_path / "f") == SHA256

    def test_hung_up_before_an_answer(self, publisher, tmp_path):
        publisher.faults = [{"hang_up": True}] * 3
        assert fetch(publisher, tmp_path / "f") == SHA256

    def test_retry_after_is_waited_for(self, publisher, tmp_path):
        publisher.faults = [{"status": 429, "headers": {"Retry-After": "1"}}]
        start = time.monotonic()
        fetch(publisher, tmp_path / "f")
        assert time.monotonic() - start >= 1

    def test_retry_after_as_a_date(self):
        response = requests.Response()
        response.headers["Retry-After"] = time.strftime(
            "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60)
        )
        asked = attempts._asked_pause(requests.HTTPError(response=response))
        assert 50 < asked <= 60

    def test_web_page_in_its_place_passes(self, publisher, tmp_path):
        publisher.faults = [{"headers": {"Content-Type": "text/html; charset=utf-8"}}]
        assert fetch(publisher, tmp_path / "f") == SHA256

    def test_empty_file(self, publisher, tmp_path):
        publisher.files[NAME] = b""
        assert fetch(publisher, tmp_path / "f") == hashlib.sha256(b"").hexdigest()
        assert (tmp_path / "f").read_bytes() == b""


class TestRefused:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_final_refusals_are_believed_at_once(self, publisher, tmp_path, status):
        publisher.faults = [{"status": status}] * 9
        text = refused(publisher, tmp_path / "f")
        assert f"answers {status}" in text and "do something else" in text
        assert len(publisher.asked) == 1

    def test_fault_that_does_not_pass(self, publisher, tmp_path):
        publisher.faults = [{"status": 503}] * 99
        assert "503" in refused(publisher, tmp_path / "f")
        assert len(publisher.asked) == attempts.FRUITLESS

    def test_pause_longer_than_anybody_waits(self, publisher, tmp_path):
        publisher.faults = [{"status": 429, "headers": {"Retry-After": "86400"}}] * 2
        assert "429" in refused(publisher, tmp_path / "f") and len(publisher.asked) == 1

    def test_length_that_is_a_lie(self, publisher, tmp_path):
        publisher.stated = 100
        assert "broke off" in refused(publisher, tmp_path / "f")

    def test_shorter_length_than_the_file(self, publisher, tmp_path):
        publisher.stated = -1000
        text = refused(publisher, tmp_path / "f", sha256_start=SHA256)
        assert "SHA-256" in text and list(tmp_path.iterdir()) == []

    def test_always_cut_at_the_same_place(self, publisher, tmp_path):
        publisher.ranges = False
        publisher.faults = [{"cut": 2_000_000}] * 99
        assert "broke off" in refused(publisher, tmp_path / "f")
        assert len(publisher.asked) <= attempts.FRUITLESS + 2

    def test_web_page_for_ever(self, publisher, tmp_path):
        publisher.extra_headers = {"Content-Type": "text/html"}
        assert "web page" in refused(publisher, tmp_path / "f")

    def test_part_that_was_not_asked_for(self, publisher, tmp_path):
        publisher.faults = [{"cut": 1_000_000}]
        publisher.faults += [{"headers": {"Content-Range": "bytes 5-9/10"}}] * 9
        assert fetch(publisher, tmp_path / "f") == SHA256

    def test_wrong_sha256(self, publisher, tmp_path):
        text = refused(publisher, tmp_path / "f", sha256_start="0123abcd")
        assert "begins with" in text and "0123abcd" in text and list(tmp_path.iterdir()) == []

    def test_wrong_md5(self, publisher, tmp_path):
        text = refused(publisher, tmp_path / "f", md5="0" * 32)
        assert hashlib.md5(CONTENT).hexdigest() in text and list(tmp_path.iterdir()) == []
        fetch(publisher, tmp_path / "f", md5=hashlib.md5(CONTENT).hexdigest())

    def test_nobody_there(self, publisher, tmp_path):
        publisher.stop()
        text = refused(publisher, tmp_path / "f")
        assert "no connection to 127.0.0.1" in text
        publisher.start()

    def test_no_address(self, tmp_path):
        for url in ("/some/folder", "ftp://host/file", "http://", "http://[::1/x"):
            with pytest.raises(UserError, match="address"):
                download(url, tmp_path / "f", remedy="none")


class TestRoom:
    def test_too_large_for_the_disk(self, publisher, tmp_path, monkeypatch):
        usage = room.shutil.disk_usage(tmp_path)._replace(free=1_000_000)
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage)
        text = refused(publisher, tmp_path / "f")
        assert "1.0 MB free, 3.0 MB more needed" in text and "make room" in text

    @pytest.mark.parametrize(
        ("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota is used up")]
    )
    def test_full_while_writing_keeps_what_came(
        self, publisher, tmp_path, monkeypatch, number, said
    ):
        whole, written = transfer.tqdm.update, []

        def full(bar, size):
            written.append(size)
            if sum(written) > 1_000_000:
                raise OSError(number, "no")
            return whole(bar, size)

        with monkeypatch.context() as patched:
            patched.setattr(transfer.tqdm, "update", full)
            text = refused(publisher, tmp_path / "f")
        assert said in text and "make room" in text
        assert (tmp_path / "f.part").stat().st_size > 1_000_000
        assert fetch(publisher, tmp_path / "f") == SHA256
        assert publisher.ranges_asked()[1] is not None, "it went on"

    def test_no_right_to_write(self, publisher, tmp_path):
        (tmp_path / "file").write_text("in the way")
        text = refused(publisher, tmp_path / "file" / "f")
        assert str(tmp_path / "file" / "f") in text

    def test_really_full_disk(self, publisher, tmp_path):
        """A disk of 2 MB, in a name space of its own."""
        code = (
            "import sys; from pathlib import Path\n"
            "from pneumobench.core import room\n"
            "from pneumobench.core.download import download\n"
            # Other processes may take the room between the look and the writing.
            "room.check_room.__code__ = (lambda folder, needed: None).__code__\n"
            "disk = Path(sys.argv[1])\n"
            "try: download(sys.argv[2], disk / 'f', remedy='none')\n"
            "except Exception as error: print(error)\n"
            "print('LEFT', sorted(path.name for path in disk.iterdir()))\n"
        )
        output = on_small_disk(tmp_path, code, publisher.url + NAME)
        assert "the disk is full" in output and "make room" in output
        assert "LEFT ['f.part', 'f.part.json']" in output


class TestSecrets:
    URL = "http://me:pass@127.0.0.1:{port}/folder/radiographs.zip?token=abc123#part"

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("https://a.b/c", "https://a.b/c"),
            ("https://me:x@a.b:1/c?d=e#f", "https://a.b:1/c"),
            ("http://me@x@a.b", "http://a.b"),
            ("me:x@a.b/c?d", "a.b/c"),
            ("https://a.b?d=https://e.f/g", "https://a.b"),
            ("/some/folder", "/some/folder"),
            ("", ""),
        ],
    )
    def test_shown_address(self, url, shown):
        assert without_secrets(url) == shown

    @pytest.mark.parametrize(
        "fault", [{}, {"status": 404}, {"status": 503}, {"cut": 9}, {"hang_up": True}]
    )
    def test_never_in_log_error_or_record(self, publisher, tmp_path, caplog, fault):
        caplog.set_level(logging.DEBUG, "pneumobench")
        publisher.faults = [fault] * 20 if fault else []
        publisher.validators = True
        url = self.URL.format(port=publisher.server.server_port)
        told = ""
        try:
            download(url, tmp_path / "f", sha256_start="ff", remedy="none")
        except UserError as error:
            assert error.__cause__ is None, "a cause would show the address"
            told = str(error)
        assert told, "it failed as it should"
        told += caplog.text + "".join(p.read_text() for p in tmp_path.glob("*.json"))
        for secret in ("me:pass", "pass@", "abc123", "token"):
            assert secret not in told
        assert publisher.asked[0][0].endswith("?token=abc123"), "the server gets it all"
        assert publisher.asked[0][1]["Authorization"].startswith("Basic")

    def test_signed_addresses_differ_and_go_on(self, publisher, tmp_path):
        publisher.faults = [{"cut": 1_500_000}, {"status": 403}]
        with pytest.raises(UserError):
            download(publisher.url + NAME + "?signature=1", tmp_path / "f", remedy="none")
        digest = download(publisher.url + NAME + "?signature=2", tmp_path / "f", remedy="none")
        assert digest == SHA256 and publisher.ranges_asked()[-1] is not None
        assert "signature" not in json.dumps([p.name for p in tmp_path.iterdir()])


def test_killed_at_ten_random_points(publisher, tmp_path):
    """A process that is killed leaves nothing that passes as whole; the next one goes on."""
    publisher.pause = 0.004
    target, part = tmp_path / "radiographs.zip", tmp_path / "radiographs.zip.part"
    code = (
        "import sys; from pathlib import Path\n"
        "from pneumobench.core.download import download\n"
        "print(download(sys.argv[1], Path(sys.argv[2]), remedy='none'))\n"
    )
    command = [sys.executable, "-c", code, publisher.url + NAME, str(target)]
    draw, kills, points = random.Random(3), 0, []
    for _ in range(10):
        start = part.stat().st_size if part.exists() else 0
        points.append(start + draw.randrange(1, len(CONTENT) // 12))
        with subprocess.Popen(command, cwd=SCRIPTS, stdout=subprocess.DEVNULL) as process:
            while (part.stat().st_size if part.exists() else 0) < points[-1]:
                assert process.poll() is None, "it ended before it was to be killed"
                time.sleep(0.001)
            process.kill()
        kills += process.returncode == -signal.SIGKILL
        assert not target.exists()
    assert kills == 10
    publisher.pause = 0.0
    output = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == SHA256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["radiographs.zip"]
    starts = [int(asked[6:-1]) for asked in publisher.ranges_asked()[1:]]
    assert len(starts) == 10
    assert all(start >= point for start, point in zip(starts, points, strict=True)), "all was kept"


def test_login_comes_from_netrc(publisher, tmp_path, monkeypatch):
    """Where a mirror wants a login, the configuration is not the place for it."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert fetch(publisher, tmp_path / "a.zip") == SHA256
    ((_, headers),) = publisher.asked
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
