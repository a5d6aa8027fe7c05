"""Circular convolution and the discrete Fourier transform.

A transform evaluates the polynomial whose coefficients are the signal at points; at N-th roots of unity, which are
``z[l]`` here, positions N apart count as one. The roots may be complex.

Sources: Oppenheim and Schafer, "Discrete-Time Signal Processing", chapter 8.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part, definition, instance, natural_induction, prove
from convmath.calculus.index import eq, integers, le, lt, ne, within
from convmath.calculus.kernel import Theorem, assume, cut, generalize, sym
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem
from convmath.inert import FloorDiv, Mod

from .inside import inside
from .intervals import N as COUNTED
from .powers import POWERS, SYMBOLS, e, l, n, product_of_powers, z

k, m, i, r, q, N, M, I = integers("k m i r q N M I")  # noqa: E741
w, x = tensor("w"), tensor("x")
ROOT = definition(value(e[l, N]), value(1))
"""The point is an N-th root of unity."""
_SYMBOLS = {
    l: "which root of unity, the frequency",
    k: "position in the result",
    m: "position in the kernel",
    i: "position in the signal",
    N: "period",
    w: "kernel",
    x: "signal",
}
_RANGES = (*within(0, m, N), *within(0, i, N))


def circular(at: Any, sizes: tuple[Any, Any] = (N, N)) -> Value:
    """The circular convolution of kernel and signal at a position."""
    inside = (*within(0, m, sizes[0]), *within(0, i, sizes[1]))
    return total((m, i), (eq(at, Mod(m + i, N)), *inside), value(w[m]) * x[i])


def transform(source: sympy.IndexedBase, index: sympy.Symbol) -> Value:
    """The signal's polynomial at the point ``z[l]``."""
    return total((index,), within(0, index, N), value(source[index]) * e[l, index])


@theorem(
    "fourier.convolution",
    title="The transform of a circular convolution is the product of the transforms",
    sources=("OppenheimSchafer2009, section 8.6.5",),
)
def convolution() -> Proof:
    """Circular convolution becomes multiplication at every N-th root of unity."""
    wrapped, repeated = _wrapped()
    product_ = value(w[m]) * x[i]
    calc = Calc(total((k, m, i), (eq(k, Mod(m + i, N)), *within(0, k, N), *_RANGES), product_ * e[l, k]), [le(1, N)])
    calc.one_point({k: Mod(m + i, N)}, why="the bracket says where a product of two entries goes")
    calc.guard(
        (within(0, Mod(m + i, N), N), within(0, m + i, 2 * N)),
        why="remainders are positions, and sums are less than 2N",
    )
    powers = Calc(total((m, i), (*within(0, m + i, 2 * N), *_RANGES), product_ * e[l, m + i]), [le(1, N)])
    powers.unfold(instance(assume(wrapped.conclusion), {n: m + i}), why="powers of a root of unity repeat after N")
    calc.meet(powers, why="powers of a root of unity repeat after N")
    calc.unfold(product_of_powers(l, m, i), why="exponents add")
    calc.guard((within(0, m + i, 2 * N), []), why="which holds anyway")
    calc.qed(transform(w, m) * transform(x, i))
    main = Part("Transform the result:", cut(wrapped, calc.theorem), calc.start, tuple(calc.steps))
    wrong = total((k, m, i), (eq(k, m + i), *within(0, k, N), *_RANGES), product_ * e[l, k])
    return Proof(
        parts=(*repeated, main),
        symbols={**_SYMBOLS, n: "an exponent", r: "an exponent", q: "number of periods", **SYMBOLS},
        example=Example({l: 0, N: 2}, {"w": [1, 2], "x": [3, 4], "z": [-1]}),
        mistake=Mistake(
            "cutting off what reaches beyond the period",
            Statement(Equation(wrong, transform(w, m) * transform(x, i))),
            (*POWERS, ROOT, le(1, N)),
        ),
    )


