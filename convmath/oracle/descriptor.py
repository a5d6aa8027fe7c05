"""One line that names a case: ``conv n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 #7``.

A kind, then words in any order: a name and a number (``n2``), or one number per axis (``k3x2``); padding has one number
or two (``1:0``) per axis; flags stand alone. A single number means every axis.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..errors import DomainError
from .options import Index, Pairs

_LENGTH = 500
_WORD = re.compile(r"([a-z_]+|#)((?:-?[0-9]{1,18}(?:[x:]-?[0-9]{1,18})*)?)")


class Words:
    """The words of a descriptor; those asked for are taken out, and :meth:`finish` refuses what is left.

    >>> words = Words("conv n2 k3x2 #7")
    >>> words.number("n"), words.axes("k"), words.flag("b")
    (2, (3, 2), False)
    """

    def __init__(self, text: Any) -> None:
        """Split; DomainError if a word is malformed or comes twice."""
        if not isinstance(text, str) or len(text) > _LENGTH:
            raise DomainError("case", text, f"needs a descriptor of at most {_LENGTH} characters")
        self.text = text
        self.left: dict[str, str] = {}
        for word in text.split():
            match = _WORD.fullmatch(word)
            if match is None:
                raise DomainError("case", word, "needs words such as n2, k3x2, p1:0x0:2 or #7")
            if match[1] in self.left:
                raise DomainError("case", word, f"gives {match[1]} a second time")
            self.left[match[1]] = match[2]

    def kind(self, kinds: Sequence[str], default: str) -> str:
        """The one kind that is named, or the default."""
        named = [kind for kind in kinds if self.flag(kind)]
        if len(named) > 1:
            raise DomainError("case", " ".join(named), "names more than one kind")
        return named[0] if named else default

    def flag(self, name: str) -> bool:
        """Whether a word without a number is there."""
        value = self.left.pop(name, None)
        if value:
            raise DomainError("case", name + value, f"needs {name} without a number")
        return value is not None

    def number(self, name: str, default: int | None = None) -> int:
        """The number of a word; DomainError if it is missing and has no default."""
        value = self._value(name, default)
        return _integer(name, value) if isinstance(value, str) else value

    def axes(self, name: str, default: int | None = None) -> Index:
        """One number per axis, or one for every axis."""
        value = self._value(name, default)
        return tuple(_integer(name, part) for part in value.split("x")) if isinstance(value, str) else (value,)

    def pairs(self, name: str) -> Pairs:
        """A pair per axis, or one for every axis; zeros if the word is missing."""
        found = []
        for part in self.left.pop(name, "0").split("x"):
            sides = [_integer(name, side) for side in part.split(":")]
            if len(sides) > 2:
                raise DomainError("case", name + part, "needs one or two numbers per axis")
            found.append((sides[0], sides[-1]))
        return tuple(found)

    def finish(self) -> None:
        """Raise DomainError if a word was not asked for."""
        for name, value in self.left.items():
            raise DomainError("case", name + value, "is no word of this kind of case")

    def _value(self, name: str, default: int | None) -> str | int:
        value = self.left.pop(name, default)
        if value is None:
            raise DomainError("case", self.text, f"lacks the word {name}, as in conv n1 c1 o1 i3x1 k2x1 #0")
        return value


def axes_word(name: str, values: Sequence[int]) -> str:
    """The word of one number per axis.

    >>> axes_word("k", (3, 2))
    'k3x2'
    """
    return name + "x".join(map(str, values))


def pairs_word(name: str, values: Pairs) -> str:
    """The word of a pair per axis.

    >>> pairs_word("p", ((1, 1), (0, 2)))
    'p1x0:2'
    """
    return name + "x".join(str(lo) if lo == hi else f"{lo}:{hi}" for lo, hi in values)


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", text):
        raise DomainError("case", name + text, "needs one whole number in each place")
    return int(text)
