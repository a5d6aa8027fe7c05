"""What an entry states, as plain data that is evaluated at concrete numbers and held against reality."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from convmath import catalog
from convmath.calculus.evaluate import Model
from convmath.calculus.plain import COMPARISONS, CONNECTIVES, free_variables, freeze
from convmath.errors import DomainError

Case = TypeVar("Case")
Point = Mapping[str, int]
Instances = Mapping[tuple[str, ...], Sequence[tuple[int, ...]]]
"""The values at which quantified hypotheses are checked, by the names of their variables."""
Frozen = Any
HEADS = frozenset({*"+*", "div", "ceil", "mod", "min", "max", "at", "tensor", "gradient", "apply"}) | {
    *("sum", "forall", "equal"),
    *COMPARISONS,
    *CONNECTIVES,
}


class UnmetError(AssertionError):
    """The numbers do not meet a hypothesis, so the claim says nothing about them."""


@dataclass(frozen=True)
class Claim:
    """Hypotheses and a conclusion, frozen: ``("forall", variables, conditions, formula or equation)``."""

    hypotheses: tuple[Frozen, ...]
    conclusion: Frozen

    @property
    def body(self) -> Frozen:
        """The formula or equation."""
        return self.conclusion[3]

    @property
    def sides(self) -> tuple[Frozen, Frozen]:
        """Left and right of an equation of values."""
        assert self.body[0] == "equal", f"no equation of values: {self.body}"
        return self.body[1], self.body[2]

    def wrong(self, changes: Mapping[Frozen, Frozen], *, side: int | None = None) -> Claim:
        """The claim with parts of its body replaced, on one side of the equation only if a side is given.

        A mistake that changes nothing would prove nothing: AssertionError.
        """
        parts = list(self.body)
        for position in (1, 2) if side is None else (1 + side,):
            parts[position] = replaced(parts[position], changes)
        changed = replace(self, conclusion=(*self.conclusion[:3], tuple(parts)))
        assert changed != self, f"there is nothing to replace by {changes}"
        return changed

    def require(self, model: Model, point: Point, over: Instances) -> None:
        """Raise UnmetError unless every hypothesis and condition holds at the point, quantified ones at ``over``."""
        at = model.extended(point)
        for formula in (*self.hypotheses, *self.conclusion[2]):
            names = formula[1] if formula[0] == "forall" else ()
            for values in over[names] if names else [()]:
                if not at.holds_at(formula, dict(zip(names, values, strict=True))):
                    raise UnmetError(f"{formula} at {dict(zip(names, values, strict=True))}, {at.variables}")


def replaced(part: Frozen, changes: Mapping[Frozen, Frozen]) -> Frozen:
    """Frozen data with equal parts replaced, all at once; heads such as ``"+"`` are no parts.

    >>> replaced(("+", "s", ("*", "d", "m")), {"s": "d", "d": "s"})
    ('+', 'd', ('*', 's', 'm'))
    """
    if part in changes:
        return changes[part]
    if not isinstance(part, tuple) or not part:
        return part
    kept = 1 if part[0] in HEADS else 0
    return (*part[:kept], *(replaced(inner, changes) for inner in part[kept:]))


@dataclass(frozen=True)
class Grid:
    """What reality says at every index of an array, from one or several sources that agree.

    Attributes:
        names: the variables that run through the axes.
        sources: arrays of one shape by name.
        start: the value of each variable at index 0.
    """

    names: tuple[str, ...]
    sources: Mapping[str, Any]
    start: tuple[int, ...] = ()
    numbers: np.ndarray[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Require that the sources agree exactly."""
        arrays = {name: np.asarray(source, dtype=object) for name, source in self.sources.items()}
        first, *others = arrays.items()
        for name, array in others:
            shapes = f"{first[0]} has shape {first[1].shape}, {name} {array.shape}"
            assert array.shape == first[1].shape, shapes
            assert np.array_equal(first[1], array), f"{first[0]} gives {first[1].tolist()}, {name} {array.tolist()}"
        object.__setattr__(self, "numbers", first[1])

    def points(self, limit: int, seed: int) -> Iterator[tuple[Point, Any]]:
        """Where, and what reality says there; at most ``limit`` places, drawn with the seed if there are more."""
        indices = list(np.ndindex(self.numbers.shape))
        start = self.start or (0,) * self.numbers.ndim
        if len(indices) > limit:
            indices = random.Random(seed).sample(indices, limit)  # noqa: S311 - no secret is drawn
        for index in indices:
            at = {name: low + i for name, low, i in zip(self.names, start, index, strict=True)}
            yield at, self.numbers[index]


