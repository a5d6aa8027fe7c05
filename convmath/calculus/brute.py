"""Evaluates sequents in small models that are built to meet their hypotheses."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..errors import DomainError, UnsupportedError
from .evaluate import Model
from .models import Models, opened
from .plain import Frozen, conjuncts, substitute
from .sampling import SAMPLED, drawn, is_real, sample

_BOXES = (2, 3, 2, 4, 3, 2, 5, 3, 2, 3, 4, 2)
"""The largest value of a variable in the models that are drawn, one after the other."""
_INTEGERS = 8
"""A formula is decided by so many times more models than an equation."""
_DRAWN = 50
"""So many samples of real terms are taken at most."""
_POINTS = 4000
"""A sum of more points is too large."""


@dataclass(frozen=True)
class Brute:
    """What brute force found about a statement: ``agrees``, ``refuted`` or ``unknown``.

    Attributes:
        verdict: whether the statement is true in all the models; where none met the hypotheses, or only 0 = 0 could
            be evaluated, it is unknown.
        cases: how many models met the hypotheses.
        telling: in how many of them an equation did not just say that 0 is 0.
        seconds: how long it took.
        note: the counterexample, or why there was no model.
    """

    verdict: str
    cases: int
    telling: int
    seconds: float
    note: str = ""


class BruteForce:
    """Decides sequents, each once; models of the same hypotheses are shared.

    >>> BruteForce().check([("<=", 1, "s")], ("==", ("mod", "n", "s"), "n")).verdict
    'refuted'
    """

    def __init__(self) -> None:
        """Start with nothing decided."""
        self._found: dict[Frozen, Brute] = {}
        self._samples: dict[Frozen, _Samples] = {}

    def check(self, hypotheses: Iterable[Frozen], conclusion: Frozen, cases: int = 6) -> Brute:
        """Whether the conclusion holds in small models of the hypotheses, all of them frozen.

        Args:
            hypotheses: frozen statements.
            conclusion: a frozen statement.
            cases: how many telling models decide an equation; a formula is decided by eight times as many models.
        """
        key = frozenset(hypotheses), conclusion, cases
        if key not in self._found:
            start = time.perf_counter()
            verdict, met, telling, note = self._check(*key)
            self._found[key] = Brute(verdict, met, telling, time.perf_counter() - start, note)
        return self._found[key]

    def _check(self, hypotheses: frozenset[Frozen], conclusion: Frozen, enough: int) -> tuple[str, int, int, str]:
        premises, body = opened(sorted(hypotheses, key=repr), conclusion)
        if is_real(body):
            return _sampled(premises, body, enough)
        models = Models(premises, [body])
        key = frozenset(premises), tuple(models.variables)
        if body[0] != "equal":
            return _decide(islice(_Samples(models).all(), _INTEGERS * enough), models, body, None)
        wishes = max(points_wished(body), key=len, default=())
        samples = self._samples.setdefault(key, _Samples(models, wishes))
        found = _decide(samples.drawn(), models, body, enough)
        if found[0] != "refuted" and not found[2]:
            again = _decide(_Samples(models, wishes).drawn(), models, body, enough)
            return found if again[0] == "unknown" else again
        return found


def _sampled(premises: Sequence[Frozen], body: Frozen, enough: int) -> tuple[str, int, int, str]:
    """An equation between real terms, at numbers and step functions that are drawn."""
    if premises:
        return "unknown", 0, 0, "what is supposed of real terms is not sampled"
    cases = telling = 0
    for seed in range(_DRAWN):
        try:
            sides = sample(body[1][1], seed), sample(body[2][1], seed)
        except (DomainError, UnsupportedError) as error:
            return "unknown", cases, telling, str(error)
        if sides[0] != sides[1]:
            model = drawn(body, seed)
            return "refuted", cases, telling, _counterexample(model, model.sides(body))
        cases, telling = cases + 1, telling + bool(sides[0])
        if telling == enough:
            return "agrees", cases, telling, SAMPLED
    return "unknown", cases, telling, "only 0 = 0 was met"


def _decide(candidates: Iterable[Model], models: Models, body: Frozen, enough: int | None) -> tuple[str, int, int, str]:
    cases = telling = 0
    note, failed = "no small model meets the hypotheses", False
    for model in candidates:
        model.visited[0] = 0
        try:
            sides = model.sides(body) if body[0] == "equal" else (model.holds(body), True)
            admitted = models.admits(model)
        except (DomainError, UnsupportedError, RecursionError) as error:
            note, failed = str(error), True
            continue
        if admitted and sides[0] != sides[1]:
            counterexample = _counterexample(model, sides)
            if _admitted(models, model):
                return "refuted", cases, telling, counterexample
            continue
        cases += admitted
        telling += admitted and bool(sides[0])
        if telling == enough:
            break
    if telling or (cases and not failed):
        return "agrees", cases, telling, ""
    return "unknown", cases, telling, note


def _admitted(models: Models, model: Model) -> bool:
    """Whether the model meets the hypotheses about what was not used too."""
    try:
        return models.admits(model, thorough=True)
    except (DomainError, UnsupportedError, RecursionError):
        return False


def _counterexample(model: Model, sides: tuple[object, object]) -> str:
    values = [f"{name} = {value}" for name, value in sorted(model.variables.items())]
    entries = [f"{name}{list(index)} = {value}" for (_, name, index), value in sorted(model.cells.items())[:12]]
    return f"{sides[0]} is not {sides[1]} at {', '.join(values + entries)}"


def points_wished(equation: Frozen) -> list[tuple[Frozen, ...]]:
    """For each sum of an equation with a guard, what gives it a point, and gives one to the derivatives in it."""
    found = (tuple(_points(contraction, "~")) for side in equation[1:] for contraction in side)
    return list(filter(None, found))


def _points(contraction: Frozen, mark: str) -> Iterator[Frozen]:
    _, bound, *_ = contraction
    renaming = {name: f"{name}{mark}" for name in bound}
    _, _, guard, _, factors = substitute(("sum", (), *contraction[2:]), renaming)
    yield from conjuncts(guard)
    for number, factor in enumerate(factors):
        if factor[0] == "gradient":
            yield from _derivative_points(factor, f"{mark}{number}~")


def _derivative_points(gradient: Frozen, mark: str) -> Iterator[Frozen]:
    """A point at which the entry for which is differentiated occurs."""
    _, body, at = gradient
    for contraction in body:
        renaming = {name: f"{name}{mark}" for name in contraction[1]}
        inner = substitute(("sum", (), *contraction[2:]), renaming)
        for factor in inner[4]:
            if factor[:2] == at[:2] and len(factor) == len(at):
                yield from (("==", a, b) for a, b in zip(factor[2:], at[2:], strict=True))
                yield from _points(inner, mark)
                return


class _Samples:
    """Models of some hypotheses, each made once, at two in three of which wishes come true if that is easy."""

    def __init__(self, models: Models, wishes: Sequence[Frozen] = ()) -> None:
        self.models = models
        self.wishes = wishes
        self._drawn: list[Model | None] = []

    def drawn(self) -> Iterator[Model]:
        for number, box in enumerate(_BOXES):
            if number == len(self._drawn):
                model = self.models.sample(box, number, self.wishes if number % 3 else ())
                if model is not None:
                    model.limit = _POINTS
                self._drawn.append(model)
            model = self._drawn[number]
            if model is not None:
                yield model

    def all(self) -> Iterator[Model]:
        yield from self.drawn()
        yield from map(self.models.model, self.models.assignments(2))
