"""What is checked before Snakemake starts: options, secrets, folders, locks."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from configurations import ROOT, check

from pneumobench.core.errors import UserError
from pneumobench.core.room import check_writing
from pneumobench.core.start import LOCKS, check_or_exit, check_start, warning_of_lock


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("report.title", "Ward A:children@hospital"),
        ("report.title", "Study 12:30@ward"),
        ("report.title", "a:b@c"),
        ("data.directory.path", "/radiographs/a:b@c"),
        ("data.table.path", "auth=1/token: 2/radiographs.csv"),
        ("data.directory.patient_pattern", r"(?:a|b):(\d+)@x"),
    ],
)
def test_titles_and_paths_are_no_passwords(start, place, text):
    section, *rest = place.split(".")
    overlay: object = text
    for key in reversed(rest):
        overlay = {key: overlay}
    check(yaml.safe_dump({section: overlay}))
    assert start("--config", f"{section}={json.dumps(overlay)}") is None


def test_archive_whose_name_has_words_of_secrets(start):
    assert start("--config", "archive=auth=1/token: 2/a:b@c.zip") is None


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that gives the message of a refused command, None for another one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a.yaml").write_text("images: {size: 96}\n")

    def refusal(*words: str) -> str | None:
        try:
            check_start(words, ROOT)
        except UserError as error:
            return str(error)
        return None

    return refusal


def test_commands_that_may_start(start, tmp_path):
    for command in (
        "",
        "--cores 2 -n all",
        "report --config allow_partial=true --configfile a.yaml",
        "--configfile=a.yaml -C data={source:mendeley} --directory new/folder",
        "--configfile=a.yaml report --config=allow_partial=true all",
        "-nCallow_partial=true all",
    ):
        assert start(*command.split()) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("--config a=1 --config b=2", "--config is given twice"),
        ("-Csplit={folds:3} --config experiment=b", "--config is given twice"),
        ("-nCa=1 -C=b=2", "--config is given twice"),
        ("-Cx={password:hunter2}", "a password is in the command"),
        ("-nFC password=hunter2", "a password is in the command"),
        ("--config allow_partial=true all", "a target belongs in front"),
        ("--config data.source=mendeley", "write data='{source: mendeley}'"),
        ("--config data.phantom.seed=1", "write data='{phantom: {seed: 1}}'"),
        ("--config =x", "is not key=value"),
        ("--config images={size:96", "the value is no valid YAML"),
        ('--config images={"size":96,"size":96}', "a key is given twice"),
        ("--directory a\nb", r"a\nb"),
        ("--configfile a.yaml --cores 2 --configfile a.yaml", "--configfile is given twice"),
        ("--configfile a.yaml all", "all (seen from"),
        ("--configfile nowhere.yaml", "nowhere.yaml (seen from"),
        (f"--configfile {'a' * 300}.yaml", "does not exist"),
        ("--config downloads={data_mirror:https://me:hunter2@host}", "name or a password"),
        ("--config password=hunter2", "a password is in the command"),
        ("--config downloads={api_token:hunter2}", "a api_token is in"),
        ("--config downloads={data_mirror:me:hunter2@host}", "name or a password"),
        ('--config downloads={"data_mirror":"me:hunter2@host"}', "name or a password"),
        ("--config a={b:[{token=hunter2}]}", "a token is in"),
        ('--config x={"a":"https://host/?b=1&token=hunter2"}', "a token is in"),
        ('--config x={"password":"hunter2"', "a password is in"),
        ("--config x={a:b:hunter2@host", "name or a password"),
        ("https://me:hunter2@host/x.zip", "name or a password"),
        ("--config me:hunter2@host=1", "name or a password"),
    ],
)
def test_commands_that_may_not(start, command, words):
    message = start(*command.split(" "))
    assert words in message and "to do:" in message and "hunter2" not in message


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("figures/roc.png", b"\x89PNG\r\n"),
        ("figures/roc.pdf", b"%PDF-1.7 \xb5"),
        ("comparison/comparison.csv", b"schema_version 0123456789abcdef,run\n1,2\n"),
        ("tables/comparison.md", b"| run | AUC |\n|---|---|\n"),
        ("comparison/comparison.json", b'{"schema_version": 1}'),
        ("report", None),
    ],
)
def test_target_behind_a_configuration_file_is_told_from_one(start, tmp_path, target, content):
    path = tmp_path / "results/tiny" / target
    path.parent.mkdir(parents=True)
    path.mkdir() if content is None else path.write_bytes(content)
    message = start("--configfile", "a.yaml", f"results/tiny/{target}")
    assert "a target belongs in front of --configfile" in message and target in message


def test_configuration_file_of_any_name_may_start(start, tmp_path):
    for name in ("a", "a.conf", "a.json"):
        (tmp_path / name).write_text('{"images": {"size": 96}}')
        assert start("--configfile", name) is None
    (tmp_path / "results").symlink_to("results")
    assert start("--configfile", "a.json") is None


def test_folders_that_take_no_files(start, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for words in (["--directory", "file"], ["-dfile"], ["-nd", "file"], ["--dir=file"]):
        assert "file/.snakemake" in start(*words)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    message = start("--cores", "2")
    assert "file/snakemake" in message and "XDG_CACHE_HOME" in message
    assert start("--runtime-source-cache-path", "elsewhere") is None
    (tmp_path / "records").mkdir()
    (tmp_path / "records/.snakemake").symlink_to("nowhere")
    message = start("--directory", "records")
    assert "leads nowhere" in message and "records/.snakemake" in message


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, as Linux has it")
def test_results_linked_to_where_nothing_can_be_written_are_named(tmp_path):
    (tmp_path / "results").symlink_to("/proc")
    with pytest.raises(UserError, match="cannot be written") as caught:
        check_writing(tmp_path / "results/demo")
    assert f"rights of {tmp_path / 'results'}" in caught.value.remedy
    check_writing(tmp_path / "other/demo")


def test_disk_without_room_stops_the_start(start, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Full())
    assert "not enough room" in start("all")


def test_user_without_a_home_may_start(start, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert start("all") is None


def test_level_of_messages_that_there_is_not_stops_the_start(start, monkeypatch):
    monkeypatch.setenv("PNEUMOBENCH_TERMINAL_LOG", "loud")
    assert "PNEUMOBENCH_TERMINAL_LOG='loud'" in start("all")


class Full:
    free = 0


def test_refusal_ends_the_process_with_its_message(capsys):
    with pytest.raises(SystemExit) as ended:
        check_or_exit(["--configfile", "nowhere.yaml"], ROOT)
    assert ended.value.code == 1 and "nowhere.yaml" in capsys.readouterr().err


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder with a lock; its name is taken from its parent."""
    lock = tmp_path / "locked" / LOCKS / "0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", [["all"], ["train", "-k"], ["--notemp"], ["--configfile", "n"]])
