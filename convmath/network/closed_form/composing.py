"""One pass over a network: every size as a short term in that of its input, and what the input has to satisfy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import sympy

from ...calculus.index import Term
from ...errors import UnsupportedError
from ...inert import Max, Min
from ..batches import known_batches
from ..operators import Combine, Concat, Input, Operator, Reshape, Sizes, Unknown
from ..operators.base import product
from ..operators.lookup import Chosen
from ..sizes.in_operators import changed, sizes_in
from ..sizes.number import number_of
from ..sizes.trail import Leaf, leaves
from .claims import Claim
from .form import ClosedForm, Dimension, Length
from .kinds import kind_of_size, needs_elements, required
from .laws import Label, step, weakest
from .naming import in_letters, lengths_of, multiple_of, names_of
from .operators import Output, computed, divides_by_size, output_of, resolved
from .reading import BY_CONSTRUCTION, Reading
from .refusals import Places, is_caught, sizes_at, start_of
from .report import ClosedForms
from .scope import CLAUSES, Kind, Scope, narrowed, scope_of
from .sets import SizeSet
from .terms import REMEMBERED, evaluated

if TYPE_CHECKING:
    from ..graph import Graph
    from ..node import Node

Moving: TypeAlias = Mapping[sympy.Symbol, Places]
"""For each symbol the dimensions of each input that have this size."""


def composed(graph: Graph, symbol: sympy.Symbol, moving: Moving) -> ClosedForms:
    """The closed forms of a network with what they say about one symbol.

    Args:
        graph: the network, as it was read at numbers.
        symbol: the input size that is asked for.
        moving: the dimensions of its inputs that have this size, and those that have other symbols for theirs.
    """
    return _Composition(graph, symbol, moving).forms()


class _Composition:
    """One pass over a graph; layers that are equal are looked at once."""

    def __init__(self, graph: Graph, symbol: sympy.Symbol, moving: Moving) -> None:
        self.graph, self.symbol = graph, symbol
        self.whole = {
            (name, dimension): length
            for length, places in ((Length(one), places) for one, places in moving.items())
            for name, dimensions in places.items()
            for dimension in dimensions
        }
        self.numbers = all(isinstance(graph[name].operator.sizes()[d], int) for name, d in self.whole)
        self.reading = Reading(graph, list(moving.values()))
        self.guards = list(graph.trail.guards) if graph.trail else []
        self.refused = ""
        self.within = SizeSet()
        self.unplaced: tuple[Claim, ...] = ()
        self.found: dict[str, ClosedForm] = {}
        self.made: dict[tuple[Term, tuple[Length, ...]], Length] = {}
        self.conditions: dict[Claim, Kind] = {}
        self.matches: dict[Claim, None] = {}
        self.tails: dict[Claim, None] = {}
        self.lossy: dict[str, None] = {}
        self.labels: list[Label] = []
        self.given: dict[str, None] = {}

    def forms(self) -> ClosedForms:
        for position, node in enumerate(self.graph):
            self.read(position)
            if isinstance(node.operator, Chosen) and node.operator.open:
                self.given[CLAUSES["rows"]] = None
            if node.remarks and not node.placement.stored:
                self.given[CLAUSES["text"]] = None
            self.found[node.name] = self.known(self.form(node, [self.found[name] for name in node.inputs]))
        self.read(len(self.graph))
        for name in self.graph.outputs:
            self.found[name] = self.known(self.found[name])
        self.explain()
        sizes = {name: form.sizes for name, form in self.found.items()}
        batches = known_batches(self.graph, sizes, letters=not self.numbers)
        self.found = {name: replace(form, batch=batches.get(name, 0)) for name, form in self.found.items()}
        sets = tuple(self.conditions), tuple(self.matches), tuple(self.tails)
        made = ClosedForms(self.symbol, self.found, self.graph.outputs, *sets, weakest(self.labels), self.scope())
        return replace(made, lossy=tuple(self.lossy))

    def scope(self) -> Scope:
        """Among which sizes the sets are complete: where its own code catches a refusal, where it is as it was read."""
        refused = self.refused or self.reading.refused
        caught = not refused and is_caught(self.graph, self.asked, self.conditions.items())
        for name in self.graph.outputs:  # one without elements is none
            self.fill(self.found[name].dimensions or ())
        conditions = self.conditions.items()
        if caught:
            conditions = {claim: kind if kind == "empty" else "read" for claim, kind in conditions}.items()
        scope = scope_of(conditions)
        return replace(scope, clauses=(*scope.clauses, *self.given))

    @property
    def asked(self) -> Mapping[str, Sequence[int]]:
        """For each input, the dimensions that have the size that is asked for."""
        return _together(place for place, length in self.whole.items() if length.form == self.symbol)

    def explain(self) -> None:
        """Where the network is not the same at sizes that the conditions admit, what is known by reading is not.

        The first and the last of them are tried, too.
        """
        one = {length.form for length in self.whole.values()} == {self.symbol}
        if not one or self.reading.words == BY_CONSTRUCTION or self.reading.refused:
            return
        places, start = next(iter(self.whole)), start_of(self.graph, self.asked)
        taken, _ = narrowed(tuple(self.conditions), SizeSet())
        ends = [n for n in (taken.least, taken.greatest) if taken and n is not None and n < 4 * start + 64]
        reasons = [self.reading.refute(sizes_at(self.graph, self.asked, n)) for n in ends]
        for sizes, why in self.reading.failures:
            n = sizes[places[0]][places[1] - 1]
            if n >= 1 and all(claim.holds(n) for claim in self.conditions):
                reasons.append(f"no condition says why the network cannot be read at {self.symbol} = {n}: {why}")
        for name, form in self.found.items():
            if any(reasons) and form.reading != BY_CONSTRUCTION and form.dimensions is not None:
                self.found[name] = ClosedForm(name, self.symbol, None, None, next(filter(None, reasons)))

    def known(self, form: ClosedForm) -> ClosedForm:
        """A closed form, for the sizes at which the graph is known to be this one."""
        if form.dimensions is None:
            return form
        refused = self.refused or self.reading.refused
        if refused:
            return ClosedForm(form.name, self.symbol, None, None, refused)
        valid = None if self.unplaced else _meet(form.valid, self.within)
        return replace(form, valid=valid, reading=self.reading.words, given=" and ".join(self.given))

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
                sides = [_term(computed(side, self.term)) for side in (left, right)]
                if self.only(sides) == self.symbol:
                    self.suppose(Claim.of(relation, *sides))
            except UnsupportedError as error:
                self.refused = f"by which sizes the network goes this way is not known: {error}"

    def suppose(self, claim: Claim) -> None:
        """What has to hold for the graph to be this one."""
        if not claim.trivial:
            self.require(claim, "read")
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
        operator = node.traced if node.traced and changed(node.traced, number_of) == node.operator else node.operator
        told = list(dict.fromkeys(leaf for size in sizes_in(operator) for leaf in leaves(size.term)))
        places: dict[sympy.Symbol, Length] = {}
        try:
            given = (*(n for form in inputs for n in form.dimensions or ()), *map(self.size, told))
            divides = isinstance(operator, Reshape) or any(divides_by_size(size.term) for size in sizes_in(operator))
            names = names_of(self.symbol, [n for n in given if isinstance(n, Length)], divides)
            places = lengths_of(names)
            output = self.output(operator, inputs, names)
            equal = _equal(output.conditions, places)
            dimensions = tuple(self.dimension(size, places, equal) for size in output.sizes)
            self.rests(node.name, output, places)
            claims = self.claims(operator, output, places, dimensions)
        except UnsupportedError as error:
            return ClosedForm(node.name, self.symbol, None, None, in_letters(f"{node.name}: {error}", places))
        read = [*inputs, *(self.found[leaf.node] for leaf in told)]
        return ClosedForm(node.name, self.symbol, dimensions, _where(read, claims, self.within))

    def output(self, operator: Operator, inputs: Sequence[ClosedForm], names: Mapping[Length, Term]) -> Output:
        """What an operator makes of sizes, with placeholders for those that go by that of the input.

        Raises:
            UnsupportedError: it is not known.
        """

        def named(size: Dimension) -> Any:
            return size.named(names) if isinstance(size, Length) else size

        lengths = lengths_of(names)
        known = {name: length.form for name, length in lengths.items() if length.label == "proved"}

        def shared(term: Term) -> Term:
            length = self.dimension(term, lengths, {})
            if isinstance(length, Length) and length.label == "proved":
                alike = multiple_of(length.form, known)
                if alike is not None:
                    return alike
            return term.func(*map(shared, term.args)) if isinstance(term, (sympy.Mul, sympy.Pow)) else term

        sizes = tuple(tuple(map(named, form.dimensions or ())) for form in inputs)
        given = resolved(operator, lambda leaf: named(self.size(leaf)), shared)
        found = output_of(given, sizes)
        if found.reason and self.numbers and isinstance(given, Reshape) and -1 in given.shape:
            found = output_of(replace(given, shape=self.as_read(given.filled(sizes[0]), sizes[0], lengths)), sizes)
            forms = tuple((place, length.form) for place, length in lengths.items())
            for condition in found.conditions:
                self.suppose(_claim(*condition, forms))
        if found.reason:
            raise UnsupportedError(found.reason)
        return found

    def as_read(self, shape: Sizes, source: Sizes, places: Mapping[sympy.Symbol, Length]) -> Sizes:
        """Sizes with the number for -1 that it stood for at reading, where no formula says it for all sizes."""
        forms = {place: length.form for place, length in places.items()}
        elements, known = (_term(product(sizes)).xreplace(forms) for sizes in (source, shape))
        symbol = self.only([elements, known])
        n = start_of(self.graph, _together(place for place, length in self.whole.items() if length.form == symbol))
        made = evaluated(elements)(n) // -evaluated(known)(n)
        return tuple(made if size == -1 else size for size in shape)

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
            for letter in sorted(size.free_symbols - places.keys(), key=str):
                raise UnsupportedError(
                    f"{letter} stands in the operator itself, which takes numbers; letters are for sizes of inputs"
                )
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
        asked = [_claim(*condition, forms) for condition in concerned]
        positive = [_claim("<=", 1, n.form, ()) for n in dimensions if isinstance(n, Length) and self.own(n)]
        claims = [claim for claim in (*asked, *positive) if not claim.trivial]
        imported = self.graph.reread is not None
        kinds = [required(operator, claim, imported=imported) for claim in asked]
        kinds += [(claim, kind_of_size(operator, imported=imported)) for claim in positive]
        if needs_elements(operator):
            self.fill(places.values())
        for claim, kind in kinds:
            self.require(claim, kind)
        if isinstance(operator, (Combine, Concat)):
            self.matches.update(dict.fromkeys(claim for claim in claims if claim.equal))
        return claims

    def fill(self, sizes: Iterable[Dimension]) -> None:
        """Need sizes to be at least 1, where it is a condition that tensors have elements."""
        for size in sizes:
            if isinstance(size, Length) and size.form.free_symbols <= {self.symbol}:
                claim = _claim("<=", 1, size.form, ())
                if claim in self.conditions:
                    self.require(claim, "needed")

    def require(self, claim: Claim, kind: Kind) -> None:
        """A condition, once; where it was that a tensor has elements, it is another one from here on."""
        held = self.conditions.get(claim)
        if not claim.trivial and (held is None or held == "empty" != kind):
            self.conditions.pop(claim, None)
            self.conditions[claim] = kind

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

    def rests(self, name: str, output: Output, places: Mapping[sympy.Symbol, Length]) -> None:
        """No element may come after the last windows of a node, if none is to be lost."""
        forms = tuple((place, length.form) for place, length in places.items())
        for relation, left, right in output.lossless:
            if not self.concerns([left, right], places):
                continue
            claim = _claim(relation, left, right, forms)
            if not claim.trivial and not claim.term.free_symbols:
                self.lossy[name] = None
            room = _term(right - left)
            if room.has(Min, Max):
                spare = self.dimension(room, places, {})
                claim = _claim("<=", 0, spare.form if isinstance(spare, Length) else spare, ())
                self.labels.append(spare.label if isinstance(spare, Length) else "proved")
            if not claim.trivial:
                self.tails[claim] = None


def _together(whole: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    """For each input, the dimensions that have one of the sizes."""
    found: dict[str, tuple[int, ...]] = {}
    for name, dimension in whole:
        found[name] = (*found.get(name, ()), dimension)
    return found


@lru_cache(maxsize=REMEMBERED)
def _claim(relation: str, left: Any, right: Any, forms: tuple[tuple[sympy.Symbol, Term], ...]) -> Claim:
    at = dict(forms)
    return Claim.of(relation, *(_term(side).xreplace(at) for side in (left, right)))


def _term(size: int | Term) -> Term:
    return sympy.Integer(size) if isinstance(size, int) else size


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
