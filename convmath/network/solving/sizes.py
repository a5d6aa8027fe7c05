"""Input sizes that give a wanted output size, or their own size back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from ...errors import DomainError
from ..graph import Graph
from ..operators import Input
from ..operators.convolution import per_axis
from .layers import PerAxis
from .parts import name_of, part_up_to

if TYPE_CHECKING:
    import sympy

    from ..closed_form.claims import Claim
    from ..closed_form.inputs import InputSizes
    from ..closed_form.report import ClosedForm, ClosedForms


def input_sizes(
    graph: Graph,
    output_size: PerAxis,
    *,
    symbol: str | sympy.Symbol | None = None,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
) -> InputSizes:
    """All input sizes in a scope from which a node makes an output size, and whether that is proved.

    The scope is all sizes, but for those where the network's own code may go another way than it was read, or a branch
    of size 1 be stretched: what the network makes of these is not said, and the answer prints the clause.

    Args:
        graph: the network.
        output_size: the wanted positions, an int for every dimension that depends on the input size, or one for each of
            these.
        symbol: the input size that is asked for, or its name, where sizes of the inputs are several symbols; by default
            ``n``.
        node: the name of the node; by default the last that the network returns.
        axis: the spatial axis of the input that is asked for; by default all of them have the same size.
        source: the name of the input that is asked for; by default all of them.

    Raises:
        DomainError: the node's sizes are unknown or do not depend on the input size; or several are wanted of axes
            that have one size.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 64, (7, 7), stride=2, padding=3), net.input((3, 224, 224)))
    >>> found = input_sizes(net, 112)
    >>> print(found, found.label)
    223 <= n <= 224 proved
    """
    from ..closed_form.claims import Claim

    forms, form = _forms(graph, symbol, node, axis, source)
    sizes = _moving(forms, form)
    wanted = per_axis(output_size, len(sizes))
    if len(wanted) != len(sizes) or any(type(n) is not int or n < 1 for n in wanted):
        needs = f"needs a size of at least 1, or one for each of the {len(sizes)} that depend on the input size"
        raise DomainError("output_size", output_size, needs)
    if len(set(wanted)) > 1 and _tied(graph, forms.symbol, axis, source):
        needs = (
            f"all axes of the input are taken to have one size, {forms.symbol}; ask for each axis alone, "
            f"with axis=0 (--axis 0) and {wanted[0]}, and so on"
        )
        raise DomainError("output_size", output_size, needs)
    return _where(forms, form, lambda size, number: Claim.of("==", size, _number(wanted[number])))


def round_trips(
    graph: Graph,
    *,
    symbol: str | sympy.Symbol | None = None,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
) -> InputSizes:
    """All input sizes that a node gives back, as an autoencoder should.

    Args and errors as for :func:`input_sizes`.

    >>> from convmath.network.operators import ConvTranspose, Pool
    >>> net = Graph()
    >>> half = net.add("down", Pool("max", (2, 2)), net.input((8, 64, 64)))
    >>> _ = net.add("up", ConvTranspose(8, 8, (2, 2), stride=2), half)
    >>> print(round_trips(net))
    n >= 2 with n mod 2 = 0
    """
    from ..closed_form.claims import Claim

    forms, form = _forms(graph, symbol, node, axis, source)
    return _where(forms, form, lambda size, _: Claim.of("==", size, forms.symbol))


def _tied(graph: Graph, symbol: Any, axis: int | None, source: str | None) -> bool:
    """Whether several axes of an input have the size that is asked for."""
    if axis is not None and not graph.symbols:
        return False
    inputs = [graph[name].operator for name in (graph.inputs if source is None else (source,))]
    sizes = [[one.shape[d] for d in one.axes] for one in inputs if isinstance(one, Input)]
    return any(len([n for n in each if not graph.symbols or n == symbol]) > 1 for each in sizes)


def _forms(
    graph: Graph, symbol: str | sympy.Symbol | None, node: str | None, axis: int | None, source: str | None
) -> tuple[ClosedForms, ClosedForm]:
    from ..closed_form.forms import forms_about
    from ..closed_form.scope import Scope

    name = name_of(graph, node)
    part = graph if node is None or graph.outputs == (name,) else part_up_to(graph, name)
    if source in graph.inputs and source not in part.inputs:
        reads = f"it reads {', '.join(part.inputs)}" if part.inputs else "it reads no input"
        raise DomainError("source", source, f"{name} does not read this input; {reads}")
    forms = forms_about(part, symbol, axis=axis, source=source)
    others = [forms_about(part, one).scope for one in part.symbols if one != forms.symbol]
    return replace(forms, scope=reduce(Scope.within, others, forms.scope)), forms[name]


def _moving(forms: ClosedForms, form: ClosedForm) -> list[Any]:
    """The sizes that depend on the input size."""
    if form.sizes is None:
        raise DomainError("node", form.name, f"its sizes are unknown: {form.reason}")
    found = [size for size in form.sizes if not isinstance(size, int) and size.free_symbols <= {forms.symbol}]
    if not found:
        where = "" if not forms.scope or form.valid is None else f" for {form.valid.text(forms.symbol.name)}"
        scope = "".join(f", {clause}" for clause in forms.scope.clauses)
        needs = f"its sizes {form.output_size} do not depend on the input size{where}{scope}"
        raise DomainError("node", form.name, needs)
    return found


def _number(n: int) -> Any:
    from sympy import Integer

    return Integer(n)


def _where(forms: ClosedForms, form: ClosedForm, claim: Callable[[Any, int], Claim]) -> InputSizes:
    """The input sizes for which a claim holds of every size, given with its number, that depends on them."""
    place = forms.returned.index(form.name)

    def sizes(way: ClosedForms) -> InputSizes:
        claims = [claim(size, number) for number, size in enumerate(_moving(way, way.outputs[place]))]
        return way.everything.where((*claims, *way.conditions))

    return forms.on_all_ways(sizes)
