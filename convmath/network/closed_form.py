"""Every size of a network as one short term in the size of its input, and the input sizes that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy

from ..assumptions import collect
from ..calculus.index import Term, integers
from ..division import mod
from ..errors import ConvmathError, DomainError, UnsupportedError
from ..formulas.padding import reach, resolve_padding
from ..inert import Max, Min
from .closed_form_laws import Label, placeholder, step, weakest
from .closed_form_reading import fixed_while_reading
from .closed_form_report import ClosedForm, ClosedForms, Dimension, Length
from .closed_form_sets import Claim, SizeSet, satisfying
from .closed_form_terms import REMEMBERED
from .operators import Combine, Concat, Conv, Input, Operator, Pool, Sizes, Unfold, Unknown
from .operators.convolution import per_axis

if TYPE_CHECKING:
    from .graph import Graph, Node


def closed_forms(
    graph: Graph, symbol: str | sympy.Symbol = "n", *, axis: int | None = None, source: str | None = None
) -> ClosedForms:
    """The sizes of every node as terms in the size of the input, and the input sizes that the network takes.

    Nested roundings are joined, step by step, and every step is proved for all integers by the engine; a step for which
    no proof is found, or for which SciPy is missing, is checked at many sizes, and the closed form says so. A network
    that an importer has read is read again at some other sizes; an operator that is another one there is unknown, and
    that the rest is the same at every size is checked so, not proved.
    Where branches meet, their sizes have to be equal, and the shortest closed form of them goes on: from there on the
    closed forms are those for valid input sizes. That a branch happens to have size 1 and is stretched is left out.

    Args:
        graph: the network.
        symbol: the name of the input size, or an integer symbol without further assumptions.
        axis: the spatial axis of the input, from 0, that has this size, while the others keep theirs; by default all of
            them have it.
        source: the name of the input; by default all of them.

    Returns:
        the closed forms: ``forms["conv1"].size``, ``forms.output``, ``forms.valid``, ``forms.matching``,
        ``forms.lossless``.

    Raises:
        DomainError: there is no such axis or input, or the name is none for a symbol.

    Entry: size.compose. Source: [GrahamKnuthPatashnik1994, equation 3.11].

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv, Pool
    >>> net = Graph()
    >>> stem = net.add("conv1", Conv(3, 64, (7, 7), stride=2, padding=3), net.input((3, 224, 224)))
    >>> pooled = net.add("pool1", Pool("max", (3, 3), stride=2, padding=1), stem)
    >>> forms = closed_forms(net)
    >>> print(forms.output)
    pool1: (64, ceil(n/4), ceil(n/4)) for n >= 1, proved
    >>> print(forms.lossless)
    n >= 1 with n mod 4 = 1
    """
    return _Forms(graph, _symbol(symbol), axis, source).forms()


def _symbol(symbol: str | sympy.Symbol) -> sympy.Symbol:
    name = symbol.name if isinstance(symbol, sympy.Symbol) else symbol
    if not isinstance(name, str) or not name.isidentifier() or symbol not in (name, integers(name)):
        needs = "needs a name, or an integer symbol without further assumptions, as symbols('n', integer=True) makes it"
        raise DomainError("symbol", symbol, needs)
    found: sympy.Symbol = integers(name)
    return found


@dataclass(frozen=True)
class _Output:
    """What an operator makes of sizes, in placeholders.

    Attributes: sizes: the sizes of its output. conditions: what it requires. remainders: what of its padded input comes
        after its last windows. reason: why the rest is unknown, in words.
    """

    sizes: Sizes = ()
    conditions: tuple[tuple[str, Any, Any], ...] = ()
    remainders: tuple[Term, ...] = ()
    reason: str = ""


@lru_cache(maxsize=REMEMBERED)
def _output(operator: Operator, inputs: tuple[Sizes, ...]) -> _Output:
    try:
        with collect() as conditions:
            sizes = operator.sizes(*inputs)
        return _Output(sizes, tuple(conditions), tuple(_remainders(operator, inputs)))
    except ConvmathError as error:
        return _Output(reason=str(error))


def _remainders(operator: Operator, inputs: tuple[Sizes, ...]) -> Iterator[Term]:
    if not isinstance(operator, (Conv, Pool, Unfold)) or getattr(operator, "ceil_mode", False):
        return
    kernel, sizes = operator.kernel_size, inputs[0][2:]
    stride = per_axis(kernel if operator.stride is None else operator.stride, len(kernel))
    dilation = per_axis(operator.dilation, len(kernel))
    with collect():
        padding = resolve_padding(operator.padding, tuple(sizes), kernel, stride=stride, dilation=dilation)
    for n, k, s, d, (lo, hi) in zip(sizes, kernel, stride, dilation, padding, strict=True):
        yield mod(n + lo + hi - reach(k, d) - 1, s)


class _Forms:
    """One pass over a graph; layers that are equal are looked at once."""

    def __init__(self, graph: Graph, symbol: sympy.Symbol, axis: int | None, source: str | None) -> None:
        self.graph, self.symbol = graph, symbol
        self.moving = _moving(graph, axis, source)
        self.fixed, self.refused = fixed_while_reading(graph, self.moving)
        self.whole = Length(symbol)
        self.made: dict[tuple[Term, tuple[Length, ...]], Length] = {}
        self.conditions: dict[Claim, None] = {}
        self.matches: dict[Claim, None] = {}
        self.remainders: dict[Claim, None] = {}
        self.labels: list[Label] = []

    def forms(self) -> ClosedForms:
        found: dict[str, ClosedForm] = {}
        for node in self.graph:
            found[node.name] = self.form(node, [found[name] for name in node.inputs])
        conditions, matches, remainders = map(tuple, (self.conditions, self.matches, self.remainders))
        return ClosedForms(self.symbol, found, conditions, matches, remainders, weakest(self.labels))

    def form(self, node: Node, inputs: Sequence[ClosedForm]) -> ClosedForm:
        operator = node.operator
        if self.refused:
            return ClosedForm(node.name, self.symbol, None, None, self.refused)
        if isinstance(operator, Input):
            shape = list(operator.shape)
            for dimension in self.moving.get(node.name, ()):
                shape[dimension] = self.whole
            return ClosedForm(node.name, self.symbol, tuple(shape))
        reason = next((form.reason for form in inputs if form.dimensions is None), "")
        if isinstance(operator, Unknown):
            reason = f"{node.name} ({operator.name}) is not understood: {operator.reason}"
        reason = reason or self.fixed.get(node.name, "")
        if reason:
            return ClosedForm(node.name, self.symbol, None, None, reason)
        return self.computed(node, inputs)

    def computed(self, node: Node, inputs: Sequence[ClosedForm]) -> ClosedForm:
        """The closed forms of what an operator makes, with what it requires."""
        lengths = dict.fromkeys(n for form in inputs for n in form.dimensions or () if isinstance(n, Length))
        names = {length: placeholder(self.symbol, number) for number, length in enumerate(lengths)}
        places = {name: length for length, name in names.items()}
        sizes = tuple(tuple(names[n] if isinstance(n, Length) else n for n in form.dimensions or ()) for form in inputs)
        output = _output(node.operator, sizes)
        if output.reason:
            return ClosedForm(node.name, self.symbol, None, None, f"{node.name}: {output.reason}")
        equal = _equal(output.conditions, places)
        try:
            dimensions = tuple(self.dimension(size, places, equal) for size in output.sizes)
            self.rests(output, places)
        except UnsupportedError as error:
            return ClosedForm(node.name, self.symbol, None, None, f"{node.name}: {error}")
        claims = self.claims(node.operator, output, places, dimensions)
        return ClosedForm(node.name, self.symbol, dimensions, _where(inputs, claims))

    def dimension(
        self, size: Any, places: Mapping[sympy.Symbol, Length], equal: Mapping[sympy.Symbol, Length]
    ) -> Dimension:
        if isinstance(size, (int, sympy.Integer)):
            return int(size)
        if size in places:
            return equal.get(size, places[size])
        of = tuple((place, length) for place, length in places.items() if size.has(place))
        key = size, tuple(length for _, length in of)
        if key not in self.made:
            found = step(size, tuple((place, length.form) for place, length in of), self.symbol)
            label = weakest((found.label, *(length.label for _, length in of)))
            self.made[key] = Length(found.form, found, of, label)
        return self.made[key]

    def claims(
        self,
        operator: Operator,
        output: _Output,
        places: Mapping[sympy.Symbol, Length],
        dimensions: Sequence[Dimension],
    ) -> list[Claim]:
        """What the operator requires of the input size; it is kept for the network, too."""
        forms = tuple((place, length.form) for place, length in places.items())
        required = [_claim(*condition, forms) for condition in output.conditions]
        positive = [_claim("<=", 1, n.form, ()) for n in dimensions if isinstance(n, Length)]
        claims = [claim for claim in (*required, *positive) if not claim.trivial]
        self.conditions.update(dict.fromkeys(claims))
        if isinstance(operator, (Combine, Concat)):
            self.matches.update(dict.fromkeys(claim for claim in claims if claim.equal))
        return claims

    def rests(self, output: _Output, places: Mapping[sympy.Symbol, Length]) -> None:
        """What comes after the last windows has to be nothing, if no element is to be lost."""
        forms = tuple((place, length.form) for place, length in places.items())
        for rest in output.remainders:
            if not isinstance(rest, sympy.Expr):
                continue
            claim = _claim("==", rest, 0, forms)
            if rest.has(Min, Max):
                left = self.dimension(rest, places, {})
                claim = _claim("==", left.form if isinstance(left, Length) else left, 0, ())
                self.labels.append(left.label if isinstance(left, Length) else "proved")
            if not claim.trivial:
                self.remainders[claim] = None


def _moving(graph: Graph, axis: int | None, source: str | None) -> dict[str, tuple[int, ...]]:
    """For each input, the dimensions that have the size that is asked for."""
    names = graph.inputs if source is None else (source,)
    found = {}
    for name in names:
        operator = graph[name].operator
        if not isinstance(operator, Input) or not operator.axes:
            raise DomainError("source", name, f"needs an input with spatial axes: {', '.join(graph.inputs)}")
        if axis is not None and not 0 <= axis < len(operator.axes):
            raise DomainError("axis", axis, f"needs an axis from 0 to {len(operator.axes) - 1} of {name}")
        found[name] = operator.axes if axis is None else (operator.axes[axis],)
    return found


@lru_cache(maxsize=REMEMBERED)
def _claim(relation: str, left: Any, right: Any, forms: tuple[tuple[sympy.Symbol, Term], ...]) -> Claim:
    at = dict(forms)
    return Claim.of(
        relation, *(sympy.sympify(int(side)) if isinstance(side, int) else side.xreplace(at) for side in (left, right))
    )


def _equal(
    conditions: Sequence[tuple[str, Any, Any]], places: Mapping[sympy.Symbol, Length]
) -> dict[sympy.Symbol, Length]:
    """For each placeholder the size with the shortest closed form among those that have to be equal to it."""
    found = dict(places)
    for relation, left, right in conditions:
        if relation == "==" and left in places and right in places:
            shortest = min(found[left], found[right], key=lambda length: int(sympy.count_ops(length.form)))
            found[left] = found[right] = shortest
    return found


def _where(inputs: Sequence[ClosedForm], claims: Sequence[Claim]) -> SizeSet | None:
    """The input sizes that all inputs take and that satisfy the claims."""
    found: SizeSet | None = SizeSet()
    for form in inputs:
        found = _meet(found, form.valid)
    for claim in dict.fromkeys(claims):
        found = _satisfying(claim, found)
    return found


@lru_cache(maxsize=REMEMBERED)
def _meet(first: SizeSet | None, second: SizeSet | None) -> SizeSet | None:
    try:
        return None if first is None or second is None else first & second
    except UnsupportedError:
        return None


@lru_cache(maxsize=REMEMBERED)
def _satisfying(claim: Claim, within: SizeSet | None) -> SizeSet | None:
    try:
        return None if within is None else satisfying(claim, within)
    except UnsupportedError:
        return None
