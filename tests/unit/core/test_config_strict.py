"""Configuration files and `--config`: what is refused, in which words."""

import re

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
        ("a: [1\n", ("no valid YAML", "line 1")),
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
