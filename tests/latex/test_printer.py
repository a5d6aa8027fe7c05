"""What is printed means what was to be printed: it is read back as a program and evaluated."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.calculus.index import both, either, eq, equivalent, implies, integers, le, lt, sequence, term_json, within
from convmath.calculus.terms import Application, Contraction, Gradient, Value, tensor, total, value
from convmath.catalog import Notation
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod
from convmath.latex.printer import Printer, latex, named, text
from convmath.latex.tex import LATEX, MARKDOWN

n, k, s, d, p_l, p_r, o, i, m, K = integers("n k s d p_l p_r o i m K")
x, w = tensor("x"), tensor("w")
NUMBERS = {n: 7, k: -3, s: 2, d: 5}

TERMS = st.recursive(
    st.sampled_from([*NUMBERS, sympy.Integer(1), sympy.Integer(-2)]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
        st.tuples(inner, inner).map(lambda pair: sympy.Mul(*pair)),
        st.tuples(
            st.sampled_from([FloorDiv, CeilDiv, Mod]), inner, st.sampled_from([s, d, d * s, sympy.Integer(3)])
        ).map(lambda parts: parts[0](parts[1], parts[2])),
        st.tuples(st.sampled_from([Min, Max]), inner, inner).map(lambda parts: parts[0](parts[1], parts[2])),
    ),
    max_leaves=8,
)


def program(printed: str) -> str:
    """A printed integer term as Python: quotients are exact, roundings are calls, products are written out."""
    printed = re.sub(r"\^\{?(\d+)\}?", r"**\1", printed)
    while re.search(r"\\frac\{[^{}]*\}\{[^{}]*\}", printed):
        printed = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", printed)
    for before, after in (
        ("\\left", ""), ("\\right", ""), ("\\,", "*"), (" \\cdot ", "*"), ("·", "*"), ("\\bmod", "%"), (" mod ", " % "),
    ):  # fmt: skip
        printed = printed.replace(before, after)
    for opening, closing, name in (
        ("\\lfloor", "\\rfloor", "@f"),
        ("\\lceil", "\\rceil", "@c"),
        ("⌊", "⌋", "@f"),
        ("⌈", "⌉", "@c"),
    ):
        printed = printed.replace(opening, f"{name}(").replace(closing, ")")
    printed = re.sub(r"\\?(min|max)", lambda match: f"@{match[1][2]}", printed)
    printed = re.sub(r"(?<=[\w)])(?<!@\w)\s*(?=[(@])", "*", printed)
    return re.sub(r"(?<=\d)(?=[a-z])", "*", printed)


NAMES = {"@f": "floor", "@c": "ceil", "@n": "min", "@x": "max"}


def run(printed: str) -> int:
    source = program(printed)
    for short, name in NAMES.items():
        source = source.replace(short, name)
    names = {symbol.name: Fraction(number) for symbol, number in NUMBERS.items()}
    return eval(source, {"floor": math.floor, "ceil": math.ceil, "min": min, "max": max}, names)  # noqa: S307


@pytest.mark.parametrize(
    "write", [latex, text, lambda term: Printer(LATEX).flat.term(term)], ids=["latex", "text", "flat"]
)
@given(term=TERMS)
def test_a_printed_term_reads_back_as_the_same_number(write, term):
    expected = Model({symbol.name: number for symbol, number in NUMBERS.items()}).term(term_json(term))
    assert run(write(term)) == expected, write(term)


def test_a_dropped_bracket_is_caught():
    assert run("d(k - 1)") == run("d·(k - 1)") == -20
    assert run("d*k - 1") != -20
    assert run(r"\left\lfloor \frac{n + 1}{s} \right\rfloor") == 4
    assert run(r"\left\lfloor n + \frac{1}{s} \right\rfloor") != 4


@given(term=TERMS)
def test_with_numbers_put_in_it_still_reads_as_the_same_number(term):
    printed = Printer(LATEX, NUMBERS.get).term(term)
    assert not re.search(r"(?<![\\a-z])[nksd](?![a-z])", printed), printed
    assert run(printed) == Model({symbol.name: number for symbol, number in NUMBERS.items()}).term(term_json(term))


SIZE = FloorDiv(n + p_l + p_r - d * (k - 1) - 1, s) + 1


@pytest.mark.parametrize(
    ("item", "in_latex", "in_text"),
    [
        (
            SIZE,
            r"\left\lfloor \frac{n + p_l + p_r - d(k - 1) - 1}{s} \right\rfloor + 1",
            "⌊(n + p_l + p_r - d·(k - 1) - 1)/s⌋ + 1",
        ),
        (s * o + d * m - p_l, r"s\,o + d\,m - p_l", "s·o + d·m - p_l"),
        (2 * n + 1, "2n + 1", "2·n + 1"),
        (Mod(n + 1, s), r"(n + 1) \bmod s", "(n + 1) mod s"),
        (Min(n, k), r"\min\left(n, k\right)", "min(n, k)"),
        (sequence("J")[n + 1], "J_{n + 1}", "J[n + 1]"),
        (both(*within(0, m, k)), r"0 \le m < k", "0 ≤ m < k"),
        (le(1, n), r"n \ge 1", "n ≥ 1"),
        (implies(both(le(0, n), lt(n, k)), eq(n, m)), r"0 \le n < k \implies n = m", "0 ≤ n < k ⟹ n = m"),
        (
            implies(le(0, n), equivalent(eq(n, k), eq(k, n))),
            r"n \ge 0 \implies \biggl(n = k \iff k = n\biggr)",
            "n ≥ 0 ⟹ (n = k ⟺ k = n)",
        ),
        (either(lt(n, 0), lt(0, n)), r"n < 0 \mathrel{\text{or}} n > 0", "n < 0 or n > 0"),
        (Value(()), "0", "0"),
        (value(x[i]) * -1, "-x_i", "-x[i]"),
        (value(x[i]) + value(w[i]) * -2, r"x_i - 2\,w_i", "x[i] - 2 w[i]"),
        (total((i,), within(0, i, n), 1), r"\sum_{i=0}^{n - 1}1", "∑(i=0..n - 1) 1"),
        (total((i,), (le(0, i),), x[i]), r"\sum_{i \ge 0}x_i", "∑(i≥0) x[i]"),
        (
            total((i, m), (*within(0, i, n), eq(i, s * o + m)), value(x[i]) * w[m]),
            r"\sum_{i=0}^{n - 1}\sum_{m}\,[i = s\,o + m]\,x_i\,w_m",
            "∑(i=0..n - 1)∑(m) [i = s·o + m] x[i] w[m]",
        ),
        (
            total((o, i, m), (*within(0, o, n), *within(0, i, n), le(m, k)), x[o, i, m]),
            r"\sum_{\substack{0 \le o < n,\ 0 \le i < n \\ m \le k}}x_{o, i, m}",
            "∑(0≤o<n, 0≤i<n, m≤k) x[o, i, m]",
        ),
        (Application("a", value(x[i])), "a(x_i)", "a(x[i])"),
        (Application("a", value(x[i]) + 1), r"a\biggl(x_i + 1\biggr)", "a(x[i] + 1)"),
        (Gradient(value(x[i]), x[o]), r"\frac{\partial}{\partial x_o}\biggl(x_i\biggr)", "∂/∂x[o](x[i])"),
    ],
    ids=str,
)  # fmt: skip
def test_textbook_forms(item, in_latex, in_text):
    item = value(item) if isinstance(item, (Gradient, Application)) else item
    assert (latex(item), text(item)) == (in_latex, in_text)


def test_a_limit_may_depend_on_an_index_outside_but_not_inside():
    inner = (*within(0, i, n), *within(0, m, i))
    assert text(total((i, m), inner, 1)) == "∑(i=0..n - 1)∑(m=0..i - 1) 1"
    assert text(total((m, i), inner, 1)) == "∑(i=0..n - 1)∑(m=0..i - 1) 1"
    circular = (le(0, i), le(i, m), le(0, m), le(m, i))
    assert text(total((i, m), circular, 1)) == "∑(i≥0)∑(m=i..i) [m ≥ 0]"


def test_a_bracket_that_pins_an_index_stays():
    pinned = total((i,), (eq(i, s * o),), x[i])
    assert "[i = s·o]" in text(pinned)
    assert "[" not in text(total((i,), within(0, i, s * o), 1))


def test_bound_indices_get_no_numbers():
    source = total((i,), within(0, i, n), x[i + n])
    assert Printer(LATEX, {i: 9, n: 3}.get).line(source) == r"\sum_{i=0}^{3 - 1}x_{3 + i}"


LAYER = total((m,), within(0, m, K), value(w[m]) * x[o + m])


def test_a_notation_names_a_value_at_other_indices():
    notation = Notation("the layer computes", tensor("y")[o], LAYER)
    body = LAYER.substitute({o: n + 1})
    assert named(notation, body) == tensor("y")[n + 1]
    assert (
        Printer(LATEX, notations=(notation,)).line(value(Gradient(body, x[i])))
        == r"\frac{\partial y_{n + 1}}{\partial x_i}"
    )


@pytest.mark.parametrize(
    "other", [LAYER + 1, LAYER * 2, LAYER.substitute({K: K + 1}), total((m,), within(0, m, K), value(w[m]) * x[o - m])]
)
def test_a_notation_does_not_name_another_value(other):
    assert named(Notation("", tensor("y")[o], LAYER), other) is None


def test_markdown_writes_no_backslash_that_it_would_eat():
    printed = Printer(MARKDOWN).line(total((o, i), (*within(0, o, n), eq(i, 2 * o)), value(x[i]) * w[s * o]))
    assert not re.search(r"\\[^A-Za-z]", printed), printed
    assert re.search(r"\\[^A-Za-z]", Printer(LATEX).line(total((i,), (eq(i, s * o),), x[i])))


def test_coefficients_keep_their_sign_and_bracket():
    terms = (Contraction((), (), n - 1, (x[i],)), Contraction((), (), sympy.Rational(-1, 2), (w[i],)))
    assert text(Value(terms)) == "(n - 1) x[i] - 1/2 w[i]"
    assert latex(Value(terms)) == r"(n - 1)\,x_i - \frac{1}{2}\,w_i"
