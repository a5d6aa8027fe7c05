"""What of a set satisfies a claim, proved remainder by remainder: there every rounding is a multiple and a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import lcm

import sympy

from ...calculus.index import Formula, Term, eq, le
from ...calculus.kernel import Theorem
from ...errors import UnsupportedError
from ...inert import CeilDiv, FloorDiv, Mod
from .claims import Claim
from .laws import proved
from .sets import MOST_ELEMENTS, SizeSet
from .terms import evaluated, period

MOST_PIECES = 64
"""A set of more pieces than these is not proved piece by piece."""

_NOTHING = le(sympy.Integer(1), sympy.Integer(0))


@dataclass(frozen=True)
class _Piece:
    """The sizes with one remainder from a first one on, up to a last one if there is one."""

    modulus: int
    remainder: int
    first: int
    last: int | None

    def formulas(self, n: sympy.Symbol) -> tuple[Formula, ...]:
        ends = [le(self.first, n)] if self.last is None else [le(self.first, n), le(n, self.last)]
        return (eq(n, self.modulus * FloorDiv(n, self.modulus) + self.remainder), *ends)


def theorems_by_remainder(claim: Claim, before: SizeSet, after: SizeSet, n: sympy.Symbol) -> list[Theorem] | None:
    """For each piece of the set before, that the claim holds at just those of its sizes that the set after has.

    None where there are too many pieces, or no proof for one of them.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> even, sixes = SizeSet.of(2, None, 2, [0]), SizeSet.of(6, None, 6, [0])
    >>> third = Claim.of("==", Mod(n, 3), sympy.Integer(0))
    >>> len(theorems_by_remainder(third, even, sixes, n)), theorems_by_remainder(third, even, even, n)
    (3, None)
    """
    roundings = roundings_of(claim)
    try:
        modulus = lcm(*(period(rounding)[0] for rounding in roundings))
        modulus = 2 if roundings and modulus == 1 else modulus  # so that the rounds are a rounding, too
    except UnsupportedError:
        return None
    if not _is_short(before):
        modulus = lcm(modulus, before.modulus)
        if modulus > MOST_ELEMENTS:
            return None
    pieces = list(_pieces(before, modulus))
    if len(pieces) > MOST_PIECES:
        return None
    found = list[Theorem]()
    for piece in pieces:
        theorems = _on(claim, roundings, piece, after, n)
        if theorems is None:
            return None
        found += theorems
    return found


def _is_short(sizes: SizeSet) -> bool:
    """Whether the elements of a set may be looked at one by one."""
    return sizes.greatest is not None and sizes.greatest - sizes.least < MOST_ELEMENTS


def _pieces(sizes: SizeSet, modulus: int) -> Iterator[_Piece]:
    """A set in pieces of one remainder each."""
    if not _is_short(sizes):
        for remainder in range(modulus):
            piece = _Piece(modulus, remainder, 1 + (remainder - 1) % modulus, None)
            yield from _kept(piece, sizes) or ()
        return
    elements = set(sizes.up_to(sizes.least + MOST_ELEMENTS))
    for first in sorted(elements):
        if first - modulus not in elements:
            last = first
            while last + modulus in elements:
                last += modulus
            yield _Piece(modulus, first % modulus, first, last)


def _on(claim: Claim, roundings: list[Term], piece: _Piece, after: SizeSet, n: sympy.Symbol) -> list[Theorem] | None:
    """That a claim holds at just those sizes of a piece that are in a set, which have no gaps between them."""
    kept = _kept(piece, after)
    if kept is None:
        return None
    rounds = FloorDiv(n, piece.modulus)
    within = SizeSet(1, None, piece.modulus, (piece.remainder,))
    pins = pinned(roundings, within, n, piece.formulas(n)[:1])
    there, back = list[Formula](), list[Formula]()
    turns = [_turn(claim, piece)]
    if not kept:
        there.append(_NOTHING)
    else:
        back.append(claim.formula)
        turns = [*turns, kept[0].first // piece.modulus - 1]
        if kept[0].first > piece.first:
            there.append(le(kept[0].first, n))
        if kept[0].last is not None and kept[0].last != piece.last:
            there.append(le(n, kept[0].last))
            turns.append(kept[0].last // piece.modulus)
    cuts = [(), *((le(rounds, turn),) for turn in dict.fromkeys(turns))]
    found = [first_proved(goal, [(*piece.formulas(n), claim.formula, *pins)], cuts) for goal in there]
    found += [first_proved(goal, [(*kept[0].formulas(n), *pins)], cuts) for goal in back]
    theorems = [theorem for theorem in found if theorem is not None]
    return theorems if len(theorems) == len(found) else None


def _kept(piece: _Piece, after: SizeSet) -> list[_Piece] | None:
    """What of a piece is in a set, as one piece or none; None where that is neither, or too much to look at."""
    modulus, remainder = piece.modulus, piece.remainder
    first = max(piece.first, after.least + (remainder - after.least) % modulus)
    ends = [end for end in (piece.last, after.greatest) if end is not None]
    last = min(ends) - (min(ends) - remainder) % modulus if ends else None
    if modulus % after.modulus:
        if last is None or last - first > MOST_ELEMENTS * modulus:
            return None
        inside = [m for m in range(first, last + 1, modulus) if m in after]
        if inside and inside[-1] - inside[0] > (len(inside) - 1) * modulus:
            return None
        return [_Piece(modulus, remainder, inside[0], inside[-1])] if inside else []
    if remainder % after.modulus not in after.remainders or (last is not None and last < first):
        return []
    return [_Piece(modulus, remainder, first, last)]


def _turn(claim: Claim, piece: _Piece) -> int:
    """The number of rounds at which the term of a claim is 0, or passes it; 0 where it does not change."""
    value = evaluated(claim.term)
    start = piece.first // piece.modulus
    first, second = value(piece.first), value(piece.first + piece.modulus)
    return start - 1 if first == second else start + -first // (second - first)


def first_proved(
    goal: Formula, given: Iterable[Sequence[Formula | Theorem]], cuts: Sequence[tuple[Formula, ...]]
) -> Theorem | None:
    """A goal from the first of several lists of what is given, by the first of the cuts, with which it is proved."""
    found = (proved(goal, facts, cut) for facts in dict.fromkeys(map(tuple, given)) for cut in cuts)
    return next((theorem for theorem in found if theorem is not None), None)


def roundings_of(claim: Claim) -> list[Term]:
    """The quotients in a claim, inner ones first."""
    found = {atom for side in claim.formula.args for atom in side.atoms(FloorDiv, CeilDiv, Mod)}
    quotients = {FloorDiv(*atom.args) if isinstance(atom, Mod) else atom for atom in found}
    return sorted(quotients, key=lambda atom: (sympy.count_ops(atom), str(atom)))


def pinned(
    roundings: Sequence[Term], within: SizeSet, n: sympy.Symbol, remainder: Sequence[Formula] = ()
) -> tuple[Theorem, ...]:
    """What roundings are in a set of one remainder: a multiple of the number of rounds, and a number.

    From what says which remainder it is, by default as the set itself does.
    """
    given = remainder or (within.remainder(n),)
    found = list[Theorem]()
    for rounding in roundings:
        at = value_in(rounding, within, FloorDiv(n, within.modulus))
        if at is not None and at != rounding:
            inner = [theorem for theorem in found if rounding.has(theorem.formula.args[0])]
            cuts = [(), (le(rounding, at - 1), le(at + 1, rounding))]
            theorem = first_proved(eq(rounding, at), [(*given, *inner)], cuts)
            found += [theorem] if theorem else []
    return tuple(found)


def value_in(rounding: Term, within: SizeSet, rounds: Term) -> Term | None:
    """A rounding in a set of one remainder; None where it has no such form there."""
    if within.modulus == 1 or len(within.remainders) != 1:
        return None
    try:
        length, rise = period(rounding)
    except UnsupportedError:
        return None
    if within.modulus % length:
        return None
    return rise * (within.modulus // length) * rounds + evaluated(rounding)(within.remainders[0])
