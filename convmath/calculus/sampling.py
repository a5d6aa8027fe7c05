"""Samples equations between real terms: variables are small rationals, functions are step functions.

What agrees in all the samples is no proof, and is reported as sampled.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from .evaluate import Model, Number
from .plain_reals import Frozen, occurring
from .quadrature import DIGITS

SAMPLED = f"sampled: step functions for the functions, quadrature to {DIGITS} digits"
_HALVES, _WHOLES = 4, 2
"""So far from 0 the variables are, in halves when drawn and in whole numbers when tried."""
_STEPS = 2
"""So many neighbouring steps of a function, from 0 on, are tried as 0 and 1."""


def is_real(body: Frozen) -> bool:
    """Whether a statement's body is an equation between real terms."""
    return bool(isinstance(body, tuple) and body[0] == "equal" and body[1][:1] == ("real",))


def drawn(part: Frozen, seed: int) -> Model:
    """Every variable of a statement's body, or of a real term, drawn by its name, and every step too."""
    terms = [side[1] for side in part[1:]] if is_real(part) else [part]
    found = {name: kind for term in terms for kind, name in occurring(term) if kind != "apply"}
    return Model({name: _number(kind, name, seed) for name, kind in found.items()}, seed=seed)


def _number(kind: str, name: str, seed: int) -> Any:
    draw = random.Random(f"{seed} {name}")  # noqa: S311 - no secret is drawn
    return Fraction(draw.randint(1 if kind == "positive" else -_HALVES, _HALVES), 2)


@lru_cache(maxsize=4096)
def sample(term: Frozen, seed: int) -> Number:
    """The value of a real term where its variables and functions are drawn."""
    return drawn(term, seed).value(("real", term))


def tried(body: Frozen) -> Iterator[Model]:
    """The smallest models first: whole numbers, and functions with a few steps of height 1."""
    found = sorted({found for _, term in body[1:] for found in occurring(term)})
    variables = [(kind, name) for kind, name in found if kind != "apply"]
    functions = [name for kind, name in found if kind == "apply"]
    ranges = [range(1, _WHOLES + 1) if kind == "positive" else range(-_WHOLES, _WHOLES + 1) for kind, _ in variables]
    points = sorted(product(*ranges), key=lambda point: (sum(map(abs, point)), sum(n < 0 for n in point), point))
    heights = sorted(product((0, 1), repeat=_STEPS * len(functions)), key=lambda row: (sum(row), row[::-1]))
    for row, point in product(heights, points):
        tables = {name: _step_function(row[number * _STEPS :][:_STEPS]) for number, name in enumerate(functions)}
        yield Model({name: n for (_, name), n in zip(variables, point, strict=True)}, tensors=tables)


def _step_function(heights: Sequence[int]) -> Callable[[int], int]:
    """The heights from 0 on, and 0 elsewhere."""
    return lambda n: heights[n] if 0 <= n < len(heights) else 0
