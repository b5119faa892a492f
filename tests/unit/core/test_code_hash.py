"""Hashes of code see what makes results, and nothing else, under every Python alike."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pneumobench.core import code_hash as hashing

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"
TRAINING = ("training/train_fold", "pneumobench.models.architectures.vgg16")
# What versions of Python are known to read in their own way.
PECULIAR = r"""
a = f"{b!r:>{c}} d{e:}{'f'}" "g" f"{h=}" rf"\d{{{i}}}"
j = "\U0001fae8 \N{BULLET} é", u"k", b"\xff", 1e300 * 10, 1j, ...
"""


def forget():
    """Let hashes be computed as in a new process."""
    for cached in vars(hashing).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package in which hashes can be watched."""
    root = tmp_path / "pneumobench"
    (root / "models").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "models/__init__.py": "",
        "a.py": '"""A."""\nfrom pneumobench.b import number\ndef f():\n  "T."\n  return number\n',
        "b.py": "number = 1\n",
        "c.py": "import numpy\n",
        "models/registry.py": "from pneumobench import c\n",
        "d.py": "from pneumobench.models import registry\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    monkeypatch.setattr(hashing, "ROOT", tmp_path)

    def edit(name, text):
        (root / name).write_text(text)
        forget()

    edit("c.py", files["c.py"])
    yield edit
    forget()


def test_code_hash_sees_code_through_imports_and_nothing_else(package):
    before = hashing.code_hash("pneumobench.a")
    package(
        "a.py",
        '"""Other."""\n\nfrom pneumobench.b import number\ndef f():\n  # why\n  return (number)\n',
    )
    assert hashing.code_hash("pneumobench.a") == before
    package("c.py", "import scipy\n")
    assert hashing.code_hash("pneumobench.a") == before
    package("b.py", "number = 2\n")
    assert hashing.code_hash("pneumobench.a") != before


def test_sources_that_were_read_before_are_not_read_again(package, monkeypatch):
    first = hashing.code_hash("pneumobench.a")
    forget()
    with monkeypatch.context() as patched:
        patched.setattr(hashing, "_read_source", None)
        assert hashing.code_hash("pneumobench.a") == first
        # An edit is seen, a damaged file of readings is no harm.
        with pytest.raises(TypeError):
            package("b.py", "number = 2\n")
            hashing.code_hash("pneumobench.a")
    hashing._readings_file().write_text("{")
    package("b.py", "number = 1\n")
    assert hashing.code_hash("pneumobench.a") == first


def test_folder_that_cannot_be_written_to_is_read_each_time(package, monkeypatch):
    def refuse(*_paths):
        raise PermissionError("read-only")

    first = hashing.code_hash("pneumobench.a")
    hashing._readings_file().unlink()
    forget()
    monkeypatch.setattr(hashing.os, "replace", refuse)
    assert hashing.code_hash("pneumobench.a") == first
    assert not hashing._readings_file().exists()


def test_code_hash_stops_at_the_registry(package):
    before = hashing.code_hash("pneumobench.d")
    package("models/registry.py", "other = 1\n")
    package("c.py", "import scipy\n")
    assert hashing.code_hash("pneumobench.d") == before


SILENT = {
    "comment": "number = 1  # one\n",
    "docstring": '"""B."""\nnumber = 1\n',
    "log": "import logging\nlogger = logging.getLogger(__name__)\nlogger.info('now')\nnumber = 1\n",
}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_what_makes_no_result_is_not_seen(package, text):
    before = hashing.code_hash("pneumobench.a")
    package("b.py", text)
    assert hashing.code_hash("pneumobench.a") == before


