"""Sizes read backwards: transposed convolutions, their output padding, and the inputs that share an output size.

Notation as for the output sizes of a convolution: n, k, s, d, p_l and p_r on one axis.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", chapter 4; PyTorch's documentation.
"""

from __future__ import annotations

import convmath as cm
from convmath.calculus.derive import Calc, Part, prove
from convmath.calculus.index import both, eq, equivalent, implies, integers, le, lt, within
from convmath.calculus.terms import Statement, total
from convmath.catalog import Example, Mistake, Proof, theorem
from convmath.formulas.inverse import input_size_bounds
from convmath.inert import FloorDiv, Mod

from .size import AXIS, REACH, counted, d, k, n, o, on_symbols, p_l, p_r, s

a, b, i, j, T = integers("a b i j T")


@theorem(
    "size.conv_transpose",
    title="Output size of a transposed convolution",
    sources=("DumoulinVisin2016, relationship 14", "torch.nn.ConvTranspose2d, shape"),
    helper="conv_transpose_output_size",
)
def conv_transpose() -> Proof:
    """The stretched input reaches s(n - 1) + d(k - 1) + 1 positions; padding takes off, output_padding adds."""
    size, given = on_symbols(
        cm.conv_transpose_output_size, n, k, stride=s, padding=(p_l, p_r), output_padding=a, dilation=d
    )
    end = s * (n - 1) + REACH
    calc = Calc(total((j,), (le(p_l, j), le(j, end - p_r + a)), 1), given)
    calc.reindex({j: i + p_l}, why="number the positions that are kept from 0")
    calc.guard(([le(p_l, i + p_l)], [le(0, i)]), why="drop the padding on the left")
    calc.guard(([le(i + p_l, end - p_r + a)], [lt(i, size)]), why="and the padding on the right")
    counted(calc.rename({i: integers("o")}), size)
    calc.qed(size)
    back = FloorDiv(T + p_l + p_r - REACH - 1, s) + 1
    inverse = prove(implies(lt(a, s), eq(back, n)), (*given, eq(T, size)))
    least = prove(implies(lt(b, size - a), lt(FloorDiv(b + p_l + p_r - REACH - 1, s) + 1, n)), given)
    return Proof(
        parts=(
            Part("A convolution takes this size T back to n if the output padding is below the stride:", inverse),
            Part("and from a smaller size b than that without output padding it gives fewer than n:", least),
            calc.part("From the first tap of the first input element to the last tap of the last, less the padding:"),
        ),
        symbols={
            **{v: AXIS[v] for v in (n, k, s, d, p_l, p_r)},
            a: "output padding",
            j: "position before the padding is taken off",
            b: "a size",
            T: "the output size",
        },
        example=Example({n: 3, k: 3, s: 2, d: 1, p_l: 1, p_r: 1, a: 1, b: 4, T: 6}),
        mistake=Mistake(
            "an output padding of up to s, as if s were below s",
            Statement(implies(le(a, s), eq(back, n))),
            (*(f for f in given if a not in f.free_symbols), le(0, a), eq(T, size)),
        ),
        main=3,
    )


@theorem(
    "size.conv_transpose.recovers",
    title="The output padding that recovers the size",
    sources=("DumoulinVisin2016, relationship 14", "torch.nn.ConvTranspose2d, output_padding"),
    helper="conv_transpose_output_padding",
)
def recovers() -> Proof:
    """A transposed convolution takes a convolution's output size back when output_padding is the remainder."""
    out, given = on_symbols(cm.conv_output_size, n, k, stride=s, padding=(p_l, p_r), dilation=d)
    remainder = Mod(n + p_l + p_r - REACH - 1, s)
    options = {"stride": s, "padding": (p_l, p_r), "dilation": d}
    back, _ = on_symbols(cm.conv_transpose_output_size, o, k, output_padding=a, **options)
    needed, _ = on_symbols(cm.conv_transpose_output_padding, o, n, k, **options)
    at = {o: out}
    calc = Calc(needed.xreplace(at), given)
    calc.rewrite({needed.xreplace(at): remainder}, why="what is left of n when the rounded part is taken off")
    unique = prove(implies(both(*within(0, a, s)), equivalent(eq(back.xreplace(at), n), eq(a, remainder))), given)
    return Proof(
        parts=(
            Part("Among 0 to s - 1 exactly the remainder recovers n:", unique),
            calc.part("The output padding that is needed:"),
        ),
        symbols={**{v: AXIS[v] for v in (n, k, s, d, p_l, p_r)}, a: "output padding"},
        example=Example({n: 8, k: 3, s: 3, d: 1, p_l: 0, p_r: 0, a: 2}),
        mistake=Mistake("always s - 1", Statement(eq(needed.xreplace(at), s - 1)), given),
        main=2,
    )


@theorem(
    "size.preimage",
    title="The input sizes that share an output size",
    sources=("DumoulinVisin2016, section 2.4",),
    helper="conv_input_sizes",
)
def preimage() -> Proof:
    """Exactly s consecutive integers are sizes with the same output size; those below 1 are no input."""
    size, given = on_symbols(cm.conv_output_size, n, k, stride=s, padding=(p_l, p_r), dilation=d)
    least, greatest = input_size_bounds(o, k, s, p_l, p_r, d)
    (first, last), conditions = on_symbols(cm.conv_input_sizes, o, k, stride=s, padding=(p_l, p_r), dilation=d)
    given = tuple(dict.fromkeys([*conditions, *(f for f in given if n not in f.free_symbols)]))
    same_size = prove(equivalent(eq(size, o), both(le(least, n), le(n, greatest))), given, everything=True)
    of_inputs = prove(
        implies(le(1, n), equivalent(eq(size, o), both(le(first, n), le(n, last)))), given, everything=True
    )
    count = Calc(total((n,), (le(least, n), le(n, greatest)), 1), given)
    count.reindex({n: i + least}, why="number the sizes from 0")
    count.guard(([le(least, i + least)], [le(0, i)]), why="the least is number 0")
    count.guard(([le(i + least, greatest)], [lt(i, s)]), why="the greatest is number s - 1")
    counted(count.rename({i: o}), s)
    return Proof(
        parts=(
            Part("A size has o positions exactly between these bounds:", same_size),
            count.part("There are s integers between them:"),
            Part("So an input of n elements has o positions exactly if:", of_inputs),
        ),
        symbols=AXIS,
        example=Example({n: 7, k: 3, s: 2, d: 1, p_l: 1, p_r: 1, o: 4}),
        mistake=Mistake(
            "only the least of them, as if the size formula could be solved for n without the rounding",
            Statement(equivalent(eq(size, o), eq(n, least))),
            (*given, le(1, n)),
        ),
        main=3,
    )