def _wrapped() -> tuple[Theorem, tuple[Part, ...]]:
    """``e[l, n] = e[l, n mod N]`` for n from 0 to 2 N - 1, and how it is shown."""
    given = [le(0, r), le(1, N)]
    start = Calc(e[l, r]).theorem
    parts: list[Part] = []

    def claim(q: Any) -> Statement:
        return Statement(Equation(value(e[l, r + sympy.expand(N * q)]), value(e[l, r])))

    def step(hypothesis: Theorem) -> Theorem:
        calc = Calc(claim(q + 1).body.left, [*given, le(0, q)])
        calc.unfold(calc.discharged(product_of_powers(l, r + N * q, N)), why="exponents add")
        calc.unfold(assume(ROOT), why="the point is a root of unity")
        calc.apply(hypothesis, why="by the induction hypothesis")
        parts.append(calc.part("One period more:"))
        return calc.theorem

    repeats = natural_induction(claim, q, start, step)
    calc = Calc(e[l, n], [le(0, n), le(1, N)])
    calc.rewrite({n: Mod(n, N) + N * FloorDiv(n, N)}, why="remainder and quotient")
    calc.apply(instance(repeats, {r: Mod(n, N), q: FloorDiv(n, N)}), why="the quotient counts periods")
    found = generalize(cut(prove(le(0, n), [le(0, n), lt(n, 2 * N)]), calc.theorem), (n,), within(0, n, 2 * N))
    induction = Part("So powers repeat after N, by induction on the number of periods:", repeats)
    return found, (*parts, induction, calc.part("Hence only the remainder of an exponent counts:"))


@theorem(
    "fourier.padding",
    title="With enough zeros a circular convolution is a convolution",
    sources=("OppenheimSchafer2009, section 8.7.2",),
)
def padding() -> Proof:
    """A period of at least I + M - 1 keeps the I entries of the signal and the M of the kernel from wrapping round."""
    inside = (*within(0, m, M), *within(0, i, I))
    given = [le(I + M - 1, N), le(1, I), le(1, M)]
    calc = Calc(circular(k, (M, I)), given)
    calc.guard(
        ([eq(k, Mod(m + i, N))], [eq(k, m + i)]),
        why="the largest sum is I + M - 2, which is less than the period",
        cuts=[eq(FloorDiv(m + i, N), 0)],
    )
    plain = total((m, i), (eq(k, m + i), *inside), value(w[m]) * x[i])
    calc.qed(plain)
    return Proof(
        parts=(calc.part("Nothing wraps round:"),),
        symbols={**_SYMBOLS, I: "size of the signal", M: "size of the kernel"},
        example=Example({k: 2, I: 3, M: 2, N: 4}, {"w": [1, 2], "x": [3, 4, 5]}),
        mistake=Mistake(
            "a period as long as the signal", Statement(Equation(circular(k, (M, I)), plain)), (le(M, I), eq(N, I))
        ),
    )


h = tensor("h")
INVERSE = Equation(value(z[l]) * h[l] - h[l], value(1))
"""The point is not 1: its difference from 1 has an inverse."""
UNIT = definition(value(z[k]), value(1))
"""Another point is 1."""


@theorem(
    "fourier.sum",
    title="The sum of the powers of a root of unity",
    sources=("OppenheimSchafer2009, section 8.1",),
)
def sum_of_powers() -> Proof:
    """The N powers of an N-th root of unity add up to 0, unless the root is 1; then they add up to N."""
    given, powers = [le(1, N)], within(0, n, N)
    whole = total((n,), powers, e[l, n])
    same = _rotated()
    zero = Calc(whole, given)
    difference = zero.discharged(inside(assume(INVERSE), (n,), powers, e[l, n]))
    zero.apply(sym(difference), why="multiply by the root less 1 and by the inverse of that")
    unchanged = inside(assume(same.theorem.equation), (), (), h[l])
    zero.apply(cut(same.theorem, unchanged), why="the root changes nothing")
    zero.qed(Value(()))

    ones, induction = _powers_of_one()
    count = Calc(total((n,), powers, e[k, n]), given)
    count.unfold(instance(ones, {n: n}), why="every power of 1 is 1")
    count.apply(instance(entry("interval.count").theorem, {COUNTED: N}), why="count them")
    count.qed(N)
    return Proof(
        parts=(
            same.part("The last power takes the place of the first, so the root changes nothing:"),
            *induction,
            zero.part("If the root is not 1, its difference from 1 has an inverse, and the sum is 0:"),
            count.part("If it is 1:"),
        ),
        symbols={
            l: "which root of unity",
            k: "which point is 1",
            n: "an exponent",
            N: "number of powers",
            **SYMBOLS,
            h: "inverse of the point less 1, where the point is not 1",
        },
        example=Example({l: 1, k: 0, N: 2}, {"z": [1, -1], "h": [0, Fraction(-1, 2)]}),
        mistake=Mistake(
            "the same for every point",
            Statement(same.theorem.conclusion.body),
            (*POWERS, le(1, N)),
        ),
        main=2,
    )


