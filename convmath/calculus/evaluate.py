"""Evaluates terms, formulas and values exactly from their plain data: a second meaning, independent of the kernel.

The data are those of :func:`convmath.calculus.trace.trace`. A :class:`Model` gives integers to the variables and a
number to every entry of the integer sequences and of the tensors. A sum is taken over all the integers that meet its
guard; a derivative is taken by the product rule, entry by entry. An uninterpreted function f is the step function whose
value between the integers n and n + 1 is the entry ``f[n]`` of a tensor of that name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import floor
from typing import Any

from ..errors import DomainError, ProofError, UnsupportedError
from .plain import ROUNDINGS, Frozen, Json, conjuncts, entries, free_variables, freeze
from .points import (
    Atom,
    Cell,
    Environment,
    Evaluator,
    Plan,
    cell_function,
    formula_function,
    make_plan,
    term_function,
    walk,
)
from .quadrature import evaluated

Number = int | Fraction
Table = Mapping[Any, Number] | Callable[..., Number]
Directions = tuple[Cell, ...]
"""Entries of tensors for which a partial derivative is taken, one after the other."""


class Model:
    """Integers for the variables, numbers for all entries of the sequences and the tensors.

    Args:
        variables: an integer per name.
        sequences: by name or by (name, number of indices), a function of the indices, or a mapping from tuples of
            indices (or from ints, if there is one index).
        tensors: the same for the tensors.
        seed: entries that no table has are small integers, those of tensors not 0, drawn with this seed; without one
            they are an error.
        undefined: the value of a rounding with a divisor <= 0, as a function of its name and its two arguments;
            without it such a rounding is an error.
        limit: more points than this in all sums together are an error.

    Attributes:
        cells: the entries that were read so far.
        visited: how many points of sums were visited so far, as a list of one number.

    Raises:
        DomainError: a variable or an entry has no value, or a divisor is not positive.
        UnsupportedError: the guard of a sum does not bound an index, a sum has too many points, or a statement is
            quantified.
        ProofError: the data are malformed.

    >>> model = Model({"n": 3}, tensors={"x": lambda i: 10 * i})
    >>> model.value([{"sum": ["i"], "guard": [["<=", 0, "i"], ["<", "i", "n"]],
    ...               "coefficient": ["1/2", 1], "factors": [["tensor", "x", "i"]]}])
    15
    """

    def __init__(
        self,
        variables: Mapping[str, int] | None = None,
        sequences: Mapping[Any, Table] | None = None,
        tensors: Mapping[Any, Table] | None = None,
        *,
        seed: int | None = None,
        undefined: Callable[[str, int, int], int] | None = None,
        limit: int | None = None,
    ) -> None:
        """See the class."""
        self.variables = dict(variables or {})
        self.tables: dict[str, dict[Any, Table]] = {"at": dict(sequences or {}), "tensor": dict(tensors or {})}
        self.seed = seed
        self.undefined = undefined
        self.limit = limit
        self.visited = [0]
        self.cells: dict[Cell, Number] = {}
        self.sums: dict[Any, Number] = {}
        self.plans: dict[Any, Plan] = {}

    def extended(self, variables: Mapping[str, int]) -> Model:
        """A model with more variables, or other values for them, and the same tables."""
        model = Model.__new__(Model)
        model.__dict__.update(self.__dict__)
        model.variables = self.variables | dict(variables)
        return model

    def term(self, term: Json) -> int:
        """The value of an integer term.

        >>> Model({"n": 7}).term(["div", ["*", -1, "n"], 2])
        -4
        """
        value: int = self._evaluate(term_function(freeze(term)))
        return value

    def value(self, value: Json) -> Number:
        """The number that a value stands for: a list of contractions, or a real term."""
        contractions = freeze(value)
        if contractions[:1] == ("real",):
            number: Number = evaluated(contractions[1], self)
        else:
            number = self._evaluate(lambda m, e: _partial(contractions, m, e, ()))
        return number.numerator if isinstance(number, Fraction) and number.denominator == 1 else number

    def sides(self, equation: Json) -> tuple[Number, Number]:
        """Both sides of ``["equal", left, right]``."""
        _, left, right = equation
        return self.value(left), self.value(right)

    def holds(self, statement: Json) -> bool:
        """Whether a formula, an equation or a statement without quantifiers is true.

        >>> Model({"n": 2}).holds(["=>", ["<=", 3, "n"], ["==", "n", 0]])
        True
        """
        frozen = freeze(statement)
        if frozen[0] == "forall" and frozen[1]:
            raise UnsupportedError(f"a statement about all {', '.join(frozen[1])} is evaluated at given values only")
        return self.holds_at(frozen, {})

    def holds_at(self, statement: Json, variables: Mapping[str, int]) -> bool:
        """Whether a statement is true at these values of its quantified variables: its conditions imply its body."""
        frozen = freeze(statement)
        model = self.extended(variables) if variables else self
        if frozen[0] == "forall":
            if not all(model._evaluate(formula_function(condition)) for condition in frozen[2]):
                return True
            frozen = frozen[3]
        if frozen[0] == "equal":
            left, right = model.sides(frozen)
            return left == right
        return bool(model._evaluate(formula_function(frozen)))

    def _evaluate(self, evaluator: Evaluator) -> Any:
        try:
            return evaluator(self, self.variables)
        except KeyError as error:
            raise DomainError(str(error.args[0]), None, "needs a value") from error

    def entry(self, cell: Cell) -> Number:
        """The value of an entry, which is looked up once and kept in ``cells``."""
        if cell not in self.cells:
            self.cells[cell] = self._look_up(cell)
        return self.cells[cell]

    def _look_up(self, cell: Cell) -> Number:
        kind, name, index = cell
        tables = self.tables[kind]
        table: Table = tables.get((name, len(index)), tables.get(name, {}))
        if not isinstance(table, Mapping):
            return table(*index)
        for key in (index, *index) if len(index) == 1 else (index,):
            if key in table:
                number: Number = table[key]
                return number
        if self.seed is None:
            raise DomainError(f"{name}[{', '.join(map(str, index))}]", None, "needs a value")
        return self.drawn(cell)

    def drawn(self, cell: Cell) -> int:
        """The pseudo-random value that the seed gives to an entry."""
        draw = random.Random(f"{self.seed} {cell}")  # noqa: S311 - no secret is drawn
        return draw.randint(-4, 6) if cell[0] == "at" else draw.choice((-1, 1)) * draw.randint(1, 9)

    def rounding(self, op: str, a: int, b: int) -> int:
        """The quotient rounded down (``div``) or up (``ceil``), or the remainder (``mod``)."""
        if b >= 1:
            return ROUNDINGS[op](a, b)
        if self.undefined is None:
            raise DomainError("divisor", b, "needs divisor >= 1", f"in {op}({a}, {b})")
        return self.undefined(op, a, b)


def _partial(value: Frozen, m: Model, e: Environment, directions: Directions) -> Number:
    """The value, or its mixed partial derivative for some entries of tensors."""
    return sum(_sum(contraction).partial(m, e, directions) for contraction in value)


class _Sum:
    """A contraction, ready to be evaluated."""

    def __init__(self, contraction: Frozen) -> None:
        if not isinstance(contraction, tuple) or len(contraction) != 5 or contraction[0] != "sum":
            raise ProofError(f"not a contraction: {contraction!r}")
        _, bound, guard, coefficient, factors = contraction
        self.contraction = contraction
        self.bound: tuple[str, ...] = bound
        self.atoms = [Atom(atom, frozenset(bound)) for atom in conjuncts(guard)]
        self.number = Fraction(coefficient[0])
        self.coefficient = term_function(coefficient[1])
        self.factors = [_factor(factor) for factor in factors]
        self.free = sorted(free_variables(contraction))
        self.guard_free = sorted(free_variables(("and", *guard)) - set(bound))
        self.reads = any(True for _ in entries(("and", *guard)))
        self.linear = [self._matching(factor) for factor in factors if factor[0] == "tensor"]

    def _matching(self, entry: Frozen) -> tuple[str, int, list[Atom]]:
        """The conditions under which the entry is the one whose index stands under %0, %1, ... in the environment."""
        equations = [("==", index, f"%{i}") for i, index in enumerate(entry[2:])]
        indices = frozenset((*self.bound, *(index for _, _, index in equations)))
        return entry[1], len(entry) - 2, [Atom(equation, indices) for equation in equations]

    def partial(self, m: Model, e: Environment, directions: Directions) -> Number:
        inner = {name: e[name] for name in self.free}
        key = (self.contraction, *inner.values(), directions)
        if key not in m.sums:
            m.sums[key] = self._total(m, inner, directions) if self.number else 0
        return m.sums[key]

    def _total(self, m: Model, e: Environment, directions: Directions) -> Number:
        total: Number = 0
        if len(directions) == 1 and len(self.linear) == len(self.factors):
            for position in range(len(self.factors)):
                total += self._derived(position, m, e, directions[0])
        else:
            total = self._added(self._plan(m, e), self.factors, m, e, directions)
        return total if self.number == 1 else total * self.number

    def _plan(self, m: Model, e: Environment) -> Plan:
        values = tuple(e[name] for name in self.guard_free)
        if not self.reads:
            return _plan_at(self, values, m.undefined)
        key = (self.contraction, None, *values)
        if key not in m.plans:
            m.plans[key] = make_plan(self.bound, self.atoms, m, e)
        return m.plans[key]

    def _derived(self, position: int, m: Model, e: Environment, cell: Cell) -> Number:
        """What one factor contributes to the derivative for an entry: the other factors, wherever it is this entry."""
        _, name, index = cell
        own, arity, equations = self.linear[position]
        if (own, arity) != (name, len(index)):
            return 0
        match = {f"%{i}": value for i, value in enumerate(index)}
        e = {**e, **match}
        key = (self.contraction, position, *(e[name] for name in self.guard_free))
        if key not in m.plans:
            m.plans[key] = make_plan(self.bound, self.atoms + equations, m, e, frozenset(match))
        others = self.factors[:position] + self.factors[position + 1 :]
        return self._added(m.plans[key], others, m, e, ())

    def _added(
        self, plan: Plan, factors: Sequence[_Factor], m: Model, e: Environment, directions: Directions
    ) -> Number:
        total: Number = 0
        for _ in walk(plan, m, e):
            m.visited[0] += 1
            if m.limit is not None and m.visited[0] > m.limit:
                raise UnsupportedError(f"the sums have more than {m.limit} points")
            number = self.coefficient(m, e)
            total += number and number * _product(factors, m, e, directions)
        return total


_sum = lru_cache(maxsize=65536)(_Sum)


@lru_cache(maxsize=16384)
def _plan_at(contraction: _Sum, values: tuple[int, ...], undefined: Callable[[str, int, int], int] | None) -> Plan:
    """The plan of a guard that reads no entry, in every model with these values of its free variables."""
    e = dict(zip(contraction.guard_free, values, strict=True))
    return make_plan(contraction.bound, contraction.atoms, Model(undefined=undefined), e)


_Factor = Callable[[Model, Environment, Directions], Number]


def _factor(factor: Frozen) -> _Factor:
    if factor[0] == "tensor" and len(factor) >= 3:
        cell = cell_function(factor)
        return lambda m, e, d: int(d == (cell(m, e),)) if d else m.entry(cell(m, e))
    if factor[0] == "apply" and len(factor) == 3:
        return _application(*factor[1:])
    if factor[0] != "gradient" or len(factor) != 3:
        raise ProofError(f"no entry of a tensor, no derivative and no application: {factor!r}")
    body, at = factor[1], cell_function(factor[2])
    return lambda m, e, d: _partial(body, m, e, (*d, at(m, e)))


def _application(name: str, body: Frozen) -> _Factor:
    """The height of a function's step: as in real terms, functions are constant between neighbouring integers."""

    def applied(m: Model, e: Environment, directions: Directions) -> Number:
        if directions:
            raise UnsupportedError(f"the function {name} is not differentiated")
        return m.entry(("tensor", name, (floor(_partial(body, m, e, ())),)))

    return applied


def _product(factors: Sequence[_Factor], m: Model, e: Environment, directions: Directions) -> Number:
    """The product rule: every direction goes to one of the factors."""
    if not directions:
        product: Number = 1
        for factor in factors:
            product *= factor(m, e, ())
        return product
    total: Number = 0
    for size in range(len(directions) + 1 if factors else 0):
        for chosen in combinations(range(len(directions)), size):
            first = factors[0](m, e, tuple(directions[i] for i in chosen))
            rest = tuple(d for i, d in enumerate(directions) if i not in chosen)
            total += first and first * _product(factors[1:], m, e, rest)
    return total
