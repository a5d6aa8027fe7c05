"""The calculation chain in which proofs are written, and tactics. Untrusted: every step is made by the kernel.

A chain starts at a value and moves it by the kernel's rules; each move is recorded with the reason that the page
prints. SymPy proposes (derivatives of indexed products, inverse substitutions, last windows); the kernel concludes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from ..errors import ProofError
from ..inert import FloorDiv
from . import kernel, store
from .index import Formula, Term, both, eq, equivalent, implies, integer_term, negation, variables
from .kernel import Theorem
from .reals import RealTerm
from .terms import Contraction, Equation, Gradient, Statement, Value, value

Pairs = Iterable[tuple[Sequence[Formula], Sequence[Formula]]]


@dataclass(frozen=True)
class Step:
    """One line of a calculation: the value or real term that is reached, and why it is equal to the one before."""

    value: Value | RealTerm
    why: str


@dataclass(frozen=True)
class Part:
    """A theorem of a proof, the words that introduce it, and the calculation that shows it (none for integer facts)."""

    title: str
    theorem: Theorem
    start: Value | RealTerm | None = None
    steps: tuple[Step, ...] = ()


def prove(
    goal: Formula, given: Iterable[Formula | Theorem] = (), *, cuts: Sequence[Formula] = (), everything: bool = False
) -> Theorem:
    """An integer fact from hypotheses and from theorems; those that cannot matter are left out.

    A theorem that is given enters by its conclusion, and its own hypotheses join those of the result. With
    ``everything`` no hypothesis is left out.
    """
    lemmas = [fact for fact in given if isinstance(fact, Theorem)]
    plain = [fact for fact in given if isinstance(fact, Formula)]
    candidates = list(dict.fromkeys([*plain, *(lemma.formula for lemma in lemmas)]))
    chosen = candidates if everything else _connected(goal, candidates)
    theorem = kernel.fact(chosen, goal, store.current().certificate(chosen, goal, cuts))
    for lemma in lemmas:
        if Statement(lemma.formula) in theorem.hypotheses and lemma.formula not in plain:
            theorem = kernel.cut(lemma, theorem)
    return theorem


def _names(formula: Formula | Term) -> frozenset[Any]:
    """The integer variables and the sequences in it."""
    parts = formula.args if isinstance(formula, Formula) else (formula,)
    if isinstance(formula, Formula) and not formula.is_comparison:
        return frozenset[Any]().union(*(_names(part) for part in parts))
    bases = (entry.base for part in parts for entry in part.atoms(sympy.Indexed))
    return frozenset[Any](bases).union(*(variables(part) for part in parts))


def _connected(goal: Formula, candidates: Sequence[Formula]) -> list[Formula]:
    """The candidates that share a variable with the goal, directly or through others, in their order."""
    reached, chosen = set(_names(goal)), set[Formula]()
    while more := {c for c in candidates if c not in chosen and _names(c) & reached}:
        chosen |= more
        reached = reached.union(*(_names(c) for c in more))
    return [c for c in candidates if c in chosen]


def instance(theorem: Theorem, terms: Mapping[sympy.Symbol, Any]) -> Theorem:
    """A quantified theorem at given terms, or a theorem with terms for some of its free variables."""
    terms = {symbol: integer_term(term) for symbol, term in terms.items()}
    if theorem.conclusion.variables:
        return kernel.specialize(theorem, terms)
    about = [h.body for h in theorem.hypotheses if not h.variables and h.free_symbols & set(terms)]
    conditions = [body for body in about if isinstance(body, Formula)]
    return kernel.specialize(kernel.generalize(theorem, list(terms), conditions), terms)


def definition(left: Any, right: Any, over: Sequence[sympy.Symbol] = (), where: Sequence[Formula] = ()) -> Statement:
    """The statement ``for all over where ...: left = right``, an equation of values or of integer terms."""
    if isinstance(right, Value):
        return Statement(Equation(value(left), right), tuple(over), tuple(where))
    return Statement(eq(left, right), tuple(over), tuple(where))


class Calc:
    """A calculation: ``Calc(start, given)`` followed by moves, ended by :meth:`qed`.

    ``given`` are formulas, which become hypotheses of what needs them, and theorems, whose conclusions may be used.
    """

    def __init__(self, start: Any, given: Iterable[Formula | Theorem] = ()) -> None:
        """Start from a value."""
        self.start = value(start)
        self.given = tuple(given)
        self.steps: list[Step] = []
        self.theorem = kernel.ring(self.start, self.start)

    @property
    def value(self) -> Value:
        """Where the calculation has arrived."""
        reached: Value = self.theorem.equation.right
        return reached

    def _contraction(self, term: int) -> Contraction:
        if not 0 <= term < len(self.value.terms):
            raise ProofError(f"the value has no term number {term}")
        return self.value.terms[term]

    def _move(self, term: int, theorem: Theorem) -> None:
        """Replace one term by what the theorem says it equals."""
        for lemma in self.given:
            if isinstance(lemma, Theorem) and lemma.conclusion in theorem.hypotheses:
                theorem = kernel.cut(lemma, theorem)
        if theorem.equation.left != self.value:
            theorem = kernel.replace(self.value, term, theorem)
        self.theorem = kernel.trans(self.theorem, theorem)

    def _done(self, why: str) -> Calc:
        self.steps.append(Step(self.value, why))
        return self

    def ring(self, target: Any, why: str = "collect equal terms") -> Calc:
        """Rewrite by polynomial arithmetic."""
        self.theorem = kernel.trans(self.theorem, kernel.ring(self.value, value(target)))
        return self._done(why)

    def guard(self, *pairs: tuple[Sequence[Formula], Sequence[Formula]], why: str, term: int = 0, **how: Any) -> Calc:
        """For each pair, replace conjuncts of the guard by others that are equivalent beside those that stay."""
        for old, new in pairs:
            contraction = self._contraction(term)
            missing = [atom for atom in old if atom not in contraction.guard]
            if missing:
                raise ProofError(f"not in the guard: {', '.join(map(str, missing))}")
            gone = [atom for atom in old if atom not in new]
            staying = [atom for atom in contraction.guard if atom not in gone]
            added = [atom for atom in new if atom not in contraction.guard]
            using = _connected(both(*gone, *added), staying)
            goal = equivalent(both(*using, *gone), both(*using, *added))
            theorem = prove(goal, self.given, **how)
            self._move(term, kernel.guard(contraction, [*staying, *added], theorem, using))
        return self._done(why)

    def rewrite(self, changes: Mapping[Any, Any], why: str, term: int = 0, **how: Any) -> Calc:
        """Replace integer terms in the coefficient and the indices by terms that are equal where the guard holds."""
        contraction = self._contraction(term)
        mapping = {key: integer_term(to) for key, to in changes.items()}
        new = Contraction(
            contraction.bound,
            contraction.guard,
            contraction.coefficient.xreplace(mapping),
            tuple(f.xreplace(mapping) if isinstance(f, sympy.Indexed) else f for f in contraction.factors),
        )
        pairs = [(contraction.coefficient, new.coefficient)]
        for before, after in zip(contraction.factors, new.factors, strict=True):
            if isinstance(before, sympy.Indexed) and isinstance(after, sympy.Indexed):
                pairs += zip(before.indices, after.indices, strict=True)
        goal = both(*(eq(a, b) for a, b in pairs if a != b))
        using = _connected(goal, contraction.guard)
        theorem = prove(implies(both(*using), goal) if using else goal, self.given, **how)
        self._move(term, kernel.index(contraction, new, theorem, using))
        return self._done(why)

    def one_point(self, points: Mapping[sympy.Symbol, Any], why: str, term: int = 0) -> Calc:
        """Sum over indices that the guard pins down, each to the given point."""
        for index, point in points.items():
            contraction = self._contraction(term)
            pinning = [atom for atom in contraction.guard if atom in (eq(index, point), eq(point, index))]
            rest = [atom for atom in contraction.guard if atom not in pinning]
            first = Contraction(contraction.bound, (*pinning, *rest), contraction.coefficient, contraction.factors)
            self._move(term, kernel.ring(contraction.value, first.value))
            self._move(term, kernel.one_point(first, index))
        return self._done(why)

    def insert(self, over: sympy.Symbol, point: Any, in_place_of: Mapping[Any, Any], why: str, term: int = 0) -> Calc:
        """Name a term by a new summation index: the one-point rule from right to left."""
        contraction = self._contraction(term)
        named = {key: integer_term(to) for key, to in in_place_of.items()}
        longer = Contraction(
            (*contraction.bound, over),
            (eq(over, point), *contraction.guard),
            contraction.coefficient,
            tuple(f.xreplace(named) if isinstance(f, sympy.Indexed) else f for f in contraction.factors),
        )
        self._move(term, kernel.sym(kernel.one_point(longer, over)))
        return self._done(why)

    def swap(self, *order: sympy.Symbol, why: str = "sum in another order", term: int = 0) -> Calc:
        """Sum in another order."""
        self._move(term, kernel.swap(self._contraction(term), order))
        return self._done(why)

    def reindex(self, substitution: Mapping[sympy.Symbol, Any], why: str, term: int = 0) -> Calc:
        """Sum over new indices: each old one is given as an affine term in a new one; SymPy solves for the new one."""
        contraction = self._contraction(term)
        known = set(contraction.bound) | contraction.free_symbols
        new = sorted(variables(sympy.Tuple(*substitution.values())) - known, key=str)
        solved = sympy.solve([sympy.Eq(old, to) for old, to in substitution.items()], new, dict=True)
        if len(solved) != 1 or set(solved[0]) != set(new):
            raise ProofError(f"{substitution} does not determine {new}")
        self._move(term, kernel.reindex(contraction, dict(substitution), {v: solved[0][v] for v in new}))
        return self._done(why)

    def split(self, on: Formula, why: str, term: int = 0) -> Calc:
        """Separate the part of a sum in which a formula holds from the part in which it does not."""
        self._move(term, kernel.split(self._contraction(term), on))
        return self._done(why)

    def join(self, target: Contraction, on: Formula, why: str) -> Calc:
        """The parts of a sum put together again: a split from right to left."""
        parts = kernel.split(target, on)
        self.theorem = kernel.trans(self.theorem, kernel.ring(self.value, parts.equation.right))
        self.theorem = kernel.trans(self.theorem, kernel.sym(parts))
        return self._done(why)

    def vanish(self, *, using: Sequence[Formula], why: str, term: int = 0, **how: Any) -> Calc:
        """Drop a sum whose guard never holds."""
        theorem = prove(negation(both(*using)), self.given, **how)
        self._move(term, kernel.vanish(self._contraction(term), theorem, using))
        return self._done(why)

    def rename(self, names: Mapping[sympy.Symbol, sympy.Symbol], term: int = 0) -> Calc:
        """Other names for bound indices; the page does not mention it."""
        contraction = self._contraction(term)
        renamed = contraction.with_indices(names)
        self._move(term, kernel.ring(contraction.value, renamed.value))
        if self.steps:
            self.steps[-1] = Step(self.value, self.steps[-1].why)
        return self

    def discharged(self, theorem: Theorem, **how: Any) -> Theorem:
        """The theorem without those formulas among its hypotheses that follow from what is given."""
        for hypothesis in sorted(theorem.hypotheses, key=lambda h: repr(h.json())):
            goal = hypothesis.body
            if isinstance(goal, Formula) and not hypothesis.variables and goal not in self.given:
                theorem = kernel.cut(prove(goal, self.given, **how), theorem)
        return theorem

    def unfold(self, theorem: Theorem, why: str, term: int = 0) -> Calc:
        """Replace the factor that the theorem is about by what it equals."""
        contraction = self._contraction(term)
        left = theorem.equation.left
        for position, factor in enumerate(contraction.factors):
            if value(factor) == left:
                self._move(term, kernel.unfold(contraction, position, theorem))
                return self._done(why)
        raise ProofError(f"no factor of the term is {left}")

    def apply(self, theorem: Theorem, why: str, term: int = 0) -> Calc:
        """Replace a whole term, or the whole value, by what a theorem says it equals, up to polynomial arithmetic.

        What the theorem supposes is proved from what is given here.
        """
        theorem = self.discharged(theorem)
        whole = theorem.equation.left
        mine = self.value if whole.canonical() == self.value.canonical() else self._contraction(term).value
        step = kernel.trans(kernel.ring(mine, whole), theorem)
        self._move(term, step)
        return self._done(why)

    def diff(self, why: str = "differentiate the indexed sum", term: int = 0) -> Calc:
        """Differentiate: SymPy's derivative of the indexed products must be the one that the kernel finds."""
        contraction = self._contraction(term)
        for position, factor in enumerate(contraction.factors):
            if isinstance(factor, Gradient):
                theorem = kernel.diff(factor)
                if theorem.equation.right.canonical() != sympy_derivative(factor).canonical():
                    raise ProofError(f"SymPy and the kernel differ about the derivative for {factor.at}")
                self._move(term, kernel.unfold(contraction, position, theorem))
                return self._done(why)
        raise ProofError("the term has no derivative to work out")

    def meet(self, other: Calc, why: str = "which is where the other side arrives") -> Theorem:
        """The equation of the two starting points, when both calculations arrive at the same value."""
        self._arrive(other.value)
        self.theorem = kernel.trans(self.theorem, kernel.sym(other.theorem))
        backwards = [Step(value, step.why) for value, step in zip(other._values(), other.steps, strict=True)]
        if self.steps:
            self.steps[-1] = Step(other.value, self.steps[-1].why)
        self.steps += reversed(backwards)
        return self.theorem

    def _values(self) -> list[Value | RealTerm]:
        return [self.start, *(step.value for step in self.steps[:-1])]

    def qed(self, target: Any) -> Theorem:
        """The equation of start and target: where the calculation arrived, up to the order of summation."""
        self._arrive(value(target))
        if self.steps:
            self.steps[-1] = Step(self.value, self.steps[-1].why)
        return self.theorem

    def _arrive(self, target: Value) -> None:
        for term, (mine, theirs) in enumerate(zip(self.value.terms, target.terms, strict=False)):
            if mine.bound != theirs.bound and set(mine.bound) == set(theirs.bound):
                self._move(term, kernel.swap(mine, theirs.bound))
        self.theorem = kernel.trans(self.theorem, kernel.ring(self.value, target))

    def part(self, title: str) -> Part:
        """The calculation with the words that introduce it."""
        return Part(title, self.theorem, self.start, tuple(self.steps))


