"""What is done with the steps when all is read: their names, and what results depend on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .values import Step


def distinct(wanted: list[str]) -> list[str]:
    """Each name once: those that come again are numbered.

    >>> distinct(["relu", "conv", "relu", "relu_1"])
    ['relu', 'conv', 'relu_2', 'relu_1']
    """
    taken: set[str] = set(wanted)
    given: set[str] = set()
    counts: dict[str, int] = {}
    names = []
    for name in wanted:
        candidate = name
        while candidate in given or (candidate != name and candidate in taken):
            counts[name] = counts.get(name, 0) + 1
            candidate = f"{name}_{counts[name]}"
        given.add(candidate)
        names.append(candidate)
    return names


def behind(steps: Sequence[Step], kept: Iterable[tuple[int, int]], ends: Iterable[int]) -> set[int]:
    """The steps that these depend on, by their inputs or by weights that are computed, and they themselves.

    Args:
        steps: all of them.
        kept: weights that are computed, each with the step that reads it.
        ends: the numbers of steps.
    """
    weights: dict[int, list[int]] = {}
    for weight, reader in kept:
        weights.setdefault(reader, []).append(weight)
    found = set(ends)
    for number in range(max(found, default=-1), -1, -1):
        if number in found:
            found.update(steps[number].inputs, weights.get(number, ()))
    return found
