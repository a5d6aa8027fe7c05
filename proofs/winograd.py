"""Winograd's minimal filtering: a correlation by one multiplication a point.

The data of a tile are written as values of a combination of powers, ``d[t] = sum over j of e[j, t] D[j]``: what the
transform of the data finds is D. Transforming the kernel evaluates its polynomial at the points, and multiplying point
by point then shifts by every tap at once, because exponents add.

Sources: Winograd, "Arithmetic Complexity of Computations"; Lavin and Gray, "Fast Algorithms for Convolutional Neural
Networks". :func:`convmath.winograd_transform` gives the matrices.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import eq, integers, le, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .powers import POWERS, SYMBOLS, e, product_of_powers

_OUTPUTS, _TAPS, _POINTS, _DATA = (integers(names) for names in ("k l r", "m n q", "j h i", "t u v"))
_KERNEL_SIZES, _NUMBERS = integers("R S T"), integers("J H I")
K, P = integers("K P")
d, g, D = tensor("d"), tensor("g"), tensor("D")


def _powers(points: Any, exponents: Any) -> Value:
    """The product of one power for each axis."""
    product = value(1)
    for point, exponent in zip(points, exponents, strict=True):
        product = product * e[point, exponent]
    return product


def _ranges(indices: Any, sizes: Any) -> tuple[Any, ...]:
    return tuple(atom for v, size in zip(indices, sizes, strict=True) for atom in within(0, v, size))


@theorem(
    "winograd.filter",
    title="A correlation by one multiplication a point",
    ndims=(1, 2, 3),
    sources=("Winograd1980, chapter 5", "LavinGray2016, section 4"),
)
def minimal_filter(ndim: int) -> Proof:
    """Multiplying transformed kernel and transformed data point by point, and transforming back, correlates them."""
    k, m, j, t = (names[:ndim] for names in (_OUTPUTS, _TAPS, _POINTS, _DATA))
    R, J = _KERNEL_SIZES[:ndim], _NUMBERS[:ndim]
    taps, points = _ranges(m, R), _ranges(j, J)
    data = definition(value(d[t]), total(j, points, _powers(j, t) * D[j]), t)
    positions = tuple(a + b for a, b in zip(k, m, strict=True))
    direct = total(m, taps, value(g[m]) * d[positions])
    calc = Calc(direct, [le(0, v) for v in k])
    calc.unfold(instance(assume(data), dict(zip(t, positions, strict=True))), why="what the data are made of")
    for point, output, tap in zip(j, k, m, strict=True):
        calc.unfold(product_of_powers(point, output, tap), why="exponents add")
    inner = total(m, taps, _powers(j, m) * g[m])
    target = total(j, points, _powers(j, k) * inner * D[j])
    calc.theorem = calc.discharged(calc.theorem)
    calc.qed(target)
    backwards = tuple(size - 1 - v for size, v in zip(R, m, strict=True))
    wrong = total(j, points, _powers(j, k) * total(m, taps, _powers(j, backwards) * g[m]) * D[j])
    several = ndim > 1
    return Proof(
        parts=(calc.part("Start from the correlation:"),),
        symbols={
            **_each(k, "output of a tile", several),
            **_each(m, "kernel tap", several),
            **_each(j, "point", several),
            **_each(t, "position in the data", several),
            **_each(R, "kernel size", several),
            **_each(J, "number of points", several),
            d: "data",
            g: "kernel",
            D: "transformed data",
            **SYMBOLS,
        },
        example=_example(ndim, k, R, J),
        mistake=Mistake(
            "transforming the kernel backwards",
            Statement(Equation(direct, wrong)),
            (*POWERS, data, *(le(0, v) for v in k)),
        ),
    )


def _each(symbols: Any, words: str, several: bool) -> dict[Any, str]:
    return {v: f"{words} on axis {axis + 1}" if several else words for axis, v in enumerate(symbols)}


def _example(ndim: int, k: Any, R: Any, J: Any) -> Example:  # noqa: N803 - a size
    """Two points and two taps on every axis."""
    numbers = {**dict.fromkeys(k, 0), **dict.fromkeys((*R, *J), 2), k[0]: 1}
    kernel: Any = [2, 1]
    found: Any = [2, 1]
    for _ in range(ndim - 1):
        kernel, found = [kernel, kernel], [found, found]
    return Example(numbers, {"g": kernel, "D": found, "z": [1, -1]})


@theorem(
    "winograd.infinity",
    title="The same with a point at infinity",
    sources=("Winograd1980, chapter 5", "LavinGray2016, section 4"),
)
def with_infinity() -> Proof:
    """A point at infinity looks at the last output, the last tap and the last of the data alone."""
    k, m, j, t = (names[0] for names in (_OUTPUTS, _TAPS, _POINTS, _DATA))
    R = _KERNEL_SIZES[0]
    taps, points = within(0, m, R), within(0, j, P)
    given = [*within(0, k, K), le(1, R), eq(P, K + R - 2)]
    finite = total((j,), points, value(e[j, t]) * D[j])
    data = definition(value(d[t]), finite + total((), (eq(t, P),), D[P]), (t,))
    direct = total((m,), taps, value(g[m]) * d[k + m])
    calc = Calc(direct, given)
    calc.unfold(instance(assume(data), {t: k + m}), why="what the data are made of")
    calc.unfold(product_of_powers(j, k, m), why="exponents add")
    calc.guard(
        ([*taps, eq(k + m, P)], [eq(k, K - 1), eq(m, R - 1)]), why="only the last output and tap get that far", term=1
    )
    calc.one_point({m: R - 1}, why="the bracket leaves the last tap", term=1)
    calc.theorem = calc.discharged(calc.theorem)
    inner = total((m,), taps, value(e[j, m]) * g[m])
    target = total((j,), points, value(e[j, k]) * inner * D[j]) + total((), (eq(k, K - 1),), value(g[R - 1]) * D[P])
    calc.qed(target)
    without = total((j,), points, value(e[j, k]) * inner * D[j])
    return Proof(
        parts=(calc.part("Start from the correlation:"),),
        symbols={
            k: "output of a tile",
            K: "outputs of a tile",
            m: "kernel tap",
            R: "kernel size",
            j: "point",
            P: "number of finite points",
            t: "position in the data",
            d: "data",
            g: "kernel",
            D: "transformed data, the last of them at infinity",
            **SYMBOLS,
        },
        example=Example({k: 1, K: 2, R: 2, P: 2}, {"g": [2, 1], "D": [1, 3, 5], "z": [1, -1]}),
        mistake=Mistake(
            "leaving out the point at infinity", Statement(Equation(direct, without)), (*POWERS, data, *given)
        ),
    )
