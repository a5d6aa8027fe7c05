"""A torch module as a graph, read and not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import torch

from ...division import is_symbolic
from ...errors import ConvmathError, DomainError, UnsupportedError, calling, unknown
from ...notebook import counted
from ..graph import Graph
from ..input_sizes import batch_given, sizes_given
from ..operators import Sizes
from ..symbolic import TRIED, axes_of, read_at, with_symbols
from . import handlers
from .arguments import Arguments, unwrapped
from .builder import Builder
from .following import followed, said
from .values import Value

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
    own ``training``, and by whether gradients are on (``torch.is_grad_enabled()``) when this is called. Hooks of
    modules are not called by torch.fx, and called with tensors without elements by torch.export. The forward is
    run with what stands for tensors: one that takes more than 2^20 steps is refused, and a loop in it that calls
    nothing of torch ends only by itself. Nodes are named by the paths of their modules, ``layer1.0.conv1``; functions
    by their own name in the module that calls them, ``layer1.0.add``. A module that is used again adds no parameters
    again. An operation that is not understood becomes an :class:`~convmath.network.operators.Unknown` with the sizes
    that torch gives it.
    No gradient goes back through what is detached, nor through what is computed under ``torch.no_grad()``, which
    torch.export does not show; and parameters that require none have none. Which gradients a
    ``torch.autograd.Function`` computes, and how, is not known: what they take is missing for all that its forward
    computes, and where torch.export reads a network that calls one, for every node.
    Sizes that the forward asks for pass for ints, and remember how they were computed, for
    :meth:`~convmath.network.Graph.closed_forms`.

    Args:
        module: a ``torch.nn.Module``, on any device, ``meta`` included; or what ``torch.export.export`` made of one.
        input_size: sizes of the input without the batch, channels first; for several inputs a list of such sizes, or a
            dictionary by the names of the parameters of its forward, ``"xs.0"`` and on for those of ``*xs``; by default
            ``(3, 224, 224)``. Sizes may be symbols or names, ``(3, "n", "n")``, or of a sequence ``("n",)``: the graph
            has :meth:`~convmath.network.Graph.closed_forms`, and numbers by :meth:`~convmath.network.Graph.at`.
        batch_size: images at once, >= 1.
        dtype: the type of the inputs, or one for each as in ``input_size``, such as ``"int64"`` for token ids; by
            default that of the weights. It does not change the module: for one in float16 give ``module.half()``.
        arguments: other arguments of the forward, by name, as they are.
        verify: whether to ask torch for the sizes of every node, too: one where they differ, or that torch refuses, is
            reported as unknown.
        at: the number for every symbol, or the number of each by its name, at which the module is read; by default the
            first that it takes of some that are common.

    Raises:
        DomainError: the sizes do not fit, for torch either; the message names the node. Or an argument is wrong.
        UnsupportedError: neither torch.fx nor torch.export can follow the module.
    Source: [torch.fx], [torch.export].

    >>> import torch
    >>> from convmath.network import from_torch
    >>> stem = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 7, stride=2, padding=3), torch.nn.MaxPool2d(3, 2, 1))
    >>> [(row.name, row.op, row.output_size, row.params) for row in from_torch(stem).analyze()]
    [('input', 'input', (3, 224, 224), 0), ('0', 'conv2d', (64, 112, 112), 9472), ('1', 'max_pool2d', (64, 56, 56), 0)]
    >>> print(from_torch(stem, (3, "n", "n")).closed_forms().output)
    1: (64, ceil(n/4), ceil(n/4)) for n >= 1, proved
    """
    with calling(partial(_unreadable, module), ConvmathError):
        if isinstance(module, type):
            raise DomainError("module", module.__name__, "is a class; call it, and pass the module that it gives")
        if isinstance(module, torch.export.ExportedProgram):
            module = module.module()
        if not isinstance(module, torch.nn.Module):
            raise DomainError("module", type(module).__name__, "needs a torch.nn.Module")
        whole = unwrapped(module)
        more = _others(whole, arguments)
        given = DEFAULT if input_size is None else input_size
        shapes = _input_sizes(whole, given, batch_size)
        if twice := sorted({*shapes} & {*more}):
            needs = "has sizes, too: name the inputs whose sizes are given, as in input_size={'x': (3, 224, 224)}"
            raise DomainError("arguments", twice[0], needs)
        if lacking := Arguments(whole).lacking({*shapes, *more}):
            needs = f"the forward of {type(whole).__name__} needs {', '.join(lacking)}, too: give sizes for each input"
            raise DomainError("input_size", given, f"{needs}, or the value of another argument by arguments=")
        read = partial(_at_sizes, whole, dtype=dtype, arguments=more, verify=verify, at=at)
        with _by_default() if input_size is None else _without_batch(given, shapes, read):
            return read(shapes)