def test_lock_names_its_way_out(locked, words):
    assert "--unlock" in warning_of_lock([*words, "--directory", "locked"])
    assert "--unlock" in warning_of_lock(["-dlocked", *words])
    assert warning_of_lock(words) is None


@pytest.mark.parametrize(
    "word", ["--unlock", "--nolock", "-n", "-np", "--dry-run", "--dryrun", "--dry"]
)
def test_nobody_is_warned_who_passes_a_lock(locked, word):
    assert warning_of_lock(["all", word, "--directory=locked"]) is None


def test_lock_is_told_of_before_snakemake_starts(locked, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    check_or_exit(["--directory", "locked"], ROOT)
    assert "was killed here" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["default", "slurm"])
@pytest.mark.parametrize("option", [["-s"], ["--snakefile", ""], ["--snakefile="]])
def test_profiles_ask_before_snakemake_starts(tmp_path, monkeypatch, capsys, name, option):
    profile = yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())
    (code,) = profile["__definitions__"]
    assert profile["__use_yte__"] is True
    *before, attached = option
    words = [*before, f"{attached}{ROOT}/Snakefile", "--configfile", "nowhere.yaml"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["snakemake", *words])
    with pytest.raises(SystemExit):
        exec(code, {})
    assert "nowhere.yaml" in capsys.readouterr().err
