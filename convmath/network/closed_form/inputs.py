"""Input sizes that satisfy conditions, with the proof that it is just these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf

import sympy

from ...calculus.index import Formula, Term, le
from ...calculus.kernel import Theorem
from ...errors import UnsupportedError
from ...inert import FloorDiv
from ...notebook import brief
from .by_remainder import first_proved, pinned, roundings_of, theorems_by_remainder, value_in
from .claims import Claim, satisfying
from .laws import MOST_SPLIT, SAMPLES, Label, weakest
from .scope import Scope
from .sets import SizeSet, union
from .terms import evaluated, period


@dataclass(frozen=True)
class InputSizes:
    """The input sizes, in elements, that satisfy conditions, and what that rests on.

    The label is about the set and its scope together: that its sizes satisfy the conditions, and that no other size of
    the scope does.

    Attributes:
        sizes: the set; None where it is unknown.
        symbol: the input size.
        label: ``"proved"``, ``"checked by sampling"`` or ``"unknown"``.
        theorems: for each condition that matters, up to the first without a proof, that it and the set before it are
            equivalent to the set after it.
        reason: why it is unknown, or why there is none, in words.
        scope: among which sizes there are no others; all sizes, if conditions were met only where the operators of a
            network need them.

    >>> odd = InputSizes(SizeSet.of(1, None, 2, [1]), sympy.Symbol("n"))
    >>> odd, 7 in odd, odd.up_to(6)
    (InputSizes(n >= 1 with n mod 2 = 1, proved), True, [1, 3, 5])
    """

    sizes: SizeSet | None
    symbol: sympy.Symbol
    label: Label = "proved"
    theorems: tuple[Theorem, ...] = ()
    reason: str = ""
    scope: Scope = field(default_factory=Scope)

    def __contains__(self, n: int) -> bool:
        """Whether a size is among them."""
        return n in self.known

    def up_to(self, largest: int) -> list[int]:
        """The sizes that are not larger, in order.

        Raises:
            UnsupportedError: they are unknown.

        >>> InputSizes(SizeSet.of(1, None, 2, [1]), sympy.Symbol("n")).up_to(6)
        [1, 3, 5]
        """
        return self.known.up_to(largest)

    @property
    def known(self) -> SizeSet:
        """The set.

        Raises:
            UnsupportedError: it is unknown.

        >>> InputSizes(SizeSet(least=3), sympy.Symbol("n")).known
        SizeSet(n >= 3)
        """
        if self.sizes is None:
            raise UnsupportedError(self.reason)
        return self.sizes

    @property
    def least(self) -> int | None:
        """The least size; None if there is none.

        Raises:
            UnsupportedError: they are unknown.

        >>> InputSizes(SizeSet(least=3), sympy.Symbol("n")).least
        3
        """
        return self.known.least if self.known else None

    def __repr__(self) -> str:
        """In words, and what that rests on."""
        return brief(self, str(self), self.label if self.sizes is not None else "")

    def _repr_latex_(self) -> str | None:
        """The set and its label, for notebooks; None where it is unknown."""
        if self.sizes is None:
            return None
        scope = self.scope.latex(self.sizes, self.symbol)
        return rf"$\displaystyle {self.sizes.latex(self.symbol)}{scope}\quad\text{{({self.label})}}$"

    def __str__(self) -> str:
        """In words."""
        if self.sizes is None:
            return f"unknown: {self.reason}"
        why = f": {self.reason}" if self.reason and not self.sizes else ""
        return f"{self.sizes.text(self.symbol.name)}{why}{self.scope.said(self.sizes, self.symbol)}"

    def union(self, other: InputSizes) -> InputSizes:
        """Those of both, in the scope of this one.

        >>> n = sympy.Symbol("n")
        >>> InputSizes(SizeSet(1, 31), n).union(InputSizes(SizeSet(32), n, "checked by sampling"))
        InputSizes(n >= 1, checked by sampling)
        """
        sizes = union(self.sizes, other.sizes)
        if sizes is None:
            reason = self.reason or other.reason or "they are not told from others by their remainders"
            return replace(self, sizes=None, label="unknown", reason=reason)
        theorems = (*self.theorems, *other.theorems)
        return replace(self, sizes=sizes, label=weakest((self.label, other.label)), theorems=theorems)

    def where(self, claims: Iterable[Claim]) -> InputSizes:
        """Those that satisfy claims, too; after the first for which there is no proof, none is looked for.

        >>> from convmath.calculus.index import integers
        >>> n = integers("n")
        >>> InputSizes(SizeSet(), n).where([Claim.of("==", FloorDiv(n, 32), sympy.Integer(7))])
        InputSizes(224 <= n <= 255, proved)
        """
        found = replace(self, label="proved")
        waiting = [claim for claim in sorted(_strongest(claims), key=_order) if not claim.trivial]
        while waiting and found.sizes is not None:
            left, unknown = [], found
            for claim in waiting:
                after = found._where(claim, found.sizes) if found.sizes is not None else found
                if after.sizes is None:
                    left.append(claim)
                    unknown = after
                else:
                    found = after
            if len(left) == len(waiting):
                return unknown
            waiting = left
        return replace(found, label=weakest((self.label, found.label)))

    def _where(self, claim: Claim, before: SizeSet) -> InputSizes:
        try:
            after = satisfying(claim, before)
        except UnsupportedError as error:
            return replace(self, sizes=None, label="unknown", reason=str(error))
        theorems = None
        if self.label == "proved":
            theorems = _theorems(claim, before, after, self.symbol)
            if theorems is None:
                theorems = theorems_by_remainder(claim, before, after, self.symbol)
        if theorems is not None:
            return replace(self, sizes=after, theorems=(*self.theorems, *theorems))
        if not all((n in after) == (n in before and claim.holds(n)) for n in SAMPLES):
            return replace(self, sizes=None, label="unknown", reason=f"where {claim} holds is not known")
        return replace(self, sizes=after, label="checked by sampling")


def _strongest(claims: Iterable[Claim]) -> Iterable[Claim]:
    """The claims without those that say of the same roundings that they are at least something smaller."""
    found: dict[tuple[bool, Term], tuple[int, Claim]] = {}
    for claim in claims:
        number, rest = claim.term.as_coeff_Add()
        key = claim.equal, claim.term if claim.equal else rest
        if key not in found or (not claim.equal and number < found[key][0]):
            found[key] = (int(number), claim)
    return [claim for _, claim in found.values()]


def _order(claim: Claim) -> tuple[bool, float]:
    """Equations first, those that repeat soonest before others: they leave one remainder early."""
    try:
        return not claim.equal, period(claim.term)[0]
    except UnsupportedError:
        return not claim.equal, inf


def _theorems(claim: Claim, before: SizeSet, after: SizeSet, n: sympy.Symbol) -> list[Theorem] | None:
    """For sizes of at least 1, what is in the set before and satisfies the claim is in the set after it, and back.

    None as soon as there is no proof for a part of it.
    """
    if any(len(part.args) > MOST_SPLIT for part in (*before.formulas(n), *after.formulas(n))):
        return None
    roundings = roundings_of(claim)
    pins = pinned(roundings, before, n)
    given = list(dict.fromkeys((le(1, n), *before.formulas(n), claim.formula)))
    found = list[Theorem]()
    for part in reversed(after.formulas(n)):
        if part not in given:
            cuts = _cuts(part, roundings, after, n) if after else _passed(claim, roundings, n)
            theorem = first_proved(part, [(*given, *pins), given], cuts)
            if theorem is None:
                return None
            found.append(theorem)
            given.append(part)
    pins = pinned([FloorDiv(n, before.modulus), *roundings], after, n)
    back = list(dict.fromkeys((le(1, n), *after.formulas(n))))
    for part in (*before.formulas(n), claim.formula):
        if part not in back:
            cuts = [*_cuts(part, roundings, before, n), *_cuts(part, roundings, after, n)]
            theorem = first_proved(part, [(*back, *pins), back], list(dict.fromkeys(cuts)))
            if theorem is None:
                return None
            found.append(theorem)
    return found


def _passed(claim: Claim, roundings: list[Term], n: sympy.Symbol) -> list[tuple[Formula, ...]]:
    """Where a proof that no size satisfies a claim may be split: where its term passes 0, if it does so soon."""
    value = evaluated(claim.term)
    passes = next((size for size in SAMPLES if value(size) * value(1) <= 0), None)
    if passes is None:
        return [()]
    low = max((size for size in SAMPLES if size < passes), default=1)
    while passes - low > 1:
        middle = (low + passes) // 2
        low, passes = (low, middle) if value(middle) * value(1) <= 0 else (middle, passes)
    ends = [(term, evaluated(term)(passes)) for term in (n, *roundings)]
    return [(), *((le(term, at - 1), le(at, term)) for term, at in ends)]


def _cuts(part: Formula, roundings: list[Term], within: SizeSet, n: sympy.Symbol) -> list[tuple[Formula, ...]]:
    """Where a proof may have to be split: where roundings pass what they are in a set, and at its bounds."""
    rounds = FloorDiv(n, within.modulus)
    first, last = within.least, within.greatest or within.least
    ends = [le(rounds, first // within.modulus - 1), le(rounds, last // within.modulus)]
    for rounding in roundings:
        ends += [le(rounding, evaluated(rounding)(first) - 1), le(evaluated(rounding)(last) + 1, rounding)]
    values = [(rounding, value_in(rounding, within, rounds)) for rounding in reversed(roundings)]
    sides = [(le(rounding, at), le(at, rounding)) for rounding, at in values if at is not None and at != rounding]
    bounded = [(), tuple(ends[:2]), tuple(ends[2:])]
    return [*sides, *bounded] if part.op == "==" and within.modulus > 1 else [*bounded, *sides]
