"""The networks that commands take: files, and what a factory gives; their sizes in numbers and letters."""

from __future__ import annotations

import os
import pkgutil
import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from ..errors import DomainError, calling, first_line, renamed

if TYPE_CHECKING:
    from ..network import Graph

InputSizes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]C,H,W",
        help="Sizes of an input without the batch, such as 3,224,224; 3,n,n, or n for tokens, for closed forms; "
        "repeatable.",
    ),
]
BatchSize: TypeAlias = Annotated[int, typer.Option("--batch-size", "-b", min=1, metavar="N", help="Images at once.")]
AtNumbers: TypeAlias = Annotated[
    str | None,
    typer.Option("--at", metavar="N", help="The network at this number for all letters, or at h=224,w=320."),
]
ReadAt: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--read-at", metavar="N", help="Read a network with letters at this number, or h=224,w=320, for closed forms."
    ),
]
Dtypes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--dtype",
        metavar="[NAME=]DTYPE",
        help="Type of an input of a torch module, such as int64 or bool; default: that of its weights; repeatable.",
    ),
]

_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_NAME = re.compile(r"[^\W\d][\w.]*=")
_NUMBERS = re.compile(r"[0-9]{1,18}(?:[,x][0-9]{1,18})*")
_NUMBER = re.compile(r"[0-9]{1,18}")
_LETTERS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,30}")

_FILES = (".onnx", ".toml", ".yaml", ".yml")

LARGEST = 10**18 - 1
"""The largest number of 18 digits."""

At: TypeAlias = int | dict[str, int] | None


def graph_of(
    model: str,
    sizes: list[str],
    batch_size: int,
    at: str | None = None,
    read_at: str | None = None,
    dtypes: Sequence[str] = (),
) -> Graph:
    """The graph of a file, or of what a factory gives.

    Args:
        model: the file, or MODULE:FACTORY.
        sizes: of each input; where letters are given, and no number for them, they are symbols.
        batch_size: images at once.
        at: the numbers for letters.
        read_at: those at which a network with letters is read.
        dtypes: the types of inputs of a torch module.

    Raises:
        DomainError: there is no such network, or sizes do not fit.
    """
    from ..network.symbolic import at_numbers

    if batch_size > LARGEST:
        raise DomainError("batch_size", batch_size, "needs a number of at most 18 digits")
    numbers, read = _at("at", at), _at("read_at", read_at)
    with renamed(input_size="input", at="at" if read is None else "read_at"):
        found = _graph(model, sizes, batch_size, numbers if read is None else read, dtypes)
        if read is not None and found.reread is None:
            raise DomainError("at", read_at, f"{model} is no model that is read at a number; --at gives it at one")
    return found if numbers is None else at_numbers(found, numbers)


def _graph(model: str, sizes: list[str], batch_size: int, at: At, dtypes: Sequence[str]) -> Graph:
    """The graph, read at these numbers where there are letters."""
    from .. import network

    suffix = Path(model).suffix.lower()
    if suffix in _FILES and dtypes:
        why = f"{model} says its own types" if suffix == ".onnx" else f"{suffix} files of networks have no types"
        raise DomainError("dtype", dtypes[0], f"{why}; --dtype is for modules of torch")
    if suffix == ".onnx":
        return network.from_onnx(model, _inputs(sizes), batch_size=batch_size, at=at)
    if suffix in _FILES:
        return _resized(model, network.read(model), sizes, batch_size)
    if not _FACTORY.fullmatch(model):
        dotted = "MODULE is written as in an import, such as my_pkg.models"
        hint = f"; {dotted}" if ".py" in model or "/" in model or os.sep in model else ""
        module, dot, factory = model.rpartition(".")
        if dot and not hint and _FACTORY.fullmatch(meant := f"{module}:{factory}"):
            hint = f"; did you mean {meant}?"
        raise DomainError("model", model, f"needs MODULE:FACTORY, or a file {', '.join(_FILES)}{hint}")
    made = _made(model)
    if issubclass(type(made), network.Graph):  # whatever class an object of a user says that it is of
        if dtypes:
            raise DomainError("dtype", dtypes[0], f"{model} gives a graph; --dtype is for modules of torch")
        return _resized(model, made, sizes, batch_size)
    if not _is_module(made):
        kind = type(made).__name__
        needs = f"gives an object of the type {kind}, and needs a torch.nn.Module or a convmath.network.Graph"
        raise DomainError("model", model, needs)
    options = {"input_size": _inputs(sizes), "dtype": _dtypes(dtypes, len(sizes))}
    return network.from_torch(made, **options, batch_size=batch_size, at=at)


