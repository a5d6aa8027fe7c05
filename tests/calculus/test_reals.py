"""Real terms, the two rules about integrals, and what samples them: against SciPy and by hand."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from convmath.calculus import kernel
from convmath.calculus.evaluate import Model
from convmath.calculus.integration import Integration
from convmath.calculus.plain import check_statement, freeze, statement, text
from convmath.calculus.quadrature import DIGITS, SUPPORT
from convmath.calculus.reals import RealTerm, line, positives, real_function, reals
from convmath.calculus.recheck import recheck
from convmath.calculus.refute import refute
from convmath.calculus.terms import Equation, Statement
from convmath.calculus.trace import trace
from convmath.errors import DomainError, ProofError, UnsupportedError

t, u, v, tau = reals("t u v tau")
sigma = positives("sigma")
f, g = real_function("f"), real_function("g")
CONVOLUTION = line(f(tau) * g(t - tau), tau)
DENSITY = sympy.exp(-(u**2) / (2 * sigma**2)) / (sympy.sqrt(2 * sympy.pi) * sigma)


def json_of(expr):
    return RealTerm(expr).json()


def value_of(expr, tensors=None, **variables):
    return Model(variables, tensors=tensors).value(json_of(expr))


def step_function(*heights):
    return lambda n: heights[n] if 0 <= n < len(heights) else 0


# Terms


@pytest.mark.parametrize(
    ("expr", "written"),
    [
        (t - sympy.Rational(1, 2), "-1/2 + t"),
        (sympy.sqrt(2 * sympy.pi) / sigma, "2^(1/2)*pi^(1/2)*sigma^(-1)"),
        (sympy.erf(t) * (t + 1) ** 2, "(1 + t)*(1 + t)*erf(t)"),
        (-f(t - u), "-f(t - u)"),
        (1 / (1 + sigma), "(1 + sigma)^(-1)"),
        (sympy.Integral(sympy.exp(-u), (u, t, sympy.oo)), "integral of exp(-u) over u from t to oo"),
    ],
)
def test_a_real_term_is_plain_data_that_reads_well(expr, written):
    data = ["equal", json_of(expr), json_of(expr)]
    assert json.loads(json.dumps(data)) == data
    check_statement(statement(data))
    assert text(freeze(data[1])) == written


@pytest.mark.parametrize(
    "term",
    [
        ["integral", "u", 0, "u"],
        ["apply", 3, "u"],
        ["apply", "f", "u", "u"],
        ["^", "u", 1, 0],
        ["/", 1, "u"],
        ["sin", "u"],
        ["positive", "u u"],
        [],
        None,
    ],
)
def test_other_data_are_refused(term):
    check_statement(statement(["equal", ["real", "u"], ["real", ["apply", "f", "u"]]]))
    with pytest.raises(ProofError):
        check_statement(statement(["equal", ["real", "u"], ["real", term]]))


def test_terms_are_equal_up_to_arithmetic_and_bound_names():
    renamed = line(f(v) * g(t - v), v)
    assert RealTerm(CONVOLUTION).canonical() == RealTerm(renamed).canonical()
    assert RealTerm(2 * (t + 1) * CONVOLUTION).canonical() == RealTerm(2 * t * renamed + 2 * renamed).canonical()
    assert RealTerm(CONVOLUTION).canonical() != RealTerm(line(f(v) * g(v - t), v)).canonical()


# Evaluation


@pytest.mark.parametrize("at", [-1, 0, Fraction(1, 2), 1, Fraction(7, 3), 3])
def test_a_convolution_of_step_functions_is_exact(at):
    """By hand: f is 1 on [0, 2), g is 2 on [0, 1); at t the overlap of [0, 2) and (t - 1, t] counts twice."""
    found = value_of(CONVOLUTION, {"f": step_function(1, 1), "g": step_function(2)}, t=at)
    assert found == 2 * max(Fraction(0), min(Fraction(2), Fraction(at)) - max(Fraction(0), Fraction(at) - 1))


@given(st.integers(-4, 4), st.lists(st.integers(-3, 3), min_size=4, max_size=4))
def test_a_correlation_of_step_functions_is_the_sum_of_the_overlaps(halves, heights):
    """At a multiple of 1/2 both functions are constant on every half: the sum over the halves, by NumPy's rules."""
    tables = {"f": step_function(*heights[:2]), "g": step_function(*heights[2:])}
    at = Fraction(halves, 2)
    found = value_of(line(f(tau) * g(t + tau), tau), tables, t=at)
    middles = [Fraction(2 * n + 1, 4) for n in range(-40, 40)]
    assert found == sum(Fraction(1, 2) * tables["f"](math.floor(x)) * tables["g"](math.floor(at + x)) for x in middles)


