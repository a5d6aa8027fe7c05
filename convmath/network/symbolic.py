"""Input sizes that are symbols: which symbols they are, and the same network at numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..division import is_symbolic
from ..errors import DomainError, unknown
from .operators import Input, Sizes

if TYPE_CHECKING:
    import sympy

    from .graph import Graph

TRIED = (224, 256, 64, 32, 512, 128, 28, 299, 384, 96, 48, 1024)
"""Numbers for the symbols at which a network is read if nobody says one: the first that it takes."""

LARGEST = 2**63 - 1


def symbol(value: Any, parameter: str = "input_size") -> sympy.Symbol:
    """The symbol of an input size.

    Raises:
        DomainError: it is neither a name nor an integer symbol without further assumptions.

    >>> symbol("n")
    n
    """
    from sympy import Symbol

    from ..calculus.index import integers

    name = value.name if isinstance(value, Symbol) else value
    if not isinstance(name, str) or not name.isidentifier() or value not in (name, integers(name)):
        needs = "needs a name, or an integer symbol without further assumptions, as symbols('n', integer=True) makes it"
        raise DomainError(parameter, value, needs)
    found: sympy.Symbol = integers(name)
    return found


def with_symbols(sizes: Sequence[Any], axes: Sequence[int]) -> Sizes:
    """The sizes of an input with symbols for names; only those of spatial axes, and of the batch, may be symbols.

    Raises:
        DomainError: a size is a symbol and may be none, or is none that can be one.

    >>> with_symbols((1, 3, "n", 64), (2, 3))
    (1, 3, n, 64)
    """
    found = list(sizes)
    for dimension, size in enumerate(sizes):
        if not isinstance(size, str) and not is_symbolic(size):
            continue
        if dimension not in axes and dimension > 0:
            needs = "needs an integer for the channels; letters stand for the sizes of the spatial axes after them"
            raise DomainError("input_size", size, needs)
        if dimension in axes:
            found[dimension] = symbol(size)
        elif isinstance(size, str):
            found[dimension] = type(symbol(size, "batch_size"))(size, integer=True, positive=True)
    return tuple(found)


def require_numbers(graph: Graph) -> None:
    """Require numbers for all sizes of inputs; only the batch may be a symbol, which is positive.

    Raises:
        DomainError: one is a symbol; the message says what to call.
    """
    for name, _, size in _places(graph):
        shape, call = _input(graph, name).shape[1:], f"at({size}=224)"
        needs = f"{name} has symbols for sizes: closed_forms() gives every size in them, {call} the network at numbers"
        raise DomainError("input_size", shape, needs)
    for name in graph.inputs:
        batch = _input(graph, name).shape[0]
        if is_symbolic(batch) and not batch.is_positive:
            needs = (
                "needs an integer, or a symbol that is positive, as symbols('N', integer=True, positive=True) makes it"
            )
            raise DomainError("batch_size", batch, needs)


def _places(graph: Graph) -> Iterator[tuple[str, int, Any]]:
    """The spatial axes of inputs whose sizes are symbols: the input, the dimension, the size."""
    for node in graph:
        if isinstance(node.operator, Input):
            for dimension in node.operator.axes:
                size = node.operator.shape[dimension]
                if is_symbolic(size):
                    yield node.name, dimension, size


def symbols_of(graph: Graph) -> dict[sympy.Symbol, dict[str, tuple[int, ...]]]:
    """The symbols in the sizes of inputs, in order, with the dimensions of each input that have this size.

    Raises:
        DomainError: a size is neither an integer nor a symbol without further assumptions.

    >>> from convmath.network import Graph
    >>> net = Graph()
    >>> _ = net.input((3, "n", "n"))
    >>> symbols_of(net)
    {n: {'input': (2, 3)}}
    """
    found: dict[Any, dict[str, tuple[int, ...]]] = {}
    for name, dimension, size in _places(graph):
        dimensions = found.setdefault(symbol(size), {})
        dimensions[name] = (*dimensions.get(name, ()), dimension)
    for first in found:
        for other in found:
            if other.name.startswith(f"{first.name}_"):
                raise DomainError("input_size", other.name, f"needs a name that does not begin with {first.name}_")
    return found


def batches(graph: Graph) -> dict[sympy.Symbol, dict[str, tuple[int, ...]]]:
    """The symbols that stand for the batches of inputs, as :func:`symbols_of` gives those of spatial axes."""
    found: dict[Any, dict[str, tuple[int, ...]]] = {}
    for name in graph.inputs:
        batch = _input(graph, name).shape[0]
        if is_symbolic(batch):
            found.setdefault(symbol(str(batch), "batch_size"), {})[name] = (0,)
    return found


def numbers(names: Sequence[str], at: Any) -> dict[str, int]:
    """A number for each symbol: one for all, or one for each by its name.

    Raises:
        DomainError: a symbol lacks its number, a name is none of a symbol, or a number is none of a size.

    >>> numbers(["h", "w"], 224), numbers(["h", "w"], {"h": 64, "w": 32})
    ({'h': 224, 'w': 224}, {'h': 64, 'w': 32})
    """
    if not names:
        raise DomainError("at", at, "the sizes of the inputs are numbers already; it is for letters among them")
    given = dict(at) if isinstance(at, Mapping) else dict.fromkeys(names, at)
    for name in given:
        if name not in names:
            raise unknown("at", str(name), names, "symbol among the input sizes", ", ".join(names))
    missing = [name for name in names if name not in given]
    if missing:
        raise DomainError("at", given, f"needs a number for each of {', '.join(names)}; {missing[0]} has none")
    for name, number in given.items():
        if type(number) is not int or not 1 <= number <= LARGEST:
            raise DomainError("at", number, f"needs an integer from 1 to 2**63 - 1 for {name}")
    return given


def at_numbers(graph: Graph, at: Any) -> Graph:
    """The network at numbers in place of its symbols, read again where an importer has read it.

    Raises:
        DomainError: a number is missing or wrong.
    """
    given = numbers(list(dict.fromkeys(str(size) for _, _, size in _places(graph))), at)
    inputs = {name: _input(graph, name) for name in graph.inputs}
    shapes = {name: _numbered(one.shape, given) for name, one in inputs.items()}
    if graph.reread is None:
        return graph.replaced({name: replace(one, shape=shapes[name]) for name, one in inputs.items()})
    return graph.reread({name: shape[1:] for name, shape in shapes.items()})


def _input(graph: Graph, name: str) -> Input:
    operator = graph[name].operator
    if not isinstance(operator, Input):
        raise DomainError("name", name, "needs the name of an input")
    return operator


def reading(graph: Graph) -> Graph:
    """The network at the numbers at which an importer has read it; itself where none has."""
    return graph if graph.reading is None else graph.reading


def _first(read: Callable[[int], Graph]) -> Graph:
    """The network at the first number that it takes."""
    refused: DomainError | None = None
    for number in TRIED:
        try:
            return read(number)
        except DomainError as error:
            refused = refused or error
    tried = ", ".join(map(str, TRIED))
    give = "say by at=, or --at, at which numbers it is to be read"
    raise DomainError("input_size", "symbols", f"the network takes none of {tried}: {give}. At {TRIED[0]}: {refused}")


def read_at(
    read: Callable[[Mapping[str, Sizes]], Graph],
    shapes: Mapping[str, Sizes],
    at: int | Mapping[str, int] | None = None,
) -> Graph:
    """A network with symbols for sizes, as it is read at numbers.

    Args:
        read: reads it at sizes of its inputs, by their names.
        shapes: the sizes of its inputs, by name, with symbols among those of spatial axes.
        at: the number for every symbol, or the number of each by its name; by default the first of :data:`TRIED` that
            the network takes.

    Raises:
        DomainError: the network does not take the numbers.
    """
    names = list(dict.fromkeys(str(n) for shape in shapes.values() for n in shape if is_symbolic(n)))

    def numbered(given: Mapping[str, int]) -> Graph:
        return read({name: _numbered(shape, given) for name, shape in shapes.items()})

    if at is None and names:
        found = _first(lambda number: numbered(dict.fromkeys(names, number)))
    else:
        found = numbered(numbers(names, at))
    return _symbolic(found, shapes)


def _numbered(shape: Sizes, given: Mapping[str, int]) -> Sizes:
    return tuple(given[str(n)] if is_symbolic(n) and str(n) in given else n for n in shape)


def _symbolic(graph: Graph, shapes: Mapping[str, Sizes]) -> Graph:
    """The network with these sizes at the ends of those of its inputs."""
    inputs = {name: _input(graph, name) for name in shapes}
    ends = {name: len(one.shape) - len(shapes[name]) for name, one in inputs.items()}
    found = graph.replaced(
        {name: replace(one, shape=(*one.shape[: ends[name]], *shapes[name])) for name, one in inputs.items()}
    )
    found.provenance = replace(graph.provenance, reading=None if graph.reread is None else graph)
    return found


def resized(graph: Graph, input_size: Any) -> Graph:
    """A network with symbols for sizes of its inputs, the others as they are.

    Args:
        graph: the network.
        input_size: the sizes of the input without the batch, a list of such, or a mapping by name.

    Raises:
        DomainError: there is no such input, or a number is not the one that the network says.

    >>> from convmath.network import Graph
    >>> net = Graph()
    >>> _ = net.input((3, 28, 28))
    >>> resized(net, (3, "n", 28)).symbols
    (n,)
    """
    several = isinstance(input_size, Mapping) or (input_size and isinstance(input_size[0], list | tuple))
    rows = input_size if several else [input_size]
    given = dict(rows if isinstance(rows, Mapping) else zip(graph.inputs, rows, strict=False))
    if len(given) < len(rows):
        raise DomainError("input_size", input_size, f"needs sizes for the inputs {', '.join(graph.inputs)} only")
    shapes = {}
    for name, row in given.items():
        if name not in graph.inputs:
            raise unknown("input_size", name, graph.inputs, "input", ", ".join(graph.inputs))
        own = _input(graph, name)
        named = with_symbols((*own.shape[:1], *row), own.axes)
        if len(named) != len(own.shape) or any(
            a != b and not is_symbolic(a) for a, b in zip(named, own.shape, strict=True)
        ):
            needs = (
                f"the network says its own sizes, {own.shape[1:]}: change them there, or give letters for spatial axes"
            )
            raise DomainError("input_size", tuple(row), needs)
        shapes[name] = named[1:]
    return _symbolic(graph, shapes)
