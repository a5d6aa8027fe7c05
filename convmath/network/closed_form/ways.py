"""Networks whose code goes several ways, by the size: closed forms that hold on all of them.

Padding ``if h % 32`` is read with it, or without: either graph is known where the comparison comes out the same. The
network is read at sizes of the other ways, too; where its outputs are proved to have one closed form on each of them,
that is the closed form on all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce

import sympy

from ...calculus.index import Term, eq, le
from ...calculus.kernel import Theorem
from ...inert import CeilDiv, FloorDiv
from .by_remainder import pinned
from .form import ClosedForm, Dimension, Length
from .laws import SAMPLES, Step, combined, proved, weakest
from .reading import BY_CONSTRUCTION
from .report import ClosedForms
from .rewriting import short
from .scope import CLAUSES, Scope
from .sets import SizeSet, around, union
from .terms import evaluated

MOST_WAYS = 4
"""Of more ways than these, those that were found later are left out."""


def with_other_ways(found: ClosedForms, start: int, read: Callable[[int], ClosedForms | None]) -> ClosedForms:
    """Closed forms for the sizes of other ways, too, as far as its outputs are proved to have the same.

    Args:
        found: the closed forms of the network as it was read.
        start: the input size at which it was read.
        read: the closed forms as it is read at an input size; None where it is not taken.
    """
    if CLAUSES["read"] not in found.scope.clauses or any(form.reading != BY_CONSTRUCTION for form in found):
        return found
    ways, covered = [found], found.scope.sizes
    while len(ways) < MOST_WAYS and covered is not None and covered != SizeSet():
        other = next(_others(covered, start, read), None)
        if other is None or _outputs([*ways, other]) is None:
            break
        covered = union(covered, other.scope.sizes)
        ways.append(other)
    return found if len(ways) == 1 or covered is None else _joined(ways)


def _others(covered: SizeSet, start: int, read: Callable[[int], ClosedForms | None]) -> Iterator[ClosedForms]:
    """The closed forms at sizes outside of a set, those near where the network was read first."""
    outside = [n for n in around(start, 4 * start + 63, covered) if n not in covered]
    tried = {place: outside[place] for place in (0, -1, len(outside) // 2) if outside}
    for n in dict.fromkeys(tried.values()):
        other = read(n)
        if other is not None and other.scope.sizes is not None and n in other.scope.sizes:
            yield other


def _joined(ways: Sequence[ClosedForms]) -> ClosedForms:
    """The closed forms on all ways together, of which the outputs have the same."""
    first, *others = ways
    forms = dict(first.forms)
    for name, form in forms.items():
        same = [way.forms[name] for way in others if name in way.forms]
        if len(same) == len(others):
            forms[name] = _agreed([form, *same]) or form
    forms.update(zip(first.returned, _outputs(ways) or (), strict=True))
    sizes = reduce(union, (way.scope.sizes for way in ways))
    clauses = tuple(dict.fromkeys(clause for way in ways for clause in way.scope.clauses))
    if sizes == SizeSet():
        clauses = tuple(clause for clause in clauses if clause != CLAUSES["read"])
    return replace(first, forms=forms, scope=Scope(sizes, clauses), ways=tuple(others))


def _outputs(ways: Sequence[ClosedForms]) -> list[ClosedForm] | None:
    """The closed forms of the outputs on all ways together; None where one is not known to have one."""
    if len({len(way.returned) for way in ways}) > 1:
        return None
    found = [agreed for column in zip(*(way.outputs for way in ways), strict=True) if (agreed := _agreed(column))]
    return found if len(found) == len(ways[0].returned) else None


def _agreed(forms: Sequence[ClosedForm]) -> ClosedForm | None:
    """The closed form that is that of each way where that is valid; None where none is proved."""
    valid = [form.valid for form in forms if form.valid is not None]
    rows = [form.dimensions for form in forms if form.dimensions is not None]
    whole = reduce(union, (form.valid for form in forms))
    if len(valid) < len(forms) or whole is None or len({len(row) for row in rows}) != 1 or len(rows) < len(forms):
        return None
    dimensions = [_dimension(column, valid, forms[0].symbol) for column in zip(*rows, strict=True)]
    if None in dimensions:
        return None
    reading = next((form.reading for form in forms if form.reading != BY_CONSTRUCTION), BY_CONSTRUCTION)
    agreed = tuple(one for one in dimensions if one is not None)
    given = " and ".join(dict.fromkeys(form.given for form in forms if form.given))
    return replace(forms[0], dimensions=agreed, valid=whole, reading=reading, given=given)


def _dimension(column: Sequence[Dimension], valid: Sequence[SizeSet], symbol: sympy.Symbol) -> Dimension | None:
    """One size on all ways."""
    if all(size == column[0] for size in column):
        return column[0]
    lengths = [size for size in column if isinstance(size, Length)]
    if len(lengths) < len(column):
        return None
    label = weakest(length.label for length in lengths)
    forms = [length.form for length in lengths]
    for form in _candidates(forms):
        equal = [equal_on(one, form, within, symbol) for one, within in zip(forms, valid, strict=True)]
        theorems = [theorem for theorem in equal if theorem is not None]
        if len(theorems) == len(forms):
            return Length(form, Step(form, label, None), (), label, ways=tuple(zip(lengths, theorems, strict=True)))
    return None


def _candidates(forms: Iterable[Term]) -> list[Term]:
    """The forms themselves, and with one rounded up that is rounded down, and one more, short ones first."""
    found = dict.fromkeys(forms)
    for form in list(found):
        for floor in form.atoms(FloorDiv):
            found[short(form.xreplace({floor: CeilDiv(*floor.args) - 1}))] = None
    return sorted(found, key=sympy.count_ops)


def equal_on(first: Term, second: Term, within: SizeSet, symbol: sympy.Symbol) -> Theorem | None:
    """That two terms are equal for all sizes of a set; None without a proof.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> multiples, others = SizeSet.of(1, None, 32, [0]), SizeSet.of(1, None, 32, range(1, 32))
    >>> up, down = 32 * CeilDiv(n, 32), 32 * FloorDiv(n, 32) + 32
    >>> [equal_on(one, up, within, n) is None for one, within in ((n, multiples), (down, others), (n, others))]
    [False, False, True]
    """
    if first == second:
        return proved(eq(first, second))
    one, other = evaluated(first), evaluated(second)
    if not all(one(n) == other(n) for n in SAMPLES if n in within):
        return None
    given = (le(1, symbol), *within.formulas(symbol))
    goal = eq(first, second)
    roundings = sorted(first.atoms(FloorDiv, CeilDiv) | second.atoms(FloorDiv, CeilDiv), key=sympy.count_ops)
    known = list(pinned([FloorDiv(symbol, within.modulus), *roundings], within, symbol))
    for rounding in roundings:
        turned = FloorDiv(*rounding.args) + 1 if isinstance(rounding, CeilDiv) else CeilDiv(*rounding.args) - 1
        theorem = proved(eq(rounding, turned), given)
        known += [theorem] if theorem else []
    if len(within.remainders) == 1:
        rounds = proved(eq(symbol, within.modulus * FloorDiv(symbol, within.modulus) + within.remainders[0]), given)
        known += [rounds] if rounds else []
    return combined(goal, (*given, *known)) or proved(goal, (*given, *known))
