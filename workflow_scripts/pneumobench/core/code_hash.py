"""A fingerprint of the code that makes a result, blind to all of it that makes none.

Rules carry it as a param, so that editing `models/architectures/vgg16.py` retrains VGG16 and what
is built on it, while a clone, a copy, a touch, a reformat, another Python, a reworded error or one
more line in the log retrains nothing.
"""

import ast
import contextlib
import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "pneumobench"
ROOT = Path(__file__).resolve().parents[2]

# What carries messages or waits its turn, and makes no result; the registry reaches every
# architecture.
WITHOUT_RESULTS = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "core.errors", "core.gpu", "core.job", "core.names", "models.registry",
        "training.tensorboard",
    )
)  # fmt: skip
# What makes errors that end a job, whose texts are no result.
ERRORS = ("UserError", "broken")
MOST_READINGS = 1000


@functools.cache
def code_hash(*names: str) -> str:
    """Return a hash (16 hexadecimal digits) of code and all of the package that it imports.

    Parameters
    ----------
    names
        Scripts of rules, `training/train_fold`, and modules, `pneumobench.training.fold`.
    """
    reached: set[str] = set()
    waiting = list(names)
    known = len(_readings())
    while waiting:
        name = waiting.pop()
        if name not in reached and name not in WITHOUT_RESULTS:
            reached.add(name)
            waiting.extend(_read(name)[1])
    if len(_readings()) > known:
        _keep_readings()
    digest = hashlib.sha256()
    for name in sorted(reached):
        digest.update(f"{name} {_read(name)[0]}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _read(name: str) -> tuple[str, tuple[str, ...]]:
    """Return a hash of a file's code, and which of the package's modules it imports."""
    source = _file(name).read_bytes()
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
    names = [name for name in found if name.startswith(f"{PACKAGE}.")]
    return hashlib.sha256(" ".join(_tokens(tree)).encode()).hexdigest(), names


def _tokens(value: object) -> Iterator[str]:
    """Yield code in tokens that no version of Python writes otherwise.

    `ast.dump` is another text in each of them: fields come and go, empty ones are shown or not.
    """
    if isinstance(value, ast.AST):
        yield f"{type(value).__name__}("
        for name, content in sorted(ast.iter_fields(value)):
            if content is not None and content != [] and not _makes_no_result(value, name):
                yield f"{name}="
                yield from _tokens(_parts(value, content))
        yield ")"
    elif isinstance(value, list):
        yield "["
        for part in value:
            if not _is_silent(part):
                yield from _tokens(part)
        yield "]"
    else:
        # Not repr: which characters it shows as they are depends on Python's version of Unicode.
        yield ascii(value)


def _makes_no_result(node: ast.AST, field: str) -> bool:
    """Tell whether a field is what an error says, or how a text was spelt."""
    if isinstance(node, ast.Call) and field in ("args", "keywords"):
        return isinstance(node.func, ast.Name) and node.func.id in ERRORS
    return field == "kind" and isinstance(node, ast.Constant)


def _is_silent(statement: object) -> bool:
    """Tell whether a statement is a docstring or what logs."""
    match statement:
        case ast.Expr(ast.Constant(str())):
            return True
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("logger")))):
            return True
        case ast.Import([ast.alias("logging")]) | ast.Assign([ast.Name("logger")]):
            return True
    return False


def _parts(node: ast.AST, content: object) -> object:
    """Return a field, a text with values in it as one piece of text between any two of them."""
    if not isinstance(node, ast.JoinedStr):
        return content
    pieces: list[object] = []
    for piece in node.values:
        if not isinstance(piece, ast.Constant):
            pieces.append(piece)
        elif pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece.value
        elif piece.value:
            pieces.append(piece.value)
    return pieces


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
    file = _readings_file()
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    # An installation that cannot be written to is read anew each time.
    with contextlib.suppress(OSError):
        file.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(_readings()), encoding="utf-8")
        os.replace(temporary, file)


@functools.cache
def _readings_file() -> Path:
    """Return a file beside Python's own caches; another reader or Python has another file."""
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    name = f"code_hash.{sys.implementation.cache_tag}.{reader}.json"
    return ROOT / PACKAGE / "__pycache__" / name


def _file(name: str) -> Path:
    """Return the file of a module, or of a rule's script, whose name has a slash."""
    path = ROOT.joinpath(*([name] if "/" in name else name.split(".")))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _is_module(name: str) -> bool:
    return _file(name).is_file()


def texts_hash(folder: str) -> str:
    """Return a hash (10 hexadecimal digits) of the texts in a folder of the package.

    They are no code that `code_hash` would see.
    """
    paths = sorted(path for path in (ROOT / PACKAGE / folder).iterdir() if path.is_file())
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return hashlib.sha256(texts.encode()).hexdigest()[:10]
