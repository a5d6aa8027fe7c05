"""Every size of a network as one short term in the size of its input, and the input sizes that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, overload

import sympy

from ...errors import ConvmathError, DomainError, unknown
from ...latex.notebook import show_theorems
from ...notebook import listed
from ..input_sizes import inputs_of
from ..operators import Input
from ..symbolic import batches, reading, resized, symbols_of
from ..symbolic import symbol as named
from .by_symbol import FormsBySymbol
from .composing import Moving, composed
from .refusals import sizes_at, start_of
from .report import ClosedForms
from .ways import with_other_ways

if TYPE_CHECKING:
    from ..graph import Graph


Letters: TypeAlias = tuple[str | sympy.Symbol, ...] | list[str | sympy.Symbol]
"""A symbol for each spatial axis."""


@overload
def closed_forms(
    graph: Graph, symbol: str | sympy.Symbol | None = None, *, axis: int | None = None, source: str | None = None
) -> ClosedForms | Any: ...


@overload
def closed_forms(graph: Graph, symbol: Letters, *, axis: None = None, source: str | None = None) -> FormsBySymbol: ...


def closed_forms(
    graph: Graph,
    symbol: str | sympy.Symbol | Letters | None = None,
    *,
    axis: int | None = None,
    source: str | None = None,
) -> ClosedForms | FormsBySymbol:
    """The sizes of every node as terms in the size of the input, and the input sizes for which these hold.

    Nested roundings are joined, step by step, and every step is proved for all integers by the engine; a step for which
    no proof is found, or for which SciPy is missing, is checked at many sizes, and the closed form says so.

    Sizes that a network computes with, as ``interpolate(x, size=skip.shape[2:])`` does, are followed; where its code
    compares sizes, the closed forms are those for input sizes for which it goes the same way. Code that is told the
    number of a size, as ``range(n)`` or ``f"{n}"`` is, may do with it what is not followed: from there on the network
    is read again at some other sizes, what is another one there is unknown, and that the rest is the same at every size
    is ``"checked by sampling"``, not proved.

    Where branches meet, their sizes have to be equal, and the shortest closed form of them goes on: from there on the
    closed forms are those for valid input sizes. Where a branch may happen to have size 1 and be stretched, or the code
    may go another way, the sets of input sizes say among which sizes they are complete.

    Every spatial axis may have a symbol of its own: ``closed_forms(graph, ("h", "w"))``. Then, and where sizes of the
    inputs are several symbols already, ``(3, "h", "w")``, every size is given in them, and the sets of input sizes for
    each of them: those for the sizes that go by it alone. A size that goes by several of them at once is unknown.

    Args:
        graph: the network.
        symbol: the name of the input size, or an integer symbol without further assumptions, or one for each spatial
            axis; by default ``"n"`` for all axes, or the symbols that the sizes of the inputs have.
        axis: the spatial axis of the input, from 0, that has this size, while the others keep theirs; by default all of
            them have it. Where sizes are symbols, the axis whose symbol alone is asked for.
        source: the name of the input; by default all of them.

    Returns:
        the closed forms: ``forms["conv1"].size``, ``forms.output``, ``forms.outputs``, ``forms.valid``,
        ``forms.matching``, ``forms.lossless``. Of several symbols, the last three give a set for each by its name, and
        ``forms.about("h")`` gives all that is known about one.

    Raises:
        DomainError: there is no such axis or input, or no input has axes or a letter, or the name is none for a symbol;
            or there are as many symbols, but not as many spatial axes, or the sizes of the inputs are symbols already.

    Entry: size.compose. Source: [GrahamKnuthPatashnik1994, equation 3.11].

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv, Pool
    >>> net = Graph()
    >>> stem = net.add("conv1", Conv(3, 64, (7, 7), stride=2, padding=3), net.input((3, 224, 224)))
    >>> pooled = net.add("pool1", Pool("max", (3, 3), stride=2, padding=1), stem)
    >>> forms = closed_forms(net)
    >>> print(forms.output)
    pool1: (64, ceil(n/4), ceil(n/4)) for n >= 1, proved
    >>> print(forms.valid)
    n >= 1
    >>> print(closed_forms(net, ("h", "w")).output)
    pool1: (64, ceil(h/4), ceil(w/4)) for h >= 1; w >= 1, proved
    """
    if isinstance(symbol, tuple | list):
        net = _lettered(graph, symbol, axis, source)
        return FormsBySymbol(tuple(forms_about(net, one) for one in symbols_of(net)))
    if symbol is None and axis is None and len(symbols_of(graph)) > 1:
        several = _found(graph, symbols_of(graph), axis, source)
        if len(several) > 1:
            return FormsBySymbol(tuple(forms_about(graph, one) for one in several))
    return forms_about(graph, symbol, axis=axis, source=source)


def forms_about(
    graph: Graph, symbol: str | sympy.Symbol | None = None, *, axis: int | None = None, source: str | None = None
) -> ClosedForms:
    """The closed forms with what they say about one symbol.

    Args and errors as for :func:`closed_forms`, and DomainError if sizes are several symbols, and nothing says which.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Pool
    >>> net = Graph()
    >>> _ = net.add("pool", Pool("max", (2, 2)), net.input((3, "h", "w")))
    >>> print(forms_about(net, "w").valid)
    w >= 2
    """
    show_theorems()
    moving = symbols_of(graph)
    if not moving:
        taken = batches(graph)
        asked = named(("m" if named("n") in taken else "n") if symbol is None else symbol, "symbol")
        if asked in taken:
            needs = f"{asked} is the letter of the batch: needs another, as closed_forms({f'{asked}_'!r})"
            raise DomainError("symbol", asked.name, needs)
        places = _moving(graph, axis, source)
        if not places and (symbol is not None or axis is not None or not taken):
            _require_constant(graph, asked)
        return _on_all_ways(graph, asked, {asked: places, **taken})
    asked = _asked(graph, moving, symbol, axis, source)
    if len(moving) == 1:
        return _on_all_ways(reading(graph), asked, {**moving, **batches(graph)})
    return composed(reading(graph), asked, {**moving, **batches(graph)})


def _require_constant(graph: Graph, symbol: sympy.Symbol) -> None:
    """Require a network without inputs: of others, none of which has axes, the sizes go by no symbol."""
    for name in inputs_of(graph):
        sizes = graph[name].operator.sizes()[1:]
        letters = (symbol.name, *sizes[1:])
        needs = f"the input {name} has no axis: needs a letter for a size where the network is read or built, {letters}"
        raise DomainError("input_size", sizes, needs)


def _on_all_ways(graph: Graph, symbol: sympy.Symbol, moving: Moving) -> ClosedForms:
    """The closed forms in the only symbol, for input sizes for which the network's code goes other ways, too."""
    found = composed(graph, symbol, moving)
    again, places = graph.reread, moving[symbol]
    if again is None or not places:
        return found

    def read(n: int) -> ClosedForms | None:
        try:
            other = again(sizes_at(graph, places, n))
        except ConvmathError:
            return None
        return composed(other, symbol, moving)

    return with_other_ways(found, start_of(graph, places), read)