PAIRS = {
    "words of an error": (
        "raise UserError('no', where=f'{a}', expected='b', remedy='c')",
        "raise UserError(f'not {a}', where='d', expected='b', remedy='e')",
    ),
    "words of a damaged file": ("raise broken(a, 'no')", "raise broken(a, 'not at all')"),
    "words in the log": ("logger.info('%s', a)", "logger.warning('%d of %d', a, b)"),
    "spelling": ("a = (1)\nb = 'c'", 'a=1; b = "c"  # why'),
    "spelling of a text with values": ("a = f'b{c}d'", "a = ('b'\n  f'{c}' 'd')"),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_what_is_the_same(one, other):
    assert hashing._read_source(one)[0] == hashing._read_source(other)[0]


CHANGES = {
    "number": ("a = 1", "a = 2"),
    "kind of number": ("a = 1", "a = 1.0"),
    "flag": ("a = 1", "a = True"),
    "text": ("a = 'b'", "a = 'c'"),
    "text with values": ("a = f'b{c}'", "a = f'b{c!r}'"),
    "form of a value": ("a = f'{c:.2f}'", "a = f'{c:.3f}'"),
    "error of another kind": ("raise UserError('a')", "raise ValueError('a')"),
    "text that is a result": ("raise ValueError('a')", "raise ValueError('b')"),
    "where it stops": ("if a: raise UserError('b')", "if b: raise UserError('b')"),
    "order": ("a()\nb()", "b()\na()"),
    "default": ("def a(b, c=1): pass", "def a(b=1, c=1): pass"),
    "nothing returned": ("def a(): return", "def a(): return None"),
    "place of an element": ("a = [[1], [2]]", "a = [[1, 2]]"),
}


@pytest.mark.parametrize(("one", "other"), CHANGES.values(), ids=CHANGES)
def test_what_is_another_result(one, other):
    assert hashing._read_source(one)[0] != hashing._read_source(other)[0]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of all scripts and the library; edits a file and returns the hash of the training."""
    shutil.copytree(SCRIPTS, tmp_path / "all", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(hashing, "ROOT", tmp_path / "all")

    def edit(name, old, new):
        path = tmp_path / "all" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        forget()
        return hashing.code_hash(*TRAINING)

    forget()
    yield edit
    forget()


def test_a_reworded_error_retrains_nothing(copy):
    before = hashing.code_hash(*TRAINING)
    plan = "pneumobench/core/files.py"
    assert copy(plan, "the file has schema version", "its schema version is") == before
    assert copy(plan, "it is empty", "nothing is in it") == before


def test_a_changed_script_of_training_retrains(copy):
    before = hashing.code_hash(*TRAINING)
    assert copy("evaluation/evaluate_run.py", "params", "parameters") == before
    assert copy("training/train_fold.py", '"""', '"""\n') == before
    script = copy("training/train_fold.py", "params.model, snakemake", "params.another, snakemake")
    assert script != before
    assert copy("pneumobench/training/fold.py", "weights_sha256", "weights_hash") != script


@functools.cache
def interpreters() -> dict[str, str]:
    """Return a Python for each version from 3.11 on, as far as this machine has them."""
    places = [
        *map(Path, os.get_exec_path()),
        *Path("~/.pyenv/versions").expanduser().glob("*/bin"),
    ]
    code = "import sys; print(*sys.version_info[:2], sep='.')"
    paths = [path for place in places for path in place.glob("python3*") if path.is_file()]
    found = {"{}.{}".format(*sys.version_info): sys.executable}
    for path in paths:
        if re.fullmatch(r"python3(\.\d+)?", path.name):
            tried = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
            major, _, minor = tried.stdout.strip().partition(".")
            if tried.returncode == 0 and int(minor) >= 11:
                found.setdefault(f"{major}.{minor}", str(path))
    return found


def test_every_python_gives_the_same_hash():
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); sys.dont_write_bytecode = True\n"
        "from pneumobench.core import code_hash as hashing\n"
        # What this version wrote down would be no test.
        "hashing._readings = lambda found={}: found; hashing._keep_readings = lambda: None\n"
        "sources = sorted(path for path in hashing.ROOT.rglob('*.py'))\n"
        f"print(hashing.code_hash(*{TRAINING!r}))\n"
        "print([hashing._read_source(path.read_text('utf-8'))[0] for path in sources])\n"
        "print(hashing._read_source(" + repr(PECULIAR) + ")[0])"
    )
    said = {
        path: subprocess.run([path, "-c", code], capture_output=True, text=True, check=True).stdout
        for path in interpreters().values()
    }
    if len(interpreters()) < 2:
        pytest.skip(f"of Python there is {sys.version_info[:2]} alone on this machine")
    assert len(set(said.values())) == 1 and said[sys.executable].strip()
