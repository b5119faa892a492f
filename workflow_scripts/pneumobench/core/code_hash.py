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


def code_hash(*modules: str) -> str:
    """Return a hash (16 hexadecimal digits) of the modules and all of the package that they import.

    Parameters
    ----------
    modules
        Dotted names, for example `pneumobench.training.fold`.
    """
    reached = sorted(_closure(modules))
    digest = hashlib.sha256()
    for module in reached:
        digest.update(f"{module}\n{_canonical_source(_module_file(module))}\n".encode())
    return digest.hexdigest()[:16]


def _closure(modules: tuple[str, ...]) -> set[str]:
    """Return the modules and everything of the package they import, directly or not."""
    reached: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in reached and module not in WITHOUT_RESULTS:
            reached.add(module)
            waiting.extend(_imports(_module_file(module)))
    return reached


def _module_file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return the package's modules that a file imports, also those imported inside functions."""
    found = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from pneumobench.data import split` may name a module or something inside one.
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(
        name for name in found if name.startswith(f"{PACKAGE}.") and _module_file(name).is_file()
    )


@functools.cache
def _canonical_source(path: Path) -> str:
    """Return the file's syntax tree as text, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            head = node.body[0] if node.body else None
            if (
                isinstance(head, ast.Expr)
                and isinstance(head.value, ast.Constant)
                and isinstance(head.value.value, str)
            ):
                node.body = node.body[1:]
    return ast.dump(tree)
