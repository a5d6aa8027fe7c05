"""Theorems made by random applications of the rules are true: both sides agree by brute force on integer tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sympy.core.function import AppliedUndef

from convmath.calculus import kernel
from convmath.calculus.index import Formula, both, eq, equivalent, implies, integers, le, lt, negation
from convmath.calculus.kernel import Theorem
from convmath.calculus.reals import RealTerm, line, positives, real_function, reals
from convmath.calculus.search import find_certificate
from convmath.calculus.terms import Application, Contraction, Equation, Gradient, Statement, Value, tensor, value
from convmath.errors import ProofError

from .samples import BOUND, FREE, Draw, affine, conditions, contractions, counterexample, entries, values

a, b = FREE
i, j, k = BOUND
p, q = integers("p q")
z = tensor("z")
t, u, tau = reals("t u tau")
sigma = positives("sigma")
f, g = real_function("f"), real_function("g")
Rule = Callable[[Draw], "Theorem | None"]


def found(hypotheses: list[Formula], goal: Formula) -> Theorem | None:
    """The fact, if there is a certificate for it."""
    try:
        certificate = find_certificate([h.json() for h in hypotheses], goal.json())
    except ProofError:
        return None
    return kernel.fact(hypotheses, goal, certificate)


def with_guard(contraction: Contraction, *guard: Formula) -> Contraction:
    return Contraction(contraction.bound, guard, contraction.coefficient, contraction.factors)


def rearranged(draw: Draw, source: Value) -> Value:
    """The same polynomial in the same sums: terms split and moved, factors and conjuncts moved, indices renamed."""
    terms = []
    for term in source.terms:
        new = dict(zip(term.bound, integers("u v"), strict=False))
        term = term.with_indices(new) if draw(st.booleans()) else term
        moved = Contraction(
            term.bound,
            tuple(draw(st.permutations(term.guard))),
            term.coefficient,
            tuple(draw(st.permutations(term.factors))),
        )
        part = draw(st.sampled_from((0, 1, a, 3 * b - 2)))
        terms += [*(moved.value * part).terms, *(term.value * (1 - part)).terms]
    return Value(tuple(draw(st.permutations(terms))))


def ring(draw: Draw) -> Theorem:
    source = draw(values())
    return kernel.ring(source, rearranged(draw, source))


def sym(draw: Draw) -> Theorem:
    return kernel.sym(ring(draw))


def trans(draw: Draw) -> Theorem:
    first = ring(draw)
    middle = first.equation.right
    return kernel.trans(first, kernel.ring(middle, rearranged(draw, middle)))


def swap(draw: Draw) -> Theorem:
    contraction = draw(contractions(2))
    return kernel.swap(contraction, contraction.bound[::-1])


def replace(draw: Draw) -> Theorem:
    theorem = draw(st.sampled_from((swap, split, reindex)))(draw)
    others = draw(values()).terms
    position = draw(st.integers(0, len(others)))
    whole = Value((*others[:position], *theorem.equation.left.terms, *others[position:]))
    return kernel.replace(whole, position, theorem)


def congruence(draw: Draw) -> Theorem:
    """A function of what another rule rewrites, in a sum in which its index is bound."""
    inner = draw(st.sampled_from((swap, split, reindex, one_point, unfold)))(draw)
    moved = kernel.specialize(kernel.generalize(kernel.congruence("f", inner), [a]), {a: a + p})
    (left,) = moved.equation.left.terms
    whole = Contraction((p,), (le(0, p), lt(p, draw(affine(b)))), 1, (*left.factors, z[p]))
    return kernel.unfold(whole, 0, moved)


def split(draw: Draw) -> Theorem:
    contraction = draw(contractions())
    return kernel.split(contraction, draw(conditions(*FREE, *contraction.bound)))


def reindex(draw: Draw) -> Theorem:
    contraction = draw(contractions(draw(st.integers(1, 2))))
    first, *rest = contraction.bound
    shift, sign = draw(affine(*FREE, *rest)), draw(st.sampled_from((1, -1)))
    if not rest or draw(st.booleans()):
        return kernel.reindex(contraction, {first: sign * p + shift}, {p: sign * (first - shift)})
    shift = draw(affine(*FREE))
    (second,) = rest
    slope = draw(st.integers(-2, 2))
    forward = {first: sign * p + slope * q + shift, second: q}
    return kernel.reindex(contraction, forward, {p: sign * (first - slope * second - shift), q: second})


def one_point(draw: Draw) -> Theorem:
    contraction = draw(contractions(draw(st.integers(1, 2))))
    over = draw(st.sampled_from(contraction.bound))
    point = draw(affine(*FREE, *(v for v in contraction.bound if v != over)))
    equation = eq(over, point) if draw(st.booleans()) else eq(point, over)
    position = draw(st.integers(0, len(contraction.guard)))
    guard = (*contraction.guard[:position], equation, *contraction.guard[position:])
    return kernel.one_point(with_guard(contraction, *guard), over)


def guard(draw: Draw) -> Theorem | None:
    """Drop, add or exchange a conjunct, where a certificate allows it."""
    contraction = draw(contractions(draw(st.integers(1, 2))))
    position = draw(st.integers(0, len(contraction.guard) - 1))
    old = contraction.guard[position]
    rest = contraction.guard[:position] + contraction.guard[position + 1 :]
    candidates = [old, draw(conditions(*FREE, *contraction.bound)), negation(negation(old))]
    if old.op == "<":
        candidates.append(le(old.args[0], old.args[1] - 1))
    if old.op in ("<=", "<", "==") and draw(st.booleans()):
        candidates.append(Formula(old.op, tuple(arg + j - a for arg in old.args)))
    added = [atom for atom in [draw(st.sampled_from(candidates))] if draw(st.integers(0, 4))]
    kept = [old] if draw(st.integers(0, 2)) == 0 else []
    new = (*rest, *kept, *added)
    gone = [atom for atom in contraction.guard if atom not in new]
    come = [atom for atom in new if atom not in contraction.guard]
    using = [atom for atom in rest if atom in new]
    fact = found([], equivalent(both(*using, *gone), both(*using, *come)))
    return fact and kernel.guard(contraction, new, fact, using)


def index(draw: Draw) -> Theorem | None:
    """Exchange an index that an equation of the guard names, and the coefficient."""
    contraction = draw(contractions(draw(st.integers(1, 2)), derivatives=False))
    over = contraction.bound[0]
    point = draw(affine(*FREE))
    equation = eq(over, point)
    shape = (contraction.bound, (*contraction.guard, equation))
    before = Contraction(*shape, over, (*contraction.factors, z[over]))
    after = Contraction(*shape, draw(st.sampled_from((over, point))), (*contraction.factors, z[point]))
    pairs = [(before.coefficient, after.coefficient), (over, point)]
    goal = both(*(eq(s, t) for s, t in pairs if s != t))
    if before == after:
        return None
    fact = found([], implies(equation, goal))
    return fact and kernel.index(before, after, fact, [equation])


def vanish(draw: Draw) -> Theorem | None:
    contraction = draw(contractions(1))
    over = contraction.bound[0]
    low = draw(affine(*FREE))
    guard = (*contraction.guard, le(low, over), lt(over, low - draw(st.integers(-1, 2))))
    fact = found([], negation(both(*guard[-2:])))
    return fact and kernel.vanish(with_guard(contraction, *guard), fact, guard[-2:])


def unfold(draw: Draw) -> Theorem:
    """``z`` at p is defined by a sum, perhaps for p >= 0 only; a factor z becomes that sum."""
    partial = draw(st.booleans())
    equation = Equation(value(z[p]), draw(contractions(derivatives=False, outer=(p,))).value)
    definition = kernel.assume(Statement(equation, (p,), (le(0, p),) if partial else ()))
    contraction = draw(contractions(draw(st.integers(1, 2))))
    at = contraction.bound[0] if partial else draw(affine(*FREE, *contraction.bound))
    guard = (le(0, at), *contraction.guard) if partial else contraction.guard
    outer = Contraction(contraction.bound, guard, contraction.coefficient, (*contraction.factors, z[at]))
    return kernel.unfold(outer, len(contraction.factors), kernel.specialize(definition, {p: at}))


def diff(draw: Draw) -> Theorem:
    body = Value(tuple(draw(st.lists(contractions(derivatives=False), min_size=1, max_size=2))))
    return kernel.diff(Gradient(body, draw(entries(*FREE, draw(st.sampled_from(BOUND))))))


def specialize(draw: Draw) -> Theorem:
    """A bound index in place of free variables, and a number in place of the name that is made up for that index."""
    source = draw(st.sampled_from((ring, split, swap, one_point, diff)))(draw)
    sides = (*source.equation.left.terms, *source.equation.right.terms)
    index = draw(st.sampled_from([v for term in sides for v in term.bound] or [i]))
    terms = {v: draw(affine(a, index)) for v in draw(st.sampled_from(((a,), (b,), (a, b))))}
    if draw(st.booleans()):
        terms |= {integers(f"{index.name}2"): draw(affine(b))}
    return kernel.specialize(kernel.generalize(source, list(terms)), terms)


def generalize(draw: Draw) -> Theorem | None:
    """A fact with hypotheses, quantified with conditions, at other terms."""
    condition = draw(conditions(a, b))
    fact = found([condition], both(condition, le(a, a)))
    return fact and kernel.specialize(
        kernel.generalize(fact, [a], [condition]), {a: draw(st.sampled_from((a, b, a + 1, 2 * b)))}
    )


def induct(draw: Draw) -> Theorem | None:
    c, d = draw(st.integers(-2, 3)), draw(st.integers(-1, 3))
    claim = le(d, a * a + c * a + b) if draw(st.booleans()) else le(0, c * a + d)
    base = found([le(2, b)] if draw(st.booleans()) else [], claim.substitute({a: sympy.Integer(0)}))
    step = found([claim, le(0, a)], claim.substitute({a: a + 1}))
    return base and step and kernel.induct(base, step, a)


def fact(draw: Draw) -> Theorem | None:
    hypotheses = draw(st.lists(conditions(a, b), max_size=2))
    return found(hypotheses, draw(conditions(a, b)))


def cut(draw: Draw) -> Theorem | None:
    lemma, condition = draw(st.sampled_from(((le(1, a), le(0, a)), (eq(a, b), le(a, b))))), draw(conditions(a, b))
    first, second = found([lemma[0]], lemma[1]), found([lemma[1], condition], both(lemma[1], condition))
    return first and second and kernel.cut(first, second)


def integrals(draw: Draw) -> sympy.Integral:
    """Over the line, of a product of functions at shifted and reflected places."""
    places = draw(st.lists(st.tuples(st.sampled_from((1, -1)), real_affine()), min_size=1, max_size=3))
    return line(sympy.Mul(*(draw(st.sampled_from((f, g)))(sign * tau + shift) for sign, shift in places)), tau)


def real_affine() -> st.SearchStrategy[sympy.Expr]:
    """A multiple of t and a multiple of 1/2."""
    return st.builds(
        lambda slope, halves: slope * t + sympy.Rational(halves, 2), st.sampled_from((0, 1, -1)), st.integers(-2, 2)
    )


def substitution(draw: Draw) -> Theorem:
    return kernel.substitution(RealTerm(integrals(draw)), u, draw(st.sampled_from((1, -1))) * u + draw(real_affine()))


def integrate(draw: Draw) -> Theorem | None:
    """A moment of a normal density, with one of several values."""
    power, mean = draw(st.integers(0, 2)), draw(real_affine())
    density = sympy.exp(-((tau - mean) ** 2) / (2 * sigma**2)) / (sympy.sqrt(2 * sympy.pi) * sigma)
    moments = (sympy.Integer(1), mean, mean**2 + sigma**2, sigma)
    try:
        return kernel.integrate(RealTerm(line(tau**power * density, tau)), RealTerm(draw(st.sampled_from(moments))))
    except ProofError:
        return None


APPLICATIONS: tuple[Rule, ...] = (
    ring, sym, trans, replace, congruence, swap, split, reindex, one_point, guard, index, vanish, unfold, diff,
    specialize, generalize, induct, fact, cut, substitution, integrate,
)  # fmt: skip


def test_every_rule_is_applied():
    without_content = {"assume", "admit"}
    assert {rule.__name__ for rule in APPLICATIONS} | without_content == {rule.__name__ for rule in kernel.RULES}


@pytest.mark.parametrize("rule", APPLICATIONS, ids=lambda rule: rule.__name__)
@settings(max_examples=settings.default.max_examples // 5)
@given(data=st.data())
def test_what_a_rule_concludes_is_true(rule, data):
    theorem = rule(data.draw)
    if theorem is not None:
        assert counterexample(theorem) is None


# The same sampling catches rules that are wrong


def forged(left: Contraction, right: Value) -> Theorem:
    """An equation that only the test believes."""
    return kernel.admit(Equation(left.value, right), "a wrong rule")


def guardless_one_point(draw: Draw) -> Theorem:
    """Forgets the rest of the guard."""
    theorem = one_point(draw)
    (result,) = theorem.equation.right.terms
    (source,) = theorem.equation.left.terms
    kept = tuple(atom for atom in result.guard if set(result.bound) & atom.free_symbols)
    return forged(source, with_guard(result, *kept).value)


def stretched_reindex(draw: Draw) -> Theorem:
    """Runs through the even indices only."""
    contraction = draw(contractions(1))
    (old,) = contraction.bound
    doubled = Contraction((p,), *contraction._substituted({old: 2 * p}))
    return forged(contraction, doubled.value)


def captured(draw: Draw) -> Theorem:
    """Substitutes below a sum without renaming its index."""
    contraction = draw(contractions(1))
    (index,) = contraction.bound
    source = kernel.ring(contraction.value, contraction.with_indices({index: q}).value)
    naive = Contraction(contraction.bound, *contraction._substituted({a: index}))
    (renamed,) = source.equation.right.substitute({a: index}).terms
    return forged(renamed, naive.value)


def weakened_guard(draw: Draw) -> Theorem:
    """Drops a conjunct that matters."""
    contraction = draw(contractions(1))
    more = draw(conditions(a, *contraction.bound))
    return forged(with_guard(contraction, *contraction.guard, more), contraction.value)


def overlapping_split(draw: Draw) -> Theorem:
    """Has the border in both halves."""
    contraction = draw(contractions(1))
    (index,) = contraction.bound
    halves = [with_guard(contraction, *contraction.guard, part) for part in (le(index, a), le(a, index))]
    return forged(contraction, Value(tuple(halves)))


def halved_diff(draw: Draw) -> Theorem:
    """Forgets the product rule: only the first factor that is hit is differentiated."""
    theorem = diff(draw)
    first = Value(theorem.equation.right.terms[:1])
    return kernel.admit(Equation(theorem.equation.left, first), "a wrong rule")


def swapped_subscripts(draw: Draw) -> Theorem:
    """Puts another index into a factor."""
    contraction = draw(contractions(1, derivatives=False))
    (index,) = contraction.bound
    shape = (contraction.bound, contraction.guard, contraction.coefficient)
    shifted = Contraction(*shape, (*contraction.factors, z[index + 1]))
    return forged(Contraction(*shape, (*contraction.factors, z[index])), shifted.value)


def linear_function(draw: Draw) -> Theorem:
    """Takes a function out of a sum of two."""
    first, second = draw(contractions()), draw(contractions())
    parts = value(Application("f", first.value)) + Application("f", second.value)
    return kernel.admit(Equation(value(Application("f", first.value + second)), parts), "a wrong rule")


def sided_substitution(draw: Draw) -> Theorem:
    """Shifts the functions that run forward only."""
    integral, shift = integrals(draw), draw(real_affine())
    moved = integral.function.replace(
        lambda part: isinstance(part, AppliedUndef) and part.args[0].coeff(tau) == 1,
        lambda part: part.func(part.args[0] + shift),
    )
    return kernel.admit(Equation(RealTerm(integral), RealTerm(line(moved, tau))), "a wrong rule")


def unnormalized(draw: Draw) -> Theorem:
    """Takes the variance for the deviation."""
    density = sympy.exp(-((tau - draw(real_affine())) ** 2) / (2 * sigma)) / (sympy.sqrt(2 * sympy.pi) * sigma)
    return kernel.admit(Equation(RealTerm(line(density, tau)), RealTerm(sympy.Integer(1))), "a wrong rule")


WRONG: tuple[Rule, ...] = (
    guardless_one_point, stretched_reindex, captured, weakened_guard, overlapping_split, halved_diff,
    swapped_subscripts, linear_function, sided_substitution, unnormalized,
)  # fmt: skip


@pytest.mark.parametrize("rule", WRONG, ids=lambda rule: rule.__name__)
def test_a_wrong_rule_is_caught(rule):
    @settings(phases=[Phase.generate], database=None, derandomize=True, max_examples=100)
    @given(data=st.data())
    def sample(data: Any) -> None:
        assert counterexample(rule(data.draw)) is None

    with pytest.raises(AssertionError, match="admit: "):
        sample()
