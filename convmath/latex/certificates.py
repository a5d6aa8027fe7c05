"""Renders certificates for a reader: the exact identity when it is short, otherwise how many cases there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from ..calculus.certificate import Facts, Polynomial
from ..calculus.index import Json
from ..calculus.kernel import Theorem
from ..inert import CeilDiv, FloorDiv, Max, Min, Mod

_ROUNDINGS = {"div": FloorDiv, "ceil": CeilDiv, "min": Min, "max": Max}
_LETTERS = "qruvyzgeh"
_MOST_PRODUCTS = 6
_MOST_CASES = 2


@dataclass(frozen=True)
class Identity:
    """A case of a certificate: the sum of the products is -1.

    Attributes:
        products: positive numbers times expressions that are not negative.
        zeros: expressions times expressions that are 0.
        names: what the letters in them that are new stand for.
    """

    products: tuple[tuple[sympy.Rational, tuple[sympy.Expr, ...]], ...]
    zeros: tuple[tuple[sympy.Expr, sympy.Expr], ...]
    names: tuple[tuple[sympy.Symbol, sympy.Expr], ...]


def facts(theorem: Theorem) -> tuple[Theorem, ...]:
    """The integer facts that a theorem rests on, each once."""
    found: dict[int, Theorem] = {}
    stack, seen = [theorem], set[int]()
    while stack:
        current = stack.pop()
        if current.number not in seen:
            seen.add(current.number)
            stack.extend(current.premises)
            if current.rule == "fact":
                found[current.number] = current
    return tuple(found[number] for number in sorted(found))


def cases(certificate: Json) -> int:
    """How many cases a certificate closes."""
    return 1 if "close" in certificate else sum(map(cases, certificate["cases"]))


def identities(fact: Theorem) -> tuple[Identity, ...]:
    """The identities of a fact, one a case and each once, if there are few and they are short; otherwise none.

    Cases in which two inequalities contradict each other at once are not worth the reader's time.
    """
    listed = Facts()
    for hypothesis in fact.arguments["using"]:
        listed.assume(hypothesis)
    listed.assume(fact.conclusion.body.json(), False)
    leaves = [leaf for leaf in _leaves(listed, fact.arguments["certificate"]) if not _immediate(leaf)]
    if len(leaves) > _MOST_CASES or any(_length(certificate) > _MOST_PRODUCTS for _, certificate in leaves):
        return ()
    taken = {symbol.name for symbol in fact.conclusion.body.free_symbols}
    found = tuple(dict.fromkeys(_identity(*leaf, taken=taken) for leaf in leaves))
    return found if len({identity.names for identity in found}) <= 1 else ()


def _length(certificate: Json) -> int:
    return len(certificate["close"]) + len(certificate["equations"])


_Leaf = tuple[Facts, Json]


def _leaves(listed: Facts, certificate: Json) -> Iterator[_Leaf]:
    if "close" in certificate:
        yield listed, certificate
        return
    if "split" in certificate:
        branches = listed.listed[certificate["split"]][1]
    else:
        branches = [listed.node(certificate["cut"], True), listed.node(certificate["cut"], False)]
    for branch, part in zip(branches, certificate["cases"], strict=True):
        inner = Facts(listed.listed, listed.names)
        inner.append(branch)
        yield from _leaves(inner, part)


def _immediate(leaf: _Leaf) -> bool:
    """Whether one or two inequalities between the variables contradict each other."""
    listed, certificate = leaf
    if certificate["equations"] or len(certificate["close"]) > 2 or any(len(i) > 1 for _, i in certificate["close"]):
        return False
    used = [listed.listed[index][1] for _, (index,) in certificate["close"]]
    return not any(name.startswith("#") for polynomial in used for monomial in polynomial for name in monomial)


def _identity(listed: Facts, certificate: Json, *, taken: set[str]) -> Identity:
    reader = _Reader(listed, taken)
    products = tuple(
        (sympy.Rational(str(number)), tuple(reader.polynomial(listed.listed[index][1]) for index in indices))
        for number, indices in certificate["close"]
    )
    zeros = tuple(
        (
            sympy.Add(*(sympy.Rational(str(c)) * sympy.Mul(*map(reader.variable, m)) for c, m in factor)),
            reader.polynomial(listed.listed[index][1]),
        )
        for factor, index in certificate["equations"]
    )
    return Identity(products, zeros, tuple(reader.names.items()))


class _Reader:
    """Turns polynomials back into terms; letters for the roundings are given out as they come."""

    def __init__(self, listed: Facts, taken: set[str]) -> None:
        self.meaning: Mapping[str, Any] = {name: key for key, name in listed.names.items()}
        self.free: Sequence[str] = [letter for letter in _LETTERS if letter not in taken]
        self.given: dict[str, sympy.Expr] = {}
        self.names: dict[sympy.Symbol, sympy.Expr] = {}

    def polynomial(self, polynomial: Polynomial) -> sympy.Expr:
        return sympy.Add(
            *(sympy.Rational(c) * sympy.Mul(*map(self.variable, m)) for m, c in sorted(polynomial.items()))
        )

    def variable(self, name: str) -> sympy.Expr:
        if not name.startswith("#"):
            return sympy.Symbol(name, integer=True)
        if name not in self.given:
            self.given[name] = self._named(name)
        return self.given[name]

    def _named(self, name: str) -> sympy.Expr:
        remainder = name.endswith("r")
        op, *parts = self.meaning[name.removesuffix("r")]
        if op == "at":
            base = sympy.IndexedBase(sympy.Symbol(parts[0]), integer=True)
            return base[tuple(self.polynomial(dict(part)) for part in parts[1:])]
        a, b = (self.polynomial(dict(part)) for part in parts)
        if len(self.names) == len(self.free):
            return _ROUNDINGS[op](a, b)
        symbol = sympy.Symbol(self.free[len(self.names)], integer=True)
        self.names[symbol] = (
            (Mod(a, b) if op == "div" else b * CeilDiv(a, b) - a) if remainder else _ROUNDINGS[op](a, b)
        )
        return symbol
