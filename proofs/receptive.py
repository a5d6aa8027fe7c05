"""Receptive fields of a stack of layers, by induction on the number of layers, with stride, dilation and padding.

Position o after l layers sees the interval of R_l elements that begins at ``J_l * o - P_l``. One layer more changes
size, stride and padding as ``ReceptiveField.then`` computes it; the recursion below is that code, called on symbols.
The exact field is the set of input elements i with a path to o; ``c[l, o, i]`` counts the paths.

Sources: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks"; Li Hang, section 24.1.5.
"""

from __future__ import annotations

from typing import Any

from convmath import ReceptiveField, Window
from convmath.assumptions import collect
from convmath.calculus.derive import Calc, Part, definition, instance, natural_induction, prove
from convmath.calculus.index import eq, integers, le, ne, sequence, within
from convmath.calculus.kernel import Theorem, assume, cut, generalize
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

l, L, o, i, j, m = integers("l L o i j m")  # noqa: E741
K, S, D, P, SIZE, STRIDE, START = map(sequence, ("k", "s", "d", "p", "R", "J", "P"))
paths = tensor("c")
WHERE = (le(0, l),)

with collect():
    _next = ReceptiveField(SIZE[l], STRIDE[l], START[l]).then(Window(K[l + 1], S[l + 1], (P[l + 1], 0), D[l + 1]))

SIZE_STEP = definition(SIZE[l + 1], _next.size, (l,), WHERE)
STRIDE_STEP = definition(STRIDE[l + 1], _next.stride, (l,), WHERE)
START_STEP = definition(START[l + 1], _next.padding, (l,), WHERE)
FIRST = (definition(SIZE[0], 1), definition(STRIDE[0], 1), definition(START[0], 0))
POSITIVE = tuple(Statement(le(1, part[l + 1]), (l,), WHERE) for part in (K, S, D))
PATHS = (
    Statement(Equation(value(paths[0, o, i]), total((), (eq(i, o),), 1)), (o, i)),
    Statement(
        Equation(
            value(paths[l + 1, o, i]),
            total((m,), within(0, m, K[l + 1]), paths[l, S[l + 1] * o + D[l + 1] * m - P[l + 1], i]),
        ),
        (l, o, i),
        WHERE,
    ),
)
SYMBOLS = {
    l: "a layer, from 1; 0 stands for the input",
    L: "number of layers",
    K: "kernel size of layer l",
    S: "its stride",
    D: "its dilation",
    P: "its padding on the left",
    SIZE: "size of the field after l layers",
    STRIDE: "its stride, the product of the strides up to layer l",
    START: "how far the field of position 0 begins before element 0",
    j: "a layer",
    o: "output position",
    i: "input position",
    m: "kernel tap",
    paths: "number of paths from input i to position o of layer l",
}
EXAMPLE = Example(
    {L: 2, o: 0, i: 0},
    sequences={"k": [0, 3, 3], "s": [1, 2, 1], "d": [1, 1, 2], "p": [0, 1, 2]},
)


def at(statement: Statement, **terms: Any) -> Theorem:
    """A definition at given terms, as a theorem that supposes it."""
    names = {symbol.name: symbol for symbol in statement.variables}
    return instance(assume(statement), {names[name]: term for name, term in terms.items()})


def start(layer: Any, position: Any) -> Any:
    """Where the field of a position after some layers begins."""
    return STRIDE[layer] * position - START[layer]


def positive_stride() -> Theorem:
    """The stride of the field stays at least 1."""
    step = [at(STRIDE_STEP, l=L), at(POSITIVE[1], l=L)]
    return natural_induction(
        lambda layer: Statement(le(1, STRIDE[layer])),
        L,
        prove(le(1, STRIDE[0]), [assume(FIRST[1])]),
        lambda hypothesis: prove(le(1, STRIDE[L + 1]), [hypothesis, *step]),
    )


def positive_size() -> Theorem:
    """The field holds at least one element."""
    step = [at(SIZE_STEP, l=L), positive_stride(), *(at(statement, l=L) for statement in POSITIVE)]
    return natural_induction(
        lambda layer: Statement(le(1, SIZE[layer])),
        L,
        prove(le(1, SIZE[0]), [assume(FIRST[0])]),
        lambda hypothesis: prove(le(1, SIZE[L + 1]), [hypothesis, *step]),
    )


