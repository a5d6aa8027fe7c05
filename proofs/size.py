"""Output sizes: the number of windows, from the definition, and what follows from it.

Notation: an axis of n elements, p_l elements of padding before it and p_r after it, a kernel of k taps with dilation d,
stride s. Tap m of window o lies at ``s*o + d*m - p_l``; element 0 is the first of the input.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"; the shape sections of PyTorch's
documentation; ONNX's operator schemas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import convmath as cm
from convmath.assumptions import collect
from convmath.calculus.derive import Calc, Part, instance, last_window, prove
from convmath.calculus.index import (
    Formula,
    both,
    eq,
    formulas,
    implies,
    integers,
    le,
    lt,
    within,
)
from convmath.calculus.terms import Equation, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem
from convmath.inert import CeilDiv, FloorDiv

from .intervals import N as COUNT

n, k, s, d, p_l, p_r, o, t, h, m = integers("n k s d p_l p_r o t h m")
AXIS = {
    n: "input size",
    k: "kernel size",
    s: "stride",
    d: "dilation",
    p_l: "padding on the left",
    p_r: "padding on the right",
    o: "index of a window, from 0",
}
REACH = d * (k - 1)


def on_symbols(helper: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, tuple[Formula, ...]]:
    """What a helper returns on symbols, and the conditions under which it returns it."""
    with collect() as conditions:
        result = helper(*args, **options)
    return result, formulas(conditions)


def counted(calc: Calc, size: Any) -> Calc:
    """Finish a calculation that has arrived at the count of an interval from 0 to ``size - 1``."""
    return calc.apply(instance(entry("interval.count").theorem, {COUNT: size}), why="count the interval")


def windows(last_element: Any) -> Value:
    """The number of windows that begin at or after the first padded element and end at or before ``last_element``."""
    return total((o,), (le(-p_l, s * o - p_l), le(s * o + REACH - p_l, last_element)), 1)


def counted_windows(
    title: str, parameters: dict[Any, Any], given: Any, size: Any, changes: dict[Any, Any], why: str
) -> Part:
    """The number of windows at some parameters, from the general size, as what the helper returns, rewritten."""
    calc = Calc(windows(n + p_r - 1).substitute(parameters), given)
    calc.apply(instance(entry("size.conv").theorem, parameters), why="the size of a convolution with these parameters")
    calc.qed(size)
    calc.rewrite(changes, why)
    return calc.part(title)


@theorem(
    "size.conv",
    title="Output size of a convolution",
    sources=("DumoulinVisin2016, relationship 6", "torch.nn.Conv2d, shape"),
    helper="conv_output_size",
)
def conv() -> Proof:
    """The output has one position for each window that lies inside the padded input."""
    size, given = on_symbols(cm.conv_output_size, n, k, stride=s, padding=(p_l, p_r), dilation=d)
    last = last_window(s * o + REACH - p_l, n + p_r - 1, o)

    calc = Calc(windows(n + p_r - 1), given)
    calc.guard(
        ([le(-p_l, s * o - p_l)], [le(0, o)]),
        why="the first element of window o lies in the padded input when o is not negative",
    )
    calc.guard(
        ([le(s * o + REACH - p_l, n + p_r - 1)], [lt(o, last + 1)]),
        why="its last element does up to the last window, found by solving for o and rounding down",
    )
    counted(calc, last + 1)
    calc.qed(size)
    unit = Calc(windows(n + p_r - 1).substitute({s: 1, d: 1}), [f.substitute({s: 1, d: 1}) for f in given])
    unit.apply(instance(calc.theorem, {s: 1, d: 1}), why="the general size at stride 1 and dilation 1")
    unit.rewrite({FloorDiv(n + p_l + p_r - k, 1): n + p_l + p_r - k}, why="nothing is rounded")
    return Proof(
        parts=(calc.part("Count the windows that fit."),),
        symbols=AXIS,
        special=(unit.part("Stride 1, no dilation"),),
        example=Example({n: 7, k: 3, s: 2, d: 1, p_l: 1, p_r: 1}),
        mistake=Mistake(
            "taking d*k for the extent of the dilated kernel instead of d*(k - 1) + 1",
            Statement(Equation(windows(n + p_r - 1), value(FloorDiv(n + p_l + p_r - d * k, s) + 1))),
            given,
        ),
    )


@theorem(
    "size.valid",
    title="Output size without padding",
    sources=("DumoulinVisin2016, relationships 1 and 5", "torch.nn.Conv2d, padding='valid'"),
    helper="conv_output_size",
)
def valid() -> Proof:
    """Without padding and with stride 1 a kernel of k taps takes k - 1 elements off the input."""
    size, given = on_symbols(cm.conv_output_size, n, k, padding="valid")
    part = counted_windows(
        "Without padding:",
        {p_l: 0, p_r: 0, s: 1, d: 1},
        given,
        size,
        {FloorDiv(n - k, 1): n - k},
        "nothing is rounded at stride 1",
    )
    return Proof(
        parts=(part,),
        symbols={v: AXIS[v] for v in (n, k, o)},
        example=Example({n: 6, k: 3}),
        mistake=Mistake("taking off k instead of k - 1", Statement(eq(size, n - k)), given),
    )


@theorem(
    "size.same_odd",
    title="Padding that keeps the size, for odd kernels",
    sources=("DumoulinVisin2016, relationship 3", "torch.nn.Conv2d, padding='same'"),
    helper="conv_output_size",
)
def same_odd() -> Proof:
    """With an odd kernel of 2h + 1 taps, stride 1 and padding d*h on both sides the output is as large as the input."""
    size, given = on_symbols(cm.conv_output_size, n, 2 * h + 1, padding=d * h, dilation=d)
    part = counted_windows(
        "With padding d*h:",
        {k: 2 * h + 1, p_l: d * h, p_r: d * h, s: 1},
        given,
        size,
        {FloorDiv(n - 1, 1): n - 1},
        "nothing is rounded at stride 1",
    )
    even, even_given = on_symbols(cm.conv_output_size, n, 2 * h, padding=d * h, dilation=d)
    return Proof(
        parts=(part,),
        symbols={n: AXIS[n], h: "half of the kernel: it has 2h + 1 taps", d: AXIS[d], o: AXIS[o]},
        example=Example({n: 6, h: 1, d: 2}),
        mistake=Mistake("the same for an even kernel of 2h taps", Statement(eq(even, n)), (*even_given, le(1, h))),
    )


@theorem(
    "size.full",
    title="Full padding",
    sources=("DumoulinVisin2016, relationship 4",),
    helper="conv_output_size",
)
def full() -> Proof:
    """Padding by d(k - 1) on both sides adds d(k - 1) positions; more padding only adds windows without input."""
    size, given = on_symbols(cm.conv_output_size, n, k, padding="full", dilation=d)
    part = counted_windows(
        "With padding d(k - 1) on both sides:",
        {p_l: REACH, p_r: REACH, s: 1},
        given,
        size,
        {FloorDiv(n + REACH - 1, 1): n + REACH - 1},
        "nothing is rounded at stride 1",
    )
    beyond = prove(
        implies(both(lt(REACH, p_l), *within(0, m, k)), lt(d * m - p_l, 0)), [*given, le(1, d)], everything=True
    )
    return Proof(
        parts=(
            Part("With more padding every tap m of the first window lies before the input:", beyond),
            part,
        ),
        symbols={**{v: AXIS[v] for v in (n, k, d, p_l, o)}, m: "index of a tap, from 0"},
        example=Example({n: 4, k: 3, d: 1, p_l: 3, m: 0}),
        mistake=Mistake("padding by d*k on both sides", Statement(eq(size, n + d * k)), given),
        main=2,
    )


@theorem(
    "size.same",
    title="SAME padding: out = ceil(n/s), with the least padding",
    sources=("onnx.Conv, auto_pad", "tensorflow.nn.convolution, padding='SAME'"),
    helper="conv_output_size",
)
def same() -> Proof:
    """SAME padding gives ceil(n/s) positions, wherever the odd element goes, and no smaller total padding does."""
    size, given = on_symbols(cm.conv_output_size, n, k, stride=s, padding="same_upper", dilation=d)
    (lo, hi), _ = on_symbols(cm.resolve_padding, "same_upper", n, k, stride=s, dilation=d)
    least, out = lo + hi, CeilDiv(n, s)
    some = prove(le(1, out), given)
    no_less = prove(
        implies(both(le(0, t), le(out, FloorDiv(n + t - REACH - 1, s) + 1)), le(least, t)), given, everything=True
    )
    both_sides = (le(0, p_l), le(0, p_r), eq(p_l + p_r, least))
    general = FloorDiv(n + p_l + p_r - REACH - 1, s) + 1
    count = Calc(windows(n + p_r - 1), (*given, *both_sides, some))
    count.apply(entry("size.conv").theorem, why="the size of a convolution")
    count.rewrite({general: out}, why="the total padding fills the last window exactly")
    return Proof(
        parts=(
            Part("There is at least one position:", some),
            Part("A total padding t that gives as many positions is at least as large:", no_less),
            Part("The helper's size with the odd element at the end:", prove(eq(size, out), given)),
            count.part("Wherever the total padding is put, it gives as many windows:"),
        ),
        symbols={**AXIS, t: "a total padding"},
        example=Example({n: 7, k: 3, s: 2, d: 1, t: 2, p_l: 1, p_r: 1}),
        mistake=Mistake(
            "out = floor(n/s), as if the size were always halved at stride 2",
            Statement(eq(size, FloorDiv(n, s))),
            given,
        ),
        main=3,
    )


@theorem(
    "size.pool_ceil",
    title="Output size of pooling in ceil mode",
    sources=("torch.nn.MaxPool2d, ceil_mode", "onnx.MaxPool-22"),
    helper="pool_output_size",
)
def pool_ceil() -> Proof:
    """In ceil mode a last window may run over the end, but it has to begin before the padding on the right."""
    size, given = on_symbols(cm.pool_output_size, n, k, stride=s, padding=(p_l, p_r), dilation=d, ceil_mode=True)
    needed, begins = lt(s * (o - 1) + REACH - p_l, n + p_r - 1), lt(s * o - p_l, n)
    stop = CeilDiv(n + p_l + p_r - REACH - 1, s) + 1

    calc = Calc(total((o,), (le(-p_l, s * o - p_l), needed, begins), 1), given)
    calc.guard(([le(-p_l, s * o - p_l)], [le(0, o)]), why="the first window begins at the first padded element")
    calc.guard(([needed], [lt(o, stop)]), why="the window before it does not reach the end: solve for o and round up")
    calc.guard(([begins], [lt(o, CeilDiv(n + p_l, s))]), why="it begins before the padding on the right")
    calc.guard(([lt(o, stop), lt(o, CeilDiv(n + p_l, s))], [lt(o, size)]), why="both bounds hold below the smaller")
    counted(calc, size)
    calc.qed(size)
    over = le(n + p_l, (stop - 1) * s)
    dropped = prove(implies(over, eq(size, stop - 1)), given)
    kept = prove(implies(lt((stop - 1) * s, n + p_l), eq(size, stop)), given)
    return Proof(
        parts=(
            Part("PyTorch's rule takes one off if the last window would begin in the padding on the right:", dropped),
            Part("and leaves the rounded-up number alone otherwise:", kept),
            calc.part("Count the windows that begin in time and are not yet superfluous."),
        ),
        symbols=AXIS,
        example=Example({n: 6, k: 3, s: 2, d: 1, p_l: 0, p_r: 0}),
        mistake=Mistake("the rounded-up number without the clamp", Statement(eq(size, stop)), given),
        main=3,
    )
