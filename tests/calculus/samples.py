"""Random small contractions, and the comparison of both sides of a theorem by brute force on integer tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import sympy
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.calculus.index import Formula, either, eq, integers, le, lt, ne, sequence, within
from convmath.calculus.kernel import Theorem
from convmath.calculus.plain import freeze
from convmath.calculus.reals import is_real
from convmath.calculus.sampling import drawn
from convmath.calculus.terms import Application, Contraction, Gradient, Value, tensor
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod

a, b = FREE = integers("a b")
BOUND = integers("i j k")
ONE_INDEX, TWO_INDICES = (tensor("x"), tensor("y")), tensor("w")
OFFSETS = sequence("s")
SIZES = range(-1, 4)
SEEDS = (1, 2)

Draw = Callable[[st.SearchStrategy[Any]], Any]


def affine(*symbols: sympy.Symbol) -> st.SearchStrategy[sympy.Expr]:
    """A sum of multiples of the symbols and a small constant."""
    slopes = st.tuples(*(st.sampled_from((0, 1, 1, -1, 2)) for _ in symbols))
    return st.builds(
        lambda c, slopes: sympy.Integer(c) + sum(m * v for m, v in zip(slopes, symbols, strict=True)),
        st.integers(-2, 2),
        slopes,
    )


@st.composite
def terms(draw: Draw, *symbols: sympy.Symbol) -> sympy.Expr:
    """An integer term: affine, a product, a rounding by a constant, an extremum, or an entry of a sequence."""
    first, second = draw(affine(*symbols)), draw(affine(*symbols))
    divisor = draw(st.integers(1, 3))
    return draw(
        st.sampled_from(
            (
                first,
                first * second,
                FloorDiv(first, divisor),
                CeilDiv(first, divisor),
                Mod(first, divisor),
                Min(first, second),
                Max(first, second),
                OFFSETS[first],
            )
        )
    )


@st.composite
def conditions(draw: Draw, *symbols: sympy.Symbol) -> Formula:
    """A comparison, or the disjunction of two."""
    make = st.builds(
        lambda compare, p, q: compare(p, q), st.sampled_from((le, lt, eq, ne)), affine(*symbols), terms(*symbols)
    )
    return draw(make) if draw(st.integers(0, 3)) else either(draw(make), draw(make))


@st.composite
def contractions(draw: Draw, bound: int | None = None, *, derivatives: bool = True, outer: Any = FREE) -> Contraction:
    """A finite sum over up to two indices, with every index bounded by the free variables and the earlier indices.

    With ``derivatives``, it may have one as a factor, or a function of a sum.
    """
    count = draw(st.integers(0, 2)) if bound is None else bound
    indices = tuple(draw(st.permutations([v for v in BOUND if v not in outer]))[:count])
    guard: list[Formula] = []
    known = list(outer)
    for index in indices:
        low = draw(affine(*known))
        guard += within(low, index, low + draw(st.integers(0, 3)) if draw(st.booleans()) else draw(affine(*known)))
        known.append(index)
    guard += draw(st.lists(conditions(*known), max_size=2))
    factors = draw(st.lists(entries(*known), max_size=3))
    if derivatives and draw(st.integers(0, 3)) == 0:
        inner = draw(contractions(derivatives=False, outer=tuple(known)))
        function = draw(st.booleans())
        factors.append(Application("f", inner.value) if function else Gradient(inner.value, draw(entries(*known))))
    coefficient = draw(st.fractions(-2, 2, max_denominator=3)) * draw(terms(*known) if known else st.just(1))
    return Contraction(indices, tuple(draw(st.permutations(guard))), coefficient, tuple(factors))


@st.composite
def entries(draw: Draw, *symbols: sympy.Symbol) -> sympy.Indexed:
    """An entry of one of the tensors."""
    index = affine(*symbols) if draw(st.booleans()) else terms(*symbols)
    if draw(st.booleans()):
        return draw(st.sampled_from(ONE_INDEX))[draw(index)]
    return TWO_INDICES[draw(affine(*symbols)), draw(index)]


def values(size: int = 2) -> st.SearchStrategy[Value]:
    """A linear combination of up to ``size`` contractions."""
    return st.lists(contractions(), max_size=size).map(lambda terms: Value(tuple(terms)))


def counterexample(theorem: Theorem) -> str | None:
    """Where a theorem without quantifiers is false, if it is among the points that are tried.

    A quantified hypothesis ``for all p: z[p] = value`` is met by making z that value; there must be no other ones.
    """
    if is_real(theorem.conclusion.body):
        return _real_counterexample(theorem)
    plain = [hypothesis.json() for hypothesis in theorem.hypotheses]
    definitions = [h for h in plain if h["forall"]]
    conditions = [freeze(h) for h in plain if not h["forall"]]
    conclusion = freeze(theorem.conclusion.json())
    parts = (theorem.conclusion, *theorem.hypotheses)
    free = sorted(v.name for v in frozenset().union(*(part.free_symbols for part in parts)))
    for seed in SEEDS:
        model = Model(seed=seed)
        model.tables["tensor"].update(_defined(h, model) for h in definitions)
        for point in itertools.product(SIZES, repeat=len(free)):
            at = dict(zip(free, point, strict=True))
            met = all(model.holds_at(condition, at) for condition in conditions)
            if met and not model.holds_at(conclusion, at):
                return f"{theorem.rule}: {theorem.conclusion.json()} at {at} with the tensors of seed {seed}"
    return None


def _real_counterexample(theorem: Theorem) -> str | None:
    body = freeze(theorem.conclusion.body.json())
    for seed in SEEDS:
        model = drawn(body, seed)
        left, right = model.sides(body)
        if left != right:
            return f"{theorem.rule}: {left} is not {right} at {model.variables} with the steps of seed {seed}"
    return None


def _defined(definition: Any, model: Model) -> tuple[str, Callable[[int], Any]]:
    (index,) = definition["forall"]
    _, left, right = definition["then"]
    (((_, name, *_),),) = ([tuple(factor) for factor in term["factors"]] for term in left)
    return name, lambda at: model.extended({index: at}).value(right)
