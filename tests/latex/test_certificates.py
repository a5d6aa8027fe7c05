"""The identities on the pages are the certificates' identities."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy

from convmath import catalog
from convmath.calculus.derive import prove
from convmath.calculus.index import eq, implies, integers, le, lt
from convmath.inert import FloorDiv
from convmath.latex.certificates import cases, facts, identities

n, s, y, k, d = integers("n s y k d")


def shown():
    """Every fact of the catalogue whose identity a page would show."""
    return [
        fact
        for entry in catalog.entries()
        for theorem in entry.proof().theorems
        for fact in facts(theorem)
        if identities(fact)
    ]


def total(identity) -> sympy.Expr:
    products = [number * sympy.Mul(*parts) for number, parts in identity.products]
    return sympy.expand(sympy.Add(*products, *(factor * zero for factor, zero in identity.zeros)))


def test_every_identity_that_is_shown_adds_up_to_minus_one():
    found = shown()
    assert len(found) > 10
    for fact in found:
        for identity in identities(fact):
            assert total(identity) == -1, fact.conclusion.body


def test_a_changed_identity_does_not():
    (identity, *_) = identities(shown()[0])
    (number, parts), *rest = identity.products
    assert total(replace(identity, products=((number + 1, parts), *rest))) != -1


def test_the_classical_example_reads_as_in_a_textbook():
    theorem = prove(implies(le(y, FloorDiv(n, s)), le(s * y, n)), [le(1, s)])
    (identity,) = identities(theorem)
    q, r = (symbol for symbol, _ in identity.names)
    assert dict(identity.names)[q] == FloorDiv(n, s)
    assert total(identity) == -1
    assert {part for _, parts in identity.products for part in parts} >= {q - y, s * y - n - 1}
    assert r in identity.zeros[0][1].free_symbols


def test_letters_that_the_fact_uses_are_not_given_out_again():
    q, r = integers("q r")
    theorem = prove(implies(le(q, FloorDiv(n, r)), le(r * q, n)), [le(1, r)])
    (identity,) = identities(theorem)
    assert not {q, r} & {symbol for symbol, _ in identity.names}


def test_long_certificates_are_counted():
    theorem = prove(eq(FloorDiv(FloorDiv(n, d), k), FloorDiv(n, d * k)), [le(1, d), le(1, k)])
    assert identities(theorem) == ()
    assert cases(theorem.arguments["certificate"]) > 2


@pytest.mark.parametrize("goal", [lt(n, n + 1), le(n, n)])
def test_facts_are_found_behind_a_theorem_once(goal):
    theorem = prove(goal)
    assert facts(theorem) == (theorem,)
