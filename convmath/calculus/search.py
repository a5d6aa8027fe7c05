"""Finds certificates of integer facts by linear programming. Untrusted and optional.

What this module returns proves nothing: a certificate is accepted by :mod:`convmath.calculus.certificate`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from importlib.util import find_spec
from typing import Any

from ..errors import ProofError, UnsupportedError
from . import certificate as exact
from .certificate import Facts, Polynomial

NEEDS_SCIPY = "searching for certificates needs SciPy: pip install 'convmath[search]'"

_NOISE = 1e-7
"""What the linear program leaves below this is taken for zero; the exact solution decides."""

_LARGE = 2**14
"""From numbers so large on, what the solver rounds off before it begins may hide a solution."""


def can_search() -> bool:
    """Whether SciPy is installed, without which no certificate is found that needs a search."""
    return find_spec("scipy") is not None


def find_certificate(hypotheses: Sequence[Any], goal: Any, cuts: Sequence[Any] = (), products: int = 3) -> Any:
    """A certificate of ``hypotheses |- goal``, or ProofError when none is found.

    Args:
        hypotheses: formulas in the JSON of :mod:`convmath.calculus.certificate`.
        goal: the formula to prove.
        cuts: formulas to split on before anything else, such as ``["<=", "q", "o"]``.
        products: of how many inequalities products may be needed, at most 3; with fewer, a search that fails is short.

    >>> find_certificate([["<=", 1, "n"]], ["<=", 2, ["*", 2, "n"]])
    {'close': [[2, [0]], [1, [1]]], 'equations': []}
    """
    facts = Facts()
    for hypothesis in hypotheses:
        facts.assume(hypothesis)
    facts.assume(goal, False)
    found = _refute(facts, list(cuts), frozenset(), products)
    if found is None:
        raise ProofError(f"no certificate found for {goal!r} from {list(hypotheses)!r}")
    exact.check(hypotheses, goal, found)
    return found


def _refute(facts: Facts, cuts: list[Any], done: frozenset[int], most: int) -> Any | None:
    for index, (kind, value) in enumerate(facts.listed):
        if kind == ">=" and _impossible((kind, value)):
            return {"close": [[_plain(-1 / value[()]), [index]]], "equations": []}
    affine = all(map(_affine, facts.listed))
    splits = [(i, node[1]) for i, node in enumerate(facts.listed) if node[0] == "or" and i not in done]
    forced = [(i, alternatives) for i, alternatives in splits if any(map(_impossible, alternatives))]
    if affine and forced:
        return _split(facts, forced[0], cuts, done, most)
    for products in (1,) if affine or most == 1 else (1, 2):
        closed = _close(facts, products)
        if closed is not None:
            return closed
    if cuts:
        cut, *rest = cuts
        nodes = [facts.node(cut, True), facts.node(cut, False)]
        cases = _cases(facts, nodes, rest, done, most)
        return None if cases is None else {"cut": cut, "cases": cases}
    if splits:
        return _split(facts, splits[0], cuts, done, most)
    return None if affine or most < 3 else _close(facts, products=3)


def _split(
    facts: Facts, split: tuple[int, Sequence[Any]], cuts: list[Any], done: frozenset[int], most: int
) -> Any | None:
    index, alternatives = split
    cases = _cases(facts, alternatives, cuts, done | {index}, most)
    return None if cases is None else {"split": index, "cases": cases}


def _impossible(node: Any) -> bool:
    """Whether it says that a negative number is at least 0."""
    kind, value = node
    return kind == ">=" and set(value) == {()} and bool(value[()] < 0)


def _affine(node: Any) -> bool:
    """Whether no variables are multiplied: by Farkas' lemma, products of such inequalities close no further case."""
    kind, value = node
    return all(map(_affine, value)) if kind in ("and", "or") else all(len(monomial) <= 1 for monomial in value)


def _cases(facts: Facts, nodes: Sequence[Any], cuts: list[Any], done: frozenset[int], most: int) -> list[Any] | None:
    found = []
    for node in nodes:
        branch = Facts(facts.listed, facts.names)
        branch.append(node)
        part = _refute(branch, cuts, done, most)
        if part is None:
            return None
        found.append(part)
    return found


