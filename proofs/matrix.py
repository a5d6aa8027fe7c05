"""The matrix of a convolution: Toeplitz, doubly block Toeplitz, and its transpose, which is no inverse.

One channel goes in and one comes out; channels make a block each. On two axes positions are numbered row by row:
the output (k, l) is row ``r = L*k + l`` of the matrix, the input (i, j) is column ``q = J*i + j``.

Sources: Goodfellow, Bengio and Courville, section 9.1; Dumoulin and Visin's guide, section 4.1.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc, instance
from convmath.calculus.index import Formula, both, eq, integers, le, lt, negation, within
from convmath.calculus.kernel import Theorem, assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem
from convmath.inert import Mod

from . import numbering as step
from .gradients import ramp, small, symbols
from .layer import Layer, pairs, w, x, y
from .numbering import digits, number_pair
from .unfold import aligned

r, q = integers("r q")
A, S, T, e = map(tensor, "ASTe")


def one_channel(layer: Layer, **more: str) -> dict[Any, str]:
    """What the symbols of a page on one channel mean."""
    without = {"b", "B", "f", "u", "G", "C_g", "F_g", "c", "delta"}
    kept = {name: words for name, words in symbols(layer).items() if str(getattr(name, "label", name)) not in without}
    return {**kept, **{integers(name): words for name, words in more.items()}}


def numbers(layer: Layer, size: int = 3, taps: int = 2) -> dict[Any, int]:
    """Small numbers without channels: two windows an axis, at stride 1 and without padding."""
    kept = set(one_channel(layer))
    found = {name: number for name, number in small(layer).items() if name in kept}
    return found | {v: n for axis in layer.axes for v, n in ((axis.I, size), (axis.M, taps))}


def convolve(layer: Layer) -> Value:
    """``y[k]`` of one channel."""
    bound = (*layer.each("i"), *layer.each("m"))
    return total(bound, layer.relation, value(w[layer.each("m")]) * x[layer.each("i")])


def transposed(layer: Layer, source: Value) -> Value:
    """``z[i]`` of one channel: the transposed convolution of a source on the output positions."""
    bound = (*layer.each("k"), *layer.each("m"))
    return total(bound, (*aligned(layer), *layer.outputs, *layer.taps), source * w[layer.each("m")])


def entry_of_matrix(layer: Layer, k: tuple[Any, ...], i: tuple[Any, ...]) -> Value:
    """The entry in the row of window k and the column of position i."""
    relation = [axis.aligned(at, to, axis.m) for axis, at, to in zip(layer.axes, k, i, strict=True)]
    return total(layer.each("m"), (*relation, *layer.taps), w[layer.each("m")])


def flat_matrix(layer: Layer) -> Statement:
    """``A[r, q]`` with positions numbered row by row."""
    rows, columns = digits(r, layer.each("K")), digits(q, layer.each("I"))
    return Statement(Equation(value(A[r, q]), entry_of_matrix(layer, rows, columns)), (r, q))


def at(statement: Statement, *terms: Any) -> Theorem:
    """A definition at given terms, as a theorem that supposes it."""
    return instance(assume(statement), dict(zip(statement.variables, terms, strict=True)))


def positive(layer: Layer, *names: str) -> tuple[Formula, ...]:
    """Sizes on every axis but the first are at least 1."""
    return tuple(le(1, size) for name in names for size in layer.each(name)[1:])


def product_of(sizes: tuple[Any, ...]) -> Any:
    """All positions."""
    return sympy.Mul(*sizes)


def by_rows(layer: Layer) -> Calc:
    """The convolution at the output number r as a row of the matrix times the input."""
    i, sizes = layer.each("i"), layer.each("I")
    here = pairs(layer.each("k"), digits(r, layer.each("K")))
    calc = Calc(convolve(layer).substitute(here), positive(layer, "I"))
    if len(i) == 1:
        calc.rename({i[0]: q})
    else:
        number_pair(calc, q, (i[0], sizes[0]), (i[1], sizes[1]), "number the input positions row by row")
    columns = digits(q, sizes)
    other = Calc(total((q,), within(0, q, product_of(sizes)), value(A[r, q]) * x[columns]))
    other.unfold(at(flat_matrix(layer), r, q), why="the entries of the matrix")
    calc.meet(other, why="which are the entries of row r")
    return calc


def by_columns(layer: Layer) -> Calc:
    """The transposed convolution at the input number q as a column of the matrix times its source."""
    k, sizes = layer.each("k"), layer.each("K")
    here = pairs(layer.each("i"), digits(q, layer.each("I")))
    calc = Calc(transposed(layer, value(y[k])).substitute(here), positive(layer, "K"))
    if len(k) == 1:
        calc.rename({k[0]: r})
    else:
        number_pair(calc, r, (k[0], sizes[0]), (k[1], sizes[1]), "number the output positions row by row")
    other = Calc(total((r,), within(0, r, product_of(sizes)), value(A[r, q]) * y[digits(r, sizes)]))
    other.unfold(at(flat_matrix(layer), r, q), why="the entries of the matrix")
    calc.meet(other, why="which are the entries of column q")
    return calc


def same_entry(definition: Statement, there: Any, here: Any, changes: Any, why: str, given: Any = ()) -> Calc:
    """The entry ``there`` equals the entry ``here``: their brackets are the same."""
    one, another = at(definition, *there), at(definition, *here)
    calc = Calc(one.equation.left, given)
    calc.unfold(one, why="write the entry out")
    calc.guard(*changes, why=why)
    other = Calc(another.equation.left)
    other.unfold(another, why="which is the other entry written out")
    calc.meet(other)
    return calc


@theorem(
    "matrix.toeplitz",
    title="A convolution on one axis is a Toeplitz matrix",
    sources=("GoodfellowBengioCourville2016, section 9.1", "DumoulinVisin2016, section 4.1"),
)
def toeplitz() -> Proof:
    """The output is a matrix times the input, and its entries depend on i - s*k only: one step down, s to the right."""
    g = Layer(1)
    (axis,) = g.axes
    k, i, s = axis.k, axis.i, axis.s
    definition = Statement(Equation(value(T[k, i]), entry_of_matrix(g, (k,), (i,))), (k, i))
    product = Calc(convolve(g))
    other = Calc(total((i,), within(0, i, axis.I), value(T[k, i]) * x[i]))
    other.unfold(at(definition, k, i), why="the entries of row k")
    product.meet(other, why="sum over the taps first")
    offset = same_entry(
        definition,
        (k, i),
        (0, i - s * k),
        [([axis.aligned(k, i, axis.m)], [axis.aligned(0, i - s * k, axis.m)])],
        "the bracket knows the offset i - s*k only",
    )
    down = same_entry(
        definition,
        (k + 1, i + s),
        (k, i),
        [([axis.aligned(k + 1, i + s, axis.m)], [axis.aligned(k, i, axis.m)])],
        "both sides of the bracket have grown by s",
    )
    unit = {axis.d: sympy.Integer(1)}
    plain = Calc(entry_of_matrix(g, (k,), (i,)).substitute(unit))
    tap = i + axis.p - s * k
    plain.guard(([axis.aligned(k, i, axis.m).substitute(unit)], [eq(axis.m, tap)]), why="solve the bracket for the tap")
    plain.one_point({axis.m: tap}, why="it leaves one tap")
    wrong = Statement(Equation(entry_of_matrix(g, (k + 1,), (i + 1,)), entry_of_matrix(g, (k,), (i,))))
    return Proof(
        parts=(
            product.part("Row k of the matrix times the input is output k."),
            offset.part("An entry depends on i - s*k only."),
            down.part("So the entries repeat one row down and s columns to the right."),
        ),
        special=(plain.part("Without dilation the kernel stands in every row, s further to the right each time"),),
        symbols=one_channel(g) | {T: "matrix of the convolution"},
        example=Example(numbers(g), {"x": [1, 2, 3], "w": [1, 2]}),
        mistake=Mistake("one column to the right at any stride", wrong, g.positive),
        main=3,
    )


def moved(g: Layer, steps: tuple[Any, Any], lemmas: list[Theorem], why: str) -> Calc:
    """The entry of the flat matrix that lies so many rows down and so many columns to the right."""
    down, right = steps
    rows = [digits(row, g.each("K")) for row in (r + down, r)]
    columns = [digits(column, g.each("I")) for column in (q + right, q)]
    changes = [
        tuple([axis.aligned(rows[end][n], columns[end][n], axis.m)] for end in (0, 1)) for n, axis in enumerate(g.axes)
    ]
    return same_entry(flat_matrix(g), (r + down, q + right), (r, q), changes, why, lemmas)


@theorem(
    "matrix.doubly_block_toeplitz",
    title="A convolution on two axes is a doubly block Toeplitz matrix",
    ndims=(2,),
    sources=("GoodfellowBengioCourville2016, section 9.1",),
)
def doubly_block_toeplitz(ndim: int) -> Proof:
    """The blocks of the matrix repeat along block diagonals, and each block is a Toeplitz matrix itself."""
    g = Layer(ndim)
    first, second = g.axes
    rows, columns = digits(r, g.each("K")), digits(q, g.each("I"))

    sizes = (le(1, second.K), le(1, second.I))
    blocks = moved(
        g,
        (second.K, first.s * second.I),
        [
            step.at(lemma, {step.t: number, step.s: by, step.N: size}, sizes)
            for number, size, by in ((r, second.K, 1), (q, second.I, first.s))
            for lemma in step.steps()
        ],
        "the quotients grow by 1 and by the stride, the remainders stay",
    )
    stays = [lt(Mod(r, second.K) + 1, second.K), lt(Mod(q, second.I) + second.s, second.I), le(0, second.s)]
    inside = moved(
        g,
        (1, second.s),
        [
            step.at(lemma, {step.t: number, step.s: by, step.N: size}, [*sizes, *stays])
            for number, size, by in ((r, second.K, 1), (q, second.I, second.s))
            for lemma in step.small_steps()
        ],
        "the remainders grow by 1 and by the stride, the quotients stay",
    )
    wrong = Statement(
        Equation(
            entry_of_matrix(g, digits(r + 1, g.each("K")), digits(q + second.s, g.each("I"))),
            entry_of_matrix(g, rows, columns),
        )
    )
    return Proof(
        parts=(
            by_rows(g).part("Row r of the matrix times the input is output r."),
            blocks.part("One block down and s1 blocks to the right lies the same block."),
            inside.part("In a block, one row down and s2 columns to the right lies the same entry."),
        ),
        symbols=one_channel(g, r="number of an output position", q="number of an input position")
        | {A: "matrix of the convolution"},
        example=Example(numbers(g, 4, 3) | {r: 0, q: 1}, {"x": ramp((4, 4)), "w": ramp((3, 3))}),
        mistake=Mistake("across the edges of blocks too: a Toeplitz matrix", wrong, (*g.positive, *sizes)),
        main=3,
    )


@theorem(
    "matrix.transpose",
    title="The transposed convolution multiplies with the transposed matrix",
    ndims=(1, 2),
    sources=("DumoulinVisin2016, section 4.1", "torch.nn.ConvTranspose2d, description"),
)
def transpose(ndim: int) -> Proof:
    """The convolution multiplies with the matrix row by row, the transposed convolution column by column."""
    g = Layer(ndim)
    columns = by_columns(g)
    flipped = w[tuple(axis.M - 1 - axis.m for axis in g.axes)]
    bound = (*g.each("k"), *g.each("m"))
    rotated = total(bound, (*aligned(g), *g.outputs, *g.taps), value(y[g.each("k")]) * flipped)
    return Proof(
        parts=(
            by_rows(g).part("The convolution: row r of the matrix times the input."),
            columns.part("The transposed convolution: column q of the same matrix times its own input."),
        ),
        symbols=one_channel(g, r="number of an output position", q="number of an input position")
        | {A: "matrix of the convolution", y: "input of the transposed convolution"},
        example=Example(
            numbers(g, 4, 3) | {r: 0, q: 1},
            {"x": ramp((4,) * ndim), "w": ramp((3,) * ndim), "y": ramp((2,) * ndim)},
        ),
        mistake=Mistake(
            "turning the kernel by 180 degrees transposes the matrix",
            Statement(Equation(transposed(g, value(y[g.each("k")])), rotated)),
            (*g.positive, *g.inputs),
        ),
        main=2,
    )


@theorem(
    "matrix.no_inverse",
    title="The transposed convolution is no inverse",
    ndims=(1, 2),
    sources=("DumoulinVisin2016, section 4.3",),
)
def no_inverse(ndim: int) -> Proof:
    """Convolution and its transpose make A'A, not the identity; a kernel that sums to 0 forgets a constant for good."""
    g = Layer(ndim)
    i, m, k, h, n = g.each("i"), g.each("m"), g.each("k"), g.fresh("h"), g.fresh("t")
    again = convolve(g).substitute({}).terms[0].with_indices({**pairs(i, h), **pairs(m, n)}).value
    one_after_the_other = transposed(g, again)
    second = [axis.aligned(axis.k, there, tap) for axis, there, tap in zip(g.axes, h, n, strict=True)]
    ranges = [atom for axis, tap in zip(g.axes, n, strict=True) for atom in within(0, tap, axis.M)]
    gram = Statement(
        Equation(
            value(S[(*i, *h)]),
            total((*k, *m, *n), (*aligned(g), *second, *g.outputs, *g.taps, *ranges), value(w[m]) * w[n]),
        ),
        (*i, *h),
    )
    product = Calc(one_after_the_other)
    elements = [atom for axis, there in zip(g.axes, h, strict=True) for atom in within(0, there, axis.I)]
    other = Calc(total(h, elements, value(S[(*i, *h)]) * x[h]))
    other.unfold(at(gram, *i, *h), why="the entries of A'A: pairs of taps of one window, at i and at h")
    product.meet(other, why="sum over the windows and their taps first")
    return Proof(
        parts=(
            product.part("One after the other they multiply with A'A, whose entries count all that the taps share."),
            forgets_a_constant(g).part("A kernel that sums to 0 gives an input and a brighter one the same output."),
        ),
        symbols=one_channel(g)
        | {
            S: "matrix of both, A'A",
            e: "what is added to every element",
            **dict.fromkeys(h, "input position"),
            **dict.fromkeys(n, "kernel tap"),
        },
        example=Example(
            numbers(g, 4, 3) | dict.fromkeys(h, 1),
            {"x": ramp((4,) * ndim), "w": edges(ndim), "e": [5]},
        ),
        mistake=Mistake(
            "the transposed convolution gives the input back",
            Statement(Equation(one_after_the_other, value(x[i]))),
            (*g.positive, *g.inputs, *(le(1, size) for size in (*g.each("K"), *g.each("M")))),
        ),
        main=2,
    )


