"""Input sizes that give a wanted output size, or their own size back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from ...errors import DomainError
from ...notebook import bracketed
from ..graph import Graph
from ..operators import Input
from ..operators.convolution import per_axis
from .answers import Answers
from .layers import PerAxis
from .parts import name_of, part_up_to

if TYPE_CHECKING:
    import sympy

    from ..closed_form.claims import Claim
    from ..closed_form.form import ClosedForm
    from ..closed_form.inputs import InputSizes
    from ..closed_form.report import ClosedForms
    from ..closed_form.scope import Scope


class SizesBySymbol(Answers[Any]):
    """Where the sizes of the inputs are several symbols, the input sizes for each of them.

    >>> from convmath.network.operators import Pool
    >>> net = Graph()
    >>> _ = net.add("pool", Pool("max", (2, 3)), net.input((3, "h", "w")))
    >>> print(input_sizes(net, (4, 4)))
    8 <= h <= 9
    12 <= w <= 14
    """

    __slots__ = ()


def input_sizes(
    graph: Graph,
    output_size: PerAxis,
    *,
    symbol: str | sympy.Symbol | None = None,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
) -> InputSizes | SizesBySymbol:
    """All input sizes in a scope from which a node makes an output size, and whether that is proved.

    The scope is all sizes, but for those where the network's own code may go another way than it was read, or a branch
    of size 1 be stretched: what the network makes of these is not said, and the answer prints the clause.

    Where sizes of the inputs are several symbols, as in ``(3, "h", "w")``, there is an answer for each of them.

    Args:
        graph: the network.
        output_size: the wanted positions, an int for every dimension that depends on the input size, or one for each of
            these.
        symbol: the input size that is asked for, or its name, where sizes of the inputs are several symbols; by default
            ``n``, or all these symbols.
        node: the name of the node; by default the last that the network returns.
        axis: the spatial axis of the input that is asked for; by default all of them have the same size.
        source: the name of the input that is asked for; by default all of them.

    Raises:
        DomainError: the node's sizes are unknown or do not depend on the input size; several are wanted of axes that
            have one size; or a size goes by several symbols at once.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 64, (7, 7), stride=2, padding=3), net.input((3, 224, 224)))
    >>> found = input_sizes(net, 112)
    >>> print(found, found.label)
    223 <= n <= 224 proved
    """
    from ..closed_form.claims import Claim

    name, each = _forms(graph, symbol, node, axis, source)
    count = len(_moving(each[0], each[0][name], each))
    wanted = per_axis(output_size, count)
    if len(wanted) != count or any(type(n) is not int or n < 1 for n in wanted):
        needs = f"needs a size of at least 1, or one for each of the {count} that depend on the input size"
        raise DomainError("output_size", output_size, needs)
    if len(set(wanted)) > 1 and len(each) == 1 and _tied(graph, each[0].symbol, axis, source):
        needs = (
            f"all axes of the input are taken to have one size, {each[0].symbol}; "
            "give its axes letters of their own, as in 3,h,w, or ask for one axis alone"
        )
        raise DomainError("output_size", output_size, needs)
    return _where(name, each, lambda size, number, _: Claim.of("==", size, _number(wanted[number])))


def round_trips(
    graph: Graph,
    *,
    symbol: str | sympy.Symbol | None = None,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
) -> InputSizes | SizesBySymbol:
    """All input sizes that a node gives back, as an autoencoder should.

    Args and errors as for :func:`input_sizes`; of several symbols they have the order that they have in an input.

    >>> from convmath.network.operators import ConvTranspose, Pool
    >>> net = Graph()
    >>> half = net.add("down", Pool("max", (2, 2)), net.input((8, 64, 64)))
    >>> _ = net.add("up", ConvTranspose(8, 8, (2, 2), stride=2), half)
    >>> print(round_trips(net))
    n >= 2 with n mod 2 = 0
    """
    from ..closed_form.claims import Claim

    name, each = _forms(graph, symbol, node, axis, source)
    if axis is None and symbol is None and graph.symbols:
        _require_axes(graph, each[0][name], each, source)
    return _where(name, each, lambda size, _, symbol: Claim.of("==", size, symbol))


def _require_axes(graph: Graph, form: ClosedForm, each: Sequence[ClosedForms], source: str | None) -> None:
    """Raise DomainError unless a node's sizes may be those of an input, axis by axis."""
    asked = {one.symbol for one in each}
    inputs = [graph[name].operator for name in (graph.inputs if source is None else (source,))]
    given = [one for one in inputs if isinstance(one, Input)]
    if form.sizes is not None and not any(_may_be(form.sizes, one, asked) for one in given):
        own = bracketed(given[0].shape[dimension] for dimension in given[0].axes)
        raise DomainError(
            "node", form.name, f"its sizes {form.output_size} are not those of the input on each axis, {own}"
        )


