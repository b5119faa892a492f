"""Configuration files, `--config` and the folders of a start: what is refused, in which words."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from configurations import ARCHITECTURES, DEFAULT, ROOT, check, config, only_problem, problems

from pneumobench.core.config import ConfigError, check_config, check_data_source
from pneumobench.core.config.across import cautions
from pneumobench.core.config.allowed import leaves
from pneumobench.core.config.arguments import with_arguments
from pneumobench.core.config.check import archive_path
from pneumobench.core.config.problems import value_text
from pneumobench.core.config.reading import check_config_files
from pneumobench.core.config.secrets import has_credentials, is_secret, redacted
from pneumobench.core.errors import UserError
from pneumobench.core.room import check_writing
from pneumobench.core.start import LOCKS, check_or_exit, check_start, warning_of_lock

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


# Files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("images:\n  size: 64\nimages:\n  size: 96\n", ("images: lines 1 and 3",)),
        ("a:\n  b:\n  - c: 1\n    d: 2\n    c: 3\n", ("a.b[0].c: lines 3 and 5",)),
        ("a: {b: 1, b: 2}\n\nc:\n  d: 1\n  d: 1\n", ("a.b: lines 1 and 1", "c.d: lines 4 and 5")),
        ('"a": 1\na: 2\n', ("a: lines 1 and 2",)),
        ("yes: 1\ntrue: 2\n", ("true: lines 1 and 2",)),
        ('{"a": {"b": 1,\n "b": 2}}', ("a.b: lines 1 and 2",)),
        ("x: &x {a: 1}\ny: {<<: *x, <<: *x}\n", ("y.<<: lines 2 and 2",)),
        ("a: &a [*a]\n", ("*a stands within &a itself", "line 1")),
        ("report: &a\n  title: *a\n", ("*a stands within &a itself", "line 2")),
        (LAUGHS, ("more than 100,000 values", "line 6")),
        ("a: " + "[" * 3000 + "]" * 3000, ("nested more than 50 deep",)),
        ("images:\n\tsize: 96\n", ("no valid YAML", "a tab", "line 2")),
        ("a: 1\n---\na: 2\n", ("several documents", "line 2")),
        ("a: [1\n", ("no valid YAML", "line 2")),
        ("a: *b\n", ("undefined alias", "line 1")),
        ("a: 2024-13-45\n", ("a value cannot be read", "month")),
        ("[a]: b\n", ("unhashable key",)),
        ("a: 1\nseed: 042\n", ("YAML reads 042 as the number 34", "line 2")),
        ("epochs: 1:30\n", ("YAML reads 1:30 as the number 90",)),
        ("patients: 1_000\n", ("as the number 1000",)),
        ("size: 0x40\n", ("as the number 64",)),
        ("a: !!python/name:os.system\n", ("tag", "python/name", "line 1")),
        ("__use_yte__: true\na: ?1 + 1\n", ("__use_yte__ would run code", "line 1")),
        ("", ("has no keys",)),
        ("# nothing\n", ("has no keys",)),
        ("- a\n", ("a list instead of keys",)),
        ("word\n", ("a single value instead of keys",)),
    ],
)
def test_file_that_does_not_say_one_thing(tmp_path, text, words):
    path = tmp_path / "overlay.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        check_config_files([path])
    for word in (str(path), "to do:", *words):
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("report: {title: Päd}".encode("utf-16"), "UTF-16"),
        ("report: {title: Pad}".encode("utf-16-le"), "UTF-16"),
        ("report: {title: Pad}".encode("utf-32"), "UTF-16 or UTF-32"),
        ("a: 1\nreport: {title: Päd}".encode("latin-1"), "Latin-1"),
        (b"report: {title: a\0b, more: and more text around it}", "NUL"),
        (b"a: 1\n" + b"#" * 1_000_000, "larger than 1 MB"),
    ],
)
def test_file_of_another_encoding_is_named(tmp_path, content, words):
    path = tmp_path / "overlay.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        check_config_files([path])
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "x: &x {a: 1, b: 2}\ny: {<<: *x, a: 2}\nz: {<<: [*x, *x], b: 3}\n",
        '1: a\n"1": b\n',
        '{\n\t"a": 1,\n\t"b": [1, {"a": 2}]\n}',
        "\ufeffimages: {size: 96}\n",
        "report: {title: Pädiatrie 胸部}\r\n",
        "a: {b: 1}\nc: {b: 1}\n",
        'a: ["042", 1:30pm, 0, 0.5, 09-x, "1_000", 1.0e-3, -7, 089]\n',
    ],
)
def test_file_that_says_one_thing(tmp_path, text):
    path = tmp_path / "overlay.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    check_config_files([path, tmp_path / "not_there.yaml"])


def test_files_of_the_project_say_one_thing_and_a_folder_is_none(tmp_path):
    check_config_files([*ROOT.glob("*.yaml"), *ROOT.glob("experiments/*.yaml")])
    with pytest.raises(UserError, match="not a configuration file"):
        check_config_files([tmp_path])


# --config


def merged(*entries: str) -> dict:
    return with_arguments(config(), entries)


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "yes", "on", " true "])
def test_words_of_a_switch(word):
    assert merged(f"allow_partial={word}")["allow_partial"] is True
    nested = merged(f"robustness={{test_time_normalisation: {word}}}")
    assert nested["robustness"]["test_time_normalisation"] is True


@pytest.mark.parametrize("word", ["false", "False", "no", "off"])
def test_words_of_a_switch_that_is_off(word):
    assert merged(f"archive_radiographs={word}")["archive_radiographs"] is False


@pytest.mark.parametrize(
    ("entry", "place", "value"),
    [
        ("split={folds: 3, inner_fraction: .2}", "split.folds", 3),
        ("split={folds: 3, inner_fraction: .2}", "split.inner_fraction", 0.2),
        ("recipes={light: {learning_rate: 1e-3}}", "recipes.light.learning_rate", 0.001),
        ("recipes={light: {pretrained: yes}}", "recipes.light.pretrained", True),
        ("recipes={light: {pretrained: mine.pt}}", "recipes.light.pretrained", "mine.pt"),
        ("recipes={light: {gradient_clip: null}}", "recipes.light.gradient_clip", None),
        ("data={mendeley: {version: 3}}", "data.mendeley.version", 3),
        ("defaults={seeds: [1, 2]}", "defaults.seeds", [1, 2]),
        ("external=null", "external", None),
        ("archive=", "archive", None),
        ("report={title: yes}", "report.title", "yes"),
        ("report={title: 2024}", "report.title", "2024"),
        ("experiment=007", "experiment", "007"),
        ("experiment='a_b'", "experiment", "a_b"),
        ("keep_weights=none", "keep_weights", "none"),
        ("archive=a=b: c #1.zip", "archive", "a=b: c #1.zip"),
        (
            "data={directory: {patient_pattern: '(p{2})'}}",
            "data.directory.patient_pattern",
            "(p{2})",
        ),
    ],
)
def test_value_gets_the_kind_of_its_key(entry, place, value):
    found = merged(entry)
    for key in place.split("."):
        found = found[key]
    assert found == value and type(found) is type(value)
    assert merged(entry)["images"] == DEFAULT["images"]


def test_runs_on_the_command_line():
    given = with_arguments(config(), ["runs=[alexnet, {models: [vgg16], seeds: [3, 4]}]"])
    runs = check_config(given, architectures=ARCHITECTURES).expanded_runs
    assert [(run.model, run.seed) for run in runs] == [("alexnet", 42), ("vgg16", 3), ("vgg16", 4)]


@pytest.mark.parametrize("value", ["maybe", "1", "truee", "[true]"])
def test_other_words_are_no_switch(value):
    with pytest.raises(ConfigError, match="allow_partial"):
        check_config(merged(f"allow_partial={value}"), architectures=ARCHITECTURES)


def test_text_in_a_file_is_no_switch():
    assert only_problem('allow_partial: "true"').path == "allow_partial"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["data={phantom: {seed: 1, seed: 2}}"], "data.phantom.seed: lines 1 and 1"),
        (["allow_partial=true", "allow_partial=false"], "allow_partial is given twice"),
        (["split={folds: 3}", "split={folds: 4}"], "split.folds is given twice"),
        (["data={phantom: "], "no valid YAML"),
        (["data={a: &a [*a]}"], "within &a itself"),
    ],
)
def test_value_that_does_not_say_one_thing(entries, words):
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        merged(*entries)
    assert "--config" in str(caught.value)


# Secrets


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@mirror.example/a",
        "https://hunter2@mirror.example",
        "HTTP://me:hun/hunter2@mirror.example",
        "//me:hunter2@mirror.example",
        "HTTP://me:hun@ter2/hunter2@mirror.example",
        r"ftp:\\me:hunter2@host",
        "see https://me:hunter2@mirror.example",
    ],
)
@pytest.mark.parametrize(
    "place", ["downloads.data_mirror", "data.directory.path", "archive", "x.y"]
)
def test_address_with_a_password_is_refused_and_not_repeated(text, place):
    overlay: object = text
    for key in reversed(place.split(".")):
        overlay = {key: overlay}
    (problem,) = problems(yaml.safe_dump(overlay)).values()
    assert problem.path == place and ".netrc" in problem.hint
    assert "hunter2" not in str(problem)
    with pytest.raises(ConfigError) as caught:
        archive_path(overlay)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("place", ["downloads.data_mirror", "downloads.weights_mirror", "x.y"])
def test_address_with_a_password_and_without_its_scheme_is_refused(place):
    section, key = place.split(".")
    (problem,) = problems(f"{section}: {{{key}: 'me:hunter2@mirror.example:/data'}}").values()
    assert problem.path == place and ".netrc" in problem.hint and "hunter2" not in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "a@b.example",
        "https://mirror.example:8443/a",
        "/radiographs/me@home",
        "C:/a",
        "https://mirror.example:8443/@me/a",
        "https://mirror.example/@me/",
        "http://mirror.example:/@me",
        "//nas/kinder@klinik/radiographs.csv",
        r"\\nas\kinder@klinik\radiographs.csv",
        "file:///data/me@x/",
    ],
)
def test_texts_without_a_password(text):
    assert not has_credentials(text, address=True) and redacted(text) == text


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


@pytest.mark.parametrize(
    "text",
    [
        "mirror.example",
        "ftp://mirror.example/",
        "https://mirror.example/?token=hunter2",
        "https://a b/",
    ],
)
def test_address_of_a_mirror_is_one_of_a_folder(text):
    problem = only_problem(yaml.safe_dump({"downloads": {"weights_mirror": text}}))
    assert "https://..." in problem.allowed and "hunter2" not in str(problem)
    for path in ("a/b/", "@me/a"):
        check(f"downloads: {{weights_mirror: 'https://mirror.example:8443/{path}'}}")


@pytest.mark.parametrize("key", ["password", "KAGGLE_KEY", "api_token", "secret", "apikey"])
def test_value_of_a_key_called_like_a_secret_is_not_shown(key):
    for overlay in ({key: "hunter2"}, {"downloads": {key: 12345}}, {"login": {key: ["hunter2"]}}):
        (problem,) = problems(yaml.safe_dump(overlay)).values()
        assert "hunter2" not in str(problem) and "12345" not in str(problem)


def test_address_as_a_key_is_not_repeated():
    problem = only_problem(yaml.safe_dump({"downloads": {"https://me:hunter2@host": 1}}))
    assert problem.path == "downloads" and "hunter2" not in str(problem)


def test_no_key_of_the_configuration_is_called_like_a_secret():
    assert not [path for path, _ in leaves() if any(map(is_secret, path.split(".")))]
    assert value_text({"a": {"token": "hunter2"}}) == '{"a": {"token": "***"}}'


# Characters


@pytest.mark.parametrize("text", ["a\nb", "a\0b", "\x1b[31mred", "a\u2028b", "a\tb"])
@pytest.mark.parametrize("place", ["report.title", "data.directory.path", "archive"])
def test_control_characters_are_refused(text, place):
    overlay: object = text
    for key in reversed(place.split(".")):
        overlay = {key: overlay}
    problem = only_problem(yaml.safe_dump(overlay))
    assert problem.path == place and (text == "a\u2028b" or text not in str(problem))


def test_braces_where_rules_wait_for_files():
    for overlay in (
        "archive: 'a{b}.zip'",
        "data: {pneumoniamnist: {file: 'a{{b}}.npz'}}",
        "recipes: {light: {pretrained: 'w}.pt'}}",
    ):
        assert "{ and }" in only_problem(overlay).allowed
    with pytest.raises(ConfigError, match="archive"):
        archive_path({"archive": "a{b}.zip"})
    with pytest.raises(ConfigError, match="archive"):
        archive_path({"archive": 5})
    assert archive_path({}) is None and archive_path({"archive": "a b.zip"}) == "a b.zip"
    check("report: {title: 'a {b} {{c}}'}\ndata: {directory: {path: 'a{b}'}}")


@pytest.mark.parametrize(
    "pattern", ["(a{99999999999})", "(" * 4000 + ")" * 4000, "(" + "a" * 2000 + ")"]
)
def test_pattern_beyond_all_limits(pattern):
    overlay = {"data": {"directory": {"patient_pattern": pattern}}}
    assert only_problem(yaml.safe_dump(overlay)).path == "data.directory.patient_pattern"


def test_name_too_long_for_a_file_system():
    name = "a" * 300
    experiment = check(f"data: {{source: directory, directory: {{path: {name}}}}}")
    with pytest.raises(UserError, match="too long") as caught:
        check_data_source(experiment)
    assert "data.directory.path" in str(caught.value)


def test_more_threads_than_cores_are_worth_a_word():
    experiment = check("compute: {numeric_threads: 16}")
    (caution,) = cautions(experiment, cores=2)
    assert "numeric_threads: 16" in caution and "2 cores" in caution
    assert cautions(experiment, cores=16) == cautions(experiment) == []


# The start


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