def differences(
    claim: Claim,
    model: Model,
    reality: Grid,
    *,
    limit: int = 1000,
    seed: int = 0,
    over: Instances | None = None,
) -> list[str]:
    """Where the sides of an equation, or of a formula ``a == b``, are not what reality says, or have no value.

    Raises:
        UnmetError: the numbers do not meet the hypotheses.
    """
    found = []
    for number, (point, expected) in enumerate(reality.points(limit, seed)):
        own = set(point)
        shared = [h for h in claim.hypotheses if not free_variables(h) & own]
        local = Claim(tuple(h for h in claim.hypotheses if h not in shared or not number), claim.conclusion)
        local.require(model, point, over or {})
        at = model.extended(point)
        try:
            sides = _sides(claim.body, at)
        except DomainError as error:
            found.append(f"at {at.variables} a side has no value: {error}")
            continue
        for words, side in zip(("left", "right"), sides, strict=True):
            if side != expected:
                found.append(
                    f"at {at.variables} the {words} side is {side}, by {', '.join(reality.sources)} {expected}"
                )
    return found


def _sides(body: Frozen, at: Model) -> tuple[Any, Any]:
    if body[0] == "equal":
        return at.sides(body)
    assert body[0] == "==", f"neither side of {body} is a number"
    return at.term(body[1]), at.term(body[2])


def untruths(claim: Claim, model: Model, points: Iterable[Point]) -> list[str]:
    """The points at which a formula is false."""
    found = []
    for point in points:
        claim.require(model, point, {})
        if not model.holds_at(claim.body, point):
            found.append(f"false at {model.variables | dict(point)}: {claim.body}")
    return found


def term(claim: Claim, *path: int) -> Frozen:
    """A part of a formula's body, by positions.

    >>> term(Claim((), ("forall", (), (), ("=>", ("<", "a", "s"), ("==", "n", "m")))), 2, 1)
    'n'
    """
    part = claim.body
    for position in path:
        part = part[position]
    return part


@cache
def claims(identifier: str, ndim: int | None = None) -> tuple[Claim, ...]:
    """The statements of an entry, in the order of its proof."""
    return tuple(map(_claim, catalog.entry(identifier).proof(ndim).statements))


@cache
def other_claims(identifier: str, ndim: int | None = None) -> dict[str, Claim]:
    """The theorems of an entry that are not its statement, by the words that introduce them."""
    proof = catalog.entry(identifier).proof(ndim)
    return {part.title: _claim(part) for part in (*proof.parts, *proof.special) if part not in proof.statements}


@cache
def mistaken(identifier: str, ndim: int | None = None) -> Claim:
    """The usual mistake of an entry, with what it is claimed under."""
    mistake = catalog.entry(identifier).proof(ndim).mistake
    return Claim(tuple(freeze(given.json()) for given in mistake.given), freeze(mistake.claim.json()))


def _claim(part: Any) -> Claim:
    hypotheses = sorted((hypothesis.json() for hypothesis in part.theorem.hypotheses), key=repr)
    return Claim(tuple(map(freeze, hypotheses)), freeze(part.theorem.conclusion.json()))


def for_all(strategy: SearchStrategy[Case], differ: Callable[[Case], Sequence[str]], *, share: float = 1) -> None:
    """Require that ``differ`` finds nothing in any case; ``share`` scales the number of examples of the profile."""

    @settings(max_examples=max(5, round(settings.default.max_examples * share)), suppress_health_check=_SLOW)
    @given(strategy)
    def holds(case: Case) -> None:
        found = differ(case)
        assert not found, f"{case}: {found[0]} and {len(found) - 1} more"

    holds()


def caught(strategy: SearchStrategy[Case], differ: Callable[[Case], Sequence[str]]) -> str:
    """What ``differ`` finds in some case of the strategy; a mistake that passes is an AssertionError."""

    def differs(case: Case) -> bool:
        try:
            return bool(differ(case))
        except UnmetError:
            return False

    try:
        case = find(strategy, differs, settings=settings(phases=[Phase.generate], suppress_health_check=_SLOW))
    except NoSuchExample:
        raise AssertionError("no case tells the mistake from the truth") from None
    return f"{case}: {differ(case)[0]}"


_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def covers(identifier: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test as the property test of an entry; it runs for every ``ndim`` that the entry has."""
    return _mark("covers", identifier)


def refutes(identifier: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test as the one that shows how :func:`covers` of an entry can fail; also for every ``ndim``."""
    return _mark("refutes", identifier)


def _mark(kind: str, identifier: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    ndims = catalog.entry(identifier).ndims

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        setattr(test, kind, (*getattr(test, kind, ()), identifier))
        return pytest.mark.parametrize("ndim", ndims)(test) if ndims else test

    return mark
