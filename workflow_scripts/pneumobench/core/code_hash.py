"""A fingerprint of the code that makes a result, blind to formatting, comments and docstrings.

Rules carry it as a param, so that editing `models/architectures/vgg16.py` retrains VGG16 and what
is built on it, while a clone, a copy, a touch or a reformat retrains nothing.
"""

import ast
import contextlib
import functools
import hashlib
import json
import sys
from pathlib import Path

from pneumobench.core.errors import UserError

PACKAGE = "pneumobench"
ROOT = Path(__file__).resolve().parents[2]

# Rooms that carry messages, not results; the registry reaches every architecture.
WITHOUT_RESULTS = frozenset(
    f"{PACKAGE}.{name}"
    for name in ("core.errors", "core.job", "core.names", "models.registry", "training.tensorboard")
)


MOST_READINGS = 1000


@functools.cache
def code_hash(*modules: str) -> str:
    """Return a hash (16 hexadecimal digits) of the modules and all of the package that they import.

    Parameters
    ----------
    modules
        Dotted names, for example `pneumobench.training.fold`.
    """
    reached: set[str] = set()
    waiting = list(modules)
    known = len(_readings())
    while waiting:
        module = waiting.pop()
        if module not in reached and module not in WITHOUT_RESULTS:
            reached.add(module)
            waiting.extend(_read_module(module)[1])
    if len(_readings()) > known:
        _keep_readings()
    digest = hashlib.sha256()
    for module in sorted(reached):
        digest.update(f"{module} {_read_module(module)[0]}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _read_module(module: str) -> tuple[str, tuple[str, ...]]:
    """Return a hash of a module's code, and which of the package's modules it imports."""
    source = _module_file(module).read_bytes()
    readings, key = _readings(), hashlib.sha256(source).hexdigest()
    if key not in readings:
        readings[key] = _read_source(source.decode("utf-8"))
    code, found = readings[key]
    return code, tuple(name for name in found if _is_module(name))


def _read_source(source: str) -> tuple[str, list[str]]:
    """Return a hash of the code, and the names below the package that it imports."""
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from pneumobench.data import split` may name a module or something inside one.
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _remove_docstring(node)
    names = [name for name in found if name.startswith(f"{PACKAGE}.")]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), names


@functools.cache
def _readings() -> dict[str, tuple[str, list[str]]]:
    """Return what `_read_source` made of sources before, by the hash of their text.

    Every command and every cluster job reads the whole package: half a second without this.
    """
    try:
        kept = json.loads(_readings_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    # Of a package that is often edited, most are of sources that are gone.
    return kept if len(kept) < MOST_READINGS else {}


def _keep_readings() -> None:
    # Here: pandas, which core.files brings, is slow, and most commands have nothing to write.
    from pneumobench.core.files import atomic_path

    # An installation that cannot be written to is read anew each time.
    with contextlib.suppress(OSError, UserError), atomic_path(_readings_file()) as temporary:
        temporary.write_text(json.dumps(_readings()), encoding="utf-8")


@functools.cache
def _readings_file() -> Path:
    """Return a file beside Python's own caches; another reader or Python has another file."""
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    name = f"code_hash.{sys.implementation.cache_tag}.{reader}.json"
    return ROOT / PACKAGE / "__pycache__" / name


def _remove_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]


def _module_file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _is_module(name: str) -> bool:
    return _module_file(name).is_file()


def texts_hash(folder: str) -> str:
    """Return a hash (10 hexadecimal digits) of the texts in a folder of the package.

    They are no code that `code_hash` would see.
    """
    paths = sorted(path for path in (ROOT / PACKAGE / folder).iterdir() if path.is_file())
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return hashlib.sha256(texts.encode()).hexdigest()[:10]
