"""Numbers that pass for ints and floats, and note whoever asks for them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from opcode import opmap
from typing import Any

from .trail import listening
from .watching import package_of


class Number:
    """What sizes and their quotients have in common: whoever asks for the number is noted."""

    __slots__ = ()

    def _value(self) -> Any:
        """The number, without a note."""
        raise NotImplementedError

    def _terms(self) -> tuple[Any, ...]:
        """The terms of which it is made."""
        raise NotImplementedError

    def _ratio(self) -> tuple[Any, Any]:
        """The integers whose quotient it is."""
        raise NotImplementedError

    def _told(self) -> Any:
        """The number, for code that may do anything with it."""
        look((self,))
        return number_of(self)

    def __getattr__(self, name: str) -> Any:
        """What else ints and floats have, of the number."""
        if name.startswith("_") or not hasattr(type(number_of(self)), name):
            raise AttributeError(f"a number has no attribute {name!r}")
        return getattr(self._told(), name)

    def __int__(self) -> int:
        """The number itself, rounded towards 0."""
        return int(self._told())

    def __float__(self) -> float:
        """The number itself."""
        return float(self._told())

    def __hash__(self) -> int:
        """That of the number, by which dictionaries and sets tell numbers apart."""
        return hash(self._told())

    def __str__(self) -> str:
        """The number in digits."""
        return str(self._told())

    def __repr__(self) -> str:
        """The number in digits."""
        return repr(self._told())

    def __format__(self, specification: str) -> str:
        """The number in digits."""
        return format(self._told(), specification)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """As NumPy takes the number."""
        return sys.modules["numpy"].array(self._told(), dtype)

    def __copy__(self) -> Any:
        """Itself, as it never changes."""
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        """Itself, as it never changes."""
        return self

    def __bool__(self: Any) -> bool:
        """Whether it is not 0."""
        return bool(self != 0)

    def __pos__(self) -> Any:
        """Itself."""
        return self


def number_of(item: Any) -> Any:
    """The number of a size or quotient, without a note, for what is right at every size; anything else as it is."""
    return item._value() if isinstance(item, Number) else item


def look(sizes: Iterable[Any]) -> None:
    """Note that these sizes go on without their terms, or are told to code that may do so."""
    for size in sizes:
        for term in size._terms() if isinstance(size, Number) else ():
            if (note := listening(term)) is not None:
                note.look(term)


_BY_NAME = {opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD") if name in opmap}


def is_read_by_name() -> bool:
    """Whether code in Python reads the attribute that calls this, as ``n.__class__``, and not code in C for it."""
    frame = sys._getframe(2)
    return frame.f_code.co_code[frame.f_lasti] in _BY_NAME


def package_that_asks() -> str:
    """The package of the code that reads the attribute that calls this."""
    return package_of(sys._getframe(2).f_globals)


def told(items: Iterable[Any]) -> tuple[Any, ...]:
    """The numbers of sizes and quotients, with a note; anything else as it is."""
    found = tuple(items)
    look(found)
    return tuple(map(number_of, found))
