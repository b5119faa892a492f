"""All architectures by name. Every file of `architectures/` is one; nothing else lists them.

Importing this module imports neither torch nor any architecture, so that the configuration is
checked at once; `load` imports the one file that a job needs.
"""

import ast
import contextlib
import functools
import importlib
import pkgutil
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.names import did_you_mean
from pneumobench.models import architectures
from pneumobench.models.architecture import Architecture
from pneumobench.models.start_up import compiler_deferred

TIMM_PREFIX = "timm:"


def names() -> list[str]:
    """Return the names of the architectures: the modules of `models.architectures`.

    A file whose name Python cannot import, as one with a hyphen, is none: its folder of results
    could be that of a backbone of timm.
    """
    found = (module.name for module in pkgutil.iter_modules(architectures.__path__))
    return sorted(name for name in found if name.isidentifier())


def summary(name: str) -> str:
    """Return what an architecture is: the first line of its file, without importing it.

    >>> summary("plain_resnet18")
    "ResNet18, torchvision's"
    """
    path = Path(architectures.__path__[0], f"{name}.py")
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        lines = (ast.get_docstring(ast.parse(path.read_bytes())) or "").splitlines()
        return lines[0].removesuffix(".") if lines else "no description"
    return "no description"


@functools.cache
def module_name(name: str) -> str:
    """Return the dotted name of the module that defines an architecture, without importing it.

    Parameters
    ----------
    name
        A name of `names()`, or `timm:<backbone>`. Whether timm has that backbone is checked by
        `load`.

    Raises
    ------
    UserError
        If there is no such architecture.
    """
    if name.startswith(TIMM_PREFIX):
        return "pneumobench.models.timm_backbone"
    valid = names()
    if name not in valid:
        hint = did_you_mean(name, valid)
        raise UserError(
            f"there is no architecture {name}",
            where=f"model {name}",
            expected=f"one of {', '.join(valid)}, or {TIMM_PREFIX}<backbone>",
            remedy=f"{hint} To add one of your own: docs/adding-a-model.md".strip(),
        )
    return f"{architectures.__name__}.{name}"


def load(name: str) -> Architecture:
    """Import one architecture; `load(name).build(outputs)` gives the network with fresh weights.

    Raises
    ------
    UserError
        If there is no such architecture, or if its file does not define one.
    """
    with compiler_deferred():
        module = importlib.import_module(module_name(name))
    if name.startswith(TIMM_PREFIX):
        return module.architecture(name)
    architecture = getattr(module, "ARCHITECTURE", None)
    if not isinstance(architecture, Architecture) or architecture.name != name:
        raise UserError(
            f"the file of the architecture {name} does not define it",
            where=str(module.__file__),
            expected="ARCHITECTURE = Architecture(name=__name__, build=build, ...)",
            remedy="follow docs/adding-a-model.md, or take the file out of the folder",
        )
    return architecture
