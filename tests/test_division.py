"""Rounding goes towards minus infinity for every sign and every kind of integer."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy

from convmath.division import ceil_div, floor_div, maximum, minimum, mod

CASES = list(itertools.product(range(-25, 26), range(1, 8)))

# What each operation means, in exact rationals.
MEANING = {
    floor_div: lambda a, b: math.floor(Fraction(a, b)),
    ceil_div: lambda a, b: math.ceil(Fraction(a, b)),
    mod: lambda a, b: a - b * math.floor(Fraction(a, b)),
    minimum: lambda a, b: a if a < b else b,
    maximum: lambda a, b: b if a < b else a,
}


def on_ints(operation):
    return [operation(a, b) for a, b in CASES]


def on_arrays(operation):
    return operation(*np.array(CASES).T).tolist()


def on_symbols(operation):
    """Built on symbols, and only then given numbers."""
    a, b = sympy.symbols("a b", integer=True)
    expression = operation(a, b)
    return [int(expression.subs({a: x, b: y}, simultaneous=True)) for x, y in CASES]


def on_symints(operation):
    """Built on the sizes of a traced tensor, and only then given numbers."""
    torch = pytest.importorskip("torch")
    from torch.fx.experimental.proxy_tensor import make_fx

    def trace(x):
        return operation(x.shape[0] - 100, x.shape[1]), x

    traced = make_fx(trace, tracing_mode="symbolic")(torch.empty(91, 7, device="meta"))
    return [traced(torch.empty(a + 100, b, device="meta"))[0] for a, b in CASES]


KINDS = [on_ints, on_arrays, on_symbols, on_symints]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", MEANING)
def test_rounding_has_its_meaning_for_every_sign(kind, operation):
    assert kind(operation) == [MEANING[operation](a, b) for a, b in CASES]


MISTAKES = {
    "C division truncates": (floor_div, lambda a, b: int(Fraction(a, b))),
    "ceil from a + b - 1 truncated": (ceil_div, lambda a, b: int(Fraction(a + b - 1, b))),
    "C remainder takes the sign of a": (mod, lambda a, b: a - b * int(Fraction(a, b))),
    "ceil for floor": (floor_div, lambda a, b: math.ceil(Fraction(a, b))),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_another_rounding_is_caught(name):
    operation, mistake = MISTAKES[name]
    assert [mistake(a, b) for a, b in CASES] != [MEANING[operation](a, b) for a, b in CASES]


def test_symbolic_rounding_does_not_rewrite_itself():
    a, s = sympy.symbols("a s", integer=True)
    assert floor_div(a + s, s) != floor_div(a, s) + 1
    assert sympy.floor(a / s + 1) == sympy.floor(a / s) + 1  # SymPy's own does
