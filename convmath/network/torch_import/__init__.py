"""A torch module as a graph, read and not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import torch

from ...division import is_symbolic
from ...errors import ConvmathError, DomainError, UnsupportedError, unknown
from ..graph import Graph
from ..operators import Sizes
from ..symbolic import read_at, with_symbols
from . import handlers
from .arguments import Arguments, unused, unwrapped
from .builder import Builder
from .exporting import read_exported
from .tracing import read_traced
from .untouched import untouched

__all__ = ["from_torch", "handlers"]

DEFAULT = (3, 224, 224)
"""The sizes of the input if nobody says any."""

InputSize: TypeAlias = Sequence[Any] | Sequence[Sequence[Any]] | Mapping[str, Sequence[Any]]


def from_torch(
    module: Any,
    input_size: InputSize | None = None,
    *,
    batch_size: int = 1,
    dtype: Any = None,
    arguments: Mapping[str, Any] | None = None,
    verify: bool = False,
    at: int | Mapping[str, int] | None = None,
) -> Graph:
    """The graph of a torch module, by torch.fx, or by torch.export where torch.fx cannot follow its flow of control.

    Nothing is computed and no weights are read; the module comes back as it was. Batch normalisation is taken by its
    running statistics and dropout as nothing, as in evaluation; which way the forward takes is decided by the module's
    own ``training``. Hooks of modules are not called by torch.fx, and called with tensors without elements by
    torch.export. Nodes are named by the paths of their modules, ``layer1.0.conv1``; functions by their own name in the
    module that calls them, ``layer1.0.add``. A module that is used again adds no parameters again. An operation that is
    not understood becomes an :class:`~convmath.network.operators.Unknown` with the sizes that torch gives it.
    No gradient goes back through what is detached, nor through what is computed under ``torch.no_grad()``, which
    torch.export does not show; and parameters that require none have none.
    Sizes that the forward asks for pass for ints, and remember how they were computed, for
    :meth:`~convmath.network.Graph.closed_forms`.

    Args:
        module: a ``torch.nn.Module``, on any device, ``meta`` included.
        input_size: sizes of the input without the batch, channels first; for several inputs a list of such sizes, or a
            dictionary by the names of the parameters of its forward, ``"xs.0"`` and on for those of ``*xs``; by default
            ``(3, 224, 224)``. Spatial axes may have symbols or names for sizes, ``(3, "n", "n")``: the graph has
            :meth:`~convmath.network.Graph.closed_forms`, and numbers by :meth:`~convmath.network.Graph.at`.
        batch_size: images at once, >= 1.
        dtype: the type of the inputs, or one for each as in ``input_size``; by default that of the first parameter.
        arguments: other arguments of the forward, by name, as they are.
        verify: whether to ask torch for the sizes of every node, too: one where they differ, or that torch refuses, is
            reported as unknown.
        at: the number for every symbol, or the number of each by its name, at which the module is read; by default the
            first that it takes of some that are common.

    Raises:
        DomainError: the sizes do not fit, for torch either; the message names the node. Or an argument is wrong.
        UnsupportedError: neither torch.fx nor torch.export can follow the module.

    >>> import torch
    >>> from convmath.network import from_torch
    >>> stem = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 7, stride=2, padding=3), torch.nn.MaxPool2d(3, 2, 1))
    >>> [(row.name, row.op, row.output_size, row.params) for row in from_torch(stem).analyze()]
    [('input', 'input', (3, 224, 224), 0), ('0', 'conv2d', (64, 112, 112), 9472), ('1', 'max_pool2d', (64, 56, 56), 0)]
    >>> print(from_torch(stem, (3, "n", "n")).closed_forms().output)
    1: (64, ceil(n/4), ceil(n/4)) for n >= 1, proved
    """
    if isinstance(module, type):
        raise DomainError("module", module.__name__, "is a class; call it, and pass the module that it gives")
    if not isinstance(module, torch.nn.Module):
        raise DomainError("module", type(module).__name__, "needs a torch.nn.Module")
    try:
        whole, more = unwrapped(module), dict(arguments or {})
        given = DEFAULT if input_size is None else input_size
        shapes = _input_sizes(whole, given, batch_size)
        if lacking := Arguments(whole).lacking({*shapes, *more}):
            needs = f"the forward of {type(whole).__name__} needs {', '.join(lacking)}, too: give sizes for each input"
            raise DomainError("input_size", given, f"{needs}, or the value of another argument by arguments=")
        if any(is_symbolic(n) for size in shapes.values() for n in size):
            options: dict[str, Any] = {"dtype": dtype, "arguments": arguments, "verify": verify}
            named = {name: size[1:] for name, size in shapes.items()}
            return read_at(lambda sizes: from_torch(module, sizes, batch_size=batch_size, **options), named, at)
        if at is not None:
            raise DomainError("at", at, "the sizes of the inputs are numbers already; it is for letters among them")
        with _by_default() if input_size is None else nullcontext():
            graph = _read(whole, given, batch_size, dtype, more, verify)
        own = {name: size[1:] for name, size in shapes.items()}  # those without spatial axes, too
        read = partial(_read, whole, batch_size=batch_size, dtype=dtype, arguments=more, verify=False)
        graph.provenance = replace(graph.provenance, source=lambda sizes: read({**own, **sizes}))
        return graph
    except RecursionError:
        name = type(module).__name__
        raise UnsupportedError(f"the modules of {name} are nested deeper than Python's stack allows") from None


@contextmanager
def _by_default() -> Iterator[None]:
    """Say in errors about a node that nobody has given the sizes of the input."""
    hint = f"the sizes {DEFAULT} are the default: give those of its input by input_size, or --input"
    try:
        yield
    except DomainError as error:
        if error.parameter != "node":
            raise
        raise DomainError("node", error.value, f"{error.condition}; {hint}", error.detail, error.axis) from error
    except UnsupportedError as error:
        raise UnsupportedError(f"{error}; {hint}") from error


def _read(
    module: Any, input_size: InputSize, batch_size: int, dtype: Any, arguments: dict[str, Any], verify: bool
) -> Graph:
    """By the first way that goes through."""
    first = next(module.parameters(), None)
    device = torch.device("cpu") if first is None else first.device
    kind = torch.get_default_dtype() if first is None or not first.is_floating_point() else first.dtype
    sizes = _input_sizes(module, input_size, batch_size)
    kinds = _dtypes(dtype, list(sizes), kind)
    refusals = []
    for way, read in (("torch.fx", read_traced), ("torch.export", read_exported)):

        def once(*, casts: bool, read: Any = read) -> tuple[Graph, bool]:
            """The graph, and whether the forward was told the number of a size."""
            builder = Builder(device, kind, verify=verify)
            builder.recorder.casts = casts
            builder.weights(module)
            values = {name: builder.input(name, size, kinds[name]) for name, size in sizes.items()}
            with untouched(module), builder.recorder.on():
                graph = builder.graph(read(builder, module, values, arguments))
            graph.provenance = replace(graph.provenance, unused=unused(module, builder.claimed))
            return graph, builder.recorder.looked

        try:
            graph, looked = once(casts=False)
            return _with_casts(graph, once) if looked and read is read_traced else graph
        except (ConvmathError, RecursionError):
            raise
        except Exception as error:  # whatever stands in the way of torch.fx, torch.export may do without
            refusals.append(f"{way}: {_sentence(error)}")
    raise UnsupportedError(f"the forward of {type(module).__name__} could not be followed: {'; '.join(refusals)}")


def _with_casts(graph: Graph, once: Callable[..., tuple[Graph, bool]]) -> Graph:
    """The graph, read once more with casts that keep the terms of sizes, if it is the same network then."""
    try:
        other = once(casts=True)[0]
    except Exception:  # the forward hands sizes to code that takes only Python's own numbers
        return graph
    one, another = ([(node.name, node.inputs, node.operator, node.params) for node in net] for net in (graph, other))
    return other if one == another and graph.outputs == other.outputs else graph


def _input_sizes(module: Any, input_size: InputSize, batch_size: int) -> dict[str, Sizes]:
    """The sizes of every input, the batch first, by its name."""
    if not _is_size(batch_size):
        raise DomainError("batch_size", batch_size, "needs an integer of at least 1")
    takes = Arguments(module)
    if isinstance(input_size, Mapping):
        given = dict(input_size)
        for name in given:
            if not takes.has(name):
                names = takes.first(len(takes.names) + 1)
                raise unknown("input_size", name, names, "parameter of the forward", ", ".join(names))
    elif not isinstance(input_size, list | tuple):
        raise DomainError("input_size", input_size, "needs the sizes of the input without the batch, as (3, 224, 224)")
    else:
        several = bool(input_size) and isinstance(input_size[0], list | tuple)
        parts: list[Any] = list(input_size) if several else [input_size]
        names = takes.first(len(parts))
        if len(parts) > len(names):
            raise DomainError("input_size", input_size, f"gives {len(parts)} inputs to a forward that takes {names}")
        given = dict(zip(names, parts, strict=False))
    for name, size in given.items():
        if not isinstance(size, list | tuple) or not all(map(_is_size_or_symbol, size)):
            raise DomainError("input_size", size, f"needs integers of at least 1 for the input {name}, or symbols")
    return {name: with_symbols((batch_size, *size), range(2, len(size) + 1)) for name, size in given.items()}


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= 1


def _is_size_or_symbol(size: Any) -> bool:
    return _is_size(size) or isinstance(size, str) or is_symbolic(size)


def _dtypes(dtype: Any, names: list[str], default: Any) -> dict[str, Any]:
    """The type of every input by its name."""
    if isinstance(dtype, Mapping):
        for name in dtype:
            if name not in names:
                raise unknown("dtype", name, names, "input", ", ".join(names))
        given = {name: dtype.get(name, default) for name in names}
    elif isinstance(dtype, list | tuple):
        if len(dtype) > len(names):
            raise DomainError("dtype", dtype, f"gives {len(dtype)} types for the inputs {', '.join(names)}")
        given = dict(zip(names, [*dtype, *[default] * len(names)], strict=False))
    else:
        given = dict.fromkeys(names, default if dtype is None else dtype)
    return {name: _dtype(kind) for name, kind in given.items()}


def _dtype(kind: Any) -> Any:
    found = getattr(torch, kind, None) if isinstance(kind, str) else kind
    if not isinstance(found, torch.dtype):
        raise DomainError("dtype", kind, "needs a dtype of torch, or the name of one such as 'float32'")
    return found


def _sentence(error: Exception) -> str:
    """The first line of an error, with its kind."""
    text = str(error).strip().partition("\n")[0][:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
