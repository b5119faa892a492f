"""Start-up: torch's compiler stays unimported, for nothing here compiles.

`torch._dynamo` takes 2.4 s of processor time to import, more than the rest of torch. torchvision
imports it for one function of region-of-interest pooling, timm to keep a compiler out of one
method, every optimiser to break a compiled graph around its step.
"""

import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

_UTILITIES = "torch._dynamo.utils"


@contextlib.contextmanager
def compiler_deferred() -> Iterator[None]:
    """Let torchvision and timm be imported in this block without the compiler.

    A stand-in takes the place of `torch._dynamo.utils`: its `is_compile_supported` imports the
    compiler when it is called, any other name at once. `torch.compiler.disable` leaves functions
    as they are.
    """
    import torch

    if _UTILITIES in sys.modules:
        yield
        return
    stand_in, disable = _utilities_on_demand(), torch.compiler.disable
    sys.modules[_UTILITIES], torch.compiler.disable = stand_in, _leave_as_is
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(_UTILITIES) is stand_in:
            del sys.modules[_UTILITIES]


def unmark_methods(kind: type) -> None:
    """Take the mark off a class's methods that a compiler must not enter.

    `torch._disable_dynamo` imports the compiler to make a marked version of a function, unless the
    function says which one to use: itself.
    """
    for method in vars(kind).values():
        function = getattr(method, "__wrapped__", None)
        if function is not None:
            function.__dict__.setdefault("__dynamo_disable", function)


def without_compiler(optimiser: type) -> type:
    """Return the class of an optimiser with its step as it runs where nothing is compiled.

    Parameters
    ----------
    optimiser
        A class of `torch.optim`; steps that are differentiated themselves are not supported.
    """
    import torch

    unmark_methods(torch.optim.Optimizer)
    step = torch.no_grad()(inspect.unwrap(optimiser.step))
    return type(optimiser.__name__, (optimiser,), {"step": step})


def _utilities_on_demand() -> ModuleType:
    stand_in = ModuleType(_UTILITIES)

    def real() -> ModuleType:
        if sys.modules.get(_UTILITIES) is stand_in:
            del sys.modules[_UTILITIES]
        return importlib.import_module(_UTILITIES)

    def is_compile_supported(device_type: str) -> bool:
        return real().is_compile_supported(device_type)

    def other_name(name: str) -> Any:
        if name.startswith("__"):  # what inspection and warnings ask of every module
            raise AttributeError(name)
        return getattr(real(), name)

    stand_in.is_compile_supported, stand_in.__getattr__ = is_compile_supported, other_name
    return stand_in


def _leave_as_is(function: Callable | None = None, **_settings: Any) -> Callable:
    return (lambda later: later) if function is None else function