def _unreadable(module: Any, error: BaseException) -> ConvmathError:
    """What an error says of a module, where it is none of its forward."""
    name = type(module).__name__
    if isinstance(error, RecursionError):
        return UnsupportedError(
            f"the modules of {name}, or the calls in its forward, are nested deeper than Python's stack allows"
        )
    part = error.obj if isinstance(error, AttributeError) else None
    if isinstance(part, torch.nn.Module) and "_modules" not in vars(part):
        return DomainError("module", type(part).__name__, "needs super().__init__() at the beginning of its __init__")
    return UnsupportedError(f"the module {name} cannot be read: {said(error)}")


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


_ODD = 977
"""A batch that no layer takes for channels: some take an image without a batch, too."""


@contextmanager
def _without_batch(given: InputSize, shapes: Mapping[str, Sizes], read: Callable[..., Graph]) -> Iterator[None]:
    """Say of sizes that are refused where they are taken without the first, which looks like that of a batch."""
    try:
        yield
    except DomainError as error:
        if any(size[1] != 1 and len(size) < 5 for size in shapes.values() if len(size) > 1):
            raise
        less = {name: (_ODD, *size[2:]) for name, size in shapes.items() if len(size) > 2}
        at = TRIED[0] if any(map(is_symbolic, (n for size in less.values() for n in size))) else None
        try:
            taken = len(less) == len(shapes) > 0 and read(less, verify=False, at=at)
        except ConvmathError:
            taken = False
        if not taken:
            raise
        rows = {name: size[1:] for name, size in less.items()}
        fit = next(iter(rows.values())) if len(rows) == 1 else rows if isinstance(given, Mapping) else [*rows.values()]
        raise DomainError("input_size", given, f"sizes are without the batch: {fit}") from error


def _at_sizes(
    module: Any,
    shapes: Mapping[str, Sizes],
    *,
    dtype: Any,
    arguments: dict[str, Any],
    verify: bool,
    at: int | Mapping[str, int] | None,
) -> Graph:
    """The graph at the sizes of its inputs, the batch first, with symbols where they are."""
    axes = {name: axes_of(size) for name, size in shapes.items()}
    batch = {name: size[:1] for name, size in shapes.items()}
    own = {name: size[1:] for name, size in shapes.items()}
    learns = torch.is_grad_enabled()

    def read(sizes: Mapping[str, Sizes], verify: bool = False) -> Graph:
        every = {name: (*batch[name], *size) for name, size in {**own, **sizes}.items()}
        with torch.set_grad_enabled(learns):
            graph = _read(module, every, axes, dtype, arguments, verify)
        graph.provenance = replace(graph.provenance, source=read)
        return graph

    return read_at(lambda sizes: read(sizes, verify), own, at)


def _read(
    module: Any,
    sizes: Mapping[str, Sizes],
    axes: Mapping[str, tuple[int, ...]],
    dtype: Any,
    arguments: dict[str, Any],
    verify: bool,
) -> Graph:
    """By the first way that goes through."""
    first = next(module.parameters(), None)
    device = torch.device("cpu") if first is None else first.device
    tensors = chain(module.parameters(), module.buffers())
    own = next((one.dtype for one in tensors if one.is_floating_point()), None)
    kinds = _dtypes(dtype, list(sizes), own or torch.get_default_dtype())
    kind = own or next((one for one in kinds.values() if one.is_floating_point), torch.get_default_dtype())

    def begin() -> tuple[Builder, dict[str, Value]]:
        builder = Builder(device, kind, verify=verify)
        builder.weights(module)
        return builder, {name: builder.input(name, size, kinds[name], axes[name]) for name, size in sizes.items()}

    return followed(module, arguments, begin)


def _input_sizes(module: Any, input_size: InputSize, batch_size: int) -> dict[str, Sizes]:
    """The sizes of every input, the batch first, by its name."""
    batch = batch_given(batch_size, letters=False)
    takes = Arguments(module)
    if isinstance(input_size, Mapping):
        given = dict(input_size)
        for name in given:
            if not isinstance(name, str) or not takes.has(name):
                names = takes.first(len(takes.names) + 1)
                raise unknown("input_size", str(name), names, "parameter of the forward", ", ".join(names))
    elif not isinstance(input_size, list | tuple):
        given = dict(zip(takes.first(1), [sizes_given(input_size)], strict=False))
    else:
        several = bool(input_size) and isinstance(input_size[0], list | tuple)
        parts: list[Any] = list(input_size) if several else [input_size]
        names = takes.first(len(parts))
        if len(parts) > len(names):
            forward = f"a forward that takes {', '.join(names) or 'no input'}"
            needs = f"gives {counted(len(parts), 'input')} to {forward}"
            raise DomainError("input_size", tuple(map(sizes_given, parts)), needs)
        given = dict(zip(names, parts, strict=False))
    return {name: with_symbols((batch, *sizes_given(size))) for name, size in given.items()}


def _others(module: Any, arguments: Any) -> dict[str, Any]:
    """The other arguments of a forward by their names."""
    if arguments is not None and not isinstance(arguments, Mapping):
        raise DomainError("arguments", arguments, "needs a mapping of the names of parameters to their values")
    takes = Arguments(module)
    for name in arguments or {}:
        if not isinstance(name, str) or not takes.has(name):
            raise unknown("arguments", name, takes.names, "parameter of the forward", ", ".join(takes.names))
    return dict(arguments or {})


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