def sympy_derivative(gradient: Gradient) -> Value:
    """SymPy's derivative of the indexed products, its Kronecker deltas read as brackets."""
    found = Value(())
    for contraction in gradient.body.terms:
        clear = contraction.renamed(variables(gradient.at))
        product = sympy.Mul(*clear.factors)
        for term in sympy.Add.make_args(sympy.expand(sympy.diff(product, gradient.at))):
            if term == 0:
                continue
            hit: list[Formula] = []
            factors: list[sympy.Indexed] = []
            number: sympy.Expr = sympy.Integer(1)
            for factor in sympy.Mul.make_args(term):
                base, power = factor.as_base_exp()
                if isinstance(base, sympy.KroneckerDelta):
                    hit.append(eq(*base.args))
                elif isinstance(base, sympy.Indexed):
                    factors += [base] * int(power)
                else:
                    number *= factor
            guard = (*clear.guard, *hit)
            found += Contraction(clear.bound, guard, clear.coefficient * number, tuple(factors))
    return found


def last_window(window_end: Term, available: Term, position: sympy.Symbol) -> Term:
    """The last position at which ``window_end <= available``: SymPy solves for it, rounded down."""
    (bound,) = sympy.solve(sympy.Eq(window_end, available), position)
    numerator, denominator = sympy.fraction(sympy.together(bound))
    room = available - window_end.xreplace({position: sympy.Integer(0)})
    return FloorDiv(room if sympy.expand(room - numerator) == 0 else numerator, denominator)


def natural_induction(
    claim: Callable[[Term], Statement], over: sympy.Symbol, base: Theorem, step: Callable[[Theorem], Theorem]
) -> Theorem:
    """Induction on ``over``: ``step`` gets the induction hypothesis, assumed, and returns the claim one further."""
    return kernel.induct(base, step(kernel.assume(claim(over))), over)
