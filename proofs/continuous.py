"""Convolution and cross-correlation of functions on the line, and what smoothing with a Gaussian does.

The laws hold for all functions whose integrals exist, and need a substitution only. The value of a Gaussian integral is
worked out by SymPy, which the entries that need one name among what they rest on.

Sources: Li Hang, "Machine Learning Methods", section 24.1.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.integration import Integration
from convmath.calculus.reals import RealTerm, line, positives, real_function, reals
from convmath.calculus.terms import Equation, Statement
from convmath.catalog import Example, Mistake, Proof, theorem

t, tau, u, b, c = reals("t tau u b c")
a_0, a_1, a_2 = reals("a_0 a_1 a_2")
sigma, sigma_1, sigma_2 = positives("sigma sigma_1 sigma_2")
f, g = real_function("f"), real_function("g")

_FUNCTIONS = {t: "a place on the line", f: "a function", g: "another function", tau: "runs along the line"}
_STEPS = Example({t: 1}, {"f": [1, 2], "g": [3, 1]})
_TRUST = ("kernel", "sympy.integrate")


def convolution(first: Any, second: Any, at: Any) -> sympy.Integral:
    """``(first ⊛ second)(at)``."""
    return line(first(tau) * second(at - tau), tau)


def correlation(first: Any, second: Any, at: Any) -> sympy.Integral:
    """``(first * second)(at)``, the cross-correlation."""
    return line(first(tau) * second(at + tau), tau)


def gaussian(x: Any, deviation: Any) -> sympy.Expr:
    """The normal density around 0."""
    return sympy.exp(-(x**2) / (2 * deviation**2)) / (sympy.sqrt(2 * sympy.pi) * deviation)


def _claim(left: sympy.Expr, right: sympy.Expr) -> Statement:
    return Statement(Equation(RealTerm(left), RealTerm(right)))


def _by_substitution(
    start: sympy.Integral, new: tuple[Any, str, str], result: sympy.Expr, title: str, mistake: Mistake
) -> Proof:
    """A law that another variable shows: what tau becomes, why, and what the new variable is."""
    point, why, meaning = new
    calc = Integration(start)
    calc.substitute({tau: point}, why=why)
    calc.ring(result, why="call the new variable tau again")
    return Proof(parts=(calc.part(title),), symbols=_FUNCTIONS | {u: meaning}, example=_STEPS, mistake=mistake)


@theorem(
    "continuous.commutes",
    title="Convolution of functions commutes",
    sources=("LiHang2022, section 24.1.2",),
)
def commutes() -> Proof:
    """The two functions can change places in a convolution: the substitution u = t - tau."""
    return _by_substitution(
        convolution(f, g, t),
        (t - u, "run backwards from t: u = t - tau", "runs the other way"),
        convolution(g, f, t),
        "The line is run through in the other direction.",
        Mistake("the same for cross-correlation", _claim(correlation(f, g, t), correlation(g, f, t))),
    )


@theorem(
    "continuous.flip",
    title="Cross-correlation of functions is convolution with one of them reflected",
    sources=("LiHang2022, section 24.1.2",),
)
def reflected() -> Proof:
    """Correlating with f is convolving with f turned round."""
    return _by_substitution(
        correlation(f, g, t),
        (-u, "run backwards: u = -tau", "runs the other way"),
        line(f(-tau) * g(t - tau), tau),
        "Only the sign of tau tells the two apart.",
        Mistake("forgetting to reflect", _claim(correlation(f, g, t), convolution(f, g, t))),
    )


@theorem(
    "continuous.correlation_reflects",
    title="Exchanging the functions in a cross-correlation reflects it",
    sources=("LiHang2022, section 24.1.2",),
)
def correlation_reflects() -> Proof:
    """Exchanging the two functions in a cross-correlation gives the result at -t."""
    return _by_substitution(
        correlation(f, g, t),
        (u - t, "follow the other function: u = t + tau", "runs along the line, t ahead"),
        correlation(g, f, -t),
        "Only the sign of t remembers which came first.",
        Mistake("cross-correlation commutes", _claim(correlation(f, g, t), correlation(g, f, t))),
    )


@theorem(
    "continuous.gaussian_smoothing",
    title="Smoothing with a Gaussian: parabolas and edges",
    sources=("LiHang2022, example 24.1",),
    trust=_TRUST,
)
def smoothing() -> Proof:
    """A straight line stays as it is, a parabola rises by its curvature, an edge becomes as wide as the Gaussian."""

    def parabola(x: Any) -> sympy.Expr:
        return a_0 + a_1 * x + a_2 * x**2

    w = gaussian(u, sigma)
    smooth = Integration(line(parabola(tau) * gaussian(t - tau, sigma), tau))
    smooth.substitute({tau: t - u}, why="measure from t: u = t - tau")
    smooth.integrate(
        parabola(t) * line(w, u) - (a_1 + 2 * a_2 * t) * line(u * w, u) + a_2 * line(u**2 * w, u),
        why="collect the powers of u",
    )
    smooth.integrate(
        a_0 + a_1 * t + a_2 * (t**2 + sigma**2), why="total weight 1, mean 0, variance the square of the deviation"
    )
    edge = Integration(sympy.Integral(gaussian(t - tau, sigma), (tau, 0, sympy.oo)))
    edge.integrate(sympy.Integral(gaussian(u, sigma), (u, -sympy.oo, t)), why="measure from t: u = t - tau")
    half = sympy.Rational(1, 2)

    def error_function(x: Any) -> sympy.Expr:
        return half * sympy.erf(x / (sympy.sqrt(2) * sigma))

    edge.integrate(half + error_function(t), why="the error function is this integral")
    window = Integration(sympy.Integral(gaussian(t - tau, sigma), (tau, b, c)))
    window.integrate(error_function(t - b) - error_function(t - c), why="two edges, one subtracted from the other")
    return Proof(
        parts=(
            smooth.part("A parabola, smoothed:"),
            edge.part("An edge, which is 0 before 0 and 1 from 0 on, smoothed:"),
        ),
        symbols={
            t: "a place on the line",
            sigma: "standard deviation of the Gaussian",
            a_0: "height of the parabola at 0",
            a_1: "slope of the parabola at 0",
            a_2: "half its curvature",
            tau: "runs along the line",
            u: "distance from t, with its sign",
            b: "where a window begins",
            c: "where it ends",
        },
        example=Example({t: 1, sigma: 2, a_0: 3, a_1: 2, a_2: 1}),
        mistake=Mistake(
            "smoothing leaves every polynomial as it is",
            _claim(line(parabola(tau) * gaussian(t - tau, sigma), tau), parabola(t)),
        ),
        special=(window.part("A window from b to c"),),
        main=2,
    )


@theorem(
    "continuous.gaussian_gaussian",
    title="A Gaussian smoothed with a Gaussian is a Gaussian: the variances add",
    sources=("LiHang2022, example 24.1",),
    trust=_TRUST,
)
def gaussian_gaussian() -> Proof:
    """Smoothing twice is smoothing once, with the square of the deviation the sum of the two squares."""
    variance = sigma_1**2 + sigma_2**2
    peak = t * sigma_1**2 / variance
    front = sympy.exp(-(t**2) / (2 * variance)) / (2 * sympy.pi * sigma_1 * sigma_2)

    def bell(x: Any) -> sympy.Expr:
        return front * sympy.exp(-variance * x**2 / (2 * sigma_1**2 * sigma_2**2))

    start = line(gaussian(tau, sigma_1) * gaussian(t - tau, sigma_2), tau)
    calc = Integration(start)
    calc.integrate(line(bell(tau - peak), tau), why="complete the square in tau")
    calc.substitute({tau: u + peak}, why="measure from the peak")
    calc.integrate(gaussian(t, sympy.sqrt(variance)), why="the integral of a Gaussian")
    return Proof(
        parts=(calc.part("The product of two Gaussians is a Gaussian with another peak."),),
        symbols={
            t: "a place on the line",
            sigma_1: "standard deviation of one Gaussian",
            sigma_2: "standard deviation of the other",
            tau: "runs along the line",
            u: "distance from the peak, with its sign",
        },
        example=Example({t: 1, sigma_1: 1, sigma_2: 2}),
        mistake=Mistake("adding the deviations", _claim(start, gaussian(t, sigma_1 + sigma_2))),
    )
