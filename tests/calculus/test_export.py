"""Exported SymPy objects have the values that the statements have."""

from __future__ import annotations

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.calculus.export import to_sympy
from convmath.calculus.index import both, eq, equivalent, implies, integers, le, lt, ne, sequence, within
from convmath.calculus.reals import real_function
from convmath.calculus.terms import Application, Contraction, Equation, Gradient, Statement, tensor, total, value
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod

n, k, s, i, j, o = integers("n k s i j o")
x, w = tensor("x"), tensor("w")
S = sequence("s")
FAR = 16
"""No guard below holds beyond this."""

ENTRY = {"x": lambda *index: 3 * sum(index) + len(index), "w": lambda *index: 5 - 2 * sum(index)}
POINTS = st.fixed_dictionaries({n: st.integers(-4, 4), k: st.integers(-4, 4), s: st.integers(1, 3)})

TERMS = st.sampled_from(
    [n, k, n - k, n + 2, sympy.Integer(0), FloorDiv(n + k, s), CeilDiv(n, s) + 1, Max(n, k), Min(n, 2)]
)
INNER = st.sampled_from([i, i + n, s * i - k, Mod(i, s), FloorDiv(i, s)])
CONDITIONS = st.sampled_from([le(i, n), ne(i, k), lt(k, s * i), eq(Mod(i, s), 0), implies(le(0, i), le(i, k))])


@st.composite
def values(draw):
    """Sums over one or two indices with arbitrary, often empty, ranges and arbitrary brackets."""
    terms = []
    for _ in range(draw(st.integers(1, 2))):
        guard = [*within(draw(TERMS), i, draw(TERMS)), *draw(st.lists(CONDITIONS, max_size=2))]
        factors = [x[draw(INNER)]]
        bound = (i,)
        if draw(st.booleans()):
            bound = (i, j)
            guard += draw(st.sampled_from([within(0, j, i + 2), (eq(j, i + k),), within(n, j, k)]))
            factors.append(w[j, i])
        terms.append(Contraction(bound, tuple(guard), draw(TERMS), tuple(factors)))
    whole = value(terms[0])
    for term in terms[1:]:
        whole += term
    return whole


def number(expression: sympy.Basic, point: dict) -> sympy.Basic:
    """The SymPy object at a point; its sums term by term, as SymPy reads their limits, its entries looked up."""
    if isinstance(expression, sympy.Sum):
        *inside, (index, first, last) = expression.limits
        first = -FAR if first == -sympy.oo else first.subs(point)
        last = FAR if last == sympy.oo else last.subs(point)
        inner = sympy.Sum(expression.function, *inside) if inside else expression.function
        if last < first - 1:  # Karr's convention
            return -sum(number(inner, {**point, index: sympy.Integer(v)}) for v in range(last + 1, first))
        return sum(number(inner, {**point, index: sympy.Integer(v)}) for v in range(first, last + 1))
    if expression.has(sympy.Sum):
        return expression.func(*(number(arg, point) for arg in expression.args))
    at = expression.subs(point)
    return at.xreplace(
        {e: sympy.Integer(ENTRY[str(e.base.label)](*map(int, e.indices))) for e in at.atoms(sympy.Indexed)}
    )


def model(point: dict) -> Model:
    return Model({symbol.name: n for symbol, n in point.items()}, tensors=ENTRY)


@given(values(), POINTS)
def test_an_exported_value_evaluates_to_the_same_number(source, point):
    assert number(to_sympy(source), point) == model(point).value(source.json())


@pytest.mark.parametrize("last", [-5, -2, -1, 0, 3])
def test_sums_are_read_here_as_sympy_reads_them(last):
    written = sympy.Sum(i * i + 1, (i, 0, n))
    assert number(written, {n: last}) == written.subs(n, last).doit()


def test_plain_limits_would_be_wrong_on_an_empty_range():
    source = total((i,), within(0, i, n), x[i])
    point = {n: -3, k: 0, s: 1}
    assert number(to_sympy(source), point) == model(point).value(source.json()) == 0
    assert number(to_sympy(source, [le(0, n)]), point) != 0


@pytest.mark.parametrize("known", [le(0, n), le(1, n), lt(-1, n), le(k, n - 2 + k)])
def test_what_is_given_simplifies_limits(known):
    assert to_sympy(total((i,), within(0, i, n), x[i]), [known]) == sympy.Sum(x[i], (i, 0, n - 1))


@pytest.mark.parametrize("known", [le(-1, n), le(n, 5), ne(n, 0), le(0, k)])
def test_what_does_not_follow_from_what_is_given_does_not_simplify_limits(known):
    assert to_sympy(total((i,), within(0, i, n), x[i]), [known]).limits == ((i, 0, sympy.Max(-1, n - 1)),)


FORMULAS = (
    le(FloorDiv(n, s), k), eq(CeilDiv(n, s), Max(n, k)), both(le(0, n), lt(n, k)), implies(ne(n, k), le(Mod(n, s), k)),
    equivalent(le(0, n), lt(k, Min(n, s))),
)  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
@given(point=POINTS)
def test_an_exported_formula_is_true_where_the_formula_is(formula, point):
    assert bool(number(to_sympy(formula), point)) == model(point).holds(formula.json())


def test_a_comparison_that_sympy_decides_stays_an_equation():
    body = eq(FloorDiv(n, 1) + 1, n + 1)
    assert isinstance(to_sympy(Statement(body)), sympy.Eq)


@given(POINTS)
def test_a_derivative_is_written_out_with_its_brackets_inside_their_sum(point):
    body = total((i,), (*within(0, i, n), eq(i, s * k)), value(x[i]) * w[i, k])
    source = total((k,), within(0, k, 4), value(w[k, 0]) * Gradient(body, x[o]))
    point = {n: point[n] + 4, s: point[s], o: point[k]}
    assert number(to_sympy(source), point) == model(point).value(source.json())


def test_a_function_of_a_sum_is_a_function_of_sympy():
    inner = total((i,), within(0, i, n), x[i])
    exported = to_sympy(total((k,), within(0, k, 4), value(w[k, 0]) * Application("f", inner)), [le(0, n)])
    f = real_function("f")
    assert exported == sympy.Sum(w[k, 0] * f(sympy.Sum(x[i], (i, 0, n - 1))), (k, 0, 3))


@pytest.mark.parametrize("function", [True, False])
def test_what_is_given_about_a_free_variable_says_nothing_of_a_bound_one_of_its_name(function):
    inner = total((i,), within(0, i, n), x[i])
    outer = total((n,), within(-3, n, 2), Application("f", inner) if function else inner)
    lengths = to_sympy(outer, [le(0, n)]).atoms(sympy.Max)
    assert lengths == {sympy.Max(-1, n - 1)}


def test_sympy_itself_folds_such_a_bracket_out_of_its_sum():
    inner = sympy.Sum(sympy.Piecewise((x[i], sympy.Eq(i, k)), (0, True)), (i, 0, 3))
    outer = sympy.Sum(sympy.Derivative(inner, x[o]), (k, 0, 2))
    assert i in outer.function.free_symbols


def test_an_equation_of_values_keeps_both_sides():
    statement = Statement(Equation(total((i,), within(0, i, n), 1), value(n)))
    exported = to_sympy(statement, [le(0, n)])
    assert exported.rhs == n
    assert exported.lhs == sympy.Sum(1, (i, 0, n - 1))


def test_sequences_stay_indexed():
    assert to_sympy(eq(S[n + 1], FloorDiv(S[n], 2))) == sympy.Eq(S[n + 1], sympy.floor(S[n] / 2))
