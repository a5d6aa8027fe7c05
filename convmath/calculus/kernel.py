"""Theorems and the rules that make them. Trusted, together with :mod:`convmath.calculus.certificate`.

A theorem ``hypotheses |- conclusion`` says: for all integers, tensors and functions of a number that meet the
hypotheses, the conclusion holds. Statements are integer formulas or equations between values, possibly quantified over
some of their variables, or equations between real terms, which hold for all real variables and for all functions whose
integrals exist.
Only the functions of this module make theorems, and each checks its side conditions. Every theorem carries its trace
(the rule, what it was applied to, the premises) and its trust: what it rests on besides the rules.

This guards against mistakes, not against code that reaches into the interpreter; what such code forges, rechecking the
trace finds (:mod:`convmath.calculus.recheck`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sympy

from ..errors import ProofError
from . import certificate as certificates
from .index import Formula, Json, Term, both, eq, equivalent, implies, le, negation, substitute, term_json, variables
from .reals import RealTerm
from .terms import Application, Contraction, Equation, Gradient, Statement, Value, total, value

KERNEL = "kernel"
"""The trust of a theorem that rests on the rules and on checked certificates alone."""
SYMPY = "sympy.integrate"
"""The trust of a theorem that rests on SymPy for the value of an integral."""

_COUNTER = itertools.count()
_KEY = object()


class Theorem:
    """``hypotheses |- conclusion``, made by the rules of this module only."""

    __slots__ = ("arguments", "conclusion", "hypotheses", "number", "premises", "rule", "trust")
    hypotheses: frozenset[Statement]
    conclusion: Statement
    trust: frozenset[str]
    rule: str
    arguments: Mapping[str, Json]
    premises: tuple[Theorem, ...]
    number: int

    def __init__(
        self,
        key: object,
        rule: str,
        hypotheses: Iterable[Statement],
        conclusion: Statement | Formula | Equation,
        premises: Sequence[Theorem] = (),
        trust: Iterable[str] = (),
        **arguments: Json,
    ) -> None:
        """Refuse to be made without the kernel's key."""
        if key is not _KEY:
            raise ProofError("only the rules of the kernel make theorems")
        set_ = super().__setattr__
        set_("hypotheses", frozenset(hypotheses))
        set_("conclusion", _statement(conclusion))
        set_("premises", tuple(premises))
        set_("trust", frozenset(trust or {KERNEL}).union(*(premise.trust for premise in premises)))
        set_("rule", rule)
        set_("arguments", arguments)
        set_("number", next(_COUNTER))

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a theorem does not change."""
        raise ProofError(f"a theorem does not change: {name}")

    def __delattr__(self, name: str) -> None:
        """Refuse: a theorem does not change."""
        raise ProofError(f"a theorem does not change: {name}")

    def __reduce__(self) -> Any:
        """Refuse: a theorem does not travel as a pickle; its trace does, as JSON."""
        raise ProofError("a theorem cannot be pickled or copied: export its trace and prove it again")

    @property
    def formula(self) -> Formula:
        """The conclusion as a formula without quantifiers, or ProofError."""
        if self.conclusion.variables or not isinstance(self.conclusion.body, Formula):
            raise ProofError("this needs a theorem whose conclusion is a plain integer formula")
        return self.conclusion.body

    @property
    def equation(self) -> Equation:
        """The conclusion as an equation without quantifiers, or ProofError."""
        if self.conclusion.variables or not isinstance(self.conclusion.body, Equation):
            raise ProofError("this needs a theorem whose conclusion is a plain equation")
        return self.conclusion.body


def _free(*parts: Any) -> frozenset[sympy.Symbol]:
    return frozenset[sympy.Symbol]().union(*(variables(part) for part in parts))


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise ProofError(message)


def _statement(statement: Any) -> Statement:
    if isinstance(statement, (Formula, Equation)):
        return Statement(statement)
    if type(statement) is not Statement:
        raise ProofError(f"not a statement: {statement!r}")
    return statement


def _theorem(theorem: Any) -> Theorem:
    if type(theorem) is not Theorem:
        raise ProofError(f"not a theorem, but something of type {type(theorem).__name__}")
    return theorem


# Logic


def assume(statement: Statement | Formula | Equation) -> Theorem:
    """``A |- A``."""
    statement = _statement(statement)
    return Theorem(_KEY, "assume", {statement}, statement)


def fact(hypotheses: Sequence[Formula], goal: Formula, certificate: Json) -> Theorem:
    """An integer fact with its certificate."""
    hypotheses, certificate = tuple(hypotheses), json.loads(json.dumps(certificate))
    certificates.check([hypothesis.json() for hypothesis in hypotheses], goal.json(), certificate)
    using = [hypothesis.json() for hypothesis in hypotheses]
    return Theorem(_KEY, "fact", map(Statement, hypotheses), goal, using=using, certificate=certificate)


def specialize(theorem: Theorem, terms: Mapping[sympy.Symbol, Term]) -> Theorem:
    """From ``H |- for all v with C: B`` follows ``H, C[t] |- B[t]``."""
    statement, terms = _theorem(theorem).conclusion, dict(terms)
    _need(set(terms) == set(statement.variables), f"give a term for each of {statement.variables}")
    body = Statement(substitute(statement.body, terms))
    hypotheses = theorem.hypotheses | {Statement(substitute(c, terms)) for c in statement.conditions}
    arguments = {symbol.name: term_json(term) for symbol, term in terms.items()}
    return Theorem(_KEY, "specialize", hypotheses, body, [theorem], terms=arguments)


def generalize(theorem: Theorem, over: Sequence[sympy.Symbol], conditions: Sequence[Formula] = ()) -> Theorem:
    """From ``H, C |- B`` follows ``H |- for all v with C: B`` when no v is free in H."""
    _need(not _theorem(theorem).conclusion.variables, "the conclusion is quantified already")
    over, conditions = tuple(over), tuple(conditions)
    hypotheses = theorem.hypotheses - {Statement(condition) for condition in conditions}
    _need(not _free(*hypotheses) & set(over), f"a variable of {tuple(over)} is free in the hypotheses that stay")
    statement = Statement(theorem.conclusion.body, tuple(over), tuple(conditions))
    return Theorem(_KEY, "generalize", hypotheses, statement, [theorem])


def cut(lemma: Theorem, theorem: Theorem) -> Theorem:
    """From ``H |- A`` and ``G, A |- B`` follows ``H, G |- B``."""
    hypotheses = _theorem(theorem).hypotheses - {_theorem(lemma).conclusion}
    return Theorem(_KEY, "cut", lemma.hypotheses | hypotheses, theorem.conclusion, [lemma, theorem])


def induct(base: Theorem, step: Theorem, over: sympy.Symbol) -> Theorem:
    """From ``H |- P(0)`` and ``H, 0 <= v, P(v) |- P(v + 1)`` follows ``H, 0 <= v |- P(v)``, when v is not free in H.

    The induction hypothesis ``P(v)`` is the conclusion of the base with v in place of 0; the step decides which one.
    """
    _need(isinstance(over, sympy.Symbol), f"induction runs over a variable, not over {over!r}")
    natural = Statement(le(0, over))
    first, last = _theorem(base).conclusion, _theorem(step).conclusion
    for hypothesis in step.hypotheses:
        zero, successor = (hypothesis.substitute({over: term}) for term in (sympy.Integer(0), over + 1))
        if _same(zero, first) and _same(successor, last):
            break
    else:
        raise ProofError(f"no hypothesis of the step becomes the base at {over} = 0 and the conclusion at {over} + 1")
    staying = base.hypotheses | (step.hypotheses - {hypothesis, natural})
    _need(over not in _free(*staying), f"{over} is free in the hypotheses that stay")
    return Theorem(_KEY, "induct", staying | {natural}, hypothesis, [base, step], over=over.name)


def admit(statement: Statement | Formula | Equation, because: str) -> Theorem:
    """A statement taken on trust; ``because`` joins the trust of everything that rests on it."""
    _need(
        isinstance(because, str) and because not in ("", KERNEL, SYMPY), "an admitted statement names what it rests on"
    )
    return Theorem(_KEY, "admit", (), statement, trust={because}, because=because)


# Equations


def ring(left: Value | RealTerm, right: Value | RealTerm) -> Theorem:
    """Both sides are the same polynomial in the same sums or integrals."""
    _need(left.canonical() == right.canonical(), "the two sides are not equal as polynomials of the same sums")
    return Theorem(_KEY, "ring", (), Equation(left, right))


def sym(theorem: Theorem) -> Theorem:
    """From ``a = b`` follows ``b = a``."""
    equation = _theorem(theorem).equation
    return Theorem(_KEY, "sym", theorem.hypotheses, Equation(equation.right, equation.left), [theorem])


def trans(first: Theorem, second: Theorem) -> Theorem:
    """From ``a = b`` and ``b = c`` follows ``a = c``."""
    left, right = _theorem(first).equation, _theorem(second).equation
    _need(left.right == right.left, "the first equation does not end where the second begins")
    hypotheses = first.hypotheses | second.hypotheses
    return Theorem(_KEY, "trans", hypotheses, Equation(left.left, right.right), [first, second])


def replace(whole: Value, position: int, theorem: Theorem) -> Theorem:
    """From ``c = v`` follows that a linear combination stays equal when its contraction ``c`` becomes ``v``."""
    equation = _theorem(theorem).equation
    _need(0 <= position < len(whole.terms), f"there is no contraction number {position}")
    _need(equation.left == whole.terms[position].value, "the equation is about another contraction")
    terms = whole.terms[:position] + equation.right.terms + whole.terms[position + 1 :]
    return Theorem(_KEY, "replace", theorem.hypotheses, Equation(whole, Value(terms)), [theorem], position=position)


def congruence(function: str, theorem: Theorem) -> Theorem:
    """From ``v = w`` follows ``f(v) = f(w)``: an uninterpreted function has one value at a number."""
    equation = _theorem(theorem).equation
    left, right = (value(Application(function, side)) for side in (equation.left, equation.right))
    return Theorem(_KEY, "congruence", theorem.hypotheses, Equation(left, right), [theorem], function=function)


# Sums


def guard(contraction: Contraction, new: Sequence[Formula], theorem: Theorem, using: Sequence[Formula] = ()) -> Theorem:
    """Replace some conjuncts of the guard by others that are equivalent in the presence of the conjuncts that stay.

    With ``old`` the conjuncts of the guard that are not in ``new``, ``added`` those of ``new`` that are not in the
    guard and ``using`` some that stay, the premise concludes ``using and old <=> using and added``; no bound index is
    free in its hypotheses.
    """
    new = Contraction((), tuple(new), sympy.Integer(1), ()).guard
    old = [atom for atom in contraction.guard if atom not in new]
    added = [atom for atom in new if atom not in contraction.guard]
    _need(all(atom in contraction.guard and atom in new for atom in using), "what is used must stay in the guard")
    expected = equivalent(both(*using, *old), both(*using, *added))
    _need(_theorem(theorem).formula == expected, f"the fact must be: {expected}")
    _closed(theorem, contraction)
    result = Contraction(contraction.bound, new, contraction.coefficient, contraction.factors)
    return Theorem(_KEY, "guard", theorem.hypotheses, Equation(Value((contraction,)), result.value), [theorem])


def index(contraction: Contraction, new: Contraction, theorem: Theorem, using: Sequence[Formula] = ()) -> Theorem:
    """Replace the coefficient and indices of the factors by integer terms that are equal wherever the guard holds.

    The premise concludes ``using => (t = t' and ...)`` for the changed pairs, coefficient first, with ``using`` some
    conjuncts of the guard; no bound index is free in its hypotheses.
    """
    _need((new.bound, new.guard) == (contraction.bound, contraction.guard), "the sum and its guard must stay")
    _need(len(new.factors) == len(contraction.factors), "the factors must stay")
    pairs = [(contraction.coefficient, new.coefficient)]
    for before, after in zip(contraction.factors, new.factors, strict=True):
        if before != after:
            if not (isinstance(before, sympy.Indexed) and isinstance(after, sympy.Indexed)):
                raise ProofError("a derivative or an application must stay")
            _need((before.base, len(before.indices)) == (after.base, len(after.indices)), "the factors must stay")
            pairs += zip(before.indices, after.indices, strict=True)
    _need(all(atom in contraction.guard for atom in using), "what is used must stand in the guard")
    goal = both(*(eq(a, b) for a, b in pairs if a != b))
    expected = implies(both(*using), goal) if using else goal
    _need(_theorem(theorem).formula == expected, f"the fact must be: {expected}")
    _closed(theorem, contraction)
    return Theorem(_KEY, "index", theorem.hypotheses, Equation(Value((contraction,)), Value((new,))), [theorem])


def one_point(contraction: Contraction, over: sympy.Symbol) -> Theorem:
    """``sum over j of [j = t][G] f = [G at t] f at t`` when j is not in t."""
    _need(over in contraction.bound, f"{over} is not summed over")
    for position, atom in enumerate(contraction.guard):  # noqa: B007
        if atom.op == "==" and over in atom.args:
            point = atom.args[1] if atom.args[0] == over else atom.args[0]
            if over not in variables(point):
                break
    else:
        raise ProofError(f"no conjunct of the guard says what {over} is")
    rest = contraction.guard[:position] + contraction.guard[position + 1 :]
    at = {over: point}
    result = Contraction(
        tuple(v for v in contraction.bound if v != over),
        tuple(substitute(a, at) for a in rest),
        substitute(contraction.coefficient, at),
        tuple(substitute(factor, at) for factor in contraction.factors),
    )
    return Theorem(_KEY, "one_point", (), Equation(Value((contraction,)), result.value), over=over.name)


def swap(contraction: Contraction, order: Sequence[sympy.Symbol]) -> Theorem:
    """Sum in another order."""
    order = tuple(order)
    _need(sorted(order, key=str) == sorted(contraction.bound, key=str), f"not an order of {contraction.bound}")
    result = Contraction(tuple(order), contraction.guard, contraction.coefficient, contraction.factors)
    return Theorem(_KEY, "swap", (), Equation(Value((contraction,)), result.value))


def reindex(
    contraction: Contraction, forward: Mapping[sympy.Symbol, Term], backward: Mapping[sympy.Symbol, Term]
) -> Theorem:
    """Sum over new indices: old = forward(new) and new = backward(old) are inverse to each other, as polynomials."""
    forward, backward = dict(forward), dict(backward)
    _need(set(forward) <= set(contraction.bound), "only bound indices can be replaced")
    _need(
        not set(backward) & (set(contraction.bound) | contraction.free_symbols), "a new index has a name that is taken"
    )
    _need(not _free(*forward.values()) & set(forward), "the old indices must not occur in their replacements")
    _need(not _free(*backward.values()) & set(backward), "the new indices must not occur in what they replace")
    for these, those in ((forward, backward), (backward, forward)):
        for symbol, term in these.items():
            _need(value(substitute(term, those)).canonical() == value(symbol).canonical(), f"not inverse at {symbol}")
    bound = tuple(v for v in contraction.bound if v not in forward) + tuple(backward)
    result = Contraction(bound, *contraction._substituted(forward))
    there, back = ({symbol.name: term_json(term) for symbol, term in m.items()} for m in (forward, backward))
    whole = Equation(Value((contraction,)), result.value)
    return Theorem(_KEY, "reindex", (), whole, forward=there, backward=back)


def split(contraction: Contraction, on: Formula) -> Theorem:
    """``[G] = [G and A] + [G and not A]``, in a finite sum."""
    _need(contraction.is_bounded(), "only a finite sum can be split")
    halves = tuple(
        Contraction(contraction.bound, (*contraction.guard, part), contraction.coefficient, contraction.factors)
        for part in (on, negation(on))
    )
    return Theorem(_KEY, "split", (), Equation(Value((contraction,)), Value(halves)), on=on.json())


def vanish(contraction: Contraction, theorem: Theorem, using: Sequence[Formula]) -> Theorem:
    """A sum whose guard never holds is 0: the premise concludes the opposite of ``using``, conjuncts of the guard."""
    _need(bool(using) and all(atom in contraction.guard for atom in using), "what is used must stand in the guard")
    _need(_theorem(theorem).formula == negation(both(*using)), f"the fact must be: {negation(both(*using))}")
    _closed(theorem, contraction)
    return Theorem(_KEY, "vanish", theorem.hypotheses, Equation(Value((contraction,)), Value(())), [theorem])


def unfold(contraction: Contraction, position: int, theorem: Theorem) -> Theorem:
    """Replace a factor by the value that it is equal to, wherever the guard holds.

    A hypothesis of the equation in which a bound index is free must be a conjunct of the guard.
    """
    equation = _theorem(theorem).equation
    _need(0 <= position < len(contraction.factors), f"there is no factor number {position}")
    _need(equation.left == value(contraction.factors[position]), "the equation is about another factor")
    _need(contraction.is_bounded() and all(t.is_bounded() for t in equation.right.terms), "the sums must be finite")
    local = {h for h in theorem.hypotheses if h.free_symbols & set(contraction.bound)}
    _need(local <= {Statement(atom) for atom in contraction.guard}, "a hypothesis on a bound index is not in the guard")
    rest = contraction.factors[:position] + contraction.factors[position + 1 :]
    product = Contraction((), (), contraction.coefficient, rest).value * equation.right
    whole = Equation(Value((contraction,)), total(contraction.bound, contraction.guard, product))
    return Theorem(_KEY, "unfold", theorem.hypotheses - local, whole, [theorem], position=position)


def diff(gradient: Gradient) -> Theorem:
    """The derivative of a sum of products of entries: each entry ``x[i]`` of the tensor in turn becomes ``[i = j]``."""
    terms = []
    for contraction in gradient.body.terms:
        _need(contraction.is_bounded(), "only a finite sum can be differentiated term by term")
        clear = contraction.renamed(variables(gradient.at))
        for position, factor in enumerate(clear.factors):
            if not isinstance(factor, sympy.Indexed):
                raise ProofError("a derivative of a derivative or of an application is not supported")
            if factor.base == gradient.at.base and len(factor.indices) == len(gradient.at.indices):
                hit = tuple(eq(i, j) for i, j in zip(factor.indices, gradient.at.indices, strict=True))
                rest = clear.factors[:position] + clear.factors[position + 1 :]
                terms.append(Contraction(clear.bound, clear.guard + hit, clear.coefficient, rest))
    return Theorem(_KEY, "diff", (), Equation(value(gradient), Value(tuple(terms))))


# Integrals


def substitution(integral: RealTerm, new: sympy.Symbol, point: sympy.Expr) -> Theorem:
    """The integral over the line with another variable: ``point`` is plus or minus the new one and a rest."""
    result = RealTerm(integral.expr).substituted(new, point)
    arguments = {"new": new.name, "point": RealTerm(point).json()}
    return Theorem(_KEY, "substitution", (), Equation(integral, result), **arguments)


def integrate(left: RealTerm, right: RealTerm) -> Theorem:
    """Both sides are equal when SymPy works out their integrals; this rests on SymPy."""
    equation = Equation(RealTerm(left.expr), RealTerm(right.expr))
    _need(equation.left.equals_by_sympy(equation.right), "SymPy does not find the two sides equal")
    return Theorem(_KEY, "integrate", (), equation, trust={SYMPY})


def _closed(theorem: Theorem, contraction: Contraction) -> None:
    caught = _free(*theorem.hypotheses) & set(contraction.bound)
    _need(not caught, f"a bound index is free in the hypotheses of the fact: {sorted(map(str, caught))}")


def _same(a: Statement, b: Statement) -> bool:
    """Equal up to polynomial arithmetic in the terms."""
    if (a.variables, len(a.conditions)) != (b.variables, len(b.conditions)):
        return False
    pairs = [*zip(a.conditions, b.conditions, strict=True), (a.body, b.body)]
    return all(first.key({}) == second.key({}) for first, second in pairs)


RULES: tuple[Callable[..., Theorem], ...] = (
    assume,
    fact,
    specialize,
    generalize,
    cut,
    induct,
    admit,
    ring,
    sym,
    trans,
    replace,
    congruence,
    guard,
    index,
    one_point,
    swap,
    reindex,
    split,
    vanish,
    unfold,
    diff,
    substitution,
    integrate,
)
"""All the rules."""