def closed_form(
    sequence_: Any, first: Statement, recursion: Statement, constant: int, summand: Any
) -> tuple[Part, ...]:
    """``sequence[L] = constant + sum over the layers of summand``, from its recursion, by induction."""

    def total_to(layer: Any) -> Value:
        return value(constant) + total((j,), (le(1, j), le(j, layer)), summand(j))

    def claim(layer: Any) -> Statement:
        return Statement(Equation(value(sequence_[layer]), total_to(layer)))

    base = Calc(total_to(0))
    base.vanish(using=(le(1, j), le(j, 0)), why="there is no layer yet", term=1)
    start_ = Calc(value(sequence_[0]), [assume(first)])
    start_.rewrite({sequence_[0]: constant}, why="the field of the input itself")
    start_.meet(base, why="an empty sum")
    more = at(recursion, l=L)
    parts = [start_.part("Without layers:")]

    def step(hypothesis: Theorem) -> Theorem:
        calc = Calc(value(sequence_[L + 1]), [more, le(0, L)])
        calc.rewrite({sequence_[L + 1]: more.formula.args[1]}, why="one layer more")
        calc.ring(value(sequence_[L]) + value(summand(L + 1)), why="what it adds")
        calc.apply(hypothesis, why="by the induction hypothesis")
        other = Calc(total_to(L + 1), [le(0, L)])
        other.split(eq(j, L + 1), why="set the last layer apart", term=1)
        last = [le(1, j), le(j, L + 1)]
        other.guard(([*last, eq(j, L + 1)], [eq(j, L + 1)]), why="it is one of the layers", term=1)
        other.one_point({j: L + 1}, why="the bracket leaves the last layer", term=1)
        other.guard(([*last, ne(j, L + 1)], [le(1, j), le(j, L)]), why="the others come before it", term=2)
        theorem = calc.meet(other)
        parts.append(calc.part("From L to L + 1 layers:"))
        return theorem

    theorem = natural_induction(claim, L, start_.theorem, step)
    return (*parts, Part("By induction on the number of layers:", supposing(theorem, FIRST[1], STRIDE_STEP)))


def supposing(theorem: Theorem, *definitions: Statement) -> Theorem:
    """The theorem with definitions among its hypotheses that its statement needs to be read, though not its proof."""
    layers = le(0, L)
    facts = [at(statement, l=L) if statement.variables else assume(statement) for statement in definitions]
    return cut(prove(layers, [layers, *facts], everything=True), theorem)


@theorem(
    "receptive.size",
    title="Size of the receptive field",
    helper="receptive_field",
    sources=("LiHang2022, section 24.1.5", "AraujoNorrisSim2019, single-path networks"),
)
def size() -> Proof:
    """Every layer adds its dilated kernel less one, times the product of the strides below it."""

    def summand(layer: Any) -> Any:
        return D[layer] * (K[layer] - 1) * STRIDE[layer - 1]

    parts = closed_form(SIZE, FIRST[0], SIZE_STEP, 1, summand)
    wrong = value(1) + total((j,), (le(1, j), le(j, L)), D[j] * (K[j] - 1) * STRIDE[j])
    return Proof(
        parts=parts,
        symbols={v: SYMBOLS[v] for v in (l, L, j, K, S, D, P, SIZE, STRIDE)},
        example=EXAMPLE,
        mistake=Mistake(
            "counting the layer's own stride as well",
            Statement(Equation(value(SIZE[L]), wrong)),
            (le(0, L), *FIRST[:2], SIZE_STEP, STRIDE_STEP, *POSITIVE),
        ),
    )


@theorem(
    "receptive.start",
    title="Where the receptive field begins",
    helper="receptive_field",
    sources=("AraujoNorrisSim2019, single-path networks",),
)
def begins() -> Proof:
    """Every layer moves the beginning to the left by its padding, times the product of the strides below it."""
    parts = closed_form(START, FIRST[2], START_STEP, 0, lambda layer: P[layer] * STRIDE[layer - 1])
    wrong = total((j,), (le(1, j), le(j, L)), P[j])
    return Proof(
        parts=parts,
        symbols={v: SYMBOLS[v] for v in (l, L, j, S, P, START, STRIDE)},
        example=EXAMPLE,
        mistake=Mistake(
            "adding up the paddings without the strides",
            Statement(Equation(value(START[L]), wrong)),
            (le(0, L), *FIRST[1:], START_STEP, STRIDE_STEP, *POSITIVE),
        ),
    )


@theorem(
    "receptive.stride",
    title="Stride of the receptive field",
    helper="receptive_field",
    sources=("AraujoNorrisSim2019, single-path networks",),
)
def stride() -> Proof:
    """Neighbours see intervals one product of the strides apart, each the hull of what is seen, padding included."""
    here, bounds = _hull()
    first, first_end = _end(here, last=False)
    last, last_end = _end(here, last=True)
    following = Calc(paths[L, o + 1, start(L, o) + STRIDE[L]], [le(0, L), *(fact.body for fact in FIRST)])
    following.apply(instance(first, {o: o + 1}), why="it is the first element of the next position")
    apart = prove(eq(start(L, o + 1) - start(L, o), STRIDE[L]), [le(0, L)], everything=True)
    return Proof(
        parts=(
            *bounds,
            *first_end,
            *last_end,
            Part("No path leaves the interval, neither into the input nor into the padding:", here),
            Part("Exactly one path reaches its first element:", first),
            Part("and exactly one its last:", last),
            Part("The stride of the field is positive:", positive_stride()),
            following.part("The first element that the next position sees lies one stride further:"),
            Part("So neighbours are one stride apart:", supposing(apart, *FIRST[1:], STRIDE_STEP, START_STEP)),
        ),
        symbols=SYMBOLS,
        example=EXAMPLE,
        mistake=Mistake(
            "leaving the padding out",
            Statement(eq(start(L, o), STRIDE[L] * o)),
            (le(0, L), *FIRST[1:], START_STEP, STRIDE_STEP, *POSITIVE),
        ),
        main=6,
    )


