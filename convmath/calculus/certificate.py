"""Checks the certificate of an integer fact: exact polynomial identities, nothing else. Trusted.

A fact ``hypotheses |- goal`` holds for all integers when its negation is refuted: the hypotheses and the negated goal
are listed as ``p >= 0``, ``p = 0`` and disjunctions, every disjunction that matters is split, and each case is closed
by ``sum of c * g_i * g_j * ... + sum of q * e_k = -1`` with rational c > 0, listed inequalities g and listed
equations e.

Terms and formulas are plain JSON. Term: an int, a variable name, ``["+", ...]``, ``["*", ...]``, ``["at", name,
index, ...]`` (an integer sequence), ``["div" | "ceil" | "mod" | "min" | "max", a, b]``. Formula: ``["<=" | "<" | "=="
| "!=", a, b]``, ``["and" | "or", ...]``, ``["not", f]``, ``["=>" | "<=>", f, g]``. Rounding has its meaning for a
divisor >= 1 and an arbitrary value otherwise. Certificate: ``{"split": i, "cases": [...]}``, ``{"cut": formula,
"cases": [if it holds, if not]}`` or ``{"close": [[c, [i, j, ...]], ...], "equations": [[polynomial, k], ...]}``,
where a number is an int or a string like ``"3/2"`` and a polynomial is ``[[number, [variable, ...]], ...]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..errors import ProofError

Polynomial = dict[tuple[str, ...], Fraction]
Node = tuple[str, Any]
"""A formula without negations: ``(">=", p)``, ``("==", p)``, ``("and", nodes)`` or ``("or", nodes)``."""


def add(*polynomials: Polynomial) -> Polynomial:
    """The sum."""
    return _collected(term for polynomial in polynomials for term in polynomial.items())


def multiply(p: Polynomial, q: Polynomial) -> Polynomial:
    """The product."""
    return _collected((tuple(sorted(m + n)), a * b) for m, a in p.items() for n, b in q.items())


def _collected(terms: Iterable[tuple[tuple[str, ...], Fraction]]) -> Polynomial:
    total: Polynomial = {}
    for monomial, number in terms:
        total[monomial] = total[monomial] + number if monomial in total else number
    return {monomial: number for monomial, number in total.items() if number}


def constant(number: int | Fraction) -> Polynomial:
    """A constant polynomial."""
    return {(): Fraction(number)} if number else {}


def minus(p: Polynomial, q: Polynomial, gap: int = 0) -> Polynomial:
    """The difference ``p - q - gap``."""
    return add(p, multiply(constant(-1), q), constant(-gap))


class Facts:
    """What may be used in a case, in order of arrival; a conjunction is listed part by part."""

    def __init__(self, listed: Sequence[Node] = (), names: Mapping[Any, str] | None = None) -> None:
        """Start from a copy of another list, or from nothing."""
        self.listed = list(listed)
        self.names = dict(names or {})

    def assume(self, formula: Any, holds: bool = True) -> None:
        """List a formula or its negation; the definitions of the roundings in it are listed before it."""
        self.append(self.node(formula, holds))

    def append(self, node: Node) -> None:
        """List a formula without negations."""
        if node[0] == "and":
            for part in node[1]:
                self.append(part)
        else:
            self.listed.append(node)

    def node(self, formula: Any, holds: bool = True) -> Node:
        """The formula, or its negation, over the integers and with the negations pushed into the comparisons."""
        op, args = _operation(formula)
        if op in ("and", "or"):
            return ("and" if (op == "and") == holds else "or", [self.node(arg, holds) for arg in args])
        if op == "not" and len(args) == 1:
            return self.node(args[0], not holds)
        if len(args) != 2:
            raise ProofError(f"not a formula: {formula!r}")
        a, b = args
        if op == "=>":
            return self.node(["or", ["not", a], b], holds)
        if op == "<=>":
            agree = ["and", ["=>", a, b], ["=>", b, a]]
            return self.node(agree if holds else ["or", ["and", a, ["not", b]], ["and", b, ["not", a]]])
        p, q = self.polynomial(a), self.polynomial(b)
        if op == "<=":
            return (">=", minus(q, p) if holds else minus(p, q, 1))
        if op == "<":
            return (">=", minus(q, p, 1) if holds else minus(p, q))
        if op not in ("==", "!="):
            raise ProofError(f"not a formula: {formula!r}")
        if (op == "==") == holds:
            return ("==", minus(p, q))
        return ("or", [(">=", minus(p, q, 1)), (">=", minus(q, p, 1))])

    def polynomial(self, term: Any) -> Polynomial:
        """The term as a polynomial, in which each rounding and each value of a sequence is a variable of its own."""
        if isinstance(term, int) and not isinstance(term, bool):
            return constant(term)
        if isinstance(term, str) and term and not term.startswith("#"):
            return {(term,): Fraction(1)}
        op, args = _operation(term)
        if op == "at" and len(args) >= 2 and isinstance(args[0], str):
            return self._variable(("at", args[0], *(_key(self.polynomial(arg)) for arg in args[1:])))
        parts = [self.polynomial(arg) for arg in args]
        if op == "+":
            return add(*parts)
        if op == "*":
            product = constant(1)
            for part in parts:
                product = multiply(product, part)
            return product
        if len(parts) != 2 or op not in ("div", "ceil", "mod", "min", "max"):
            raise ProofError(f"not an integer term: {term!r}")
        if op == "mod":
            ((quotient,),) = self.polynomial(["div", *args])
            return {(quotient + "r",): Fraction(1)}
        a, b = parts
        define = _extremum if op in ("min", "max") else _quotient
        return self._variable((op, _key(a), _key(b)), lambda name: define(op, a, b, name))

    def _variable(self, key: Any, define: Callable[[str], Sequence[Node]] = lambda name: ()) -> Polynomial:
        if key not in self.names:
            name = self.names[key] = f"#{len(self.names)}"
            for node in define(name):
                self.append(node)
        return {(self.names[key],): Fraction(1)}


def _operation(expression: Any) -> tuple[str, Sequence[Any]]:
    if isinstance(expression, (list, tuple)) and expression and isinstance(expression[0], str):
        return expression[0], expression[1:]
    raise ProofError(f"neither a term nor a formula: {expression!r}")


def _key(polynomial: Polynomial) -> frozenset[tuple[tuple[str, ...], Fraction]]:
    return frozenset(polynomial.items())


def _quotient(op: str, a: Polynomial, b: Polynomial, name: str) -> list[Node]:
    """``a = b*q + r`` for the floor, ``a = b*q - r`` for the ceiling, and ``0 <= r < b``, unless ``b <= 0``."""
    q: Polynomial = {(name,): Fraction(1)}
    r: Polynomial = {(name + "r",): Fraction(1)}
    rest = minus(a, multiply(b, q))
    exact = minus(rest, r) if op == "div" else add(rest, r)
    return [("or", [(">=", minus({}, b)), ("and", [("==", exact), (">=", r), (">=", minus(b, r, 1))])])]


def _extremum(op: str, a: Polynomial, b: Polynomial, name: str) -> list[Node]:
    """The bound on both arguments, and that one of them is reached."""
    m: Polynomial = {(name,): Fraction(1)}
    bounds: list[Node] = [(">=", minus(arg, m) if op == "min" else minus(m, arg)) for arg in (a, b)]
    return [*bounds, ("or", [("==", minus(a, m)), ("==", minus(b, m))])]


def check(hypotheses: Sequence[Any], goal: Any, certificate: Any) -> None:
    """Accept the certificate of ``hypotheses |- goal``, or raise ProofError with the clause that fails.

    >>> check([["<=", 1, "n"]], ["<=", 2, ["*", 2, "n"]], {"close": [[2, [0]], [1, [1]]], "equations": []})
    """
    facts = Facts()
    for hypothesis in hypotheses:
        facts.assume(hypothesis)
    facts.assume(goal, False)
    _refute(facts, certificate)


def _refute(facts: Facts, certificate: Any) -> None:
    if not isinstance(certificate, dict):
        raise ProofError(f"not a certificate: {certificate!r}")
    kind = set(certificate)
    if kind == {"split", "cases"}:
        cases = _listed(facts, certificate["split"], "or")
    elif kind == {"cut", "cases"}:
        cases = [facts.node(certificate["cut"], True), facts.node(certificate["cut"], False)]
    elif kind == {"close", "equations"}:
        return _close(facts, certificate["close"], certificate["equations"])
    else:
        raise ProofError(f"a certificate splits, cuts or closes, but this one has {sorted(map(str, kind))}")
    if not isinstance(certificate["cases"], list) or len(certificate["cases"]) != len(cases):
        raise ProofError(f"{len(cases)} cases need as many certificates: {certificate['cases']!r}")
    for case, part in zip(cases, certificate["cases"], strict=True):
        branch = Facts(facts.listed, facts.names)
        branch.append(case)
        _refute(branch, part)
    return None


def _close(facts: Facts, products: Any, equations: Any) -> None:
    total: Polynomial = {}
    for number, indices in _pairs(products):
        product = constant(_number(number))
        if _number(number) <= 0:
            raise ProofError(f"an inequality may be multiplied by a positive number only, not {number!r}")
        if not isinstance(indices, list) or not indices:
            raise ProofError(f"a product of inequalities needs a list of them: {indices!r}")
        for index in indices:
            product = multiply(product, _listed(facts, index, ">="))
        total = add(total, product)
    for factor, index in _pairs(equations):
        polynomial = add(*(multiply(constant(_number(c)), {_monomial(m): Fraction(1)}) for c, m in _pairs(factor)))
        total = add(total, multiply(polynomial, _listed(facts, index, "==")))
    if total != constant(-1):
        raise ProofError(f"the certificate adds up to {total!r}, not to -1")


def _listed(facts: Facts, index: Any, kind: str) -> Any:
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(facts.listed):
        raise ProofError(f"there is no fact number {index!r}")
    if facts.listed[index][0] != kind:
        raise ProofError(f"fact number {index} is a {facts.listed[index][0]!r}, not a {kind!r}")
    return facts.listed[index][1]


def _pairs(items: Any) -> list[tuple[Any, Any]]:
    if not isinstance(items, list) or not all(isinstance(item, list) and len(item) == 2 for item in items):
        raise ProofError(f"not a list of pairs: {items!r}")
    return [(first, second) for first, second in items]


def _number(value: Any) -> Fraction:
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,50}/0*[1-9][0-9]{0,50}", value):
        return Fraction(value)
    raise ProofError(f"not a rational number: {value!r}")


def _monomial(variables: Any) -> tuple[str, ...]:
    if not isinstance(variables, list) or not all(isinstance(name, str) for name in variables):
        raise ProofError(f"not a list of variables: {variables!r}")
    return tuple(sorted(variables))
