"""Reads the calculations on a text page again: every side of every equation is evaluated on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from math import floor, prod

import numpy as np

_TERM = re.compile(r" ([+-]) ")


def equations(page: str) -> Iterator[str]:
    """The displayed equations of a text page that are not matrices, each on one line."""
    line = ""
    for row in [*page.splitlines(), ""]:
        if row.startswith("      ") and line and not re.search("[⎡⎢⎣]", row):
            line += " " + row.strip()
            continue
        if " = " in line:
            yield line
        line = (
            row.strip()
            if row.startswith("    ") and not re.search("[][⎡⎢⎣⊙]", re.sub(r"\w\[[\d, ]+\]", "", row))
            else ""
        )


def wrong_sums(page: str) -> tuple[int, list[str]]:
    """How many equations with numbers a page has, and those with sides that differ."""
    count, wrong = 0, []
    for line in equations(page):
        sides = [side for side in line.split(" = ") if not re.search("[a-zA-Z]", side.replace("max(", ""))]
        if len(sides) < 2:
            continue
        count += 1
        if len({value(side) for side in sides}) != 1:
            wrong.append(line)
    return count, wrong


def shown(page: str, name: str) -> dict[tuple[int, ...], Fraction]:
    """The elements of an array that a page calculates, by their indices, with the last side of their equations."""
    found = {}
    for line in equations(page):
        if match := re.match(rf"{name}\[([\d, ]+)\] = ", line):
            index = tuple(map(int, match[1].split(", ")))
            found[index] = value(line.rpartition(" = ")[2])
    return found


def elements(array, channel_axes: int = 1) -> dict[tuple[int, ...], Fraction]:
    """An array as a page names its elements: without the channels, if there is but one."""
    several = any(size > 1 for size in array.shape[:channel_axes])
    return {index if several else index[channel_axes:]: number for index, number in np.ndenumerate(array)}


def value(side: str) -> Fraction:
    """The value of sums, products, quotients, a maximum, or a quotient rounded down plus a number."""
    side = side.strip()
    if match := re.fullmatch(r"max\((.*)\)", side):
        return max(map(Fraction, match[1].split(", ")))
    if match := re.fullmatch(r"\((.*)\)/(\d+)", side):
        return value(match[1]) / int(match[2])
    if match := re.fullmatch(r"⌊\((.*)\)/(\d+)⌋ \+ 1", side):
        return Fraction(floor(value(match[1]) / int(match[2])) + 1)
    first, *rest = _TERM.split(_without_inner_sums(side))
    total = _product(first)
    for sign, term in zip(rest[::2], rest[1::2], strict=True):
        total += _product(term) if sign == "+" else -_product(term)
    return total


def _without_inner_sums(side: str) -> str:
    """Brackets with a sum in them replaced by its value."""
    return re.sub(r"\(([\d·^]+ [+-] \d+)\)", lambda match: str(value(match[1])), side)


def _product(term: str) -> Fraction:
    return prod((_power(factor.strip("()")) for factor in term.split("·")), start=Fraction(1))


def _power(factor: str) -> Fraction:
    base, _, exponent = factor.partition("^")
    return Fraction(base) ** int(exponent or 1)