def _resized(model: str, graph: Graph, sizes: list[str], batch_size: int) -> Graph:
    """A graph that says its own sizes, at others."""
    from ..network.symbolic import resized

    if batch_size != 1:
        raise DomainError("batch_size", batch_size, f"{model} says its own batch; change it there")
    given = _inputs(sizes)
    return graph if given is None else resized(graph, given)


def _inputs(sizes: list[str]) -> Any:
    """The sizes of one input, a list of them, or a dictionary by names; None where none are given."""
    return _each("input", sizes, _input)


def _dtypes(dtypes: Sequence[str], inputs: int) -> Any:
    """The type of all inputs, a list with one for each, or a dictionary by names; None where none are given."""
    if len(dtypes) > max(1, inputs) and "=" not in "".join(dtypes):
        raise DomainError("dtype", " ".join(dtypes), f"needs one for all inputs, or one for each --input: {inputs}")
    return _each("dtype", dtypes, _dtype)


def _each(parameter: str, texts: Sequence[str], read: Callable[[str], tuple[str | None, Any]]) -> Any:
    """What is said of one input, a list of what is said of several, or a dictionary by names; None for nothing."""
    pairs = [read(text) for text in texts]
    names = [name for name, _ in pairs]
    if any(names):
        if None in names or len(set(names)) != len(names):
            raise DomainError(parameter, " ".join(texts), "needs a name for each input or for none, each name once")
        return dict(pairs)
    return None if not pairs else pairs[0][1] if len(pairs) == 1 else [value for _, value in pairs]


def _dtype(text: str) -> tuple[str | None, str]:
    """The name of an input, if there is one, and its type."""
    name, dot, dtype = text.rpartition("=")
    return name if dot else None, dtype


def _input(text: str) -> tuple[str | None, tuple[int | str, ...]]:
    """The name of an input, if there is one, and its sizes."""
    name, sizes = text.split("=", 1) if _NAME.match(text) else (None, text)
    if _NUMBERS.fullmatch(sizes):
        return name, tuple(map(int, re.split("[,x]", sizes)))
    parts = sizes.split(",")
    if not all(_NUMBER.fullmatch(part) or _LETTERS.fullmatch(part) for part in parts):
        needs = "needs sizes such as 3,224,224, or NAME=3,224,224, of at most 18 digits each, or letters such as 3,n,n"
        raise DomainError("input", text, needs)
    return name, tuple(int(part) if _NUMBER.fullmatch(part) else part for part in parts)


def _at(parameter: str, text: str | None) -> At:
    """One number for every letter, or one for each by its name."""
    if text is None:
        return None
    if _NUMBER.fullmatch(text):
        return int(text)
    pairs = [part.partition("=") for part in text.split(",")]
    names = {name for name, _, _ in pairs}
    if len(names) < len(pairs) or not all(_LETTERS.fullmatch(name) and _NUMBER.fullmatch(n) for name, _, n in pairs):
        needs = "needs a number of at most 18 digits, or one for each letter as in h=224,w=320"
        raise DomainError(parameter, text, needs)
    return {name: int(number) for name, _, number in pairs}


def _made(model: str) -> Any:
    """What a factory gives; importing and calling it runs the user's code, which may do anything."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = _run(model, "cannot be imported", lambda: pkgutil.resolve_name(model))
    if issubclass(type(found), type) or (callable(found) and not _is_module(found)):
        return _run(model, "fails when it is called without arguments", found)
    return found


def _run(model: str, what: str, action: Callable[[], Any]) -> Any:
    with calling(lambda error: DomainError("model", model, f"{what}: {first_line(error)}{_hint(model, error)}")):
        return action()


def _hint(model: str, error: BaseException) -> str:
    """What to do where MODULE or FACTORY is not found, or FACTORY needs arguments."""
    module, _, factory = model.partition(":")
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        found = "the current folder, and where Python looks (PYTHONPATH)"
        return "; MODULE is written without .py, as in an import" if module.endswith(".py") else f"; searched: {found}"
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType) and error.name in factory.split("."):
        near = get_close_matches(error.name, [name for name in vars(error.obj) if not name.startswith("_")], n=1)
        return f"; did you mean {error.obj.__name__}:{near[0]}?" if near else ""
    if isinstance(error, TypeError) and "required" in first_line(error):
        return f"; name a function that takes none and returns {factory}(...)"
    return ""


def _is_module(found: Any) -> bool:
    """Whether it is a torch module, or one that was exported, which torch is loaded for."""
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(type(found), (torch.nn.Module, torch.export.ExportedProgram))