def _inside(layer: Any, position: Any, element: Any) -> tuple[Any, ...]:
    return within(start(layer, position), element, start(layer, position) + SIZE[layer])


def _hull() -> tuple[Theorem, tuple[Part, ...]]:
    """No path leaves the interval: ``c = [inside] c``."""

    def claim(layer: Any) -> Statement:
        inside = total((), _inside(layer, o, i), paths[layer, o, i])
        return Statement(Equation(value(paths[layer, o, i]), inside), (o, i))

    first = [assume(statement) for statement in FIRST]
    zero = at(PATHS[0], o=o, i=i)
    base = Calc(paths[0, o, i], first)
    base.unfold(zero, why="the input sees itself")
    base.guard(((), _inside(0, o, i)), why="which is inside")
    other = Calc(total((), _inside(0, o, i), paths[0, o, i]), first)
    other.unfold(zero, why="the input sees itself")
    base.meet(other)
    parts = [base.part("Inside the interval, without layers:")]

    def step(hypothesis: Theorem) -> Theorem:
        below = S[L + 1] * o + D[L + 1] * m - P[L + 1]
        given = [
            le(0, L),
            positive_stride(),
            positive_size(),
            at(SIZE_STEP, l=L),
            at(STRIDE_STEP, l=L),
            at(START_STEP, l=L),
            *(at(statement, l=L) for statement in POSITIVE),
        ]
        unfolded = at(PATHS[1], l=L, o=o, i=i)
        closer = instance(hypothesis, {o: below, i: i})
        calc = Calc(paths[L + 1, o, i], given)
        calc.unfold(unfolded, why="a path goes through one tap of the last layer")
        calc.unfold(closer, why="by the induction hypothesis")
        calc.guard(((), _inside(L + 1, o, i)), why="the interval of the tap lies in that of the position")
        other = Calc(total((), _inside(L + 1, o, i), paths[L + 1, o, i]), given)
        other.unfold(unfolded, why="a path goes through one tap of the last layer")
        other.unfold(closer, why="by the induction hypothesis")
        theorem = calc.meet(other)
        parts.append(calc.part("Inside the interval, from L to L + 1 layers:"))
        return generalize(theorem, (o, i))

    theorem = natural_induction(claim, L, generalize(base.theorem, (o, i)), step)
    return theorem, tuple(parts)


def _end(hull: Theorem, *, last: bool) -> tuple[Theorem, tuple[Part, ...]]:
    """One path reaches the first, or the last, element of the interval."""
    end = "last" if last else "first"

    def element(layer: Any, position: Any) -> Any:
        return start(layer, position) + (SIZE[layer] - 1 if last else 0)

    def claim(layer: Any) -> Statement:
        return Statement(Equation(value(paths[layer, o, element(layer, o)]), value(1)), (o,))

    first = [assume(statement) for statement in FIRST]
    base = Calc(paths[0, o, element(0, o)], first)
    base.unfold(at(PATHS[0], o=o, i=element(0, o)), why="the input sees itself")
    base.guard(([eq(element(0, o), o)], []), why="the field of the input is one element")
    base.qed(1)
    parts = [base.part(f"The {end} element, without layers:")]

    def step(hypothesis: Theorem) -> Theorem:
        def below(tap: Any) -> Any:
            return S[L + 1] * o + D[L + 1] * tap - P[L + 1]

        given = [
            le(0, L),
            positive_stride(),
            positive_size(),
            at(SIZE_STEP, l=L),
            at(STRIDE_STEP, l=L),
            at(START_STEP, l=L),
            *(at(statement, l=L) for statement in POSITIVE),
        ]
        goal, tap = element(L + 1, o), (K[L + 1] - 1 if last else 0)
        calc = Calc(paths[L + 1, o, goal], given)
        calc.unfold(at(PATHS[1], l=L, o=o, i=goal), why="a path goes through one tap of the last layer")
        calc.split(eq(m, tap), why="set the outermost tap apart")
        calc.guard(([*within(0, m, K[L + 1]), eq(m, tap)], [eq(m, tap)]), why="it is a tap")
        calc.one_point({m: tap}, why="the bracket leaves the outermost tap")
        calc.rewrite({goal: element(L, below(tap))}, why="whose interval ends in the same element")
        calc.apply(instance(hypothesis, {o: below(tap)}), why="by the induction hypothesis")
        calc.unfold(instance(hull, {o: below(m), i: goal}), why="no path leaves an interval", term=1)
        outside = [*within(0, m, K[L + 1]), ne(m, tap), *_inside(L, below(m), goal)]
        calc.vanish(using=outside, why="and the intervals of the other taps end before it", term=1)
        calc.qed(1)
        parts.append(calc.part(f"The {end} element, from L to L + 1 layers:"))
        return generalize(calc.theorem, (o,))

    theorem = natural_induction(claim, L, generalize(base.theorem, (o,)), step)
    return theorem, tuple(parts)