def _close(facts: Facts, products: int) -> Any | None:
    """A positive combination of products of inequalities and multiples of equations that adds up to -1."""
    inequalities = [(i, p) for i, (kind, p) in enumerate(facts.listed) if kind == ">=" and p]
    equations = [(i, p) for i, (kind, p) in enumerate(facts.listed) if kind == "==" and p]
    columns: list[tuple[Any, Polynomial]] = []
    for degree in range(1, products + 1):
        for chosen in itertools.combinations_with_replacement(inequalities, degree):
            product = reduce(exact.multiply, (p for _, p in chosen))
            columns.append((("product", [i for i, _ in chosen]), product))
    free = len(columns)
    variables = sorted({name for _, p in [*inequalities, *equations] for monomial in p for name in monomial})
    multipliers = [()] if products == 1 else [(), *((name,) for name in variables)]
    for i, p in equations:
        for multiplier in multipliers:
            multiple = exact.multiply(p, {multiplier: Fraction(1)}) if multiplier else p
            columns.append((("equation", i, multiplier), multiple))
    solution = _solve([column for _, column in columns], free)
    return None if solution is None else _written(columns, solution)


def _solve(columns: list[Polynomial], free: int) -> dict[int, Fraction] | None:
    """Exact coefficients of the columns (those before ``free`` not negative) whose combination is -1, few of them."""
    try:
        import numpy as np
        from scipy.optimize import linprog
    except ImportError as error:
        raise UnsupportedError(NEEDS_SCIPY) from error
    rows: dict[tuple[str, ...], int] = {(): 0}
    for column in columns:
        for monomial in column:
            rows.setdefault(monomial, len(rows))
    matrix = np.zeros((len(rows), len(columns)))
    for j, column in enumerate(columns):
        for monomial, number in column.items():
            matrix[rows[monomial], j] = number
    if not matrix.any():
        return None
    target = np.zeros(len(rows))
    target[0] = -1
    cost = np.array([1.0 + 0.5 * sum(map(len, column)) for column in columns])
    every, costs = np.hstack([matrix, -matrix[:, free:]]), np.concatenate([cost, cost[free:]])
    for presolve in (True, False) if np.abs(matrix).max() >= _LARGE else (True,):
        options = {"presolve": presolve}
        result = linprog(costs, A_eq=every, b_eq=target, bounds=(0, None), options=options)
        if result.status == 0:
            break
    else:
        return None
    x = result.x[: len(columns)].copy()
    x[free:] -= result.x[len(columns) :]
    return _rational([k for k in range(len(columns)) if abs(x[k]) > _NOISE], columns, rows, free)


def _rational(
    support: list[int], columns: list[Polynomial], rows: dict[tuple[str, ...], int], free: int
) -> dict[int, Fraction] | None:
    """Solve the support exactly by elimination over the rationals."""
    zero = Fraction(0)
    table = [[columns[k].get(monomial, zero) for k in support] + [Fraction(-(monomial == ()))] for monomial in rows]
    pivots: list[int] = []
    for k in range(len(support)):
        row = next((r for r in range(len(pivots), len(table)) if table[r][k]), None)
        if row is None:
            continue
        top = len(pivots)
        table[top], table[row] = table[row], table[top]
        table[top] = [value / table[top][k] for value in table[top]]
        for r in range(len(table)):
            if r != top and table[r][k]:
                factor = table[r][k]
                table[r] = [a - factor * b for a, b in zip(table[r], table[top], strict=True)]
        pivots.append(k)
    if any(row[-1] for row in table[len(pivots) :]):
        return None
    solution = {support[k]: table[r][-1] for r, k in enumerate(pivots) if table[r][-1]}
    return solution if all(value > 0 for k, value in solution.items() if k < free) else None


def _written(columns: list[tuple[Any, Polynomial]], solution: dict[int, Fraction]) -> Any:
    close: list[Any] = []
    equations: dict[int, list[Any]] = {}
    for k, value in solution.items():
        label = columns[k][0]
        if label[0] == "product":
            close.append([_plain(value), label[1]])
        else:
            equations.setdefault(label[1], []).append([_plain(value), list(label[2])])
    return {"close": close, "equations": [[factor, i] for i, factor in equations.items()]}


def _plain(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else str(value)
