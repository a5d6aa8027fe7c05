"""Exports a theorem's trace as plain data, premises before conclusions. Untrusted."""

from __future__ import annotations

from .index import Json
from .kernel import Theorem


def trace(*theorems: Theorem) -> list[Json]:
    """The steps that lead to theorems, each once; ``premises`` are positions in the list; a single theorem is the last.

    A step is ``{"rule", "arguments", "premises", "hypotheses", "conclusion", "trust"}``, with statements ``{"forall":
    [names], "if": [formulas], "then": formula or ["equal", value, value]}``. Formulas and terms are those of
    :mod:`convmath.calculus.certificate`; a value is a list of contractions ``{"sum": [names], "guard": [formulas],
    "coefficient": ["p/q", term], "factors": [["tensor", name, index, ...] or ["gradient", value, ["tensor",
    ...]] or ["apply", function, value]]}``.
    """
    positions: dict[int, int] = {}
    steps: list[Json] = []
    stack = [*reversed(theorems)]
    while stack:
        current = stack[-1]
        missing = [premise for premise in current.premises if premise.number not in positions]
        if current.number in positions or missing:
            stack.extend(missing)
            if not missing:
                stack.pop()
            continue
        stack.pop()
        positions[current.number] = len(steps)
        steps.append(
            {
                "rule": current.rule,
                "arguments": dict(current.arguments),
                "premises": [positions[premise.number] for premise in current.premises],
                "hypotheses": sorted((h.json() for h in current.hypotheses), key=repr),
                "conclusion": current.conclusion.json(),
                "trust": sorted(current.trust),
            }
        )
    return steps