def _may_be(sizes: Sequence[Any], given: Input, asked: set[sympy.Symbol]) -> bool:
    """Whether sizes go by the same letters as those of an input, and are equal where those are numbers."""

    def alike(size: Any, n: Any) -> bool:
        if isinstance(size, int) or isinstance(n, int):
            return bool(size == n)
        return n not in asked or size.free_symbols == {n}

    if len(sizes) != len(given.shape) and (min(given.axes) > 1 or max(given.axes) >= len(sizes)):
        return False  # a sequence may have features, or none
    return all(alike(sizes[dimension], given.shape[dimension]) for dimension in given.axes)


def _tied(graph: Graph, symbol: Any, axis: int | None, source: str | None) -> bool:
    """Whether several axes of an input have the size that is asked for."""
    if axis is not None and not graph.symbols:
        return False
    inputs = [graph[name].operator for name in (graph.inputs if source is None else (source,))]
    sizes = [[one.shape[d] for d in one.axes] for one in inputs if isinstance(one, Input)]
    return any(len([n for n in each if not graph.symbols or n == symbol]) > 1 for each in sizes)


def _forms(
    graph: Graph, symbol: str | sympy.Symbol | None, node: str | None, axis: int | None, source: str | None
) -> tuple[str, tuple[ClosedForms, ...]]:
    """The name of the node, and the closed forms with what they say about each symbol that is asked for."""
    from ..closed_form.by_symbol import FormsBySymbol
    from ..closed_form.forms import closed_forms, forms_about

    name = name_of(graph, node)
    part = graph if node is None or graph.outputs == (name,) else part_up_to(graph, name)
    if source in graph.inputs and source not in part.inputs:
        reads = f"it reads {', '.join(part.inputs)}" if part.inputs else "it reads no input"
        raise DomainError("source", source, f"{name} does not read this input; {reads}")
    found: FormsBySymbol | ClosedForms = closed_forms(part, symbol, axis=axis, source=source)
    each = {forms.symbol: forms for forms in (found.each if isinstance(found, FormsBySymbol) else (found,))}
    scopes = {one: (each.get(one) or forms_about(part, one)).scope for one in part.symbols}
    others = ([scope for one, scope in scopes.items() if one != symbol] for symbol in each)
    return name, tuple(map(_within, each.values(), others))


def _within(forms: ClosedForms, scopes: Sequence[Scope]) -> ClosedForms:
    """The closed forms in the scope of those about other symbols, too."""
    from ..closed_form.scope import Scope

    return replace(forms, scope=reduce(Scope.within, scopes, forms.scope))


def _moving(forms: ClosedForms, form: ClosedForm, each: Sequence[ClosedForms]) -> list[tuple[Any, bool]]:
    """The sizes that depend on the input sizes that are asked for, and whether on this one."""
    if form.sizes is None:
        raise DomainError("node", form.name, f"its sizes are unknown: {form.reason}")
    asked = {one.symbol for one in each}
    found = [size for size in form.sizes if not isinstance(size, int) and size.free_symbols <= asked]
    for size in found:
        if len(size.free_symbols) > 1:
            several = " and ".join(sorted(map(str, size.free_symbols)))
            raise DomainError("node", form.name, f"its size {size} goes by {several} at once; give a number for one")
    if not found:
        where = "" if not forms.scope or form.valid is None else f" for {form.valid.text(forms.symbol.name)}"
        scope = "".join(f", {clause}" for clause in forms.scope.clauses)
        needs = f"the sizes {form.output_size} of {form.name} do not depend on the input size{where}{scope}"
        raise DomainError("node", form.name, f"{needs}{_hint(forms, asked)}")
    return [(size, size.free_symbols == {forms.symbol}) for size in found]


def _hint(forms: ClosedForms, asked: set[sympy.Symbol]) -> str:
    """The node that may be asked about instead: the last of those that have most sizes to ask for."""

    def count(form: ClosedForm) -> int:
        sizes = (size for size in form.sizes or () if not isinstance(size, int))
        return sum(len(size.free_symbols) == 1 and size.free_symbols <= asked for size in sizes)

    last = max(reversed(list(forms)), key=count)
    return f"; those of {last.name} do (--node {last.name})" if count(last) else ""


def _number(n: int) -> Any:
    from sympy import Integer

    return Integer(n)


def _where(
    name: str, each: Sequence[ClosedForms], claim: Callable[[Any, int, sympy.Symbol], Claim]
) -> InputSizes | SizesBySymbol:
    """The input sizes for which a claim holds of every size, given with its number and symbol, that depends on them."""
    found = [_about(forms, name, each, claim) for forms in each]
    return found[0] if len(found) == 1 else SizesBySymbol(found)


def _about(
    forms: ClosedForms, name: str, each: Sequence[ClosedForms], claim: Callable[[Any, int, sympy.Symbol], Claim]
) -> InputSizes:
    place = forms.returned.index(name)

    def sizes(way: ClosedForms) -> InputSizes:
        moving = enumerate(_moving(way, way.outputs[place], each))
        claims = [claim(size, number, forms.symbol) for number, (size, own) in moving if own]
        return way.everything.where((*claims, *way.conditions))

    return forms.on_all_ways(sizes)
