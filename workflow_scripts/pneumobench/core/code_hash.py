"""A fingerprint of the code that makes a result, blind to formatting, comments and docstrings.

Rules carry it as a param, so that editing `models/architectures/vgg16.py` retrains VGG16 and what
is built on it, while a clone, a copy, a touch or a reformat retrains nothing.
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = "pneumobench"
ROOT = Path(__file__).resolve().parents[2]

# Rooms that carry messages, not results; the registry reaches every architecture.
WITHOUT_RESULTS = frozenset(
    f"{PACKAGE}.{name}"
    for name in ("core.errors", "core.job", "core.names", "models.registry", "training.tensorboard")
)


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
    while waiting:
        module = waiting.pop()
        if module not in reached and module not in WITHOUT_RESULTS:
            reached.add(module)
            waiting.extend(_read_module(module)[1])
    digest = hashlib.sha256()
    for module in sorted(reached):
        digest.update(f"{module} {_read_module(module)[0]}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _read_module(module: str) -> tuple[str, tuple[str, ...]]:
    """Return a hash of a module's code, and which of the package's modules it imports."""
    tree = ast.parse(_module_file(module).read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from pneumobench.data import split` may name a module or something inside one.
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _remove_docstring(node)
    imports = tuple(name for name in found if name.startswith(f"{PACKAGE}.") and _is_module(name))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


def _remove_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]


def _module_file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _is_module(name: str) -> bool:
    return _module_file(name).is_file()
