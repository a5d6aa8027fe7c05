"""How wide a formula is on the page, near enough to break lines: in em, from the LaTeX that is written here."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
_SCRIPT = 0.72
_RELATION, _OPERATOR = 0.56, 0.45
_COMMANDS = {
    r"\le": 0.78 + _RELATION, r"\ge": 0.78 + _RELATION, r"\ne": 0.78 + _RELATION, r"\iff": 3.0, r"\implies": 3.0,
    r"\neg": 0.67, r"\cdot": 0.28 + _OPERATOR, r"\bmod": 2.0 + _OPERATOR, r"\min": 1.7, r"\max": 1.9, r"\quad": 1.0,
    r"\qquad": 2.0, r"\,": 0.17, r"\;": 0.28, r"\ ": 0.33, r"\thinspace": 0.17, r"\partial": 0.57, r"\dots": 1.2,
    r"\lfloor": 0.5, r"\rfloor": 0.5, r"\lceil": 0.5, r"\rceil": 0.5, r"\left": 0.1, r"\right": 0.1,
    r"\int": 0.7, r"\infty": 1.0, r"\sqrt": 0.85, r"\approx": 0.78 + _RELATION,
    r"\mathrel": _RELATION, r"\biggl": 0.25, r"\biggr": 0.25, r"\mathrm": 0.0, r"\mathit": 0.0, r"\displaystyle": 0.0,
}  # fmt: skip
_CHARACTERS = {
    "=": 0.78 + _RELATION, "<": 0.78 + _RELATION, ">": 0.78 + _RELATION, "+": 0.78 + _OPERATOR, "-": 0.78 + _OPERATOR,
    ",": 0.45, "(": 0.39, ")": 0.39, "[": 0.28, "]": 0.28, ".": 0.28, "i": 0.35, "j": 0.42, "l": 0.31, "t": 0.37,
    "f": 0.6, "m": 0.88, "w": 0.72, "M": 1.08, "N": 0.9,
}  # fmt: skip
_LETTER = 0.56
_TEXT, _WIDE = 0.57, 1.0


def width(formula: str) -> float:
    r"""The width in em.

    >>> width("x") < width("x_i") < width(r"\frac{x_i}{2} + 1")
    True
    """
    return _run(_tokens(formula))


def _tokens(formula: str) -> list[str]:
    return [part for part in _TOKEN.findall(formula) if not part.isspace()]


def _run(tokens: list[str]) -> float:
    """The width of the tokens up to the end of their group, which they lose."""
    total = 0.0
    while tokens:
        part = tokens.pop(0)
        if part == "}":
            break
        if part == "{":
            total += _run(tokens)
        elif part in ("_", "^"):
            total += _scripts(part, tokens)
        elif part == r"\sum":
            total += _sum(tokens)
        elif part == r"\frac":
            total += max(_argument(tokens), _argument(tokens)) + 0.24
        elif part == r"\substack":
            total += _stack(tokens)
        elif part in (r"\text", r"\texttt"):
            total += _words(tokens)
        else:
            total += _COMMANDS.get(part, _CHARACTERS.get(part, _LETTER))
    return total


def _argument(tokens: list[str]) -> float:
    if not tokens:
        return 0.0
    part = tokens.pop(0)
    if part == "{":
        return _run(tokens)
    return _run([part])


def _scripts(part: str, tokens: list[str]) -> float:
    """What stands below and above at the same place counts once."""
    widths = {part: _argument(tokens)}
    if tokens and tokens[0] in ("_", "^") and tokens[0] != part:
        other = tokens.pop(0)
        widths[other] = _argument(tokens)
    return _SCRIPT * max(widths.values()) + 0.05


def _sum(tokens: list[str]) -> float:
    limits = [1.44]
    while tokens and tokens[0] in ("_", "^"):
        tokens.pop(0)
        limits.append(_SCRIPT * _argument(tokens))
    return max(limits) + 0.17


def _stack(tokens: list[str]) -> float:
    """The widest line of a stack."""
    lines, depth = [[]], 0  # type: list[list[str]], int
    while tokens:
        part = tokens.pop(0)
        depth += {"{": 1, "}": -1}.get(part, 0)
        if depth == 0:
            break
        if part == r"\\":
            lines.append([])
        elif not (depth == 1 and part == "{" and lines == [[]]):
            lines[-1].append(part)
    return max(_run(line) for line in lines)


def _words(tokens: list[str]) -> float:
    total, depth = 0.0, 0
    while tokens:
        part = tokens.pop(0)
        depth += {"{": 1, "}": -1}.get(part, 0)
        if depth == 0:
            break
        total += _WIDE if east_asian_width(part[0]) in "WF" else _TEXT
    return total
