"""Looks for counterexamples: the least integers, and small tensors, for which hypotheses hold and a claim does not.

Every witness is evaluated again, from what is written in it alone, before anyone sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ..errors import DomainError, UnsupportedError
from .brute import points_wished
from .evaluate import Model, Number
from .models import Models, opened
from .plain import COMPARISONS, CONNECTIVES, Frozen, Json, entries, statement, text
from .points import Cell
from .sampling import is_real, tried
from .smt import script, sequence_symbol, variable_symbol
from .solvers import Solver

_SHRUNK = 100
"""So many entries of a witness are made smaller one by one."""
_SEEDS = 2
"""So many fillings of sequences and tensors are tried for each assignment of the variables."""
_DRAWN = 300
"""So many assignments are drawn at random."""
_POINTS = 20_000
"""Sums of more points are too large."""
_SECONDS = 5.0
"""The time limit of the solver."""


@dataclass(frozen=True)
class Witness:
    """Integers and entries of sequences and tensors for which the hypotheses hold and the claim does not.

    Attributes:
        hypotheses: what holds, as plain data.
        claim: what does not, as plain data.
        variables: the value of each variable; the quantified variables of the claim are among them.
        entries: the value of each entry that was used, by ``("at" or "tensor", name, index)``.
        parts: the value of each part of the claim (the two sides of a comparison), with the part as plain text.
    """

    hypotheses: tuple[Json, ...]
    claim: Json
    variables: Mapping[str, int]
    entries: Mapping[Cell, Number]
    parts: tuple[tuple[str, Number], ...]

    @property
    def left(self) -> Number:
        """The value of the left side, or of the first part."""
        return self.parts[0][1]

    @property
    def right(self) -> Number:
        """The value of the right side, or of the last part."""
        return self.parts[-1][1]

    def model(self) -> Model:
        """What is written here, and nothing else."""
        tables: dict[str, dict[Any, dict[Any, Number]]] = {"at": {}, "tensor": {}}
        for (kind, name, index), number in self.entries.items():
            tables[kind].setdefault((name, len(index)), {})[index] = number
        return Model(self.variables, tables["at"], tables["tensor"])

    def check(self) -> bool:
        """Evaluate everything again: whether this is a counterexample indeed."""
        return validate(self.hypotheses, self.claim, self)

    def line(self) -> str:
        """One line of plain text."""
        given = ", ".join(f"{name} = {value}" for name, value in self._given()) or "always"
        if statement(self.claim)[3][0] == "equal":
            return f"{given}: the left side is {self.left}, the right side is {self.right}"
        return f"{given}: {', '.join(f'{part} is {value}' for part, value in self.parts)}"

    def text(self) -> str:
        """The claim, the values, and what the parts of the claim come to, a line each."""
        lines = [f"claim: {text(statement(self.claim))}"]
        lines += [f"  {name} = {value}" for name, value in self._given()]
        return "\n".join(lines + [f"  but {part} is {value}" for part, value in self.parts])

    def _given(self) -> Iterator[tuple[str, Number]]:
        yield from sorted(self.variables.items())
        for (_, name, index), value in sorted(self.entries.items()):
            yield f"{name}[{', '.join(map(str, index))}]", value


def validate(hypotheses: Iterable[Json], claim: Json, witness: Witness) -> bool:
    """Whether the hypotheses hold and the claim does not, by what is written in the witness alone.

    A quantified hypothesis is evaluated wherever the entries that it needs are written down.
    """
    premises, body = opened(hypotheses, claim)
    model = witness.model()
    try:
        refuted = not model.holds(body)
        for cell in witness.entries:
            model.entry(cell)
        return refuted and Models(premises, [body]).admits(model, partial=True)
    except (DomainError, UnsupportedError):
        return False


def refute(
    hypotheses: Iterable[Json], claim: Json, *, largest: int = 6, tries: int = 2000, solver: bool = False
) -> Witness | None:
    """The least counterexample of ``hypotheses |- claim`` that is found, or None.

    As long as they are not too many, all assignments of the variables are tried, the smallest first; then some are
    drawn at random (always the same ones), and what is found is made smaller.

    Args:
        hypotheses: statements as plain data; those that define a sequence or a tensor are obeyed.
        claim: a statement as plain data.
        largest: no variable is larger than this, with either sign.
        tries: how many assignments are too many; ten times as many for a claim about integers.
        solver: ask Z3 at last, which knows no such limits, when all are formulas without quantifiers.

    Raises:
        UnsupportedError: ``solver`` is set and Z3 is not installed.

    >>> refute([["<=", 1, "s"]], ["==", ["div", "n", "s"], ["ceil", "n", "s"]]).line()
    'n = 1, s = 2: floor(n/s) is 0, ceil(n/s) is 1'
    """
    search = _Search(tuple(hypotheses), claim)
    if is_real(search.body):
        return next(filter(None, map(search.witness_of, tried(search.body))), None)
    for assignment, seed in search.candidates(largest, tries if search.body[0] == "equal" else 10 * tries):
        witness = search.attempt(assignment, seed)
        if witness is not None:
            return search.shrunk(witness, seed)
    return search.offered() if solver else None


class _Search:
    """A claim that is to be refuted."""

    def __init__(self, hypotheses: tuple[Json, ...], claim: Json) -> None:
        self.hypotheses = hypotheses
        self.claim = claim
        self.premises, self.body = opened(hypotheses, claim)
        self.models = Models(self.premises, [self.body])

    def candidates(self, largest: int, tries: int) -> Iterator[tuple[dict[str, int], int]]:
        """Assignments with a seed, those with small absolute values first, positive before negative."""
        drawn = any(True for part in (*self.premises, self.body) for _ in entries(part))
        for box in range(largest + 1):
            found = list(islice(self.models.assignments(box), tries + 1))
            if len(found) > tries:
                break
            new = (a for a in found if max(map(abs, a.values()), default=box) == box)
            for assignment in sorted(new, key=_size):
                yield from ((assignment, seed) for seed in range(_SEEDS if drawn else 1))
        wishes = points_wished(self.body) if self.body[0] == "equal" else []
        for seed in range(_DRAWN):
            model = self.models.sample(
                2 + seed % max(1, largest - 1), seed, wishes[seed % len(wishes)] if wishes else ()
            )
            if model is not None:
                yield model.variables, seed

    def attempt(
        self, assignment: Mapping[str, int], seed: int, fixed: Mapping[Cell, Number] | None = None
    ) -> Witness | None:
        model = self.models.model(dict(assignment), seed, fixed)
        model.limit = _POINTS
        try:
            if model.holds(self.body) or not self.models.admits(model):
                return None
            witness = self._witness(model)
            return witness if witness is not None and self.models.admits(model, thorough=True) else None
        except (DomainError, UnsupportedError, RecursionError):
            return None

    def _witness(self, model: Model) -> Witness | None:
        bare = Witness(self.hypotheses, self.claim, model.variables, dict(model.cells), ())
        try:
            found = replace(bare, parts=tuple(_parts(self.body, bare.model())))
        except (DomainError, UnsupportedError):
            return None
        return found if found.check() else None

    def shrunk(self, witness: Witness, seed: int) -> Witness:
        """Variables become smaller and entries that nothing defines 0 or 1, one by one, where the witness stays one."""
        for name in sorted(witness.variables) * 2:
            for value in range(abs(witness.variables[name])):
                found = self.attempt({**witness.variables, name: value}, seed)
                if found is not None:
                    witness = found
                    break
        defined = self.models.definitions
        fixed = {cell: n for cell, n in witness.entries.items() if (*cell[:2], len(cell[2])) not in defined}
        for cell in sorted(fixed)[:_SHRUNK]:
            for smaller in (0, 1):
                found = self.attempt(witness.variables, seed, {**fixed, cell: smaller}) if fixed[cell] != 0 else None
                if found is not None:
                    witness, fixed[cell] = found, smaller
                    break
        return witness

    def offered(self) -> Witness | None:
        """The counterexample of Z3, if it is one."""
        if any(s[1] or s[3][0] == "equal" for s in map(statement, (*self.premises, self.body))):
            return None
        values = Solver("z3").model(script(self.premises, self.body), _SECONDS)
        if values is None:
            return None
        variables = {name: values["constants"].get(variable_symbol(name), 0) for name in self.models.variables}
        cells = {(*entry[1:2], len(entry) - 2) for part in (*self.premises, self.body) for entry in entries(part)}
        functions = {key: _function(values["functions"].get(sequence_symbol(*key), [])) for key in cells}
        return self.witness_of(Model(variables, functions))

    def witness_of(self, model: Model) -> Witness | None:
        """What is in the model, if it is a counterexample."""
        try:
            return None if model.holds(self.body) else self._witness(model)
        except (DomainError, UnsupportedError):
            return None


def _function(points: Sequence[Any]) -> Callable[..., int]:
    """The function with these values, the last of them elsewhere."""
    values = {tuple(arguments): value for arguments, value in points[:-1]}
    elsewhere = points[-1][1] if points else 0
    return lambda *index: values.get(index, elsewhere)


def _size(assignment: Mapping[str, int]) -> Any:
    values = assignment.values()
    return sum(map(abs, values)), sum(value < 0 for value in values), tuple(values)


def _parts(body: Frozen, model: Model) -> Iterator[tuple[str, Number]]:
    """The parts of a statement with their values."""
    if body[0] == "forall":
        body = body[3]
    for part in body[1:]:
        if body[0] == "equal":
            yield text(part), model.value(part)
        elif body[0] in COMPARISONS:
            yield text(part), model.term(part)
        elif body[0] in CONNECTIVES:
            yield text(part), model.holds(part)
