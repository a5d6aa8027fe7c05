"""Input sizes that give a wanted output size, or their own size back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import DomainError
from ..graph import Graph
from ..operators.convolution import per_axis
from .layers import PerAxis
from .parts import name_of, part_up_to

if TYPE_CHECKING:
    from ..closed_form.inputs import InputSizes
    from ..closed_form.report import ClosedForm, ClosedForms
    from ..closed_form.sets import Claim


def input_sizes(
    graph: Graph, output_size: PerAxis, *, node: str | None = None, axis: int | None = None, source: str | None = None
) -> InputSizes:
    """All input sizes from which a node makes an output size, and whether that is proved.

    Args:
        graph: the network.
        output_size: the wanted positions, an int for every dimension that depends on the input size, or one for each of
            these.
        node: the name of the node; by default the last.
        axis: the spatial axis of the input that is asked for; by default all of them have the same size.
        source: the name of the input that is asked for; by default all of them.

    Raises:
        DomainError: the node's sizes are unknown or do not depend on the input size.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 64, (7, 7), stride=2, padding=3), net.input((3, 224, 224)))
    >>> found = input_sizes(net, 112)
    >>> print(found, found.label)
    223 <= n <= 224 proved
    """
    from ..closed_form.sets import Claim

    forms, form = _forms(graph, node, axis, source)
    sizes = _moving(forms, form)
    wanted = per_axis(output_size, len(sizes))
    if len(wanted) != len(sizes) or any(type(n) is not int or n < 1 for n in wanted):
        needs = f"needs a size of at least 1, or one for each of the {len(sizes)} that depend on the input size"
        raise DomainError("output_size", output_size, needs)
    return _where(forms, [Claim.of("==", size, _number(n)) for size, n in zip(sizes, wanted, strict=True)])


def round_trips(
    graph: Graph, *, node: str | None = None, axis: int | None = None, source: str | None = None
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
    from ..closed_form.sets import Claim

    forms, form = _forms(graph, node, axis, source)
    return _where(forms, [Claim.of("==", size, forms.symbol) for size in _moving(forms, form)])


def _forms(graph: Graph, node: str | None, axis: int | None, source: str | None) -> tuple[ClosedForms, ClosedForm]:
    name = name_of(graph, node)
    forms = (graph if node is None else part_up_to(graph, name)).closed_forms(axis=axis, source=source)
    return forms, forms[name]


def _moving(forms: ClosedForms, form: ClosedForm) -> list[Any]:
    """The sizes that depend on the input size."""
    if form.sizes is None:
        raise DomainError("node", form.name, f"its sizes are unknown: {form.reason}")
    found = [size for size in form.sizes if not isinstance(size, int) and size.free_symbols <= {forms.symbol}]
    if not found:
        raise DomainError("node", form.name, f"its sizes {form.output_size} do not depend on the input size")
    return found


def _number(n: int) -> Any:
    from sympy import Integer

    return Integer(n)


def _where(forms: ClosedForms, claims: Sequence[Claim]) -> InputSizes:
    return forms.everything.where((*claims, *forms.conditions))
