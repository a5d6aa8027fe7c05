"""What code does to sizes without asking them, as Python's own tracing shows it.

Code in C that takes only ints, as that of ``Decimal`` or ``json``, refuses a size in an error of which the size is not
told, and a network may catch it. And nobody is asked where two objects are compared by ``is``. Code in which the one
happens, or which has the other, may go another way with sizes than with ints.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType, FrameType
from typing import Any

from .trail import stray

_TOOLS = {"onnx", "onnxruntime", "hypothesis", "pytest", "_pytest", "rich", "pygments", "typer", "jinja2", "z3", "cvc5"}
_TORCHS = {"torch", "torchgen", "networkx", "opt_einsum"}

LIBRARIES = sys.stdlib_module_names | {"convmath", "numpy", "scipy", "sympy", "mpmath"} | _TORCHS | _TOOLS
"""The packages in whose files no network is written: they are taken to do with a size what they do with an int."""

HARMLESS = (StopIteration, StopAsyncIteration, GeneratorExit, LookupError, AttributeError, ImportError)
"""What is no refusal of a number that is no int: whatever a size has no attribute of, ints have not, either."""


def package_of(names: Mapping[str, Any]) -> str:
    """The package of the file with these names; empty where it has none."""
    return str(names.get("__name__", "")).partition(".")[0]


def has_networks(names: Mapping[str, Any]) -> bool:
    """Whether the file with these names may be part of a network."""
    return package_of(names) not in LIBRARIES


@contextmanager
def watched() -> Iterator[None]:
    """Meanwhile sizes go astray where the code of a network may have done something to them that nobody noted.

    Only this thread is watched, and what traced it before, as debuggers do, rests.
    """
    before = sys.gettrace()
    sys.settrace(_entered)
    try:
        yield
    finally:
        sys.settrace(before)


def _entered(frame: FrameType, _: str, __: Any) -> Callable[..., Any] | None:
    """At the call of a function."""
    if not has_networks(frame.f_globals):
        return None
    frame.f_trace_lines = False
    frame.f_trace_opcodes = bool(_identities(frame.f_code))
    return _within


def _within(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
    """When it returns, or an error comes to it, or at its next step."""
    if event == "exception" and not issubclass(argument[0], HARMLESS) and _is_given(frame.f_code):
        stray()
    if event == "opcode" and (name := _identities(frame.f_code).get(frame.f_lasti)) is not None:
        other = frame.f_locals.get(name) if name else 0
        if isinstance(other, int | float) and not isinstance(other, bool):
            stray()
    return _within


def _is_given(code: CodeType) -> bool:
    """Whether code may have a size that it is given; what has none is refused for other reasons."""
    several = code.co_flags & (CO_VARARGS | CO_VARKEYWORDS)
    return bool(code.co_argcount or code.co_kwonlyargcount or code.co_freevars or several)


@lru_cache(maxsize=4096)
def _identities(code: CodeType) -> Mapping[int, str]:
    """Where code compares objects by identity, and the name of the variable with which, or nothing for an expression.

    Globals, attributes of these, and constants but for numbers are no sizes.

    >>> list(_identities((lambda n, m: n is m).__code__).values())
    ['m']
    >>> list(_identities((lambda n, m: n is m[0]).__code__).values())
    ['']
    >>> list(_identities((lambda n, m: n is None or m is int).__code__).values())
    []
    """
    steps = list(dis.get_instructions(code))
    found = {step.offset: _loaded(steps[:number]) for number, step in enumerate(steps) if step.opname == "IS_OP"}
    return {offset: name for offset, name in found.items() if name is not None}


def _loaded(steps: Sequence[dis.Instruction]) -> str | None:
    """The variable that the last of some instructions loads; empty for an expression, None for what is no size."""
    last, attribute = len(steps) - 1, False
    while last > 0 and steps[last].opname == "LOAD_ATTR":
        last, attribute = last - 1, True
    name, loaded = steps[last].opname, steps[last].argval
    if name == "LOAD_GLOBAL" or (name == "LOAD_CONST" and type(loaded) not in (int, float)):
        return None
    if attribute or not name.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_NAME")):
        return ""
    return str(loaded[-1] if isinstance(loaded, tuple) else loaded)
