"""Branches and loops: what certainly runs is part of the network, each turn of a loop with nodes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import DomainError
from ...operators import Sizes, Slice
from ...row import without
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..scope import nodes_in
from ..value import Value
from .layout import moved, stacked

_SCANS_WITHOUT_BATCH = 9


@handles("If")
def _if(call: Call) -> list[Value | None]:
    """The branch that runs; where that is not known, at least the sizes that both of them give."""
    condition = call.value().array
    if condition is not None and condition.size == 1:
        branch = call.graph("then_branch" if condition.reshape(-1)[0] else "else_branch")
        return list(call.run(branch))
    branches = [call.graph(name) for name in ("then_branch", "else_branch")]
    raise NotUnderstoodError("which of its branches runs is not known beforehand", *_common(call, *branches))


def _common(call: Call, one: Any, other: Any) -> list[Sizes | None]:
    """The sizes that both graphs give; none where one of them cannot be followed."""
    try:
        found = [[value.sizes for value in call.tried(branch)] for branch in (one, other)]
    except NotUnderstoodError:
        return []
    return [first if first == second else None for first, second in zip(*found, strict=False)]


# Loops


@handles("Loop")
def _loop(call: Call) -> list[Value | None]:
    """A body that runs again and again, each time with what it gave the time before. [onnx.Loop]"""
    body, carried = call.graph("body"), [call.value(number) for number in range(2, len(call.inputs))]
    names, results = [info.name for info in body.input], len(body.output) - 1
    if len(names) != 2 + len(carried) or results < len(carried):
        needs = f"a body that takes {2 + len(carried)} tensors and gives {1 + len(carried)} at least"
        raise DomainError("node", call.name, f"Loop needs {needs}, and not {len(names)} and {results + 1}")
    open_values = [Value((), node=call.name), _true(), *(Value(one.sizes, node=call.name) for one in carried)]
    once = call.tried(body, dict(zip(names, open_values, strict=True)))
    turns = _turns(call, once[0])
    same = _of_every_turn(once[1:], carried)
    stacks = [None if one is None or not turns else (turns, *one) for one in same[len(carried) :]]
    said = [*same[: len(carried)], *stacks]
    if turns is None:
        often = "a number of times that is not known beforehand"
        raise NotUnderstoodError(f"its body, a graph of its own, runs {often}", *said)
    _afford(call, turns, nodes_in(body) + results - len(carried), said)
    gathered: list[list[Value]] = [[] for _ in range(results - len(carried))]
    for turn in range(turns):
        given = [Value((), elements=np.array(turn)), _true(), *carried]
        goes_on, *found = call.run(body, dict(zip(names, given, strict=True)), f"{turn}/")
        carried, rest = found[: len(carried)], found[len(carried) :]
        for row, value in zip(gathered, rest, strict=True):
            row.append(value)
        if goes_on.array is not None and not goes_on.array.all():
            break
    return [*carried, *(_gathered(call, row, 0, f"output_{number}") for number, row in enumerate(gathered))]


def _true() -> Value:
    return Value((), elements=np.array(True))


def _of_every_turn(once: Sequence[Value], carried: Sequence[Value]) -> list[Sizes | None]:
    """The sizes after every turn: of what goes round, and then of the other outputs; none where a turn changes them."""
    found = [value.sizes for value in once]
    stays = found[: len(carried)] == [value.sizes for value in carried]
    return found if stays else [None] * len(found)


def _turns(call: Call, goes_on: Value) -> int | None:
    """How often the body of a Loop runs; None where that is not known beforehand."""
    limit, start, after = call.optional(0), call.optional(1), goes_on.array
    starts = True if start is None else start.array
    if starts is not None and not np.all(starts):
        return 0
    if starts is None or after is None or limit is None or limit.array is None:
        return None
    most = call.whole(0)
    if len(most) != 1 or not isinstance(most[0], int):
        return None
    return max(0, min(most[0], most[0] if after.all() else 1))


def _afford(call: Call, turns: int, each: int, sizes: Sequence[Sizes | None]) -> None:
    """Require that all turns can be followed, each of which takes so many nodes."""
    try:
        call.take_steps(turns * each)
    except NotUnderstoodError as error:
        raise NotUnderstoodError(f"its body, a graph of its own, runs {turns} times: {error}", *sizes) from error


def _gathered(call: Call, values: Sequence[Value], axis: int, label: str) -> Value | None:
    """What the turns gave one after the other; None where there is nothing, or its sizes are unknown."""
    if not values or any(value.sizes is None for value in values):
        return None
    return stacked(call, values, axis, label)


@dataclass(frozen=True)
class _Scan:
    """What a Scan is given. [onnx.Scan]

    Attributes:
        body: the graph that runs.
        states: what it takes along from one turn to the next, at first.
        scanned: of what it takes an element each turn.
        places: the dimension of each of these.
        turns: how many elements there are.
        backwards: of which of these, and of which outputs, the last element comes first.
        into: the new dimension of each output.
    """

    body: Any
    states: list[Value]
    scanned: list[Value]
    places: list[int]
    turns: Any
    backwards: tuple[tuple[int, ...], tuple[int, ...]]
    into: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        """What the body takes."""
        return [info.name for info in self.body.input]


def _read(call: Call) -> _Scan:
    body, count, inputs = call.graph("body"), call.integer("num_scan_inputs"), call.values()
    states, taken = len(inputs) - count, len(body.input)
    results = len(body.output) - states
    if not 1 <= count <= len(inputs) or taken != len(inputs) or results < 0:
        needs = f"{count} inputs to scan, and a body that takes {len(inputs)} tensors and gives {states} at least"
        raise DomainError("node", call.name, f"Scan needs {needs}, and not {taken} and {len(body.output)}")
    axes, before = call.integer_each("scan_input_axes", count), call.integer_each("scan_input_directions", count)
    into, after = call.integer_each("scan_output_axes", results), call.integer_each("scan_output_directions", results)
    places = [call.dimension(axis, call.rank(states + number)) for number, axis in enumerate(axes)]
    lengths = {call.sizes(states + number)[place] for number, place in enumerate(places)}
    if len(lengths) > 1:
        raise DomainError("node", call.name, f"Scan needs inputs of one length, and not {sorted(lengths, key=str)}")
    return _Scan(body, inputs[:states], inputs[states:], places, lengths.pop(), (before, after), into)


@handles("Scan")
def _scan(call: Call) -> list[Value | None]:
    """A body that runs for each element of a dimension, with what it gave for the one before."""
    if call.opset < _SCANS_WITHOUT_BATCH:
        raise NotUnderstoodError("its version before opset 9, with a batch of its own, is not followed")
    scan = _read(call)
    said = _said(call, scan)
    if not isinstance(scan.turns, int):
        raise NotUnderstoodError("its body, a graph of its own, runs as often as a size that is a symbol says", *said)
    around = 2 * len(scan.scanned) + len(scan.into)
    _afford(call, scan.turns, nodes_in(scan.body) + around, said)
    carried, gathered = scan.states, list[list[Value]]()
    for turn in range(scan.turns):
        elements = [_element(call, scan, number, turn) for number in range(len(scan.scanned))]
        found = call.run(scan.body, dict(zip(scan.names, [*carried, *elements], strict=True)), f"{turn}/")
        carried = found[: len(carried)]
        gathered.append(found[len(carried) :])
    outputs: list[Value | None] = []
    for number, (axis, back) in enumerate(zip(scan.into, scan.backwards[1], strict=True)):
        rows = [row[number] for row in gathered]
        outputs.append(_gathered(call, rows[::-1] if back else rows, axis, f"output_{number}"))
    return [*carried, *outputs]


def _said(call: Call, scan: _Scan) -> list[Sizes | None]:
    """The sizes of the outputs as one turn says them, if it leaves those that it takes along."""
    parts = [
        Value(without(place, one.sizes), node=call.name) for one, place in zip(scan.scanned, scan.places, strict=True)
    ]
    opened = [*(Value(one.sizes, node=call.name) for one in scan.states), *parts]
    once = call.tried(scan.body, dict(zip(scan.names, opened, strict=True)))
    same = _of_every_turn(once, scan.states)
    found = same[: len(scan.states)]
    for sizes, axis in zip(same[len(scan.states) :], scan.into, strict=True):
        place = None if sizes is None else call.dimension(axis, len(sizes) + 1)
        found.append(None if sizes is None else (*sizes[:place], scan.turns, *sizes[place:]))
    return found


def _element(call: Call, scan: _Scan, number: int, turn: int) -> Value:
    """What a turn takes of an input."""
    value, place, label = scan.scanned[number], scan.places[number], f"{turn}/input_{number}"
    at = scan.turns - 1 - turn if scan.backwards[0][number] else turn
    sizes = call.sizes_of(value, kept=True)
    cut = call.emit(Slice(place, at, at + 1), value, label=f"{label}/slice")
    return call.emit(moved(sizes, [d for d in range(len(sizes)) if d != place]), cut, label=label)
