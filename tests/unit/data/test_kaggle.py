"""Kaggle's real client against a server of the test's own that speaks the few calls it makes."""

import json
import logging
import os
import sys

import pytest
from fetched_fixture import (
    TOKEN,
    kaggle_environment,
    kaggle_server,
    kaggle_zip,
    kermany_radiographs,
)

from pneumobench.core import attempts
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json
from pneumobench.data.fetch_dataset import fetch_dataset

KAGGLE = {"dataset": "paultimothymooney/chest-xray-pneumonia"}


def refused(function, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments)
    return str(caught.value)


@pytest.fixture(scope="module")
def server():
    with kaggle_server() as made:
        made.storage.files[made.archive] = kaggle_zip(kermany_radiographs())
        yield made


@pytest.fixture
def kaggle(server, tmp_path, monkeypatch):
    """Kaggle's server; a home without a token."""
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.001)
    server.said.clear()
    server.storage.asked.clear()
    server.status, server.redirects = 0, True
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name, value in kaggle_environment(home).items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def token(kaggle, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)


def fetch(tmp_path, options=KAGGLE):
    record = tmp_path / "data" / "k.json"
    fetch_dataset("kaggle", options, record)
    return record


def test_the_real_client(kaggle, token, tmp_path, capfd, caplog):
    caplog.set_level(logging.INFO)
    record = fetch(tmp_path)
    said = read_json(record)
    assert said["version"] == "2" and said["licence"] == "CC BY 4.0"
    assert said["address"] == f"https://www.kaggle.com/datasets/{KAGGLE['dataset']}"
    assert [call for call, _, _ in kaggle.said] == ["GetDataset", "DownloadDataset"]
    assert kaggle.said[1][1]["datasetVersionNumber"] == 2
    # The token goes to Kaggle and to nobody else.
    assert {authorization for _, _, authorization in kaggle.said} == {f"Bearer {TOKEN}"}
    path, headers = kaggle.storage.asked[-1]
    assert path.endswith("signed0123") and "Authorization" not in headers
    captured = capfd.readouterr()
    told = caplog.text + captured.out + captured.err
    told += "".join(p.read_text() for p in record.parent.glob("*.json"))
    assert "signed0123" not in told and TOKEN not in told
    assert "kaggle" not in sys.modules, "importing it would sign in and print"


@pytest.mark.parametrize("place", ["access_token", "kaggle.json", "config", "variables",
                                   "file", "login"])  # fmt: skip
def test_token_from_its_usual_places(kaggle, tmp_path, monkeypatch, place):
    home = tmp_path / "home"
    key = json.dumps({"username": "me", "key": "key123"})
    if place == "access_token":
        (home / ".kaggle").mkdir()
        (home / ".kaggle/access_token").write_text(TOKEN + "\n")
    elif place == "kaggle.json":
        (home / ".config/kaggle").mkdir(parents=True)
        (home / ".config/kaggle/kaggle.json").write_text(key)
    elif place == "config":
        (home / "elsewhere").mkdir()
        (home / "elsewhere/kaggle.json").write_text(key)
        monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home / "elsewhere"))
    elif place == "variables":
        monkeypatch.setenv("KAGGLE_USERNAME", "me")
        monkeypatch.setenv("KAGGLE_KEY", "key123")
    elif place == "file":
        (home / "token").write_text(TOKEN)
        monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token"))
    else:
        login = {"refresh_token": "r", "access_token": TOKEN, "username": "me",
                 "access_token_expiration": "2999-01-01T00:00:00+00:00"}  # fmt: skip
        (home / ".kaggle").mkdir()
        (home / ".kaggle/credentials.json").write_text(json.dumps(login))
    fetch(tmp_path)
    assert len(kaggle.said) == 2


def test_no_token(kaggle, tmp_path):
    text = refused(fetch, tmp_path)
    for word in ("no Kaggle token", "~/.kaggle/access_token", "kaggle.com/settings",
                 "KAGGLE_API_TOKEN", "data.source: mendeley"):  # fmt: skip
        assert word in text
    assert kaggle.said == [], "nobody was asked"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, ("does not accept the token", "KAGGLE_API_TOKEN", "make a new one")),
        (403, ("accept", "terms", KAGGLE["dataset"])),
        (404, ("no data set of this name", "data.kaggle.dataset")),
        (418, ("418",)),
    ],
)
def test_refusals(kaggle, token, tmp_path, status, words):
    kaggle.status = status
    text = refused(fetch, tmp_path)
    assert all(word in text for word in words) and TOKEN not in text
    assert len(kaggle.said) == 1 and not (tmp_path / "data" / "k").exists()


def test_other_name(kaggle, token, tmp_path):
    text = refused(fetch, tmp_path, {"dataset": "nobody/nothing"})
    assert "data.kaggle.dataset: nobody/nothing" in text


def test_faults_that_pass(kaggle, token, tmp_path):
    kaggle.status = 503
    text = refused(fetch, tmp_path)
    assert "503" in text and len(kaggle.said) > 2


def test_server_without_a_redirection(kaggle, token, tmp_path):
    kaggle.redirects = False
    assert "names no address" in refused(fetch, tmp_path)


def test_signature_that_expired(kaggle, token, tmp_path):
    # The client itself asks once, without taking anything.
    kaggle.storage.faults = [{}, {"cut": 70_000}, {"status": 403}]
    text = refused(fetch, tmp_path)
    assert "403" in text and "signed0123" not in text and "goes on where" in text
    fetch(tmp_path)
    assert kaggle.storage.ranges_asked()[-1] is not None


def test_answer_without_version_and_licence(kaggle, token, tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle, "described", {})
    said = read_json(fetch(tmp_path))
    assert said["version"] is None and said["licence"] == "CC BY 4.0"
    assert "datasetVersionNumber" not in kaggle.said[1][1]


def test_storage_that_refuses(kaggle, token, tmp_path):
    kaggle.storage.faults = [{"status": 403}]
    text = refused(fetch, tmp_path)
    assert "403" in text and "terms" not in text and "signed0123" not in text


@pytest.mark.parametrize(
    "secret", ["a" * 5000, "two words", "secret\nvalue", "sécret-välue", "\x00hidden"]
)
def test_what_is_no_token_is_not_shown(kaggle, tmp_path, monkeypatch, secret, caplog):
    (tmp_path / "home/.kaggle").mkdir()
    (tmp_path / "home/.kaggle/access_token").write_text(secret)
    if len(secret) > 1000:
        monkeypatch.setenv("KAGGLE_API_TOKEN", secret)
    with pytest.raises(UserError) as caught:
        fetch(tmp_path)
    assert caught.value.__cause__ is None
    for word in ("aaaaaaaa", "two words", "secret", "sécret", "hidden"):
        assert word not in str(caught.value) and word not in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[1]", "{}", "[" * 100_000, '{"username": "me"}',
                                     '{"username": 1, "key": "key123"}'])  # fmt: skip
def test_damaged_key_file(kaggle, tmp_path, content):
    (tmp_path / "home/.kaggle").mkdir()
    (tmp_path / "home/.kaggle/kaggle.json").write_text(content)
    text = refused(fetch, tmp_path)
    assert "kaggle.json" in text and "key123" not in text


@pytest.mark.parametrize("expiration", ['"x"', "1"])
def test_damaged_login(kaggle, tmp_path, expiration):
    (tmp_path / "home/.kaggle").mkdir()
    content = f'{{"refresh_token": "r", "access_token_expiration": {expiration}}}'
    (tmp_path / "home/.kaggle/credentials.json").write_text(content)
    assert "credentials.json" in refused(fetch, tmp_path)
