"""Backpropagation through a network: layer by layer it multiplies with the transposed product of all derivatives.

Layer l has n_l units, numbered in any order, and J[l, o, i] is the derivative of the net input of its unit o for the
net input of unit i of the layer below: for every kind of layer the activation below times the layer's matrix. With
the errors of the last layer given, each layer's errors follow from those of the next.

Sources: Rumelhart, Hinton and Williams; Li Hang, "Machine Learning Methods", section 24.2.2.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, Part, instance, natural_induction, prove
from convmath.calculus.index import eq, integers, le, lt, sequence, within
from convmath.calculus.kernel import Theorem, assume, cut, generalize, specialize
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .layer import delta

h, i, l, o, q, t, u, L, T = integers("h i l o q t u L T")  # noqa: E741
n = sequence("n")
J, P, D, gamma = map(tensor, ("J", "P", "D", "gamma"))
LAST = Statement(Equation(value(delta[L, i]), value(gamma[i])), (i,), within(0, i, n[L]))
"""Where the errors come from."""
RULE = Statement(
    Equation(value(delta[l, i]), total((o,), within(0, o, n[l + 1]), value(J[l + 1, o, i]) * delta[l + 1, o])),
    (l, i),
    (le(0, l), lt(l, L), *within(0, i, n[l])),
)
"""The errors of a layer from those of the next."""
SAME = Statement(Equation(value(P[0, o, u]), total((), (eq(o, u),), 1)), (o, u))
ONE_MORE = Statement(
    Equation(
        value(P[t + 1, o, u]),
        total((i,), within(0, i, n[h + t]), value(J[h + t + 1, o, i]) * P[t, i, u]),
    ),
    (t, o, u),
    (le(0, t),),
)
"""The chain rule forwards: the derivative of layer h + t + 1 for layer h, from that of layer h + t."""


def at(statement: Statement, **terms: Any) -> Theorem:
    """A hypothesis at given terms."""
    names = {symbol.name: symbol for symbol in statement.variables}
    return instance(assume(statement), {names[name]: term for name, term in terms.items()})


def through(layers: Any) -> Value:
    """``sum over the units o of layer h + layers of P[layers, o, u] * delta``."""
    return total((o,), within(0, o, n[h + layers]), value(P[layers, o, u]) * delta[h + layers, o])


def claim(layers: Any) -> Statement:
    """So many layers up, the errors are the transposed derivatives times the errors there."""
    conditions = (*within(0, u, n[h]), le(h + layers, L))
    return Statement(Equation(value(delta[h, u]), through(layers)), (u,), conditions)


def transposed_product() -> tuple[Theorem, tuple[Part, ...]]:
    """The claim for every number of layers, by induction."""
    base = Calc(through(0), within(0, u, n[h]))
    base.unfold(at(SAME, o=o, u=u), why="a layer's derivative for itself")
    base.one_point({o: u}, why="the bracket leaves the unit itself")
    base.guard((within(0, u, n[h]), ()), why="which exists")
    start = Calc(value(delta[h, u]))
    start.meet(base, why="no layer is passed")
    parts = [start.part("Without layers:")]

    def step(hypothesis: Theorem) -> Theorem:
        given = [*within(0, u, n[h]), le(h + T + 1, L), le(0, T), le(0, h)]
        calc = Calc(value(delta[h, u]), given)
        calc.apply(instance(hypothesis, {u: u}), why="by the induction hypothesis")
        next_layer = at(RULE, l=h + T, i=o)
        for fact in (le(0, h + T), lt(h + T, L)):
            next_layer = cut(prove(fact, given), next_layer)
        calc.unfold(next_layer, why="the errors there come from the next layer")
        other = Calc(through(T + 1))
        other.unfold(cut(prove(le(0, T), [le(0, T)]), at(ONE_MORE, t=T, o=o, u=u)), why="the chain rule, one layer up")
        here, above = calc.value.terms[0].bound
        calc.rename({here: i, above: o}).swap(o, i, why="sum over the units between first")
        calc.meet(other)
        parts.append(calc.part("From T to T + 1 layers:"))
        return generalize(calc.theorem, (u,), claim(T + 1).conditions)

    theorem = natural_induction(claim, T, generalize(start.theorem, (u,), claim(0).conditions), step)
    return theorem, tuple(parts)


@theorem(
    "backprop.network",
    title="Backpropagation through a whole network",
    sources=("RumelhartHintonWilliams1986, equations 4 to 7", "LiHang2022, section 24.2.2"),
)
def network() -> Proof:
    """Passing errors down layer by layer gives, at every layer, the derivative of the loss by the chain rule."""
    every, parts = transposed_product()
    above = instance(specialize(every, {u: u}), {T: L - h})
    given = [le(0, h), le(h, L), *within(0, u, n[h])]
    errors = Calc(value(delta[h, u]), given)
    errors.apply(above, why="pass all the layers above, by induction")
    errors.unfold(at(LAST, i=o), why="the errors of the last layer")

    units = within(0, u, n[h])
    chain = value(D[u, q]) * P[L - h, o, u] * gamma[o]
    calc = Calc(total((o, u), (*within(0, o, n[L]), *units), chain), given)
    other = Calc(total((u,), units, value(D[u, q]) * delta[h, u]))
    other.unfold(errors.theorem, why="the errors are the derivatives through all the layers above")
    calc.meet(other, why="the errors hold what comes from the layers above, once for all parameters")
    wrong = total((o,), within(0, o, n[l + 1]), value(J[l + 1, i, o]) * delta[l + 1, o])
    return Proof(
        parts=(
            *parts,
            errors.part("So the errors of layer h are the transposed derivatives times the gradient at the end."),
            calc.part(
                "For a parameter q of layer h: the chain rule through all the layers is one product with its errors."
            ),
        ),
        symbols={
            l: "layer, from 1 to L; layer 0 is the input",
            L: "number of layers",
            n: "number of units of a layer",
            o: "unit of the upper layer",
            i: "unit of the layer below",
            J: "derivative of the net input of unit o of layer l for that of unit i of the layer below",
            delta: "error of a unit, the gradient of the loss for its net input",
            gamma: "gradient of the loss for the net inputs of the last layer",
            h: "the layer that is looked at",
            u: "unit of layer h",
            t: "number of layers above layer h",
            T: "number of layers that are passed",
            P: "derivative of the net input of unit o, t layers above layer h, for that of unit u of layer h",
            q: "parameter of layer h",
            D: "derivative of the net input of unit u of layer h for parameter q",
        },
        example=Example(
            {L: 2, h: 0, u: 0, q: 0},
            {
                "J": [[[0, 0], [0, 0]], [[1, 2], [3, 4]], [[5, 6], [7, 8]]],
                "gamma": [1, 1],
                "D": [[2], [3]],
            },
            {"n": [2, 2, 2]},
        ),
        mistake=Mistake(
            "passing the errors down without transposing",
            Statement(Equation(RULE.body.right, wrong)),
            (le(0, l), lt(l, L), *within(0, i, n[l]), eq(n[l], n[l + 1])),
        ),
        main=2,
    )
