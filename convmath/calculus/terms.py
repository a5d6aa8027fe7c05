"""Contractions: sums over bound indices of a guard times a product of indexed factors, and linear combinations of them.

``Contraction((k,), within(0, k, K), 1, (w[k], x[o + k]))`` is ``sum over all integers k of [0 <= k < K] w[k] x[o +
k]``, where the bracket is 1 if the guard holds and 0 otherwise. A sum whose guard holds infinitely often stands for
0; the rules that need a finite sum ask for guards that visibly bound every index (:meth:`Contraction.is_bounded`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any, TypeAlias

import sympy

from ..errors import ProofError
from .index import Formula, Json, Term, expanded, integer_term, substitute, term_json, variables
from .reals import RealTerm


def tensor(name: str) -> sympy.IndexedBase:
    """A tensor of numbers, defined at all integers: ``tensor("x")[i]``.

    The numbers are real, or complex: no rule asks which of two is larger.
    """
    return sympy.IndexedBase(sympy.Symbol(name), real=True)


@dataclass(frozen=True)
class Gradient:
    """The partial derivative of ``body``, as a function of the tensor in ``at``, for the entry ``at``."""

    body: Value
    at: sympy.Indexed

    def __post_init__(self) -> None:
        """Refuse what is not a derivative of a value for an entry of a tensor."""
        if type(self.body) is not Value:
            raise ProofError(f"only a value has a derivative, not {self.body!r}")
        _check_entry(self.at)

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it."""
        return self.body.free_symbols | variables(self.at)

    def substitute(self, mapping: Mapping[Any, Term]) -> Gradient:
        """Terms in place of free variables."""
        return Gradient(self.body.substitute(mapping), substitute(self.at, mapping))

    def key(self, renaming: Mapping[sympy.Symbol, sympy.Symbol]) -> tuple[Any, ...]:
        """The same for derivatives that differ by bound names or polynomial arithmetic."""
        return ("gradient", self.body.canonical(renaming), _factor_key(self.at, renaming))

    def json(self) -> Json:
        """The derivative as plain data."""
        return ["gradient", self.body.json(), factor_json(self.at)]


