"""What commutes with a convolution layer: shifts of the input, and turning input and kernel together.

The layer reads zeros outside of the input. A shift by s*t elements moves the output by t positions, except where the
shift pushes elements of a window over the border. Flipping an axis, exchanging axes and turning by 90 degrees commute
with the layer when the kernel is moved in the same way; moving the input alone does not.

Sources: Goodfellow, Bengio and Courville, "Deep Learning", section 9.2; Zhang and others, "Dive into Deep Learning",
section 7.1; Cohen and Welling, "Group equivariant convolutional networks", section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import both, eq, integers, le, negation, within
from convmath.calculus.kernel import assume, congruence, sym
from convmath.calculus.terms import Equation, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem

from .gradients import arrays, ramp, small
from .layer import ACTIVATION, CHANNEL, Layer, activation, b, beta, c, f, pairs, u, w, x, y, z


def inside(positions: Sequence[Any], sizes: Sequence[Any]) -> tuple[Any, ...]:
    """Every position lies in range."""
    return tuple(atom for position, size in zip(positions, sizes, strict=True) for atom in within(0, position, size))


def shift(g: Layer, t: Sequence[Any]) -> Statement:
    """``z`` is ``x`` shifted by s*t, with zeros shifted in."""
    back = tuple(axis.i - axis.s * e for axis, e in zip(g.axes, t, strict=True))
    shifted = total((), inside(back, g.each("I")), x[(b, c, *back)])
    return definition(z[(b, c, *g.each("i"))], shifted, (c, *g.each("i")))


@theorem(
    "equivariance.translation",
    title="A layer commutes with shifts by multiples of its stride",
    ndims=(1, 2, 3),
    sources=("GoodfellowBengioCourville2016, section 9.2", "ZhangLiptonLiSmola2023, section 7.1.2"),
)
def translation(ndim: int) -> Proof:
    """Shifting the input by s*t moves the output by t, but for what the shift pushes over the border."""
    g = Layer(ndim)
    k, i, m, t, e = g.each("k"), g.each("i"), g.each("m"), g.fresh("t"), g.fresh("e")
    before = pairs(k, [o - by for o, by in zip(k, t, strict=True)])
    stays = both(*inside([axis.i + axis.s * by for axis, by in zip(g.axes, t, strict=True)], g.each("I")))
    still = Calc(g.forward(x, w).substitute(before))
    still.split(stays, why="the elements that stay in the input when it is shifted, and those that leave it")
    shifted = Calc(g.forward(z, w))
    shifted.unfold(instance(assume(shift(g, t)), {c: c, **pairs(i, i)}), why="the shifted input")
    old = {axis.i: at + axis.s * by for axis, at, by in zip(g.axes, e, t, strict=True)}
    shifted.reindex(old, why="count from where the elements were").rename(pairs(e, i))
    shifted.qed(still.value.terms[0])
    bracket = [atom.substitute(before) for atom in g.relation]
    lost = total((c, u, *i, *m), (*CHANNEL, *bracket, negation(stays)), value(w[(f, u, *m)]) * x[(b, c, *i)])
    still.apply(sym(shifted.theorem), why="the first sum is what the layer makes of the shifted input")
    still.qed(g.forward(z, w) + lost)

    spans = [(axis.s * axis.k - axis.p, axis.s * axis.k - axis.p + axis.d * (axis.M - 1)) for axis in g.axes]
    fits = [atom for ends, axis in zip(spans, g.axes, strict=True) for atom in _span(ends, axis.I)]
    clear = Calc(still.start, [*fits, *(le(1, axis.d) for axis in g.axes)])
    clear.apply(still.theorem, why="the general law")
    clear.vanish(using=(*bracket, negation(stays)), why="the elements of a window inside the input stay in it", term=1)
    clear.qed(g.forward(z, w))

    biased = Calc(clear.start + beta[f], clear.given)
    biased.apply(clear.theorem, why="the layer moves along")
    whole = Calc(activation(biased.start), clear.given)
    whole.unfold(congruence(str(ACTIVATION), biased.theorem), why="the same number, so the same activation")

    plain = {term: number for axis in g.axes for term, number in ((axis.d, 1), (axis.p, 0))}
    claim = Equation(g.forward(x, w).substitute({o: o - 1 for o in k}), g.forward(z, w)).substitute(plain)
    return Proof(
        parts=(
            still.part("With the border: what leaves the input is missing."),
            clear.part("Away from the border, where window k lies inside the input:"),
        ),
        symbols={
            **g.symbols,
            y: "output",
            z: "shifted input",
            **dict.fromkeys(t, "positions by which the output moves"),
            beta: "bias of each output channel",
            ACTIVATION: "activation function",
        },
        special=(whole.part("With bias and activation, away from the border"),),
        notations=(Notation("the layer computes", y[(b, f, *k)], g.forward(x, w)),),
        example=Example(small(g) | {axis.k: 1 for axis in g.axes} | dict.fromkeys(t, 1), arrays(g)),
        mistake=Mistake(
            "expecting the output to move by 1 when the input does, whatever the stride",
            Statement(claim),
            (by_one(g), *(atom.substitute(plain) for atom in fits), *g.positive),
        ),
        main=2,
    )


def by_one(g: Layer) -> Statement:
    """``z`` is ``x`` shifted by one element."""
    back = tuple(axis.i - 1 for axis in g.axes)
    shifted = total((), inside(back, g.each("I")), x[(b, c, *back)])
    return definition(z[(b, c, *g.each("i"))], shifted, (c, *g.each("i")))


def _span(ends: tuple[Any, Any], size: Any) -> tuple[Any, ...]:
    """The first and the last element of a window lie in the input."""
    first, last = ends
    return le(0, first), within(0, last, size)[1]


@dataclass(frozen=True)
class Turn:
    """A motion of the axes: new axis a is old axis ``order[a]``, run backwards where ``backwards[a]``."""

    words: str
    order: tuple[int, ...]
    backwards: tuple[bool, ...]

    def old(self, new: Sequence[Any], sizes: Sequence[Any]) -> tuple[Any, ...]:
        """The old index of what has a new index, from the sizes of the old axes."""
        found: dict[int, Any] = {}
        for axis, back, index in zip(self.order, self.backwards, new, strict=True):
            found[axis] = sizes[axis] - 1 - index if back else index
        return tuple(found[axis] for axis in range(len(self.order)))


def turns(ndim: int) -> tuple[Turn, ...]:
    """Half a turn about the middle, the exchange of the first two axes, and a quarter turn in their plane."""
    rest = tuple(range(2, ndim))
    return (
        Turn("Every axis run backwards, half a turn on two axes:", tuple(range(ndim)), (True,) * ndim),
        Turn("The first two axes exchanged:", (1, 0, *rest), (False,) * ndim),
        Turn(
            "A quarter turn in the plane of the first two axes:", (1, 0, *rest), (True, False, *(False for _ in rest))
        ),
    )


def rights(g: Layer) -> tuple[Any, ...]:
    """The padding on the right of every axis."""
    return tuple(integers("p_r" if len(g.axes) == 1 else f"p_r{number + 1}") for number in range(len(g.axes)))


def exact_fit(g: Layer) -> tuple[Any, ...]:
    """The last window ends where the padded input ends."""
    return tuple(
        eq(axis.I + axis.p + right, axis.s * (axis.K - 1) + axis.d * (axis.M - 1) + 1)
        for axis, right in zip(g.axes, rights(g), strict=True)
    )


def turned_layer(g: Layer, turn: Turn, kernel: Value, source: Value) -> Value:
    """The correlation of a turned input with a turned kernel, the parameters of the axes turned as well."""
    atoms: list[Any] = []
    for new, number, back in zip(g.axes, turn.order, turn.backwards, strict=True):
        axis = replace(g.axes[number], p=rights(g)[number]) if back else g.axes[number]
        atoms += axis.relation(new.k, new.i, new.m)
    return total((*g.each("i"), *g.each("m")), atoms, kernel * source)


def turned(g: Layer, turn: Turn) -> tuple[Calc, Value]:
    """The layer on what is turned, and its output turned."""
    k, i, m, e, t = g.each("k"), g.each("i"), g.each("m"), g.fresh("e"), g.fresh("t")
    result = total((*i, *m), g.relation, value(w[m]) * x[i])
    result = result.substitute(pairs(k, turn.old(k, g.each("K"))))
    kernel, source = w[turn.old(m, g.each("M"))], x[turn.old(i, g.each("I"))]
    calc = Calc(turned_layer(g, turn, value(kernel), value(source)), exact_fit(g))
    for indices, named, sizes in ((i, e, g.each("I")), (m, t, g.each("M"))):
        places = {
            index: sizes[number] - 1 - named[number] if back else named[number]
            for index, number, back in zip(indices, turn.order, turn.backwards, strict=True)
        }
        calc.reindex(places, why="count along the old axes")
        calc.rename(pairs(named, indices))
    for number, back in zip(turn.order, turn.backwards, strict=True):
        if back:
            flip_axis(g, calc, turn, number)
    calc.qed(result)
    return calc, result


def flip_axis(g: Layer, calc: Calc, turn: Turn, number: int) -> None:
    """Run through one old axis forwards again."""
    axis, new = g.axes[number], g.axes[turn.order.index(number)]
    i, m = axis.I - 1 - axis.i, axis.M - 1 - axis.m
    calc.guard(
        (within(0, i, axis.I), within(0, axis.i, axis.I)),
        (within(0, m, axis.M), within(0, axis.m, axis.M)),
        why="the same elements and taps, in the other order",
    )
    before = replace(axis, p=rights(g)[number]).aligned(new.k, i, m)
    calc.guard(
        ([before], [axis.aligned(axis.K - 1 - new.k, axis.i, axis.m)]),
        why="the window that begins at one end ends at the other",
    )


@theorem(
    "equivariance.rotation",
    title="Turning input and kernel together turns the output",
    ndims=(2, 3),
    sources=("CohenWelling2016, section 5",),
)
def rotation(ndim: int) -> Proof:
    """Flips, exchanged axes and quarter turns of input and kernel do the same to the output."""
    g = Layer(ndim)
    calcs = {turn: turned(g, turn) for turn in turns(ndim)}
    parts = tuple(calc.part(turn.words) for turn, (calc, _) in calcs.items())
    half = turns(ndim)[0]
    plain = {
        term: number
        for axis, right in zip(g.axes, rights(g), strict=True)
        for term, number in ((axis.s, 1), (axis.d, 1), (axis.p, 0), (right, 0), (axis.K, axis.I - axis.M + 1))
    }
    alone = turned_layer(g, half, value(w[g.each("m")]), value(x[half.old(g.each("i"), g.each("I"))]))
    numbers = {
        v: n
        for axis in g.axes
        for v, n in ((axis.I, 3), (axis.M, 2), (axis.K, 2), (axis.k, 1), (axis.s, 1), (axis.d, 1), (axis.p, 0))
    }
    return Proof(
        parts=parts,
        symbols={
            **g.symbols,
            **{right: f"padding on the right on axis {number + 1}" for number, right in enumerate(rights(g))},
        },
        example=Example(numbers | dict.fromkeys(rights(g), 0), {"x": ramp((3,) * ndim), "w": ramp((2,) * ndim)}),
        mistake=Mistake(
            "turning the input alone",
            Statement(Equation(alone.substitute(plain), calcs[half][1].substitute(plain))),
        ),
        main=len(parts),
    )