def test_a_function_is_0_outside_its_support():
    ones = {"f": lambda n: 1}
    assert value_of(line(f(u), u), ones) == 2 * SUPPORT
    assert value_of(line(f(u + t), u), ones, t=100) == 2 * SUPPORT
    assert value_of(f(t), ones, t=SUPPORT) == 0


@pytest.mark.parametrize(
    ("integrand", "low", "high"),
    [
        (DENSITY, -sympy.oo, sympy.oo),
        (DENSITY.xreplace({u: t - u}), 0, sympy.oo),
        (u**2 * sympy.exp(-u) + sympy.erf(u), 0, 2),
        (sympy.exp(-(u**2)) * sympy.erf(u + t), -1, t),
        (u**3 - u, 2, -1),
    ],
)
def test_quadrature_agrees_with_scipy(integrand, low, high):
    at = {t: 1.5, sigma: 2.0}
    found = value_of(sympy.Integral(integrand, (u, low, high)), t=Fraction(3, 2), sigma=2)
    function = sympy.lambdify(u, integrand.subs(at), "scipy")
    expected, error = quad(function, *(float(sympy.sympify(end).subs(at)) for end in (low, high)))
    assert abs(float(found) - expected) <= 2 * error + 10.0**-DIGITS


def test_an_integral_of_a_step_by_a_smooth_function_stops_at_the_step():
    found = value_of(line(f(u) * sympy.exp(u), u), {"f": step_function(2, 0, 1)})
    assert float(found) == pytest.approx(2 * (math.e - 1) + math.e**3 - math.e**2, abs=10.0**-DIGITS)


@pytest.mark.parametrize(
    ("expr", "error", "says"),
    [
        (line(sympy.Integer(1) * f(t), u), UnsupportedError, "does not converge"),
        (line(u**2, u), UnsupportedError, "quadrature over u"),
        (line(f(u**2), u), UnsupportedError, "not affine"),
        (sympy.Integral(f(u), (u, 0, sympy.sqrt(sigma))), UnsupportedError, "not rational"),
        (t + v, DomainError, "v"),
        (sigma - 5 * sigma, DomainError, "positive value"),
    ],
)
def test_what_cannot_be_evaluated_has_no_value(expr, error, says):
    with pytest.raises(error, match=says):
        value_of(expr, {"f": lambda n: 1}, t=0, sigma=2 if error is UnsupportedError else -2)


# Rules


def test_a_substitution_runs_through_the_line_in_either_direction():
    for point in (t - u, u + 3, -u, u - 2 * t):
        theorem = kernel.substitution(RealTerm(CONVOLUTION), u, point)
        assert theorem.trust == {"kernel"}
        expected = f(point) * g(sympy.expand(t - point))
        assert theorem.equation.right == RealTerm(line(expected, u))
        assert recheck(trace(theorem)).ok


def test_what_sympy_works_out_is_named_in_the_trust():
    theorem = kernel.integrate(RealTerm(line(DENSITY, u)), RealTerm(sympy.Integer(1)))
    assert theorem.trust == {"sympy.integrate"}
    assert kernel.sym(theorem).trust == {"kernel", "sympy.integrate"}


def test_a_rule_does_not_ask_what_only_looks_like_a_real_term():
    class Generous:
        expr = CONVOLUTION

        def equals_by_sympy(self, other):
            return True

        def substituted(self, new, point):
            return RealTerm(sympy.Integer(0))

    with pytest.raises(ProofError, match="values on both sides"):
        kernel.substitution(Generous(), u, t - u)
    with pytest.raises(ProofError, match="does not find"):
        kernel.integrate(Generous(), RealTerm(sympy.Integer(0)))