@dataclass(frozen=True)
class Application:
    """The value of an uninterpreted function at the number that ``body`` is.

    Of the function it is known that it has one value at every number, and nothing else: it need not be linear,
    continuous or differentiable, and no rule concludes what a derivative of it is.
    """

    function: str
    body: Value

    def __post_init__(self) -> None:
        """Refuse what is not a function of a value."""
        if type(self.function) is not str or not self.function.isidentifier():
            raise ProofError(f"a function has an identifier for its name, not {self.function!r}")
        if type(self.body) is not Value:
            raise ProofError(f"a function is applied to a value, not to {self.body!r}")

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it."""
        return self.body.free_symbols

    def substitute(self, mapping: Mapping[Any, Term]) -> Application:
        """Terms in place of free variables."""
        return Application(self.function, self.body.substitute(mapping))

    def key(self, renaming: Mapping[sympy.Symbol, sympy.Symbol]) -> tuple[Any, ...]:
        """The same for one function of values that a ring identity makes equal."""
        return ("apply", self.function, self.body.canonical(renaming))

    def json(self) -> Json:
        """The application as plain data."""
        return ["apply", self.function, self.body.json()]


Factor: TypeAlias = sympy.Indexed | Gradient | Application


@dataclass(frozen=True)
class Contraction:
    """``sum over bound of [guard] * coefficient * product of factors``."""

    bound: tuple[sympy.Symbol, ...]
    guard: tuple[Formula, ...]
    coefficient: sympy.Expr
    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a contraction."""
        for name in ("bound", "guard", "factors"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(set(self.bound)) != len(self.bound) or not all(isinstance(v, sympy.Symbol) for v in self.bound):
            raise ProofError(f"the bound indices must be different symbols: {self.bound}")
        for index in self.bound:
            integer_term(index)
        if not all(type(atom) is Formula for atom in self.guard):
            raise ProofError(f"the guard must be made of formulas: {self.guard}")
        object.__setattr__(self, "guard", tuple(_conjuncts(self.guard)))
        object.__setattr__(self, "coefficient", _coefficient(self.coefficient))
        for factor in self.factors:
            if type(factor) not in (Gradient, Application):
                _check_entry(factor)

    @cached_property
    def _content(self) -> tuple[sympy.Rational, Term]:
        content, primitive = expanded(self.coefficient).as_content_primitive()
        return content, expanded(primitive)

    @cached_property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it."""
        parts = [*self.guard, self.coefficient, *self.factors]
        return frozenset[sympy.Symbol]().union(*(variables(part) for part in parts)) - set(self.bound)

    @property
    def value(self) -> Value:
        """This as a linear combination of one."""
        return Value((self,))

    def renamed(self, taken: Iterable[sympy.Symbol]) -> Contraction:
        """The same with bound indices that are none of ``taken``."""
        clash = set(self.bound) & set(taken)
        if not clash:
            return self
        avoid = set(taken) | set(self.bound) | self.free_symbols
        renaming: dict[sympy.Symbol, sympy.Symbol] = {}
        for index in self.bound:
            if index in clash:
                renaming[index] = fresh(index, avoid)
                avoid.add(renaming[index])
        return self.with_indices(renaming)

    def with_indices(self, renaming: Mapping[sympy.Symbol, sympy.Symbol]) -> Contraction:
        """Bound indices renamed; the caller vouches that the new names are free."""
        bound = tuple(renaming.get(index, index) for index in self.bound)
        return Contraction(bound, *self._substituted(renaming))

    def _substituted(self, mapping: Mapping[Any, Term]) -> tuple[Any, Any, Any]:
        return (
            tuple(atom.substitute(mapping) for atom in self.guard),
            substitute(self.coefficient, mapping),
            tuple(substitute(factor, mapping) for factor in self.factors),
        )

    def substitute(self, mapping: Mapping[Any, Term]) -> Contraction:
        """Terms in place of free variables; bound indices step aside."""
        free = {key: term for key, term in mapping.items() if key not in self.bound}
        taken = frozenset[sympy.Symbol]().union(*(variables(integer_term(term)) for term in free.values()))
        clear = self.renamed(taken | set(free))
        return Contraction(clear.bound, *clear._substituted(free))

    def times(self, other: Contraction) -> Contraction:
        """The product of two, the indices of the second renamed apart."""
        first = self.renamed(other.free_symbols)
        second = other.renamed(first.free_symbols | set(first.bound))
        return Contraction(
            first.bound + second.bound,
            first.guard + second.guard,
            first.coefficient * second.coefficient,
            first.factors + second.factors,
        )

    def is_bounded(self) -> bool:
        """Whether the guard visibly leaves finitely many values to every bound index."""
        left = set(self.bound)
        progress = True
        while left and progress:
            found = {index for index in left if self._bounds(index, left)}
            left -= found
            progress = bool(found)
        return not left

    def _bounds(self, index: sympy.Symbol, unknown: set[sympy.Symbol]) -> bool:
        sides = set()
        for atom in self.guard:
            if atom.op not in ("<=", "<", "=="):
                continue
            difference = expanded(atom.args[1] - atom.args[0])
            slope = difference.coeff(index, 1)
            rest = expanded(difference - slope * index)
            if isinstance(slope, sympy.Integer) and slope and not variables(rest) & unknown:
                sides |= {"below", "above"} if atom.op == "==" else {"below" if slope > 0 else "above"}
        return len(sides) == 2

    def key(self, outer: Mapping[sympy.Symbol, sympy.Symbol]) -> tuple[Any, ...]:
        """Bound indices, guard and factors up to names, order of factors and polynomial arithmetic."""
        start = 1 + max((int(name.name[1:]) for name in outer.values()), default=-1)
        renaming = dict(outer) | {index: _canonical(start + i) for i, index in enumerate(self.bound)}
        guard = frozenset(atom.key(renaming) for atom in self.guard)
        factors = Counter(_factor_key(factor, renaming) for factor in self.factors)
        return (len(self.bound), guard, frozenset(factors.items())), expanded(self.coefficient.xreplace(renaming))

    def json(self) -> Json:
        """The contraction as plain data."""
        content, primitive = self._content
        return {
            "sum": [index.name for index in self.bound],
            "guard": [atom.json() for atom in self.guard],
            "coefficient": [str(content), term_json(primitive)],
            "factors": [factor_json(factor) for factor in self.factors],
        }


@dataclass(frozen=True)
class Value:
    """A sum of contractions: the number that a side of an equation stands for."""

    terms: tuple[Contraction, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a linear combination of contractions."""
        object.__setattr__(self, "terms", tuple(self.terms))
        if not all(type(term) is Contraction for term in self.terms):
            raise ProofError(f"a value is made of contractions, not of {self.terms!r}")

    @cached_property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it."""
        return frozenset[sympy.Symbol]().union(*(term.free_symbols for term in self.terms))

    def substitute(self, mapping: Mapping[Any, Term]) -> Value:
        """Terms in place of free variables."""
        return Value(tuple(term.substitute(mapping) for term in self.terms))

    def canonical(self, outer: Mapping[sympy.Symbol, sympy.Symbol] | None = None) -> frozenset[Any]:
        """Like terms merged and names of bound indices forgotten: equal for values that a ring identity makes equal."""
        merged: dict[Any, sympy.Expr] = {}
        for term in self.terms:
            key, coefficient = term.key(outer or {})
            merged[key] = expanded(merged.get(key, sympy.Integer(0)) + coefficient)
        return frozenset((key, coefficient) for key, coefficient in merged.items() if coefficient != 0)

    def __add__(self, other: Any) -> Value:
        """The sum."""
        return Value(self.terms + value(other).terms)

    def __mul__(self, other: Any) -> Value:
        """The product, multiplied out."""
        return Value(tuple(a.times(b) for a in self.terms for b in value(other).terms))

    def __neg__(self) -> Value:
        """The opposite."""
        return self * -1

    def __sub__(self, other: Any) -> Value:
        """The difference."""
        return self + -value(other)

    __radd__ = __add__
    __rmul__ = __mul__

    def json(self) -> Json:
        """The value as plain data."""
        return [term.json() for term in self.terms]


@dataclass(frozen=True)
class Equation:
    """``left = right``, for two values or for two real terms."""

    left: Any
    right: Any

    def __post_init__(self) -> None:
        """Refuse what is not a pair of values, or of real terms."""
        if type(self.left) is not type(self.right) or type(self.left) not in (Value, RealTerm):
            raise ProofError(f"an equation has values on both sides, not {self.left!r} and {self.right!r}")

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it."""
        free: frozenset[sympy.Symbol] = self.left.free_symbols | self.right.free_symbols
        return free

    def substitute(self, mapping: Mapping[Any, Term]) -> Equation:
        """Terms in place of free variables."""
        return Equation(self.left.substitute(mapping), self.right.substitute(mapping))

    def key(self, renaming: Mapping[sympy.Symbol, sympy.Symbol]) -> tuple[Any, ...]:
        """The same for equations whose sides are equal as polynomials of the same sums."""
        return ("equal", self.left.canonical(renaming), self.right.canonical(renaming))

    def json(self) -> Json:
        """The equation as plain data."""
        return ["equal", self.left.json(), self.right.json()]


@dataclass(frozen=True)
class Statement:
    """``for all variables that meet the conditions: body``."""

    body: Formula | Equation
    variables: tuple[sympy.Symbol, ...] = ()
    conditions: tuple[Formula, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is not a statement; conditions without variables belong to the hypotheses."""
        for name in ("variables", "conditions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for variable in self.variables:
            if not isinstance(integer_term(variable), sympy.Symbol):
                raise ProofError(f"a statement quantifies over integer symbols, not {variable!r}")
        if type(self.body) not in (Formula, Equation) or not all(type(c) is Formula for c in self.conditions):
            raise ProofError(f"a statement is a formula or an equation under formulas, not {self.body!r}")
        if len(set(self.variables)) != len(self.variables) or (self.conditions and not self.variables):
            raise ProofError(f"the variables must differ, and conditions need some: {self.variables}")

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it."""
        return self._inner - set(self.variables)

    @property
    def _inner(self) -> frozenset[sympy.Symbol]:
        return frozenset[sympy.Symbol]().union(*(part.free_symbols for part in (self.body, *self.conditions)))

    def substitute(self, mapping: Mapping[Any, Term]) -> Statement:
        """Terms in place of free variables; quantified variables step aside."""
        free = {key: term for key, term in mapping.items() if key not in self.variables}
        taken = frozenset[sympy.Symbol]().union(*(variables(integer_term(term)) for term in free.values()))
        renaming: dict[sympy.Symbol, sympy.Symbol] = {}
        for v in self.variables:
            if v in taken:
                renaming[v] = fresh(v, taken | set(free) | self._inner | set(self.variables) | set(renaming.values()))
        clear = self._mapped(renaming, tuple(renaming.get(v, v) for v in self.variables)) if renaming else self
        return clear._mapped(free, clear.variables)

    def _mapped(self, mapping: Mapping[Any, Term], over: tuple[sympy.Symbol, ...]) -> Statement:
        return Statement(self.body.substitute(mapping), over, tuple(c.substitute(mapping) for c in self.conditions))

    def json(self) -> Json:
        """The statement as plain data."""
        return {
            "forall": [v.name for v in self.variables],
            "if": [condition.json() for condition in self.conditions],
            "then": self.body.json(),
        }


def value(source: Any) -> Value:
    """A number, an integer term, an entry of a tensor, a derivative, an application or a contraction as a value."""
    if isinstance(source, Value):
        return source
    if isinstance(source, Contraction):
        return source.value
    entry = isinstance(source, sympy.Indexed) and source.base.is_integer is not True
    if entry or isinstance(source, (Gradient, Application)):
        return Value((Contraction((), (), sympy.Integer(1), (source,)),))
    return Value((Contraction((), (), _coefficient(source), ()),))


def total(bound: Iterable[sympy.Symbol], guard: Iterable[Formula], summand: Any) -> Value:
    """``sum over bound of [guard] * summand``; sums inside the summand are merged with the outer one."""
    bound, guard = tuple(bound), tuple(guard)
    head = Contraction(bound, guard, sympy.Integer(1), ())
    terms = []
    for inner in value(summand).terms:
        clear = inner.renamed(set(bound) | head.free_symbols)
        terms.append(Contraction(bound + clear.bound, head.guard + clear.guard, clear.coefficient, clear.factors))
    return Value(tuple(terms))


def fresh(like: sympy.Symbol, taken: Iterable[sympy.Symbol]) -> sympy.Symbol:
    """An integer symbol named like another one that is none of ``taken``."""
    names = {symbol.name for symbol in taken}
    number = 2
    while f"{like.name}{number}" in names:
        number += 1
    return sympy.Symbol(f"{like.name}{number}", integer=True)


def factor_json(factor: Factor) -> Json:
    """A factor as plain data."""
    if isinstance(factor, (Gradient, Application)):
        return factor.json()
    return ["tensor", str(factor.base.label), *(term_json(index) for index in factor.indices)]


@cache
def _canonical(position: int) -> sympy.Symbol:
    """The name of a bound index in a key; no symbol of a term can have it."""
    return sympy.Symbol(f"%{position}", integer=True)


def _coefficient(number: Any) -> sympy.Expr:
    """A rational combination of integer terms."""
    if isinstance(number, (int, Fraction)) and not isinstance(number, bool):
        return sympy.Rational(number)
    if not isinstance(number, sympy.Expr):
        raise ProofError(f"not a coefficient: {number!r}")
    _check_coefficient(number)
    return number


def _check_coefficient(number: sympy.Expr) -> None:
    if isinstance(number, (sympy.Add, sympy.Mul)):
        for part in number.args:
            _check_coefficient(part)
    elif not isinstance(number, sympy.Rational):
        integer_term(number)


def _check_entry(factor: Any) -> None:
    if type(factor) is not sympy.Indexed or factor.base != tensor(str(factor.base.label)):
        raise ProofError(f"a factor is an entry of a tensor, a derivative or an application, not {factor!r}")
    for index in factor.indices:
        integer_term(index)


def _factor_key(factor: Factor, renaming: Mapping[sympy.Symbol, sympy.Symbol]) -> tuple[Any, ...]:
    if isinstance(factor, (Gradient, Application)):
        return factor.key(renaming)
    return (str(factor.base.label), *(expanded(index.xreplace(renaming)) for index in factor.indices))


def _conjuncts(guard: Iterable[Formula]) -> Iterable[Formula]:
    for atom in guard:
        if atom.op == "and":
            yield from _conjuncts(atom.args)
        else:
            yield atom