def _lettered(graph: Graph, symbols: Letters, axis: int | None, source: str | None) -> Graph:
    """The network with a symbol for each spatial axis of an input, or of all of them."""
    letters = [named(one, "symbol").name for one in symbols]
    if axis is not None or not letters:
        raise DomainError(
            "symbol", tuple(letters), "needs one name for an axis, or one for each spatial axis, and no axis"
        )
    if graph.symbols:
        needs = f"the sizes of the inputs are symbols already, {listed(graph.symbols)}: ask for one of them, or for all"
        raise DomainError("symbol", tuple(letters), needs)
    shapes = {}
    moving = _moving(graph, None, source)
    if not moving:
        raise DomainError("symbol", tuple(letters), "needs an input with axes: there is none")
    for name, dimensions in moving.items():
        if len(dimensions) != len(letters):
            raise DomainError(
                "symbol", tuple(letters), f"needs a name for each of the {len(dimensions)} axes of {name}"
            )
        shape = list(graph[name].operator.sizes())
        for dimension, letter in zip(dimensions, letters, strict=True):
            shape[dimension] = letter
        shapes[name] = shape[1:]
    return resized(graph, shapes)


def _asked(
    graph: Graph, moving: Moving, symbol: str | sympy.Symbol | None, axis: int | None, source: str | None
) -> sympy.Symbol:
    """The symbol among those of the input sizes that is asked for."""
    if symbol is not None:
        asked = named(symbol, "symbol")
        if asked not in moving:
            raise unknown("symbol", asked.name, [one.name for one in moving], "input size", ", ".join(map(str, moving)))
        return asked
    found = _found(graph, moving, axis, source)
    if len(found) != 1:
        have = " and ".join(map(str, found)) or "numbers"
        first = next(iter(moving)).name
        needs = f"these sizes are {have}: ask for one of them, by symbol={first!r} or its axis, axis=0 or --axis 0"
        raise DomainError("symbol", symbol, needs)
    return found[0]


def _found(graph: Graph, moving: Moving, axis: int | None, source: str | None) -> list[sympy.Symbol]:
    """The symbols that the asked axes have."""
    wanted = _moving(graph, axis, source)
    return [one for one, at in moving.items() if any(set(wanted[name]) & set(at.get(name, ())) for name in wanted)]


def _moving(graph: Graph, axis: int | None, source: str | None) -> dict[str, tuple[int, ...]]:
    """For each input, the dimensions that have the size that is asked for."""
    names = graph.inputs if source is None else (source,)
    found = {}
    for name in names:
        operator = graph[name].operator
        if not isinstance(operator, Input) or not operator.axes:
            raise DomainError("source", name, f"needs an input with axes: {', '.join(graph.inputs) or 'there is none'}")
        if axis is not None and (type(axis) is not int or not 0 <= axis < len(operator.axes)):
            raise DomainError("axis", axis, f"needs an axis from 0 to {len(operator.axes) - 1} of {name}")
        found[name] = operator.axes if axis is None else (operator.axes[axis],)
    return found
