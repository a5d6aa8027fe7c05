"""What other texts state, and the entry, worked example, counterexample or helper that shows it here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Statement:
    """A statement of another text.

    Attributes:
        source: a key of the bibliography, or the name of a group of texts.
        place: where it stands in it, or what it is called.
        says: the statement in our words.
        shown: what shows it here, each as its kind and its name: ``("entry", "size.conv")``.
        wrong: whether it is wrong or incomplete as printed.
    """

    source: str
    place: str
    says: str
    shown: tuple[tuple[str, str], ...]
    wrong: bool = False


@cache
def literature() -> tuple[Statement, ...]:
    """Every statement, source by source.

    >>> literature()[0].source, literature()[0].shown[0]
    ('notes', ('entry', 'dense.weights'))
    """
    return tuple(
        Statement(source, place, row["says"], tuple(map(_target, row["shown"])), row.get("wrong", False))
        for source, rows in _tables().items()
        for place, row in rows.items()
        if place != "source"
    )


@cache
def titles() -> dict[str, str]:
    """The groups of texts that are no key of the bibliography, with their titles.

    >>> list(titles())
    ['notes']
    """
    return {source: rows["source"]["title"] for source, rows in _tables().items() if "source" in rows}


def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("convmath.proofs").joinpath("literature.toml").read_text(encoding="utf-8"))


def _target(words: str) -> tuple[str, str]:
    kind, _, name = words.partition(" ")
    return kind, name
