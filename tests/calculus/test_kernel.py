"""The rules: what they refuse, what a theorem rests on, and attempts to get something false past them."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import sympy

from convmath.calculus import kernel
from convmath.calculus.evaluate import Model
from convmath.calculus.index import (
    Formula,
    both,
    either,
    eq,
    equivalent,
    implies,
    integers,
    le,
    lt,
    negation,
    within,
)
from convmath.calculus.kernel import KERNEL, Theorem, admit, assume
from convmath.calculus.terms import Contraction, Equation, Gradient, Statement, Value, tensor, value
from convmath.errors import ProofError

from .refusals import REFUSALS
from .refusals.case import proved
from .samples import counterexample

i, j, k, m, n = integers("i j k m n")
i2, j2 = integers("i2 j2")
x, y = tensor("x"), tensor("y")
PLAIN = Contraction((j,), within(0, j, n), 1, (x[j],))
ME = "me"


@pytest.mark.parametrize("refusal", REFUSALS["kernel"], ids=lambda refusal: refusal.name)
def test_the_kernel_refuses(refusal):
    refusal.check()


# What a theorem rests on

ADMITTED = admit(eq(n, n), ME)
ADMITTED_STEP = kernel.cut(ADMITTED, proved([le(0, n), eq(n, n)], le(0, n + 1)))
ADMITTED_EQUATION = admit(Equation(value(x[j]), value(y[j])), ME)
SAME_BOUND = equivalent(lt(j, n), le(j, n - 1))
AT_N = Contraction((j,), (eq(j, n),), 1, (x[n],))
EMPTY = Contraction((j,), (lt(j, 0), le(0, j)), 1, ())
ON_ADMITTED: dict[str, tuple[Callable[[], Theorem], ...]] = {
    "specialize": (lambda: kernel.specialize(admit(Statement(eq(n, n), (n,)), ME), {n: m}),),
    "generalize": (lambda: kernel.generalize(ADMITTED, [n]),),
    "cut": (
        lambda: kernel.cut(ADMITTED, proved([eq(n, n)], le(n, n))),
        lambda: kernel.cut(proved([], le(n, n)), ADMITTED),
    ),
    "induct": (
        lambda: kernel.induct(admit(le(0, 0), ME), proved([le(0, n)], le(0, n + 1)), n),
        lambda: kernel.induct(proved([], le(0, 0)), ADMITTED_STEP, n),
    ),
    "sym": (lambda: kernel.sym(ADMITTED_EQUATION),),
    "trans": (
        lambda: kernel.trans(ADMITTED_EQUATION, kernel.ring(value(y[j]), value(y[j]))),
        lambda: kernel.trans(kernel.ring(value(x[j]), value(x[j])), ADMITTED_EQUATION),
    ),
    "replace": (lambda: kernel.replace(value(x[j]), 0, ADMITTED_EQUATION),),
    "congruence": (lambda: kernel.congruence("f", ADMITTED_EQUATION),),
    "guard": (lambda: kernel.guard(PLAIN, (le(0, j), le(j, n - 1)), admit(SAME_BOUND, ME)),),
    "index": (
        lambda: kernel.index(
            Contraction((j,), (eq(j, n),), 1, (x[j],)), AT_N, admit(implies(eq(j, n), eq(j, n)), ME), [eq(j, n)]
        ),
    ),
    "vanish": (lambda: kernel.vanish(EMPTY, admit(negation(both(*EMPTY.guard)), ME), EMPTY.guard),),
    "unfold": (lambda: kernel.unfold(PLAIN, 0, ADMITTED_EQUATION),),
}


def test_every_rule_that_takes_theorems_is_tried_on_each_of_them():
    taking = {rule.__name__: list(inspect.signature(rule).parameters.values()) for rule in kernel.RULES}
    premises = {name: sum(p.annotation == "Theorem" for p in parameters) for name, parameters in taking.items()}
    assert {name: len(made) for name, made in ON_ADMITTED.items()} == {name: n for name, n in premises.items() if n}


@pytest.mark.parametrize("name", ON_ADMITTED)
def test_what_is_admitted_stays_in_the_trust(name):
    for make in ON_ADMITTED[name]:
        theorem = make()
        assert ME in theorem.trust
        assert theorem.trust == frozenset().union(*(premise.trust for premise in theorem.premises)) | {KERNEL}


def test_theorems_without_admitted_premises_rest_on_the_kernel_alone():
    proof = kernel.generalize(kernel.cut(proved([], le(n, n)), proved([le(n, n)], le(n, n + 1))), [n])
    for theorem in (proof, kernel.ring(value(x[j]), value(x[j])), kernel.swap(PLAIN, [j]), assume(eq(0, 1))):
        assert theorem.trust == {KERNEL}
    assert admit(eq(0, 1), ME).trust == {ME}


def test_the_trust_of_two_admitted_premises_is_their_union():
    other = admit(Equation(value(y[j]), value(0)), "someone else")
    assert kernel.trans(ADMITTED_EQUATION, other).trust == {KERNEL, ME, "someone else"}


def test_hypotheses_stay_unless_a_rule_discharges_them():
    hypothesis = Statement(eq(n, 3))
    kept = proved([eq(n, 3)], SAME_BOUND)
    assert kernel.guard(PLAIN, (le(0, j), le(j, n - 1)), kept).hypotheses == {hypothesis}
    assert kernel.cut(kept, proved([SAME_BOUND], eq(0, 0))).hypotheses == {hypothesis}
    assert kernel.specialize(kernel.generalize(kept, [n], [eq(n, 3)]), {n: m}).hypotheses == {Statement(eq(m, 3))}
    equation = assume(Equation(value(x[j]), value(y[j])))
    for theorem in (kernel.sym(equation), kernel.trans(equation, kernel.sym(equation))):
        assert theorem.hypotheses == equation.hypotheses


# Other doors


def outcome(make: Callable[[], Theorem]) -> Theorem | None:
    """The theorem, or None if it is refused."""
    try:
        return make()
    except ProofError:
        return None


ITERATED: dict[str, tuple[Callable[[Any], Theorem], tuple[Any, ...]]] = {
    "fact": (lambda them: kernel.fact(them, eq(0, 1), {"close": [], "equations": [[[[1, []]], 0]]}), (eq(0, 1),)),
    "generalize": (lambda them: kernel.generalize(assume(eq(n, 1)), [n], them), (eq(n, 1),)),
    "generalize over": (lambda them: kernel.generalize(proved([], eq(n, n)), them), (n,)),
    "swap": (lambda them: kernel.swap(PLAIN, them), (j,)),
    "guard": (lambda them: kernel.guard(PLAIN, them, proved([], SAME_BOUND)), (le(0, j), le(j, n - 1))),
    "guard using": (
        lambda them: kernel.guard(
            PLAIN,
            (le(0, j), le(j, n - 1)),
            proved([], equivalent(both(le(0, j), lt(j, n)), both(le(0, j), le(j, n - 1)))),
            them,
        ),
        (le(0, j),),
    ),
    "vanish": (lambda them: kernel.vanish(EMPTY, proved([], negation(both(*EMPTY.guard))), them), EMPTY.guard),
}


@pytest.mark.parametrize("name", ITERATED)
def test_an_argument_that_can_be_read_once_is_refused_or_means_the_same(name):
    rule, argument = ITERATED[name]
    expected, got = rule(argument), outcome(lambda: rule(iter(argument)))
    if got is not None:
        assert (got.hypotheses, got.conclusion) == (expected.hypotheses, expected.conclusion)


def test_terms_with_the_name_of_a_bound_index_are_not_captured():
    left, right = (Contraction((v,), within(0, v, n), 1, (x[v],)).value for v in (j, i))
    every = kernel.generalize(kernel.ring(left, right), [n, j2])
    theorem = kernel.specialize(every, {n: j, j2: sympy.Integer(5)})
    assert all(term.is_bounded() for side in (theorem.equation.left, theorem.equation.right) for term in side.terms)
    assert counterexample(theorem) is None


def test_one_point_does_not_capture_below_a_derivative():
    inner = Contraction((i,), within(0, i, 3), 1, (x[i],)).value
    theorem = kernel.one_point(Contraction((i2,), (eq(i2, i),), 1, (Gradient(inner, x[i2]),)), i2)
    assert counterexample(theorem) is None


def test_quantified_variables_step_aside_for_new_names():
    statement = Statement(le(n, m), (m,), (le(n * n, m),))
    changed = statement.substitute({n: m, integers("m2"): sympy.Integer(5)})
    (bound,) = changed.variables
    assert changed.body == le(m, bound)
    assert changed.conditions == (le(m * m, bound),)


def nested(index: sympy.Symbol) -> Value:
    """Three sums within derivatives; the middle index has the name of the outer one."""
    innermost = Contraction((k,), within(0, k, 2), 1, (y[index], y[index])).value
    middle = Contraction((j,), within(0, j, 2), 1, (Gradient(innermost, y[1]), x[j])).value
    return Contraction((j,), within(0, j, 2), 1, (Gradient(middle, x[1]),)).value


def test_indices_of_nested_sums_with_equal_names_are_told_apart():
    by_middle, by_innermost = nested(j), nested(k)
    model = Model(seed=1)
    assert model.value(by_middle.json()) != model.value(by_innermost.json())
    with pytest.raises(ProofError, match="not equal as polynomials"):
        kernel.ring(by_middle, by_innermost)
    kernel.ring(by_middle, nested(j))


def test_changing_a_list_afterwards_changes_no_theorem():
    factors, terms, formulas, bound = [x[0]], [PLAIN], [eq(0, 0)], [j]
    ring = kernel.ring(Contraction((), (), 1, factors).value, value(x[0]))
    swap = kernel.swap(Contraction(bound, within(0, j, n), 1, (x[j],)), bound)
    same = kernel.ring(Value(terms), PLAIN.value)
    disjunction = either(*formulas)
    fact = proved([], Formula("or", formulas))
    before = [theorem.conclusion.json() for theorem in (ring, swap, same, fact)]
    for changed in (factors, terms, formulas, bound):
        changed.clear()
    assert [theorem.conclusion.json() for theorem in (ring, swap, same, fact)] == before
    assert fact.formula == disjunction


def test_changing_a_certificate_afterwards_changes_no_trace():
    certificate: dict[str, Any] = {"close": [[2, [0]], [1, [1]]], "equations": []}
    theorem = kernel.fact([le(1, n)], le(2, 2 * n), certificate)
    certificate["close"].clear()
    assert theorem.arguments["certificate"] == {"close": [[2, [0]], [1, [1]]], "equations": []}


class Shifty(dict[Any, Any]):
    """A mapping that hands out other numbers each time it is read."""

    def __init__(self, *symbols: sympy.Symbol) -> None:
        super().__init__(dict.fromkeys(symbols, sympy.Integer(0)))
        self.reads = itertools.count(1)

    def items(self) -> Any:
        number = sympy.Integer(next(self.reads))
        return [(key, number) for key in self]

    def __getitem__(self, key: Any) -> Any:
        return sympy.Integer(next(self.reads))


def test_a_mapping_that_changes_while_it_is_read_is_refused_or_read_once():
    every = kernel.generalize(proved([], le(n, n)), [n])
    theorem = outcome(lambda: kernel.specialize(every, Shifty(n)))
    assert theorem is None or counterexample(theorem) is None


def test_parts_of_a_theorem_do_not_change():
    theorem = kernel.swap(PLAIN, [j])
    for part, name in (
        (theorem.conclusion, "body"),
        (theorem.equation, "left"),
        (theorem.equation.left, "terms"),
        (theorem.equation.left.terms[0], "guard"),
        (theorem.equation.left.terms[0].guard[0], "args"),
        (Gradient(value(x[0]), x[0]), "at"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(part, name, ())


def test_a_subclass_of_theorem_is_no_theorem():
    class Mine(Theorem):
        """Has all that a theorem has."""

        __slots__ = ()

    with pytest.raises(ProofError, match="not a theorem"):
        kernel.sym(Mine.__new__(Mine))


@pytest.mark.parametrize("depth", [3000])
def test_depth_without_end_is_an_error(depth):
    formula, nest = eq(n, 0), value(x[0])
    for _ in range(depth):
        formula, nest = Formula("not", (formula,)), value(Gradient(nest, x[0]))
    with pytest.raises((ProofError, RecursionError)):
        kernel.fact([], formula, {"close": [], "equations": []})
    with pytest.raises((ProofError, RecursionError)):
        kernel.ring(nest, nest)
