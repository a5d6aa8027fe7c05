"""The operations of torch by name, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from torch.nn import functional

from ...errors import ConvmathError, DomainError
from ..sizes.trail import recorders

Handler: TypeAlias = Callable[..., Any]
"""Takes the builder and the arguments of the call; returns values, or plain Python."""

H = TypeVar("H", bound=Handler)

HANDLERS: dict[str, Handler] = {}
"""By torch's name, without the underscore of those that write in place; with ``functional.`` before it where the
function of ``torch.nn.functional`` takes other arguments than the one in ``torch``."""

VIEWS: set[str] = set()
"""Those whose result may share memory with their first argument."""

LOOKUPS = {"getitem", "index", "index_select", "gather", "take", "embedding"}
"""Those that choose elements by an index: which ones matters only where they depend on the network's inputs."""

BROADCASTS: set[str] = set()
"""Those that stretch their operands to common sizes: written in place, the first has these already."""

POINTWISE: set[str] = set()
"""Those that take one tensor and work element by element: written in place, they leave open no question."""

STRIDED: set[str] = set()
"""Those whose result may lie in memory in another order than is usual, or with gaps, though their tensors do not."""

CONTIGUOUS: set[str] = set()
"""Those whose result lies as usual, or as the handler says, however their tensors lie."""


_OPERATORS = (*("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"), *("and", "or", "xor"))
_ALIASES = {f"i{name}": f"{name}_" for name in _OPERATORS} | {f"r{name}": name for name in _OPERATORS}
_OWN_ROOTS = {"torch", "operator", "_operator", "builtins", "math"}


@lru_cache(maxsize=1024)
def name_of(function: Any) -> str:
    """The name of a function or method of torch or Python, as handlers are entered; empty for any other function.

    Of an operator of torch's dispatcher it is without the overload, and with the library that is not torch's own.

    >>> import operator, torch
    >>> name_of(operator.iadd), name_of(operator.and_), name_of(operator.getitem)
    ('add_', 'and', 'getitem')
    >>> name_of(torch.ops.aten.relu_.default), name_of(torch.ops.aten.__iand__.Tensor), name_of(torch.ops.aten.rand)
    ('relu_', 'and_', 'rand')
    >>> name_of(torch.ops.prims.exp.default)
    'prims::exp'
    """
    name: str = getattr(function, "__name__", "")
    module: str = getattr(function, "__module__", None) or "builtins"
    if module.partition(".")[0] not in _OWN_ROOTS:
        return ""
    if module.startswith("torch._ops."):
        return _dispatched(module.rpartition(".")[2], name.partition(".")[0])
    if module == "torch.nn.functional" and f"functional.{name}" in HANDLERS:
        return f"functional.{name}"
    if name.startswith("__") or module in ("operator", "_operator"):
        name = name.strip("_")
        return _ALIASES.get(name, name)
    return name


def _dispatched(library: str, name: str) -> str:
    if library != "aten":
        return f"{library}::{name}"
    if name.startswith("__"):
        name = name.strip("_")
        return _ALIASES.get(name, name)
    return "tensor_unfold" if name == "unfold" else name


@lru_cache(maxsize=1024)
def spelled(function: Any) -> str:
    """A function of torch or Python by where it is found and its name; empty for any other.

    >>> import torch
    >>> [spelled(found) for found in (torch.nn.functional.relu, torch.relu, torch.Tensor.relu, torch.ops.aten.relu)]
    ['functional.relu', 'torch.relu', 'Tensor.relu', 'aten.relu']
    """
    name = str(getattr(function, "__name__", ""))
    module = getattr(function, "__module__", None) or "torch._tensor"
    if module.startswith("torch._ops."):
        return f"{module.rpartition('.')[2]}.{name.partition('.')[0].rpartition('::')[2]}"
    if getattr(functional, name, None) is function:
        return f"functional.{name}"
    found = {"torch._tensor": "Tensor", "_operator": "operator"}.get(module, module.partition(".")[0])
    return f"{found}.{name}" if found in ("Tensor", "operator", "torch") else ""


def usual(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The first tensor by position, and torch's names of options for those of NumPy."""
    if args and _OPTIONS.keys().isdisjoint(kwargs):
        return args, kwargs
    options = {_OPTIONS.get(key, key): value for key, value in kwargs.items()}
    first = next((key for key in ("input", "self") if key in options), None) if not args else None
    return (args if first is None else (options.pop(first),)), options


_OPTIONS = {"axis": "dim", "axes": "dims", "keepdims": "keepdim"}


KEPT = "it keeps a tensor from one call to the next; keep it in a buffer of the module"
"""Why a forward cannot be followed that uses a tensor of an earlier reading."""


class NotUnderstoodError(Exception):
    """A call that is none of those that are understood; the message says why."""


class RefusedError(DomainError):
    """A call that torch refuses when it runs, though it says what sizes would come of it."""


class TorchsError(ConvmathError):
    """What torch refuses, for the network's own code, which may catch it as it catches torch's own errors.

    Attributes: error: what is said of it where the network does not catch it.
    """

    def __init__(self, error: DomainError) -> None:
        """In the same words."""
        super().__init__(str(error))
        self.error = error


def torchs(kind: type[Exception]) -> type[TorchsError]:
    """The class of those that are errors of a class, too.

    >>> import torch
    >>> issubclass(torchs(RuntimeError), RuntimeError), issubclass(torchs(RuntimeError), ValueError)
    (True, False)
    """
    return type("TorchsError", (TorchsError, kind), {})


WITHOUT = (
    "no element is computed here: give what is decided by them as an argument of the forward (arguments=), or compute "
    "all ways and choose by torch.where"
)
"""What to do where a forward goes by elements of tensors."""


class UntraceableError(Exception):
    """A call that needs what no analysis without running has, such as the elements of a tensor.

    It is noted, as a network's own code may catch it, and torch would not raise it.

    Attributes: advice: what to do about it.
    """

    def __init__(self, message: str, advice: str = WITHOUT) -> None:
        """Why the network cannot be followed."""
        super().__init__(message)
        self.advice = advice
        for note in recorders():
            note.failure = self


def handles(
    *names: str,
    views: bool = False,
    pointwise: bool = False,
    broadcasts: bool = False,
    strided: bool = False,
    contiguous: bool = False,
) -> Callable[[H], H]:
    """Enter a function under these names."""
    kinds = (
        (VIEWS, views),
        (POINTWISE, pointwise),
        (BROADCASTS, broadcasts),
        (STRIDED, strided),
        (CONTIGUOUS, contiguous),
    )

    def enter(handler: H) -> H:
        for name in names:
            HANDLERS[name] = handler
        for kind, belongs in kinds:
            kind.update(names if belongs else ())
        return handler

    return enter
