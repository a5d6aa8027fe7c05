"""Every size of a network as one short term in the size of its input, and the input sizes that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import sympy

from ...calculus.index import Term
from ...errors import DomainError, UnsupportedError, unknown
from ...inert import Max, Min
from ...latex.notebook import show_theorems
from ..computed_sizes import changed, sizes_in
from ..operators import Attention, Combine, Concat, Expand, Input, MatMul, Operator, Reshape, Slice, Unknown
from ..symbolic import batches, reading, symbols_of
from ..symbolic import symbol as named
from ..trail import Leaf, leaves
from .laws import Label, placeholder, step, weakest
from .operators import Output, computed, output_of, resolved
from .reading import BY_CONSTRUCTION, Reading
from .report import ClosedForm, ClosedForms, Dimension, Length
from .scope import Kind, narrowed, scope_of
from .sets import Claim, SizeSet
from .terms import REMEMBERED

if TYPE_CHECKING:
    from ..graph import Graph, Node

Moving: TypeAlias = Mapping[sympy.Symbol, Mapping[str, Sequence[int]]]
"""For each symbol the dimensions of each input that have this size."""


def closed_forms(
    graph: Graph, symbol: str | sympy.Symbol | None = None, *, axis: int | None = None, source: str | None = None
) -> ClosedForms:
    """The sizes of every node as terms in the size of the input, and the input sizes for which these hold.

    Nested roundings are joined, step by step, and every step is proved for all integers by the engine; a step for which
    no proof is found, or for which SciPy is missing, is checked at many sizes, and the closed form says so.

    Sizes that a network computes with, as ``interpolate(x, size=skip.shape[2:])`` does, are followed; where its code
    compares sizes, the closed forms are those for input sizes for which it goes the same way. Code that asks for a size
    may do with it what is not followed: from there on the network is read again at some other sizes, what is another
    one there is unknown, and that the rest is the same at every size is ``"checked by sampling"``, not proved.

    Where branches meet, their sizes have to be equal, and the shortest closed form of them goes on: from there on the
    closed forms are those for valid input sizes. Where a branch may happen to have size 1 and be stretched, or the code
    may go another way, the sets of input sizes say among which sizes they are complete.

    Where sizes of the inputs are symbols already, ``(3, "h", "w")``, it is one of these that is asked for: its sets are
    those for the sizes that go by it alone. A size that goes by several of them is unknown.

    Args:
        graph: the network.
        symbol: the name of the input size, or an integer symbol without further assumptions; by default ``"n"``, or the
            symbol that the sizes of the inputs have.
        axis: the spatial axis of the input, from 0, that has this size, while the others keep theirs; by default all of
            them have it. Where sizes are symbols, the axis whose symbol is asked for.
        source: the name of the input; by default all of them.

    Returns:
        the closed forms: ``forms["conv1"].size``, ``forms.output``, ``forms.valid``, ``forms.matching``,
        ``forms.lossless``.

    Raises:
        DomainError: there is no such axis or input, or the name is none for a symbol; or sizes are several symbols, and
            nothing says which is asked for.

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
    show_theorems()
    moving = symbols_of(graph)
    if not moving:
        asked = named("n" if symbol is None else symbol, "symbol")
        return _Forms(graph, asked, {asked: _moving(graph, axis, source), **batches(graph)}).forms()
    return _Forms(reading(graph), _asked(graph, moving, symbol, axis, source), {**moving, **batches(graph)}).forms()


def _asked(
    graph: Graph, moving: Moving, symbol: str | sympy.Symbol | None, axis: int | None, source: str | None
) -> sympy.Symbol:
    """The symbol among those of the input sizes that is asked for."""
    if symbol is not None:
        asked = named(symbol, "symbol")
        if asked not in moving:
            raise unknown("symbol", asked.name, [one.name for one in moving], "input size", ", ".join(map(str, moving)))
        return asked
    wanted = _moving(graph, axis, source)
    found = [one for one, at in moving.items() if any(set(wanted[name]) & set(at.get(name, ())) for name in wanted)]
    if len(found) != 1:
        have = " and ".join(map(str, found)) or "numbers"
        first = next(iter(moving)).name
        needs = f"these sizes are {have}: ask for one of them, by symbol={first!r} or its axis, axis=0 or --axis 0"
        raise DomainError("symbol", symbol, needs)
    return found[0]


