"""The sizes of inputs as users give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral
from typing import TYPE_CHECKING, Any

from ..division import is_symbolic
from ..errors import DomainError, unknown
from ..notebook import counted
from .operators import Input

if TYPE_CHECKING:
    from .graph import Graph

LARGEST = 2**63 - 1
"""The largest size that torch and ONNX can write down."""


def sizes_given(given: Any, parameter: str = "input_size") -> tuple[Any, ...]:
    """The sizes of an input as a user gives them: integers from 1 on, names and symbols.

    Raises:
        DomainError: they are no sequence, as a tensor is none, or one is no size; no element of a tensor is shown.

    >>> sizes_given([3, "n", 64])
    (3, 'n', 64)
    """
    shape = getattr(given, "shape", None)
    if isinstance(shape, tuple):
        own, less = tuple(map(int, shape)), tuple(map(int, shape[1:]))
        needs = f"is data, of the sizes {own}: give sizes, without the batch, as {less or (3, 224, 224)}"
        raise DomainError(parameter, type(given).__name__, needs)
    if isinstance(given, str | bytes | Mapping | Set) or not isinstance(given, Iterable):
        raise DomainError(parameter, _shown(given), "needs the sizes of the input without the batch, as (3, 224, 224)")
    sizes = tuple(given)
    for size in sizes:
        if not (isinstance(size, str) or is_symbolic(size) or is_count(size)):
            large = type(size) is int and size > 0
            needs = "needs sizes below 2**63" if large else "needs integers of at least 1, or letters such as 'n'"
            raise DomainError(parameter, _shown(sizes), needs)
    return tuple(int(size) if isinstance(size, Integral) else size for size in sizes)


def _shown(value: Any) -> Any:
    """What a message about sizes shows: no elements of a tensor."""
    if isinstance(value, int | float | complex | str | bytes | None) or is_symbolic(value):
        return value
    return tuple(map(_shown, value)) if isinstance(value, list | tuple) else type(value).__name__


def batch_given(batch: Any, *, letters: bool = True) -> Any:
    """Images at once, as a user gives them; a name or a symbol, too, where letters are taken.

    Raises:
        DomainError: it is none of these.

    >>> batch_given(8), batch_given("N")
    (8, 'N')
    """
    if is_count(batch):
        return int(batch)
    if letters and (isinstance(batch, str) or is_symbolic(batch)):
        return batch
    other = ", or a letter such as 'N'" if letters else ""
    raise DomainError("batch_size", _shown(batch), f"needs an integer from 1 to 2**63 - 1{other}")


def refused_at(node: str, error: DomainError) -> DomainError:
    """What a node refuses; where its window is larger than what it is given, also how to find the sizes that do.

    >>> print(refused_at("pool", DomainError("kernel_size", 3, "spans more than there is", axis=0)))
    node='pool': kernel_size=3: spans more than there is; a letter for a size, as in 3,n,n, tells which sizes do
    """
    larger = error.parameter == "kernel_size" and error.axis is not None
    hint = "; a letter for a size, as in 3,n,n, tells which sizes do" if larger else ""
    return DomainError("node", node, f"{error}{hint}")


def is_count(size: Any) -> bool:
    """Whether it is a number of elements that a dimension can have."""
    return isinstance(size, Integral) and not isinstance(size, bool) and 1 <= int(size) <= LARGEST


def inputs_of(graph: Graph) -> tuple[str, ...]:
    """The names of all that a network is given, also without axes."""
    return tuple(
        node.name
        for node in graph
        if isinstance(node.operator, Input) and not node.params and not node.placement.stored
    )


def by_name(given: Any, names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """The sizes of inputs by their names.

    Args:
        given: the sizes of the first input, a list of those of several, or a mapping by name.
        names: the names of all inputs, in order.

    Raises:
        DomainError: there is no such input, there are too many, or something is no size.

    >>> by_name([(3, "n", "n"), (10,)], ["image", "label"])
    {'image': (3, 'n', 'n'), 'label': (10,)}
    """
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise unknown("input_size", str(name), names, "input", ", ".join(names))
        return {name: sizes_given(row) for name, row in given.items()}
    several = isinstance(given, list | tuple) and bool(given) and isinstance(given[0], list | tuple)
    rows = [sizes_given(row) for row in given] if several else [sizes_given(given)]
    if len(rows) > len(names):
        have = f"the network has {len(names)}, {', '.join(names)}" if names else "the network has none"
        raise DomainError("input_size", tuple(rows), f"gives sizes for {counted(len(rows), 'input')}; {have}")
    return dict(zip(names, rows, strict=False))
