"""Checks the shape of a trace's steps: that conclusions, hypotheses and trust follow from the premises by the rule.

This is a second account of the kernel's rules, on plain data. What it cannot see (that a product is differentiated
rightly, that an integer fact is true, what an integral comes to) is left to evaluation and to the solvers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import ProofError
from .plain import (
    Frozen,
    applications,
    canonical,
    check_statement,
    conjuncts,
    free_variables,
    freeze,
    fresh,
    plus,
    polynomial,
    statement,
    substitute,
)
from .plain_reals import ENDS, occurring, replaced

_KERNEL, _SYMPY = "kernel", "sympy.integrate"
_OPPOSITES: Mapping[str, Callable[[Frozen, Frozen], Frozen]] = {
    "<=": lambda a, b: ("<", b, a),
    "<": lambda a, b: ("<=", b, a),
    "==": lambda a, b: ("!=", a, b),
    "!=": lambda a, b: ("==", a, b),
}


@dataclass(frozen=True)
class Step:
    """A step of a trace, frozen."""

    rule: str
    arguments: Mapping[str, Any]
    premises: tuple[int, ...]
    hypotheses: frozenset[Frozen]
    conclusion: Frozen
    trust: frozenset[str]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Step:
        """Read a step of :func:`convmath.calculus.trace.trace`.

        Raises:
            ProofError: the data are malformed.
        """
        try:
            hypotheses, conclusion = frozenset(map(statement, data["hypotheses"])), statement(data["conclusion"])
            premises, trust = tuple(data["premises"]), frozenset(data["trust"])
            step = cls(data["rule"], dict(data["arguments"]), premises, hypotheses, conclusion, trust)
        except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise ProofError(f"not a step of a trace: {data!r}") from error
        if not all(type(premise) is int for premise in premises):
            raise ProofError(f"premises are positions in the trace: {premises!r}")
        for item in (*hypotheses, conclusion):
            check_statement(item)
        return step

    @property
    def plain(self) -> Frozen:
        """The conclusion, which must not be quantified."""
        _need(not self.conclusion[1], "the conclusion is quantified")
        return self.conclusion[3]

    @property
    def sides(self) -> tuple[Frozen, Frozen]:
        """Both sides of the conclusion, which must be an equation."""
        _need(self.plain[0] == "equal", "the conclusion is no equation")
        return self.plain[1], self.plain[2]

    @property
    def contractions(self) -> tuple[Frozen, Frozen]:
        """Both sides of the conclusion, which must be a contraction each."""
        left, right = self.sides
        _need(len(left) == len(right) == 1, "the sides are no single contractions")
        return left[0], right[0]


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ProofError(message)


def check_step(step: Step, premises: Sequence[Step]) -> None:
    """Accept a step with these premises, or raise ProofError with what does not follow."""
    if step.rule not in _RULES:
        raise ProofError(f"there is no rule {step.rule!r}")
    arity, check = _RULES[step.rule]
    _need(len(premises) == arity, f"the rule needs {arity} premises, not {len(premises)}")
    own = {"admit": str(step.arguments.get("because")), "integrate": _SYMPY}.get(step.rule, _KERNEL)
    _need(step.trust == frozenset({own}).union(*(p.trust for p in premises)), "the trust is not that of the premises")
    check(step, *premises)


def _hypotheses(step: Step, inherited: Iterable[Frozen], added: Iterable[Frozen] = ()) -> None:
    """The hypotheses of a step must be those inherited and those added, up to polynomial arithmetic."""
    expected = {canonical(hypothesis) for hypothesis in (*inherited, *added)}
    found = {canonical(hypothesis) for hypothesis in step.hypotheses}
    _need(expected <= found, "a hypothesis is missing")
    _need(found <= expected, "a hypothesis comes from nowhere")


def _same(found: Frozen, expected: Frozen, what: str) -> None:
    _need(canonical(found) == canonical(expected), f"{what} does not follow")


def _closed(hypotheses: Iterable[Frozen], names: Iterable[str]) -> None:
    free = frozenset[str]().union(*map(free_variables, hypotheses))
    _need(not free & set(names), f"free in the hypotheses: {', '.join(sorted(free & set(names)))}")


def _opposite(formula: Frozen) -> Frozen:
    op, *args = formula
    return _OPPOSITES[op](*args) if op in _OPPOSITES else ("not", formula)


# Logic


def _assume(step: Step) -> None:
    _hypotheses(step, [step.conclusion])


def _fact(step: Step) -> None:
    _need(step.plain[0] != "equal", "a fact is an integer formula")
    _need("certificate" in step.arguments, "the certificate is missing")
    _hypotheses(step, map(statement, step.arguments.get("using", ())))


def _specialize(step: Step, premise: Step) -> None:
    _, quantified, conditions, body = premise.conclusion
    terms = {name: freeze(term) for name, term in step.arguments.get("terms", {}).items()}
    _need(set(terms) == set(quantified), "there is not a term for each variable")
    _same(step.plain, substitute(body, terms), "the conclusion")
    _hypotheses(step, premise.hypotheses, [statement(substitute(condition, terms)) for condition in conditions])


def _generalize(step: Step, premise: Step) -> None:
    _, quantified, conditions, body = step.conclusion
    _same(body, premise.plain, "the conclusion")
    _hypotheses(step, premise.hypotheses - set(map(statement, conditions)))
    _closed(step.hypotheses, quantified)


def _cut(step: Step, lemma: Step, premise: Step) -> None:
    _same(step.conclusion, premise.conclusion, "the conclusion")
    _hypotheses(step, lemma.hypotheses | (premise.hypotheses - {lemma.conclusion}))


def _induct(step: Step, base: Step, successor: Step) -> None:
    over: str = step.arguments.get("over", "")
    claim, natural = step.conclusion, statement(("<=", 0, over))
    _need(claim in successor.hypotheses, "the conclusion is no hypothesis of the step")
    _same(base.conclusion, substitute(claim, {over: 0}), "the base")
    _same(successor.conclusion, substitute(claim, {over: ("+", over, 1)}), "the step")
    staying = base.hypotheses | (successor.hypotheses - {claim, natural})
    _closed(staying, [over])
    _hypotheses(step, staying, [natural])


def _admit(step: Step) -> None:
    _need(step.arguments.get("because") not in (None, "", _KERNEL, _SYMPY), "what is admitted rests on nothing")
    _hypotheses(step, [])


# Equations


def _ring(step: Step) -> None:
    left, right = step.sides
    _same(right, left, "the right side")
    _hypotheses(step, [])


def _sym(step: Step, premise: Step) -> None:
    _same(step.plain, ("equal", *premise.sides[::-1]), "the conclusion")
    _hypotheses(step, premise.hypotheses)


def _trans(step: Step, first: Step, second: Step) -> None:
    _need(first.sides[1] == second.sides[0], "the first equation does not end where the second begins")
    _same(step.plain, ("equal", first.sides[0], second.sides[1]), "the conclusion")
    _hypotheses(step, first.hypotheses | second.hypotheses)


def _replace(step: Step, premise: Step) -> None:
    (whole, result), position = step.sides, step.arguments.get("position", -1)
    _need(0 <= position < len(whole), "there is no such contraction")
    _need(premise.sides[0] == (whole[position],), "the premise is about another contraction")
    _same(result, (*whole[:position], *premise.sides[1], *whole[position + 1 :]), "the right side")
    _hypotheses(step, premise.hypotheses)


def _congruence(step: Step, premise: Step) -> None:
    function = step.arguments.get("function", "")
    left, right = ((("sum", (), (), ("1", 1), (("apply", function, side),)),) for side in premise.sides)
    _same(step.plain, ("equal", left, right), "the conclusion")
    _hypotheses(step, premise.hypotheses)


# Sums


def _guard(step: Step, premise: Step) -> None:
    (_, bound, old, *rest), (_, new_bound, new, *new_rest) = step.contractions
    _need((bound, rest) == (new_bound, new_rest), "more than the guard has changed")
    _need(premise.plain[0] == "<=>", "the premise is no equivalence")
    for side, guard, other in zip(premise.plain[1:], (old, new), (new, old), strict=True):
        used = set(conjuncts([side]))
        _need(set(guard) - set(other) <= used <= set(guard), "the premise is about another guard")
    _closed(premise.hypotheses, bound)
    _hypotheses(step, premise.hypotheses)


def _index(step: Step, premise: Step) -> None:
    (_, bound, guard, *old), (_, new_bound, new_guard, *new) = step.contractions
    _need((bound, guard) == (new_bound, new_guard), "the sum or its guard has changed")
    using, goal = premise.plain[1:] if premise.plain[0] == "=>" else (("and",), premise.plain)
    _need(set(conjuncts([using])) <= set(guard), "what is used does not stand in the guard")
    shown = set(map(canonical, conjuncts([goal])))
    for a, b in zip(_indices(*old), _indices(*new), strict=True):
        _need(canonical(a) == canonical(b) or canonical(("==", a, b)) in shown, "an index changes without a proof")
    _need(_shape(old[1]) == _shape(new[1]), "the factors have changed")
    _closed(premise.hypotheses, bound)
    _hypotheses(step, premise.hypotheses)


def _indices(coefficient: Frozen, factors: Frozen) -> list[Frozen]:
    number = Fraction(coefficient[0])
    changeable = [("*", number.numerator, coefficient[1]), number.denominator]
    return changeable + [index for factor in factors if factor[0] == "tensor" for index in factor[2:]]


def _shape(factors: Frozen) -> list[Any]:
    return [(*factor[:2], len(factor)) if factor[0] == "tensor" else canonical(factor) for factor in factors]


def _one_point(step: Step) -> None:
    (_, bound, guard, *rest), result = step.contractions
    over: str = step.arguments.get("over", "")
    left = tuple(name for name in bound if name != over)
    _need(over in bound, "the index is not summed over")
    for position, atom in enumerate(guard):
        if atom[0] != "==" or over not in atom[1:]:
            continue
        point = atom[2] if atom[1] == over else atom[1]
        staying = guard[:position] + guard[position + 1 :]
        if over not in free_variables(point):
            _, _, *parts = substitute(("sum", (), staying, *rest), {over: point})
            if canonical((("sum", left, *parts),)) == canonical((result,)):
                return _hypotheses(step, [])
    raise ProofError("the right side does not follow")


def _swap(step: Step) -> None:
    (_, bound, *rest), (_, order, *new_rest) = step.contractions
    _need(set(bound) == set(order) and len(bound) == len(order), "the sums are over other indices")
    _need(rest == new_rest, "more than the order has changed")
    _hypotheses(step, [])


def _reindex(step: Step) -> None:
    left, right = step.contractions
    _, bound, *parts = left
    forward, backward = (
        {name: freeze(term) for name, term in step.arguments.get(name, {}).items()} for name in ("forward", "backward")
    )
    _need(set(forward) <= set(bound), "an index that is replaced is not summed over")
    _need(not set(backward) & {*bound, *free_variables(left)}, "a new index has a name that is taken")
    for there, back in ((forward, backward), (backward, forward)):
        for name, term in there.items():
            _need(not free_variables(term) & set(there), "an index occurs in its replacement")
            _same(substitute(term, back), name, "the way back")
    _, _, *moved = substitute(("sum", (), *parts), forward)
    _same((right,), (("sum", (*(name for name in bound if name not in forward), *backward), *moved),), "the right side")
    _hypotheses(step, [])


def _split(step: Step) -> None:
    left, right = step.sides
    _need(len(left) == 1, "the left side is no single contraction")
    on = freeze(step.arguments.get("on", ()))
    (head, bound, guard, *rest) = left[0]
    halves = tuple((head, bound, (*guard, part), *rest) for part in (on, _opposite(on)))
    _same(right, halves, "the right side")
    _hypotheses(step, [])


def _vanish(step: Step, premise: Step) -> None:
    left, right = step.sides
    _need(len(left) == 1 and right == (), "the right side is not 0")
    _, bound, guard, *_ = left[0]
    denied = premise.plain[1] if premise.plain[0] == "not" else _opposite(premise.plain)
    atoms = set(map(canonical, guard))
    _need({canonical(atom) for atom in conjuncts([denied])} <= atoms, "the premise is about another guard")
    _closed(premise.hypotheses, bound)
    _hypotheses(step, premise.hypotheses)


def _unfold(step: Step, premise: Step) -> None:
    left, right = step.sides
    _need(len(left) == 1, "the left side is no single contraction")
    _, bound, guard, (number, coefficient), factors = left[0]
    position = step.arguments.get("position", -1)
    _need(0 <= position < len(factors), "there is no such factor")
    _same(premise.sides[0], (("sum", (), (), ("1", 1), (factors[position],)),), "the premise")
    rest = factors[:position] + factors[position + 1 :]
    taken = {*bound, *free_variables(("forall", (), (), left))}
    expected = []
    for term in premise.sides[1]:
        renaming = fresh(term[1], taken, free_variables((term,)))
        _, _, more, (other, inner), new = substitute(("sum", (), *term[2:]), renaming)
        own = tuple(renaming.get(name, name) for name in term[1])
        product = (str(Fraction(number) * Fraction(other)), ("*", coefficient, inner))
        expected.append(("sum", bound + own, guard + more, product, rest + new))
    _same(right, tuple(expected), "the right side")
    local = {h for h in premise.hypotheses if free_variables(h) & set(bound)}
    _need({h[3] for h in local if not h[1]} <= set(guard), "a hypothesis on a bound index is not in the guard")
    _closed((h for h in local if h[1]), bound)
    _hypotheses(step, premise.hypotheses - local)


def _diff(step: Step) -> None:
    left, _ = step.sides
    _need(len(left) == 1 and len(left[0][4]) == 1 and left[0][4][0][0] == "gradient", "the left side is no derivative")
    _need(not any(True for _ in applications(step.plain)), "a function is differentiated")
    _hypotheses(step, [])


# Integrals


def _substitution(step: Step) -> None:
    (_, left), (_, right) = step.sides
    new, (_, point) = step.arguments["new"], freeze(step.arguments["point"])
    _need(left[0] == right[0] == "integral", "the sides are no integrals")
    _need(left[2:4] == right[2:4] == ENDS, "the sides are no integrals over the line")
    old, free = left[1], {name for _, name in occurring(left)}
    slope = plus(polynomial(point), polynomial(replaced(point, new, 0)), -1)
    _need(slope in ({(new,): 1}, {(new,): -1}), "the slope of the new variable is not 1 or -1")
    _need(right[1] == new and new not in free and old not in {name for _, name in occurring(point)}, "a name is taken")
    _same(("real", right[4]), ("real", replaced(left[4], old, point)), "the integrand")
    _hypotheses(step, [])


def _integrate(step: Step) -> None:
    _need({side[0] for side in step.sides} == {"real"}, "the sides are no real terms")
    _hypotheses(step, [])


_RULES: Mapping[str, tuple[int, Callable[..., None]]] = {
    "assume": (0, _assume),
    "fact": (0, _fact),
    "specialize": (1, _specialize),
    "generalize": (1, _generalize),
    "cut": (2, _cut),
    "induct": (2, _induct),
    "admit": (0, _admit),
    "ring": (0, _ring),
    "sym": (1, _sym),
    "trans": (2, _trans),
    "replace": (1, _replace),
    "congruence": (1, _congruence),
    "guard": (1, _guard),
    "index": (1, _index),
    "one_point": (0, _one_point),
    "swap": (0, _swap),
    "reindex": (0, _reindex),
    "split": (0, _split),
    "vanish": (1, _vanish),
    "unfold": (1, _unfold),
    "diff": (0, _diff),
    "substitution": (0, _substitution),
    "integrate": (0, _integrate),
}
