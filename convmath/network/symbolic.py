"""Input sizes that are symbols: which symbols they are, and the same network at numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from ..division import is_symbolic
from ..errors import DomainError, UnsupportedError, unknown
from .input_sizes import LARGEST, by_name, inputs_of
from .operators import Input, Sizes

if TYPE_CHECKING:
    import sympy

    from .graph import Graph

TRIED = (224, 256, 64, 32, 512, 128, 28, 299, 384, 96, 48, 1024)
"""Numbers for the symbols at which a network is read if nobody says one: the first that it takes."""

MOST_NOT_FOLLOWED = 3
"""A network that is not followed at so many of them is not tried at more."""


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
    named = isinstance(name, str) and name.isidentifier() and not iskeyword(name)
    if not named or value not in (name, integers(name)):
        needs = "needs a name, or an integer symbol without further assumptions, as symbols('n', integer=True) makes it"
        raise DomainError(parameter, value, needs)
    found: sympy.Symbol = integers(name)
    return found


def with_symbols(sizes: Sequence[Any]) -> Sizes:
    """The sizes of an input, the batch first, with symbols for names; that of the batch is positive.

    Raises:
        DomainError: a size is none that can be a symbol.

    >>> with_symbols((1, 3, "n", 64))
    (1, 3, n, 64)
    """
    found = list(sizes)
    for dimension, size in enumerate(sizes):
        if dimension > 0 and (isinstance(size, str) or is_symbolic(size)):
            found[dimension] = symbol(size)
        elif isinstance(size, str):
            found[dimension] = type(symbol(size, "batch_size"))(size, integer=True, positive=True)
    if sizes and is_symbolic(found[0]) and str(found[0]) in map(str, found[1:]):
        raise DomainError("batch_size", sizes[0], "needs a letter of its own, which stands for no other size")
    return tuple(found)


def axes_of(sizes: Sizes, spatial: Iterable[int] | None = None) -> tuple[int, ...]:
    """The dimensions of an input that are its axes: the spatial ones, and those whose sizes are symbols.

    Args:
        sizes: the batch first.
        spatial: the spatial ones; by default those after batch and channels.

    >>> axes_of(with_symbols((1, 3, 8, 8))), axes_of(with_symbols((1, "n"))), axes_of(with_symbols((1, "n", 64)))
    ((2, 3), (1,), (1, 2))
    """
    own = set(range(2, len(sizes)) if spatial is None else spatial)
    return tuple(d for d in range(len(sizes)) if d in own or (d > 0 and is_symbolic(sizes[d])))


def require_numbers(graph: Graph) -> None:
    """Require numbers for all sizes of inputs; only the batch may be a symbol, which is positive.

    Raises:
        DomainError: one is a symbol; the message says what to call.
    """
    places = list(_places(graph))
    for name, _, _ in places:
        call = f"at({', '.join(f'{one}=224' for one in dict.fromkeys(size for _, _, size in places))})"
        needs = f"{name} has symbols for sizes: closed_forms() gives every size in them, {call} the network at numbers"
        raise DomainError("input_size", _input(graph, name).shape[1:], needs)
    for name in inputs_of(graph):
        batch: Any = next(iter(_input(graph, name).shape), 1)
        if is_symbolic(batch) and not batch.is_positive:
            needs = (
                "needs an integer, or a symbol that is positive, as symbols('N', integer=True, positive=True) makes it"
            )
            raise DomainError("batch_size", batch, needs)


def _places(graph: Graph) -> Iterator[tuple[str, int, Any]]:
    """The axes of inputs whose sizes are symbols: the input, the dimension, the size."""
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
    """The symbols that stand for the batches of inputs, as :func:`symbols_of` gives those of their axes."""
    found: dict[Any, dict[str, tuple[int, ...]]] = {}
    for name in inputs_of(graph):
        batch = next(iter(_input(graph, name).shape), 1)
        if is_symbolic(batch):
            found.setdefault(symbol(str(batch), "batch_size"), {})[name] = (0,)
    return found


def numbers_for(names: Sequence[str], at: Any) -> dict[str, int]:
    """A number for each symbol: one for all, or one for each by its name.

    Raises:
        DomainError: a symbol lacks its number, a name is none of a symbol, or a number is none of a size.

    >>> numbers_for(["h", "w"], 224), numbers_for(["h", "w"], {"h": 64, "w": 32})
    ({'h': 224, 'w': 224}, {'h': 64, 'w': 32})
    """
    if not names:
        needs = "the sizes of the inputs are numbers already; it is for letters among them, as in (3, 'n', 'n')"
        raise DomainError("at", at, f"{needs} or -i 3,n,n")
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
    given = numbers_for(list(dict.fromkeys(str(size) for _, _, size in _places(graph))), at)
    inputs = {name: _input(graph, name) for name in graph.inputs}
    shapes = {name: _numbered(one.shape, given) for name, one in inputs.items()}
    if graph.reread is None:
        return graph.replaced({name: replace(one, shape=shapes[name]) for name, one in inputs.items()})
    if graph.reading is not None and all(_input(graph.reading, name).shape == shapes[name] for name in shapes):
        return graph.reading
    return graph.reread({name: shape[1:] for name, shape in shapes.items()})


def _input(graph: Graph, name: str) -> Input:
    operator = graph[name].operator
    if not isinstance(operator, Input):
        raise DomainError("name", name, "needs the name of an input")
    return operator


def reading(graph: Graph) -> Graph:
    """The network at the numbers at which an importer has read it; itself where none has."""
    return graph if graph.reading is None else graph.reading


def _first(read: Callable[[int], Graph], shapes: Mapping[str, Sizes]) -> Graph:
    """The network, with symbols in the sizes of its inputs, at the first number that it takes."""
    refused: DomainError | None = None
    not_followed: list[UnsupportedError] = []
    for number in TRIED:
        try:
            return read(number)
        except DomainError as error:
            refused = refused or error
        except UnsupportedError as error:  # the network may assert that there are fewer
            not_followed.append(error)
            if len(not_followed) == MOST_NOT_FOLLOWED:
                raise not_followed[0] from None
    tried = ", ".join(map(str, TRIED))
    give = "say by at=, or --read-at, at which numbers it is to be read"
    if any(len(shape) > 1 and is_symbolic(shape[0]) for shape in shapes.values()):
        give = f"{give}, and give the channels, whose number no layer can change, as a number"
    shown = next(iter(shapes.values())) if len(shapes) == 1 else dict(shapes)
    raise DomainError("input_size", shown, f"the network takes none of {tried}: {give}. At {TRIED[0]}: {refused}")


def read_at(
    read: Callable[[Mapping[str, Sizes]], Graph],
    shapes: Mapping[str, Sizes],
    at: int | Mapping[str, int] | None = None,
) -> Graph:
    """A network that an importer reads at numbers; with symbols for sizes where they are among them.

    Args:
        read: reads it at sizes of its inputs, by their names.
        shapes: the sizes of its inputs, by name, perhaps with symbols among them.
        at: the number for every symbol, or the number of each by its name; by default the first of :data:`TRIED` that
            the network takes.

    Raises:
        DomainError: the network does not take the numbers, or there are numbers for symbols, but no symbols.
    """
    names = list(dict.fromkeys(str(n) for shape in shapes.values() for n in shape if is_symbolic(n)))

    def numbered(given: Mapping[str, int]) -> Graph:
        return read({name: _numbered(shape, given) for name, shape in shapes.items()})

    if at is None and not names:
        return read(shapes)
    if at is None:
        found = _first(lambda number: numbered(dict.fromkeys(names, number)), shapes)
    else:
        found = numbered(numbers_for(names, at))
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
    found.provenance = replace(graph.provenance.settled, reading=None if graph.reread is None else graph)
    return found


def resized(graph: Graph, input_size: Any) -> Graph:
    """A network with other sizes of its inputs, numbers or symbols.

    Args:
        graph: the network.
        input_size: the sizes of the input without the batch, a list of such, or a mapping by name.

    Raises:
        DomainError: there is no such input, or the network does not take the sizes.

    >>> from convmath.network import Graph
    >>> net = Graph()
    >>> _ = net.input((3, 28, 28))
    >>> resized(net, (3, "n", 28)).symbols, resized(net, (3, 32, 32)).analyze().output.output_size
    ((n,), (3, 32, 32))
    """
    given = by_name(input_size, inputs_of(graph))
    shapes = {name: _fitting(graph, name, row) for name, row in given.items()}
    if graph.reread is not None:
        every = {name: _input(graph, name).shape for name in graph.inputs}
        return _read_again(reading(graph), every | shapes)
    own = {name: _input(graph, name) for name in shapes}
    found = graph.replaced({name: Input(shape, axes_of(shape, own[name].axes)) for name, shape in shapes.items()})
    tried = shapes if not found.symbols else {name: _tried(shape, own[name]) for name, shape in shapes.items()}
    changed = [name for name, shape in tried.items() if shape != own[name].shape]
    if changed:
        other = graph.replaced({name: replace(own[name], shape=shape) for name, shape in tried.items()})
        _require_taken(other, given[changed[0]], own[changed[0]].shape[1:])
    return found


def _tried(shape: Sizes, own: Input) -> Sizes:
    """The sizes at which a network is tried that gets symbols: its own, but for a number that is none of an axis."""
    pairs = enumerate(zip(shape, own.shape, strict=True))
    return tuple(one if d in own.axes or is_symbolic(size) else size for d, (size, one) in pairs)


def _fitting(graph: Graph, name: str, row: tuple[Any, ...]) -> Sizes:
    """The sizes of an input, the batch first, in as many dimensions as it has."""
    own = _input(graph, name)
    if len(row) == len(own.shape):
        raise DomainError("input_size", row, f"sizes are without the batch: {row[1:]}")
    if len(row) != len(own.shape) - 1:
        raise DomainError("input_size", row, f"the input {name} has other dimensions, {own.shape[1:]}")
    sizes = with_symbols((own.shape[0], *row))
    if graph.reread is not None and axes_of(sizes, own.axes) != own.axes:
        needs = f"the input {name} has no axis there: give letters where the model is read, as from_torch takes them"
        raise DomainError("input_size", row, needs)
    return sizes


def _read_again(graph: Graph, shapes: Mapping[str, Sizes]) -> Graph:
    """The network at other sizes, as an importer reads it; where they are symbols, as it was read before."""
    own = {name: _input(graph, name).shape for name in shapes}
    pairs = {name: zip(shape, own[name], strict=True) for name, shape in shapes.items()}
    sizes = {name: tuple(one if is_symbolic(size) else size for size, one in pair) for name, pair in pairs.items()}
    if sizes != own and graph.reread is not None:
        graph = graph.reread({name: shape[1:] for name, shape in sizes.items()})
    return graph if sizes == shapes else _symbolic(graph, {name: shape[1:] for name, shape in shapes.items()})


def _require_taken(graph: Graph, row: Sizes, own: Sizes) -> None:
    """Raise DomainError unless the layers take the sizes of the inputs; those of one, and its own, are named."""
    from .analysis import sizes_of

    try:
        if not graph.symbols:
            sizes_of(graph)
    except DomainError as error:
        needs = f"the network was made for {own}, and its layers do not take this: {error}"
        raise DomainError("input_size", row, needs) from error