def test_a_calculation_refuses_another_variable_than_that_of_the_integral():
    calculation = Integration(CONVOLUTION)
    with pytest.raises(ProofError, match="no integral over v"):
        calculation.substitute({v: t - u}, why="")
    with pytest.raises(ProofError, match="no integral over tau"):
        Integration(CONVOLUTION + 1).substitute({tau: t - u}, why="")
    assert calculation.substitute({tau: t - u}, why="").value == RealTerm(line(f(t - u) * g(u), u))


# Rechecking


COMMUTES = Integration(CONVOLUTION).substitute({tau: t - u}, why="").theorem
MASS = Integration(line(DENSITY, u)).integrate(sympy.Integer(1), why="").theorem


def verdicts(steps):
    return {step.rule: (step.problem, step.brute.verdict, step.ok) for step in recheck(steps).steps}


def test_the_recheck_says_that_it_sampled():
    report = recheck(trace(MASS))
    assert report.ok
    assert report.trust == ("kernel", "sympy.integrate")
    assert all("sampled" in step.brute.note for step in report.steps)


def edited(theorem, rule, edit):
    steps = deepcopy(json.loads(json.dumps(trace(theorem))))
    edit(next(step for step in steps if step["rule"] == rule))
    return verdicts(steps)[rule]


@pytest.mark.parametrize(
    ("place", "term"),
    [
        (1, ["apply", "f", "u"]),
        (1, ["apply", "f", ["+", "t", "u"]]),
        (2, ["apply", "f", "u"]),
        (2, ["apply", "g", ["*", 2, "u"]]),
    ],
)
def test_another_integrand_after_a_substitution_is_caught(place, term):
    def edit(step):
        step["conclusion"]["then"][2][1][4][place] = term

    problem, verdict, ok = edited(COMMUTES, "substitution", edit)
    assert (problem, verdict, ok) == ("the integrand does not follow", "refuted", False)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda step: step["arguments"].update(point=["real", ["+", "t", ["*", -2, "u"]]]), "the slope of the new"),
        (lambda step: step["arguments"].update(new="t"), "a name is taken"),
        (lambda step: step.update(hypotheses=[["<=", 0, "n"]]), "a hypothesis comes from nowhere"),
        (lambda step: step.update(trust=[]), "the trust is not"),
        (lambda step: step["conclusion"]["then"].reverse(), "real"),
    ],
)
def test_an_edited_substitution_is_caught(edit, problem):
    if problem == "real":
        with pytest.raises(ProofError):
            edited(COMMUTES, "substitution", edit)
        return
    found, _, ok = edited(COMMUTES, "substitution", edit)
    assert not ok
    assert problem in found


def test_another_value_of_an_integral_is_refuted_by_quadrature():
    def edit(step):
        step["conclusion"]["then"][2] = ["real", ["positive", "sigma"]]

    assert edited(MASS, "integrate", edit) == ("", "refuted", False)


def test_an_integral_without_a_value_is_no_pass():
    diverging = json_of(line(u**2, u))
    step = trace(MASS)[0] | {"conclusion": {"forall": [], "if": [], "then": ["equal", diverging, diverging]}}
    (found,) = recheck([step]).steps
    assert (found.brute.verdict, found.ok) == ("unknown", False)
    assert "quadrature over u" in found.brute.note


def test_an_integral_that_claims_to_rest_on_the_kernel_alone_is_caught():
    assert edited(MASS, "integrate", lambda step: step.update(trust=["kernel"]))[0] == (
        "the trust is not that of the premises"
    )


# Counterexamples


def refuted(left, right):
    return refute([], Statement(Equation(RealTerm(left), RealTerm(right))).json())


def test_a_false_claim_has_a_small_counterexample_that_is_checked_again():
    witness = refuted(line(f(tau) * g(t + tau), tau), line(g(tau) * f(t + tau), tau))
    assert witness.check()
    assert abs(witness.variables["t"]) == 1
    assert sorted(value for value in witness.entries.values() if value) == [1, 1]
    assert {witness.left, witness.right} == {0, 1}


def test_a_claim_about_numbers_alone_is_refuted_by_quadrature():
    witness = refuted(line(DENSITY, u), sigma)
    assert (witness.variables, witness.entries) == ({"sigma": 2}, {})
    assert (witness.left, witness.right) == (1, 2)


def test_a_true_claim_has_no_counterexample():
    assert refuted(CONVOLUTION, line(f(t - tau) * g(tau), tau)) is None