class _Forms:
    """One pass over a graph; layers that are equal are looked at once."""

    def __init__(self, graph: Graph, symbol: sympy.Symbol, moving: Moving) -> None:
        self.graph, self.symbol = graph, symbol
        self.whole = {
            (name, dimension): length
            for length, places in ((Length(one), places) for one, places in moving.items())
            for name, dimensions in places.items()
            for dimension in dimensions
        }
        self.reading = Reading(graph, _together(self.whole))
        self.guards = list(graph.trail.guards) if graph.trail else []
        self.refused = ""
        self.within = SizeSet()
        self.unplaced: tuple[Claim, ...] = ()
        self.found: dict[str, ClosedForm] = {}
        self.made: dict[tuple[Term, tuple[Length, ...]], Length] = {}
        self.conditions: dict[Claim, Kind] = {}
        self.matches: dict[Claim, None] = {}
        self.remainders: dict[Claim, None] = {}
        self.labels: list[Label] = []

    def forms(self) -> ClosedForms:
        for number, node in enumerate(self.graph):
            self.read(number)
            self.found[node.name] = self.known(self.form(node, [self.found[name] for name in node.inputs]))
        self.read(len(self.graph))
        for name in self.graph.outputs:
            self.found[name] = self.known(self.found[name])
        self.explain()
        sets = tuple(self.conditions), tuple(self.matches), tuple(self.remainders)
        return ClosedForms(self.symbol, self.found, *sets, weakest(self.labels), scope_of(self.conditions.items()))

    def explain(self) -> None:
        """Where the network could not be read at a size that the conditions admit, what is known by reading is not."""
        if {length.form for length in self.whole.values()} != {self.symbol}:
            return
        places = next(iter(self.whole))
        for sizes, why in self.reading.failures:
            n = sizes[places[0]][places[1] - 1]
            if n >= 1 and all(claim.holds(n) for claim in self.conditions):
                reason = f"no condition says why the network cannot be read at {self.symbol} = {n}: {why}"
                for name, form in self.found.items():
                    if form.reading != BY_CONSTRUCTION and form.dimensions is not None:
                        self.found[name] = ClosedForm(name, self.symbol, None, None, reason)
                return

    def known(self, form: ClosedForm) -> ClosedForm:
        """A closed form, for the sizes at which the graph is known to be this one."""
        if form.dimensions is None:
            return form
        refused = self.refused or self.reading.refused
        if refused:
            return ClosedForm(form.name, self.symbol, None, None, refused)
        valid = None if self.unplaced else _meet(form.valid, self.within)
        return replace(form, valid=valid, reading=self.reading.words)

    def size(self, leaf: Leaf) -> Dimension:
        """One of the sizes of a node.

        Raises:
            UnsupportedError: it is unknown.
        """
        form = self.found[leaf.node]
        if form.dimensions is None:
            raise UnsupportedError(form.reason)
        return form.dimensions[leaf.dimension]

    def term(self, leaf: Leaf) -> int | Term:
        """The closed form of one of the sizes of a node."""
        size = self.size(leaf)
        return size.form if isinstance(size, Length) else size

    def depends(self, leaf: Leaf) -> bool:
        """Whether one of the sizes of a node goes by those of the input, as far as is known."""
        form = self.found.get(leaf.node)
        return form is None or form.dimensions is None or isinstance(form.dimensions[leaf.dimension], Length)

    def read(self, number: int) -> None:
        """What the network's own code asked and decided until it came to a node."""
        self.reading.before(number, self.depends)
        while self.guards and self.guards[0].position <= number and not self.refused:
            relation, left, right = self.guards.pop(0).holds
            try:
                sides = [sympy.sympify(computed(side, self.term)) for side in (left, right)]
                if self.only(sides) == self.symbol:
                    self.suppose(Claim.of(relation, *sides))
            except UnsupportedError as error:
                self.refused = f"by which sizes the network goes this way is not known: {error}"

    def suppose(self, claim: Claim) -> None:
        """What has to hold for the graph to be this one."""
        if not claim.trivial:
            self.conditions.setdefault(claim, "read")
            self.matches[claim] = None
            self.within, self.unplaced = narrowed((*self.unplaced, claim), self.within)

    def form(self, node: Node, inputs: Sequence[ClosedForm]) -> ClosedForm:
        """The closed form of what a node makes."""
        operator = node.operator
        if isinstance(operator, Input) and node.traced is None:
            shape = list(operator.shape)
            for dimension, size in enumerate(shape):
                shape[dimension] = self.whole.get((node.name, dimension), size)
            if node.name not in self.reading.fixed:
                return ClosedForm(node.name, self.symbol, tuple(shape))
        reason = next((form.reason for form in inputs if form.dimensions is None), "")
        if isinstance(operator, Unknown):
            reason = f"{node.name} ({operator.name}) is not understood: {operator.reason}"
        reason = reason or self.reading.fixed.get(node.name, "")
        if reason:
            return ClosedForm(node.name, self.symbol, None, None, reason)
        return self.computed(node, inputs)

    def computed(self, node: Node, inputs: Sequence[ClosedForm]) -> ClosedForm:
        """The closed forms of what an operator makes, with what it requires."""
        operator = node.traced if node.traced and changed(node.traced, int) == node.operator else node.operator
        told = list(dict.fromkeys(leaf for size in sizes_in(operator) for leaf in leaves(size.term)))
        try:
            given = (*(n for form in inputs for n in form.dimensions or ()), *map(self.size, told))
            names = _names(self.symbol, [n for n in given if isinstance(n, Length)], isinstance(operator, Reshape))
            places = {name: length for length, name in reversed(names.items())}
            output = self.output(operator, inputs, names)
            equal = _equal(output.conditions, places)
            dimensions = tuple(self.dimension(size, places, equal) for size in output.sizes)
            self.rests(output, places)
            claims = self.claims(operator, output, places, dimensions)
        except UnsupportedError as error:
            return ClosedForm(node.name, self.symbol, None, None, f"{node.name}: {error}")
        read = [*inputs, *(self.found[leaf.node] for leaf in told)]
        return ClosedForm(node.name, self.symbol, dimensions, _where(read, claims, self.within))

    def output(self, operator: Operator, inputs: Sequence[ClosedForm], names: Mapping[Length, sympy.Symbol]) -> Output:
        """What an operator makes of sizes, with placeholders for those that go by that of the input.

        Raises:
            UnsupportedError: it is not known.
        """

        def named(size: Dimension) -> Any:
            return size.named(names) if isinstance(size, Length) else size

        def shared(term: Term) -> Term:
            length = self.dimension(term, {name: length for length, name in names.items()}, {})
            if not isinstance(length, Length) or length.label != "proved":
                return term
            same = (name for other, name in names.items() if other.form == length.form and other.label == "proved")
            return next(same, term)

        sizes = tuple(tuple(map(named, form.dimensions or ())) for form in inputs)
        given = resolved(operator, lambda leaf: named(self.size(leaf)), shared)
        found = output_of(given, sizes)
        if found.reason:
            raise UnsupportedError(found.reason)
        return found

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
            symbol = self.only([length.form for _, length in of])
            found = step(size, tuple((place, length.form) for place, length in of), symbol)
            label = weakest((found.label, *(length.label for _, length in of)))
            self.made[key] = Length(found.form, found, of, label, size)
        return self.made[key]

    def only(self, terms: Iterable[Term]) -> sympy.Symbol:
        """The only symbol by which terms go; the one that is asked for if they go by none."""
        found: list[sympy.Symbol] = sorted(set().union(*(term.free_symbols for term in terms)), key=str)
        if len(found) > 1:
            raise UnsupportedError(f"this goes by {' and '.join(map(str, found))} at once; give both the same symbol")
        return found[0] if found else self.symbol

    def claims(
        self,
        operator: Operator,
        output: Output,
        places: Mapping[sympy.Symbol, Length],
        dimensions: Sequence[Dimension],
    ) -> list[Claim]:
        """What the operator requires of the input size; it is kept for the network, too."""
        forms = tuple((place, length.form) for place, length in places.items())
        concerned = [condition for condition in output.conditions if self.concerns(condition[1:], places)]
        required = [_claim(*condition, forms) for condition in concerned]
        positive = [_claim("<=", 1, n.form, ()) for n in dimensions if isinstance(n, Length) and self.own(n)]
        claims = [claim for claim in (*required, *positive) if not claim.trivial]
        kinds: dict[Claim, Kind] = dict.fromkeys(positive, "needed")
        for claim in (*positive, *required):
            if not claim.trivial:
                self.conditions.setdefault(claim, kinds.get(claim) or self.kind(operator, claim))
        if isinstance(operator, (Combine, Concat)):
            self.matches.update(dict.fromkeys(claim for claim in claims if claim.equal))
        return claims

    def kind(self, operator: Operator, claim: Claim) -> Kind:
        """Whether what an operator requires is needed: slices were cut to the size at reading, branches may be 1."""
        if isinstance(operator, Slice) and self.graph.reread is not None:
            return "read"
        return "equal" if claim.equal and isinstance(operator, (Attention, Combine, Expand, MatMul)) else "needed"

    def concerns(self, sides: Iterable[Any], places: Mapping[sympy.Symbol, Length]) -> bool:
        """Whether a condition is about the symbol that is asked for."""
        symbols = {symbol for side in sides if isinstance(side, sympy.Expr) for symbol in side.free_symbols}
        return self.goes_by([places[place].form for place in symbols if place in places])

    def own(self, length: Length) -> bool:
        """Whether a size goes by the symbol that is asked for."""
        return self.goes_by([length.form])

    def goes_by(self, terms: Iterable[Term]) -> bool:
        """Whether terms go by the symbol that is asked for and by no other, or by none."""
        return bool(self.only(terms) == self.symbol)

    def rests(self, output: Output, places: Mapping[sympy.Symbol, Length]) -> None:
        """What comes after the last windows has to be nothing, if no element is to be lost."""
        forms = tuple((place, length.form) for place, length in places.items())
        for rest in output.remainders:
            if not isinstance(rest, sympy.Expr) or not self.concerns([rest], places):
                continue
            claim = _claim("==", rest, 0, forms)
            if rest.has(Min, Max):
                left = self.dimension(rest, places, {})
                claim = _claim("==", left.form if isinstance(left, Length) else left, 0, ())
                self.labels.append(left.label if isinstance(left, Length) else "proved")
            if not claim.trivial:
                self.remainders[claim] = None


