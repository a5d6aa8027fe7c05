"""Builds small models of hypotheses: integers for the variables; sequences and tensors by their definitions.

A hypothesis ``for all v with C: c[l + 1, o] = ...`` whose left side is one entry defines that entry: its index is
solved for v. Entries that nothing defines are small pseudo-random integers. A model is admitted only when every
hypothesis is found true in it, quantified ones at every entry that was used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice, product
from typing import Any

from ..errors import DomainError, UnsupportedError
from .evaluate import Model, Number
from .plain import (
    Frozen,
    check_statement,
    conjuncts,
    difference,
    entries,
    free_variables,
    fresh,
    statement,
    substitute,
)
from .points import Atom, Cell, Environment, Plan, make_plan, walk

Key = tuple[str, str, int]
"""``("at" or "tensor", name, number of indices)``."""
_INSTANCES = 200
"""So many instances of a quantified hypothesis are checked in a model."""
_BOXES = (3, 12, 48, 192)
"""The largest value of a quantified variable, where none was used; the first that meets the conditions counts."""
_STEPS = 20_000
"""So many values are tried on the way from one of all assignments to the next, and for a quantified hypothesis."""
_ATTEMPTS, _TRIED = 12, 300
"""So often an assignment is drawn, and so many values are tried each time."""
_WIDTH = 2
"""So far from its limit an entry is drawn."""
_UNKNOWNS = 3
"""So many entries at most get numbers that meet the equations about them."""
_NUMBERS: tuple[Number, ...] = (-1, Fraction(-1, 2), 0, Fraction(1, 2), 1)
"""These numbers are tried."""
_DEPTH = 60
"""So deep may definitions lead into each other."""


class Pattern:
    """An entry in a quantified statement, ready to be matched with the entries of a model."""

    def __init__(self, entry: Frozen, quantified: Sequence[str], conditions: Sequence[Frozen]) -> None:
        """Match ``entry``, solving for the quantified variables, which meet the conditions."""
        self.key = _key(entry)
        self.quantified = quantified
        matches = [("==", index, f"%{i}") for i, index in enumerate(entry[2:])]
        self.index = frozenset(name for _, _, name in matches)
        self.atoms = [Atom(atom, self.index | set(quantified)) for atom in (*matches, *conjuncts(conditions))]

    def instances(self, index: Sequence[int], model: Model) -> Iterator[dict[str, int]]:
        """The values of the quantified variables for which the entry has this index."""
        e: Environment = {**model.variables, **{f"%{i}": value for i, value in enumerate(index)}}
        if self not in model.plans:
            model.plans[self] = make_plan(self.quantified, self.atoms, model, e, self.index)
        for _ in walk(model.plans[self], model, e):
            yield {name: e[name] for name in self.quantified}


class Definition:
    """``for all quantified with conditions: entry = right``, where the right side is a term or a value."""

    def __init__(self, entry: Frozen, right: Frozen, quantified: Sequence[str], conditions: Sequence[Frozen]) -> None:
        """Say what the entry is."""
        self.pattern = Pattern(entry, quantified, conditions)
        self.right = right
        parts = (*entry[2:], *conditions, right)
        self.variables = frozenset[str]().union(*map(free_variables, parts)) - set(quantified)
        self.reads = {_key(e) for part in parts for e in entries(part)}

    def value(self, index: Sequence[int], model: Model) -> Number | None:
        """The value of the entry with this index, or None if this is about other entries."""
        for found in self.pattern.instances(index, model):
            at = model.extended(found)
            is_value = isinstance(self.right, tuple) and not (self.right and isinstance(self.right[0], str))
            return at.value(self.right) if is_value else at.term(self.right)
        return None


class Limit:
    """``for all quantified with conditions: number <= entry``, or ``entry <= number`` if it limits from above."""

    def __init__(
        self, entry: Frozen, quantified: Sequence[str], conditions: Sequence[Frozen], number: int, above: bool
    ) -> None:
        """Limit the entry."""
        self.pattern = Pattern(entry, quantified, conditions)
        self.number = number
        self.above = above
        self.variables = free_variables(("forall", tuple(quantified), (*conditions, ("<=", 0, entry)), ("and",)))

    def applies(self, index: Sequence[int], model: Model) -> bool:
        """Whether this is about the entry with this index."""
        return next(self.pattern.instances(index, model), None) is not None


def _key(entry: Frozen) -> Key:
    return entry[0], entry[1], len(entry) - 2


def _definition(quantified: Frozen, conditions: Frozen, body: Frozen) -> Definition | None:
    """The statement read as a definition, if one side is a single entry with all quantified variables in its index."""
    if body[0] not in ("==", "equal"):
        return None
    for left, right in (body[1:], body[:0:-1]):
        entry = left if body[0] == "==" else _single(left)
        if isinstance(entry, tuple) and entry[0] in ("at", "tensor") and set(quantified) <= free_variables(entry):
            return Definition(entry, right, quantified, conditions)
    return None


def _single(value: Frozen) -> Frozen:
    """The only factor, or the coefficient, of a value that is nothing else."""
    if len(value) == 1:
        _, bound, guard, (number, coefficient), factors = value[0]
        if not bound and not guard and number == "1":
            if coefficient == 1 and len(factors) == 1:
                return factors[0]
            return None if factors else coefficient
    return None


def opened(hypotheses: Iterable[Any], claim: Any) -> tuple[tuple[Frozen, ...], Frozen]:
    """Hypotheses and a claim without quantifiers: the claim's variables become free, its conditions hypotheses.

    >>> opened([], {"forall": ["n"], "if": [["<=", 1, "n"]], "then": ["<=", 0, "n"]})
    ((('forall', (), (), ('<=', 1, 'n')),), ('<=', 0, 'n'))
    """
    premises = tuple(map(statement, hypotheses))
    for item in (*premises, statement(claim)):
        check_statement(item)
    _, quantified, conditions, body = statement(claim)
    taken = frozenset[str]().union(*map(free_variables, premises))
    renaming = fresh(quantified, taken, free_variables(statement(claim)))
    conditions = [statement(substitute(condition, renaming)) for condition in conditions]
    return (*premises, *conditions), substitute(body, renaming)


class Models:
    """Small models of some hypotheses.

    Args:
        hypotheses: statements as plain data.
        others: more plain data whose free variables need values too, such as a claim.

    >>> models = Models([["<=", 1, "s"], ["==", "n", ["*", 2, "s"]]])
    >>> next(models.assignments(4))
    {'n': 2, 's': 1}
    """

    def __init__(self, hypotheses: Iterable[Any], others: Iterable[Any] = ()) -> None:
        """Read the hypotheses."""
        parts = [statement(hypothesis) for hypothesis in hypotheses]
        whole = [(q, c, body) for _, q, c, formula in parts for body in conjuncts([formula])]
        claims = [statement(other) for other in others]
        self.variables = sorted(frozenset[str]().union(*map(free_variables, (*parts, *claims))))
        self.definitions: dict[Key, list[Definition]] = {}
        for found in (_definition(*each) for each in whole):
            if found is not None:
                self.definitions.setdefault(found.pattern.key, []).append(found)
        self.limits: dict[Key, list[Limit]] = {}
        for limit in (limit for each in whole for limit in _limits(*each)):
            self.limits.setdefault(limit.pattern.key, []).append(limit)
        self.quantified = [("forall", *each) for each in whole if each[0]]
        self.facts = [body for quantified, _, body in whole if not quantified]
        self._equations = [f for f in self.facts if f[0] == "equal" and _definition((), (), f) is None]
        self._later = self._dependent()
        self._early = [f for f in self.facts if f[0] != "equal" and self._decidable(f)]
        self._prepared: dict[tuple[Frozen, ...], tuple[list[str], list[Atom]]] = {}
        self._plans: dict[tuple[tuple[Frozen, ...], int], Plan] = {}
        self._patterns = [(each, list(_patterns(each)), _definition(*each[1:])) for each in self.quantified]

    def _dependent(self) -> set[Key]:
        """What has other entries when the variables change."""
        found: set[Key] = set()
        while True:
            defined = {
                key
                for key, rules in self.definitions.items()
                if any(rule.variables or rule.reads & found for rule in rules)
            }
            more = defined | {key for key, limits in self.limits.items() if any(limit.variables for limit in limits)}
            if more == found:
                return found
            found = more

    def _decidable(self, formula: Frozen) -> bool:
        """Whether no entry in it depends on the variables."""
        return not self._later & {_key(entry) for entry in entries(formula)}

    def model(self, assignment: dict[str, int], seed: int = 0, fixed: Mapping[Cell, Number] | None = None) -> Model:
        """The model with these values of the variables and entries; the seed draws what nothing defines."""
        fixed = fixed or {}
        model = Model(assignment, seed=seed, undefined=_undefined)
        for kind, name, arity in {*self.definitions, *self.limits, *((*cell[:2], len(cell[2])) for cell in fixed)}:
            model.tables[kind][name, arity] = self._table((kind, name, arity), model, fixed)
        return model

    def _table(self, key: Key, model: Model, fixed: Mapping[Cell, Number]) -> Callable[..., Number]:
        pending: dict[tuple[int, ...], Number | None] = {}

        def entry(*index: int) -> Number:
            cell: Cell = (*key[:2], index)
            if cell in fixed:
                return fixed[cell]
            drawn = self._drawn(cell, model)
            if index in pending:
                pending[index] = drawn
                return drawn
            if len(pending) > _DEPTH:
                raise UnsupportedError(f"the definition of {key[1]} does not come to an end")
            pending[index] = None
            try:
                value = self._defined(key, index, model)
                if pending[index] not in (None, value):
                    raise UnsupportedError(f"the definition of {key[1]} runs in a circle")
            except Exception:  # what was computed on the way may rest on a wrong guess
                model.cells.clear()
                model.sums.clear()
                raise
            finally:
                del pending[index]
            return drawn if value is None else value

        return entry

    def _drawn(self, cell: Cell, model: Model) -> Number:
        """A small number between the limits of an entry, or any if it has none."""
        limits = [limit for limit in self.limits.get((*cell[:2], len(cell[2])), ()) if limit.applies(cell[2], model)]
        low = max((limit.number for limit in limits if not limit.above), default=None)
        high = min((limit.number for limit in limits if limit.above), default=None)
        if low is None and high is None:
            return model.drawn(cell)
        start = low if low is not None else (high or 0) - _WIDTH
        stop = start + _WIDTH if high is None else max(start, min(high, start + _WIDTH))
        return random.Random(f"{model.seed} {cell}").randint(start, stop)  # noqa: S311 - no secret is drawn

    def _defined(self, key: Key, index: Sequence[int], model: Model) -> Number | None:
        for definition in self.definitions.get(key, ()):
            value = definition.value(index, model)
            if value is not None:
                return value
        return None

    def assignments(
        self,
        box: int,
        *,
        seed: int = 0,
        wishes: Sequence[Frozen] = (),
        order: Callable[[range], Iterable[int]] = iter,
        steps: int = _STEPS,
    ) -> Iterator[dict[str, int]]:
        """Values of the variables, none larger than ``box``, that meet the hypotheses decided by them alone.

        Args:
            box: the largest absolute value.
            seed: draws the entries of sequences on which the hypotheses depend.
            wishes: formulas that must be met too, for some values of what else is free in them, where the variables
                alone decide them.
            order: the order in which the values of a variable are tried.
            steps: how many values are tried on the way from one assignment to the next.
        """
        model = self.model({}, seed)
        e: Environment = {"%box": box}
        plan = self._plan(tuple(filter(self._decidable, wishes)), box, model, e)
        tried = 0

        def limited(values: range) -> Iterator[int]:
            nonlocal tried
            for value in order(values):
                tried += 1
                if tried > steps:
                    return
                yield value

        for _ in walk(plan, model, e, limited):
            tried = 0
            yield {name: e[name] for name in self.variables}

    def _plan(self, wishes: tuple[Frozen, ...], box: int, model: Model, e: Environment) -> Plan:
        """The plan for a box; it serves every seed unless a condition reads a sequence, which the seed fills."""
        names, atoms = self._atoms(wishes)
        if any(True for condition in (*self._early, *wishes) for _ in entries(condition)):
            return make_plan(names, atoms, model, e)
        if (wishes, box) not in self._plans:
            self._plans[wishes, box] = make_plan(names, atoms, model, e)
        return self._plans[wishes, box]

    def _atoms(self, wishes: tuple[Frozen, ...]) -> tuple[list[str], list[Atom]]:
        if wishes not in self._prepared:
            names = sorted({*self.variables}.union(*map(free_variables, wishes)))
            sides = [side for name in names for side in (("<=", ("*", -1, "%box"), name), ("<=", name, "%box"))]
            every = frozenset(names)
            self._prepared[wishes] = names, [Atom(atom, every) for atom in (*conjuncts(self._early), *wishes, *sides)]
        return self._prepared[wishes]

    def sample(self, box: int, seed: int, wishes: Sequence[Frozen] = ()) -> Model | None:
        """A model drawn with this seed, not yet admitted; it meets the wishes if that is easy."""
        drawn = random.Random(seed)  # noqa: S311 - no secret is drawn

        def order(values: range) -> list[int]:
            return sorted(values, key=lambda value: 2 * drawn.random() + abs(value - 1) / 2)

        for wished in (wishes, ()) if wishes else ((),):
            for attempt in range(_ATTEMPTS):
                larger = box + attempt // 3
                found = next(self.assignments(larger, seed=seed, wishes=wished, order=order, steps=_TRIED), None)
                if found is not None:
                    return self.model(found, seed, self._met(found, seed))
        return None

    def _met(self, assignment: dict[str, int], seed: int) -> Mapping[Cell, Number]:
        """Numbers from -1 to 1 for which the equations that define no entry hold, or nothing if there are none."""
        model = self.model(assignment, seed)
        try:
            for equation in self._equations:
                model.sides(equation)
        except (DomainError, UnsupportedError):
            return {}
        cells = [cell for cell in model.cells if (*cell[:2], len(cell[2])) not in self.definitions]
        numbers = list(product(_NUMBERS, repeat=len(cells))) if len(cells) <= _UNKNOWNS else []
        for chosen in random.Random(seed).sample(numbers, len(numbers)):  # noqa: S311 - no secret is drawn
            fixed = dict(zip(cells, chosen, strict=True))
            tried = self.model(assignment, seed, fixed)
            if all(tried.holds(equation) for equation in self._equations):
                return fixed
        return {}

    def admits(self, model: Model, partial: bool = False, thorough: bool = False) -> bool:
        """Whether the hypotheses are true in the model, quantified ones at the entries that were used.

        With ``partial``, what a quantified hypothesis says about entries without a value is passed over. With
        ``thorough``, one whose entries were not used is checked at small values, for it may restrict others that were,
        and so is a definition: there may be another one of the same entries.
        """
        used = list(model.cells)
        if not all(model.holds(fact) for fact in self.facts):
            return False
        for whole, patterns, definition in self._patterns:
            found = list(islice(_at_used(patterns, definition, used, model), _INSTANCES))
            if not patterns or (thorough and (definition is not None or not found)):
                found += _small(whole, model)
            if not _true(whole, found, model, partial):
                return False
        return not thorough or self._agreed(model)

    def _agreed(self, model: Model) -> bool:
        """Whether no definition says something else about an entry than the one by which it got its value."""
        cells = list(model.cells)
        for whole, _, definition in self._patterns:
            if definition is not None:
                found = list(islice(_at_used([definition.pattern], definition, cells, model), _INSTANCES))
                if not _true(whole, found, model):
                    return False
        return True


def _true(whole: Frozen, instances: Iterable[Mapping[str, int]], model: Model, partial: bool = False) -> bool:
    """Whether these instances of a quantified statement are true, or with ``partial``, have no value."""
    for instance in instances:
        try:
            if not model.holds_at(whole, instance):
                return False
        except DomainError as error:
            if not partial or error.value is not None:
                raise
    return True


def _patterns(whole: Frozen) -> Iterator[Pattern]:
    """The entries of a quantified statement that contain all its variables and no index of a sum."""
    _, quantified, conditions, body = whole
    outside = free_variables(whole)
    found = [e for part in (*conditions, body) for e in entries(part)]
    for entry in dict.fromkeys(found):
        if set(quantified) <= free_variables(entry) <= outside | set(quantified):
            yield Pattern(entry, quantified, conditions)


def _at_used(
    patterns: Sequence[Pattern], definition: Definition | None, used: Sequence[Cell], model: Model
) -> Iterator[dict[str, int]]:
    """The instances of a quantified statement at the entries that were used.

    What defines an entry is true of it: there, the other entries need not determine the quantified variables.
    """
    for pattern in patterns:
        for kind, name, index in used:
            if (kind, name, len(index)) == pattern.key:
                try:
                    yield from pattern.instances(index, model)
                except UnsupportedError:
                    if definition is None or pattern.key == definition.pattern.key:
                        raise


def _small(whole: Frozen, model: Model) -> list[dict[str, int]]:
    """The smallest values of the quantified variables that meet the conditions, if there are small ones."""
    _, quantified, conditions, _ = whole
    sides = (side for name in quantified for side in (("<=", ("*", -1, "%box"), name), ("<=", name, "%box")))
    atoms = [Atom(atom, frozenset(quantified)) for atom in (*conjuncts(conditions), *sides)]
    steps = iter(range(_STEPS))
    for box in _BOXES:
        e: Environment = {**model.variables, "%box": box}
        plan = make_plan(quantified, atoms, model, e)
        points = walk(plan, model, e, lambda values: (v for v, _ in zip(sorted(values, key=abs), steps, strict=False)))
        found = [{name: e[name] for name in quantified} for _ in islice(points, _INSTANCES)]
        if found:
            return found
    return []


def _limits(quantified: Frozen, conditions: Frozen, body: Frozen) -> Iterator[Limit]:
    """What the statement says if it compares one entry of a sequence with a number."""
    rest = difference(body) if body[0] in ("<=", "<") else {}
    number = rest.pop((), 0)
    for (entry, *others), slope in rest.items():
        alone = len(rest) == 1 and not others and abs(slope) == 1
        if alone and isinstance(entry, tuple) and entry[0] == "at" and set(quantified) <= free_variables(entry):
            yield Limit(entry, quantified, conditions, -slope * number, slope < 0)


def _undefined(op: str, a: int, b: int) -> int:
    """What a rounding with a divisor <= 0 is in a model: anything, but always the same."""
    return (7 * a + 3 * b + len(op)) % 5 - 2
