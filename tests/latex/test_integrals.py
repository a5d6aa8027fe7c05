"""Real terms in LaTeX and in text: quotients, roots, functions and integrals."""

# ruff: noqa: RUF001

from __future__ import annotations

import pytest
import sympy

from convmath import catalog
from convmath.calculus.reals import RealTerm, line, positives, real_function, reals
from convmath.latex.document import render
from convmath.latex.mentions import bound, mentions, orphans
from convmath.latex.printer import Printer, latex, text
from convmath.latex.tex import LATEX
from convmath.latex.widths import width

t, u, tau = reals("t u tau")
sigma, rho = positives("sigma rho")
f, g = real_function("f"), real_function("g")
BELL = sympy.exp(-(u**2) / (2 * sigma**2)) / (sympy.sqrt(2 * sympy.pi) * sigma)


@pytest.mark.parametrize(
    ("expr", "tex", "plain"),
    [
        (
            line(f(tau) * g(t - tau), tau),
            r"\int_{-\infty}^{\infty}f(\tau)\,g(t - \tau)\,d\tau",
            "∫(τ=-∞..∞) f(τ) g(t - τ)",
        ),
        (BELL, r"\frac{1}{\sigma\,\sqrt{2\pi}}\,e^{-u^{2}/(2\sigma^{2})}", "1/(σ·√(2·π)) exp(-u^2/(2·σ^2))"),
        (sympy.Integral(f(u), (u, 0, t + 1)), r"\int_{0}^{1 + t}f(u)\,du", "∫(u=0..1 + t) f(u)"),
        (line(f(u) + g(u), u), r"\int_{-\infty}^{\infty}\,(f(u) + g(u))\,du", "∫(u=-∞..∞) (f(u) + g(u))"),
        (line(-f(u), u), r"\int_{-\infty}^{\infty}\,(-f(u))\,du", "∫(u=-∞..∞) (-f(u))"),
        (t * line(f(u), u) - 1, r"t\,\int_{-\infty}^{\infty}f(u)\,du - 1", "t ∫(u=-∞..∞) f(u) - 1"),
        (sympy.sqrt(sigma) / 3, r"\frac{\sqrt{\sigma}}{3}", "√σ/3"),
        (1 / sympy.sqrt(sigma**2 + rho**2), r"\frac{1}{\sqrt{\rho^{2} + \sigma^{2}}}", "1/√(ρ^2 + σ^2)"),
        (-sympy.sqrt(2) * t / 2, r"-\frac{t}{\sqrt{2}}", "-t/√2"),
        ((t - u) ** 2 / (2 * sigma), r"\frac{(t - u)^{2}}{2\sigma}", "(t - u)^2/(2·σ)"),
        ((t - u) / sigma, r"\frac{t - u}{\sigma}", "(t - u)/σ"),
        (-(sigma + rho) * t / sigma, r"-\frac{t\,(\rho + \sigma)}{\sigma}", "-t·(ρ + σ)/σ"),
        (f(t) ** 2 + sympy.Rational(1, 2), r"\frac{1}{2} + f(t)^{2}", "1/2 + f(t)^2"),
        (sympy.erf(t / sigma) / 2, r"\frac{1}{2}\,\mathrm{erf}\left(\frac{t}{\sigma}\right)", "1/2 erf(t/σ)"),
        (sympy.Integer(0), "0", "0"),
        (-sympy.pi, r"-\pi", "-π"),
    ],
)
def test_a_real_term_is_written_as_people_write_it(expr, tex, plain):
    written = RealTerm(expr)
    assert text(written) == plain
    assert latex(written) == tex


def test_a_long_integral_can_be_broken_between_its_factors():
    pieces = Printer(LATEX).value(RealTerm(line(f(u) * g(t - u) * sympy.exp(-(u**2)), u)))
    assert len(pieces) == 3
    assert pieces[0].text.startswith(r"\int")
    assert pieces[-1].text.endswith(r"\,du")


def test_a_script_above_and_below_does_not_end_the_formula():
    both = r"\int_{-\infty}^{\infty}"
    assert width(both) < width(both + "f") < width(both + "f + g")
    assert width("x_{ab}^{cd}") == width("x_{ab}") == width("x^{cd}") < width("x_{ab}^{cd} + 1")


def test_the_variable_of_an_integral_is_bound_and_functions_are_named():
    term = RealTerm(line(f(tau) * g(t - tau), tau))
    assert mentions(term) == {t, tau, f, g}
    assert bound(term) == {tau}


def test_a_page_says_for_which_reals_and_functions_a_law_holds_and_what_it_rests_on():
    law = " ".join(render(catalog.entry("continuous.commutes"), style="text").split())
    assert "For all real t and all functions f and g for which the integrals exist:" in law
    assert "f(x) = 1 for 0 ≤ x < 1" in law
    assert "where the functions are 0 elsewhere" in law
    assert "sympy" not in law
    smoothing = " ".join(render(catalog.entry("continuous.gaussian_smoothing"), style="text").split())
    assert "For all real t and all positive σ:" in smoothing
    assert "SymPy works out the integrals (sympy.integrate), and the result rests on it." in smoothing
    assert "≈ 0.691462" in smoothing


def test_no_name_on_a_page_about_integrals_is_an_orphan():
    proof = catalog.entry("continuous.flip").proof()
    assert orphans(proof) == ()
    fewer = {name: words for name, words in proof.symbols.items() if name != f}
    assert f in proof.symbols
    assert orphans(type(proof)(proof.parts, fewer, proof.example, proof.mistake)) == ("f",)
