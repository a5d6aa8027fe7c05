"""Terms and formulas, as plain frozen data, as functions of integers, and the integer points of a guard.

The points are found from the guard itself, one index after the other: an equation gives its last index, inequalities
give a range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import prod
from operator import eq, le, lt, ne
from typing import Any, NamedTuple, Protocol

from ..errors import ProofError, UnsupportedError
from .plain import CONNECTIVES, ROUNDINGS, Frozen, Polynomial, difference, free_variables

Cell = tuple[str, str, tuple[int, ...]]
"""An entry of a sequence or tensor: ``("at" or "tensor", name, index)``."""
Environment = dict[str, int]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"<=": le, "<": lt, "==": eq, "!=": ne}
_GUESS, _RISK, _UNBOUNDED = 4, 10**6, 10**9
"""Estimates for an index whose bounds depend on other indices, that may have no bound, and that has none."""
_MANY = 2000
"""So many inequalities may arise when those of a guard are combined."""


class Reader(Protocol):
    """What terms are evaluated in."""

    def entry(self, cell: Cell) -> Any:
        """The value of an entry."""

    def rounding(self, op: str, a: int, b: int) -> int:
        """The quotient rounded down (``div``) or up (``ceil``), or the remainder (``mod``)."""


Evaluator = Callable[[Any, Environment], Any]


@lru_cache(maxsize=65536)
def term_function(term: Frozen) -> Evaluator:
    """The value of an integer term, as a function of a reader and of the values of its variables."""
    if isinstance(term, int):
        return lambda m, e: term
    if isinstance(term, str):
        return lambda m, e: e[term]
    op, *args = term or (None,)
    if op == "at" and len(args) >= 2:
        cell = cell_function(term)
        return lambda m, e: m.entry(cell(m, e))
    if op in ("+", "*"):
        combine: Callable[..., int] = sum if op == "+" else prod
        parts = [term_function(arg) for arg in args]
        return lambda m, e: combine([part(m, e) for part in parts])
    if len(args) != 2 or op not in (*ROUNDINGS, "min", "max"):
        raise ProofError(f"not an integer term: {term!r}")
    first, second = map(term_function, args)
    if op in ROUNDINGS:
        return lambda m, e: m.rounding(op, first(m, e), second(m, e))
    choose: Callable[..., int] = min if op == "min" else max
    return lambda m, e: choose(first(m, e), second(m, e))


def cell_function(entry: Frozen) -> Callable[[Any, Environment], Cell]:
    """Which entry ``("at" or "tensor", name, index, ...)`` is, as a function like :func:`term_function`."""
    kind, name, *indices = entry
    parts = [term_function(index) for index in indices]
    if len(parts) == 1:
        (only,) = parts
        return lambda m, e: (kind, name, (only(m, e),))
    return lambda m, e: (kind, name, tuple([part(m, e) for part in parts]))


@lru_cache(maxsize=65536)
def formula_function(formula: Frozen) -> Evaluator:
    """The truth of a formula, as a function like :func:`term_function`."""
    op, *args = formula if isinstance(formula, tuple) and formula else (None,)
    if op in _COMPARE and len(args) == 2:
        compare, left, right = _COMPARE[op], *map(term_function, args)
        return lambda m, e: compare(left(m, e), right(m, e))
    if op not in CONNECTIVES or len(args) != (CONNECTIVES[op] or len(args)):
        raise ProofError(f"not a formula: {formula!r}")
    parts = [formula_function(arg) for arg in args]
    if op == "and":
        return lambda m, e: all(part(m, e) for part in parts)
    if op == "or":
        return lambda m, e: any(part(m, e) for part in parts)
    if op == "not":
        return lambda m, e: not parts[0](m, e)
    if op == "=>":
        return lambda m, e: not parts[0](m, e) or parts[1](m, e)
    return lambda m, e: parts[0](m, e) == parts[1](m, e)


class Row(NamedTuple):
    """``slope * index + rest >= 0`` or ``= 0``, and whether the slope, or all of it, depends on no other index."""

    slope: Evaluator
    rest: Evaluator
    equation: bool
    known_slope: bool
    known: bool


class Atom:
    """A conjunct of a guard; a comparison can bound an index on which it depends linearly."""

    def __init__(self, atom: Frozen, bound: frozenset[str]) -> None:
        """Prepare for these bound indices."""
        self.holds = formula_function(atom)
        self.names = free_variables(atom) & bound
        self.equation = atom[0] == "=="
        self.difference: Polynomial = {}
        self.rows: dict[str, Row] = {}
        if atom[0] in ("<=", "<", "=="):
            self.difference = difference(atom)
            for name in self.names:
                self._solve(name, bound)

    def _solve(self, name: str, bound: frozenset[str]) -> None:
        terms = self.difference.items()
        slope = {tuple(part for part in m if part != name): number for m, number in terms if m.count(name) == 1}
        rest = {m: number for m, number in terms if name not in m}
        names = _names(slope), _names(rest)
        if len(slope) + len(rest) == len(terms) and name not in names[0] | names[1]:
            known = not names[0] & bound, not (names[0] | names[1]) & bound
            self.rows[name] = Row(_evaluator(slope), _evaluator(rest), self.equation, *known)

    def inequalities(self, bound: Sequence[str], m: Reader, e: Environment) -> list[dict[str, int]]:
        """As ``sum of number * index + number >= 0``, the last number under the empty name; nothing if not linear."""
        row: dict[str, int] = {"": 0}
        for monomial, number in self.difference.items():
            indices = [part for part in monomial if part in bound]
            rest = tuple(part for part in monomial if part not in bound)
            if len(indices) > 1 or _names({rest: 1}) & set(bound):
                return []
            key = indices[0] if indices else ""
            row[key] = row.get(key, 0) + number * prod(term_function(part)(m, e) for part in rest)
        return [row, {key: -number for key, number in row.items()}] if self.equation else [row]


def _names(p: Polynomial) -> frozenset[str]:
    return frozenset[str]().union(*(free_variables(part) for monomial in p for part in monomial))


def _evaluator(p: Polynomial) -> Evaluator:
    constant = p.get((), 0)
    plain = [
        (number, *monomial) for monomial, number in p.items() if len(monomial) == 1 and isinstance(monomial[0], str)
    ]
    others = [
        (number, [term_function(part) for part in monomial])
        for monomial, number in p.items()
        if monomial and (number, *monomial) not in plain
    ]
    if others:
        return lambda m, e: (
            constant
            + sum([number * e[name] for number, name in plain])
            + sum([number * prod([part(m, e) for part in parts]) for number, parts in others])
        )
    if not plain:
        return lambda m, e: constant
    return lambda m, e: constant + sum([number * e[name] for number, name in plain])


class Level(NamedTuple):
    """An index, what bounds it when the earlier ones are known, its values if these are the same for all earlier ones,
    and what else is decided when it is known."""

    name: str
    rows: Sequence[Row]
    values: range | None
    checks: Sequence[Evaluator]


class Plan(NamedTuple):
    """What is decided before any index is known, and the order in which the indices are found."""

    checks: Sequence[Evaluator]
    levels: Sequence[Level]


def make_plan(
    bound: Sequence[str], atoms: Sequence[Atom], m: Reader, e: Environment, varying: frozenset[str] = frozenset()
) -> Plan:
    """Take the index to which the earlier ones leave the fewest values, again and again.

    The plan is good for other environments too, as long as they differ in the ``varying`` variables alone, for which
    the atoms were prepared as if they were bound.
    """
    pending = [atom for atom in atoms if not atom.names <= varying]
    levels: list[Level] = []
    left = list(bound)
    known = set(varying)
    derived: dict[str, list[Row]] = {}
    while left:
        usable = {name: [a for a in pending if name in a.rows and a.names <= known | {name}] for name in left}
        rows = {name: [a.rows[name] for a in usable[name]] + derived.get(name, []) for name in left}
        name = min(left, key=lambda index: _estimate(rows[index], m, e))
        if not derived and _estimate(rows[name], m, e) == _UNBOUNDED:
            fixed = [atom for atom in atoms if not atom.names & varying]
            derived = {index: _combined(index, bound, fixed, m, e) for index in left}
            continue
        known.add(name)
        left.remove(name)
        decided = [a for a in pending if a.names <= known]
        pending = [a for a in pending if not a.names <= known]
        values = _range(rows[name], m, e) if all(row.known for row in rows[name]) else None
        levels.append(Level(name, rows[name], values, [a.holds for a in decided if name not in a.rows]))
    return Plan([atom.holds for atom in atoms if atom.names <= varying], levels)


def _estimate(rows: Sequence[Row], m: Reader, e: Environment) -> int:
    """How many values the rows leave to their index, as far as one can tell beforehand."""
    slopes = [(row, row.slope(m, e)) for row in rows if row.known_slope]
    if any(row.equation and slope for row, slope in slopes):
        return 0
    values = _range([row for row in rows if row.known], m, e)
    if values is not None:
        return len(values)
    if {slope > 0 for _, slope in slopes if slope} == {True, False}:
        return _GUESS
    return _RISK if len(slopes) < len(rows) else _UNBOUNDED


def _range(rows: Sequence[Row], m: Reader, e: Environment) -> range | None:
    """The integers that meet the rows, or None when these are infinitely many."""
    low: int | None = None
    high: int | None = None
    for row in rows:
        slope, rest = row.slope(m, e), row.rest(m, e)
        if (row.equation and (rest % slope if slope else rest)) or (slope == 0 and rest < 0):
            return range(0)
        if slope > 0 or (slope and row.equation):
            bound = -(rest // slope)
            low = bound if low is None else max(low, bound)
        if slope < 0 or (slope and row.equation):
            bound = rest // -slope
            high = bound if high is None else min(high, bound)
    return None if low is None or high is None else range(low, high + 1)


def _combined(index: str, bound: Sequence[str], atoms: Sequence[Atom], m: Reader, e: Environment) -> list[Row]:
    """Bounds of one index alone: the others are eliminated from the linear inequalities (Fourier and Motzkin)."""
    table = [row for atom in atoms for row in atom.inequalities(bound, m, e)]
    for other in set(bound) - {index}:
        above = [row for row in table if row.get(other, 0) > 0]
        below = [row for row in table if row.get(other, 0) < 0]
        table = [row for row in table if not row.get(other, 0)]
        if len(table) + len(above) * len(below) > _MANY:
            return []
        table += [
            {key: p.get(key, 0) * -q[other] + q.get(key, 0) * p[other] for key in (p.keys() | q.keys()) - {other}}
            for p in above
            for q in below
        ]
    return [_constant(row.get(index, 0), row.get("", 0)) for row in table]


def _constant(slope: int, rest: int) -> Row:
    return Row(lambda m, e: slope, lambda m, e: rest, False, True, True)


def walk(
    plan: Plan, m: Reader, e: Environment, order: Callable[[range], Iterable[int]] = iter, depth: int = 0
) -> Iterator[None]:
    """Let the environment run through the points of a guard, the values of each index in this order.

    Raises:
        UnsupportedError: the guard does not bound an index.
    """
    for check in plan.levels[depth - 1].checks if depth else plan.checks:
        if not check(m, e):
            return
    if depth == len(plan.levels):
        yield
        return
    name, rows, fixed, _ = plan.levels[depth]
    values = _range(rows, m, e) if fixed is None else fixed
    if values is None:
        raise UnsupportedError(f"the guard of a sum does not bound the index {name}")
    for e[name] in order(values):
        yield from walk(plan, m, e, order, depth + 1)