def _rotated() -> Calc:
    """The sum of the powers times the root is the sum."""
    whole = total((n,), within(0, n, N), e[l, n])
    times = Calc(total((n,), within(0, n, N), value(e[l, n]) * z[l]), [le(1, N)])
    later = Calc(total((n,), within(0, n, N), e[l, n + 1]), [le(1, N)])
    later.unfold(instance(assume(POWERS[1]), {l: l, n: n}), why="one factor more")
    times.meet(later, why="one factor more")
    times.reindex({n: r - 1}, why="count from 1")
    times.rename({r: n})
    times.split(eq(n, N), why="set the last power apart")
    times.guard(([*within(0, n - 1, N), eq(n, N)], [eq(n, N)]), why="it is one of them")
    times.one_point({n: N}, why="the bracket leaves the power N")
    times.unfold(assume(ROOT), why="which is 1")
    rest = Calc(whole, [le(1, N)])
    rest.split(eq(n, 0), why="set the first power apart")
    rest.guard(([*within(0, n, N), eq(n, 0)], [eq(n, 0)]), why="it is one of them")
    rest.one_point({n: 0}, why="the bracket leaves the power 0")
    rest.unfold(instance(assume(POWERS[0]), {l: l}), why="which is 1 too")
    rest.guard(([*within(0, n, N), ne(n, 0)], [*within(0, n - 1, N), ne(n, N)]), why="powers 1 to N - 1", term=1)
    times.meet(rest)
    return times


def _powers_of_one() -> tuple[Theorem, tuple[Part, ...]]:
    """``e[k, n] = 1`` where ``z[k] = 1``, by induction."""
    start = Calc(e[k, 0])
    start.unfold(instance(assume(POWERS[0]), {l: k}), why="the power 0 is 1")
    parts = [start.part("The power 0:")]

    def step(hypothesis: Theorem) -> Theorem:
        calc = Calc(e[k, n + 1], [le(0, n)])
        calc.unfold(calc.discharged(instance(assume(POWERS[1]), {l: k, n: n})), why="one factor more")
        calc.unfold(assume(UNIT), why="the point is 1")
        calc.unfold(hypothesis, why="by the induction hypothesis")
        parts.append(calc.part("One factor more:"))
        return calc.theorem

    theorem = natural_induction(lambda n: Statement(Equation(value(e[k, n]), value(1))), n, start.theorem, step)
    return theorem, (*parts, Part("So every power of 1 is 1, by induction on the exponent:", theorem))


f, S = tensor("f"), tensor("S")
SUMS = definition(S[m, i], total((l,), within(0, l, N), value(f[l, m]) * e[l, i]), (m, i))
ORTHOGONAL = definition(S[m, i], total((), (eq(m, i),), N), (m, i), _RANGES)


@theorem("fourier.inverse", title="The inverse transform", sources=("OppenheimSchafer2009, section 8.1",))
def inverse() -> Proof:
    """Where different frequencies are orthogonal, transforming back gives the signal N times."""
    forward = total((i,), within(0, i, N), value(e[l, i]) * x[i])
    given = [*within(0, m, N)]
    calc = Calc(total((l,), within(0, l, N), value(f[l, m]) * forward), given)
    calc.swap(i, l, why="sum over the frequencies first")
    named = Calc(total((i,), within(0, i, N), value(S[m, i]) * x[i]), given)
    named.unfold(instance(assume(SUMS), {m: m, i: i}), why="this is the sum over the frequencies")
    calc.meet(named)
    calc.unfold(instance(assume(ORTHOGONAL), {m: m, i: i}), why="different frequencies are orthogonal")
    calc.one_point({i: m}, why="the bracket leaves one entry")
    calc.guard((within(0, m, N), []), why="m is a position")
    calc.qed(value(x[m]) * N)
    return Proof(
        parts=(calc.part("Transform, and transform back:"),),
        symbols={
            m: "position in the signal",
            i: "position in the signal",
            l: "frequency",
            N: "period",
            x: "signal",
            e: "powers of the roots of unity",
            f: "powers of their inverses",
            S: "sums over the frequencies",
        },
        example=Example({m: 1, N: 2}, {"x": [3, 4], "e": [[1, 1], [1, -1]], "f": [[1, 1], [1, -1]]}),
        mistake=Mistake(
            "forgetting to divide by N",
            Statement(Equation(total((i,), within(0, i, N), value(S[m, i]) * x[i]), value(x[m]))),
            (*given, ORTHOGONAL),
        ),
    )