def edges(ndim: int) -> Any:
    """A kernel of three taps an axis that sums to 0."""
    return [1, 0, -1] if ndim == 1 else [edges(ndim - 1) for _ in range(3)]


def forgets_a_constant(g: Layer) -> Calc:
    """Adding a constant to the input of a kernel that sums to 0 changes no output, where no window meets padding."""
    m, i = g.each("m"), g.each("i")
    unpadded = {axis.p: sympy.Integer(0) for axis in g.axes}
    relation = [atom.substitute(unpadded) for atom in g.relation]
    origin = both(*(eq(tap, 0) for tap in m))
    others = total(m, (*g.taps, negation(origin)), w[m])
    sums_to_zero = Statement(Equation(value(w[(0,) * len(m)]), -others))
    fits = [lt(axis.s * (axis.K - 1) + axis.d * (axis.M - 1), axis.I) for axis in g.axes]
    given = [*g.positive, *g.outputs, *fits, *(le(1, axis.M) for axis in g.axes)]
    brighter = total((*i, *m), relation, value(w[m]) * (value(x[i]) + e[0]))
    calc = Calc(brighter, given)
    for axis in g.axes:
        place = axis.s * axis.k + axis.d * axis.m
        calc.one_point({axis.i: place}, why="the constant: one element under every tap", term=1)
    calc.guard(
        *((within(0, axis.s * axis.k + axis.d * axis.m, axis.I), ()) for axis in g.axes),
        why="which lies in the input",
        term=1,
    )
    calc.split(origin, why="set the first tap apart", term=1)
    calc.one_point(dict.fromkeys(m, 0), why="the bracket leaves it", term=1)
    calc.guard(([atom.substitute(dict.fromkeys(m, 0)) for atom in g.taps], ()), why="it exists", term=1)
    calc.unfold(assume(sums_to_zero), why="it is minus the sum of the others", term=1)
    calc.qed(total((*i, *m), relation, value(w[m]) * x[i]))
    return calc