def _names(symbol: sympy.Symbol, lengths: Iterable[Length], divides: bool) -> dict[Length, sympy.Symbol]:
    """Placeholders of sizes; of their factors, and one for equal ones, for an operator that divides by some of them."""
    if divides:
        lengths = [factor for length in lengths for factor in length.factors]
    names: dict[Length, sympy.Symbol] = {}
    found: dict[Any, sympy.Symbol] = {}
    for length in dict.fromkeys(lengths):
        key = length.form if divides and length.label == "proved" else length
        names[length] = found.setdefault(key, placeholder(symbol, len(found)))
    return names


def _together(whole: Mapping[tuple[str, int], Length]) -> dict[str, tuple[int, ...]]:
    """For each input, the dimensions that have one of the sizes."""
    found: dict[str, tuple[int, ...]] = {}
    for name, dimension in whole:
        found[name] = (*found.get(name, ()), dimension)
    return found


def _moving(graph: Graph, axis: int | None, source: str | None) -> dict[str, tuple[int, ...]]:
    """For each input, the dimensions that have the size that is asked for."""
    names = graph.inputs if source is None else (source,)
    found = {}
    for name in names:
        operator = graph[name].operator
        if not isinstance(operator, Input) or not operator.axes:
            raise DomainError("source", name, f"needs an input with spatial axes: {', '.join(graph.inputs)}")
        if axis is not None and (type(axis) is not int or not 0 <= axis < len(operator.axes)):
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


def _where(inputs: Sequence[ClosedForm], claims: Sequence[Claim], within: SizeSet) -> SizeSet | None:
    """The input sizes of a set that all inputs take and that satisfy the claims."""
    found: SizeSet | None = within
    for form in inputs:
        found = _meet(found, form.valid)
    if found is None:
        return None
    found, unplaced = narrowed(claims, found)
    return None if unplaced else found


@lru_cache(maxsize=REMEMBERED)
def _meet(first: SizeSet | None, second: SizeSet | None) -> SizeSet | None:
    try:
        return None if first is None or second is None else first & second
    except UnsupportedError:
        return None
