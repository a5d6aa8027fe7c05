"""Sizes that a network computes with while it is read: they know of which sizes they are made.

An importer that follows a network's own code hands it a :class:`Size` for each size that the code asks for. It carries
its term, keeps it through arithmetic, and notes comparisons. It passes for an int, and is none: code in C could read
the number of an int, or of one of a subclass, without a trace. So whoever wants the number has to ask the size for it,
by ``__index__``, ``__int__``, ``__float__``, ``__hash__``, ``__str__`` and the like; and each of these is noted.

Hence the code of a network does the same at all input sizes at which its comparisons come out the same, unless a number
was told. What goes past this is noticed elsewhere: sizes in another thread or context by
:func:`~convmath.network.sizes.trail.listening`; errors that code in C raises because a size is no int, and comparisons
by ``is``, by :mod:`~convmath.network.sizes.watching`, and by reading the network with ints, too. The rest is taken for
granted:

* the code is a function of what it is given: it goes by no chance, no clock, and nothing that it keeps from call to
  call, further than reading it twice shows;
* it asks what a size is by the names of ``type``, ``isinstance``, ``hasattr`` and ``getattr``, or by ``n.__class__``,
  and uses nothing that this class has and ints have not;
* in other threads it neither compares sizes by ``is`` nor catches that code in C takes only ints;
* Python's own library, NumPy and SymPy do with a size what they do with an int, or raise an error that the code sees;
* the importer's own code goes by a number that it takes with :func:`number_of` only where that is right at every size,
  and notes it by :func:`look` elsewhere.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from .comparing import decide, exact, most_of, of_quotients, of_sizes, term_of
from .number import Number, is_read_by_name, number_of, package_that_asks, told
from .rounding import EXACT, are_exact, is_one, is_power, short
from .trail import COMPUTE, RECORDER, Leaf, Operation, Term

MOST_OPERATIONS = 64
"""A size that takes more operations than these loses its term."""

_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "//": "floordiv", "%": "mod"}
_BITS = {"**": "pow", "<<": "lshift", ">>": "rshift", "&": "and", "|": "or", "^": "xor"}


class _Node:
    """Says what kind of integer a size is, and no more: code in C that asks it for the number is refused."""

    def is_nested_int(self) -> bool:
        """It is no size of tensors of different sizes."""
        return False


class Size(Number):
    """An integer with the term of how it was computed; it passes for an int.

    Arithmetic with ints gives others. Floor division by what is not positive, and whatever is more than arithmetic,
    gives an int, and is noted.

    >>> n = Size(225, Leaf("conv1", 2))
    >>> (n + 1) // 2 - 3, ((n + 1) // 2 - 3).term == Operation("-", ((n + 1) // 2).term, 3, 3)
    (110, True)
    >>> isinstance(n, int), type(n).__name__, type(int(n)).__name__, type(sum([n, n])).__name__
    (True, 'Size', 'int', 'Size')
    """

    __slots__ = ("_number", "term")

    term: Leaf | Operation

    def __init__(self, number: int, term: Leaf | Operation) -> None:
        """The int ``number``, computed so."""
        self._number = number
        self.term = term

    def _value(self) -> int:
        """The number, without a note."""
        return self._number

    def _terms(self) -> tuple[Term, ...]:
        """Its own."""
        return (self.term,)

    def _ratio(self) -> tuple[Any, Any]:
        """Itself."""
        return self, 1

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` takes it for; an int for whoever asks for the class by its name."""
        note = RECORDER.get()
        return int if note is None or is_read_by_name() else note.kinds[0]

    def __reduce__(self) -> Any:
        """What it is made of, the number included."""
        return Size, (self._told(), self.term)

    def __index__(self) -> int:
        """The number itself, as code in C asks for it."""
        return int(self._told())

    def __mul__(self, other: Any) -> Any:
        """With a short float, a quotient."""
        if type(other) is Quotient:
            return other * self
        return self._scaled(other) if isinstance(other, float) else _computed("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        """With a short float, a quotient."""
        return self._scaled(other) if isinstance(other, float) else _computed("*", other, self)

    def _scaled(self, factor: Any) -> Any:
        ratio = short(factor)
        return _lost("*", self, factor) if ratio is None else _made("*", self, factor, self * ratio[0], ratio[1])

    def __truediv__(self, other: Any) -> Any:
        """As a quotient."""
        ratio = short(other) if isinstance(other, float) else None
        over, under = (self, other) if ratio is None else (self * ratio[1], ratio[0])
        return _quotient(self, other, over, under)

    def __rtruediv__(self, other: Any) -> Any:
        """As a quotient."""
        return _quotient(other, self, other, self)

    def __divmod__(self: Any, other: Any) -> Any:
        """Both at once."""
        return (self // other, self % other) if isinstance(other, int | float) else NotImplemented

    def __rdivmod__(self: Any, other: Any) -> Any:
        """Both at once."""
        return (other // self, other % self) if isinstance(other, int | float) else NotImplemented

    def __pow__(self, other: Any, *modulus: Any) -> Any:
        """By a small number, a product."""
        if modulus or type(other) is not int or not 1 <= other <= 4:
            return pow(*told((self, other, *modulus))) if isinstance(other, int | float) else NotImplemented
        found: Any = self
        for _ in range(other - 1):
            found = found * self
        return found

    def __lshift__(self, other: Any) -> Any:
        """A product."""
        return self * 2**other if type(other) is int and 0 <= other <= 32 else _lost("<<", self, other)

    def __rshift__(self, other: Any) -> Any:
        """A quotient, rounded down."""
        return self // 2**other if type(other) is int and 0 <= other <= 32 else _lost(">>", self, other)

    def __invert__(self: Any) -> Any:
        """The other bits."""
        return -1 - self

    def __neg__(self: Any) -> Any:
        """The other sign."""
        return 0 - self

    def __abs__(self: Any) -> Any:
        """Without its sign."""
        return self if self >= 0 else -self

    def __floor__(self) -> Size:
        """Itself."""
        return self

    __ceil__ = __trunc__ = __floor__

    def __round__(self, *digits: Any) -> Any:
        """Itself."""
        return round(self._told(), *digits) if digits else self

    @property
    def node(self) -> Any:
        """What torch asks of the integers that this one passes for; an int has none.

        Raises:
            AttributeError: code of another package reads it.
        """
        note = RECORDER.get()
        if note is None or (is_read_by_name() and package_that_asks() != note.package):
            raise AttributeError("a number has no attribute 'node'")
        return _Node()

    def __sym_max__(self, other: Any) -> Any:
        """The larger one, as torch asks for it."""
        return max(self, other)

    def __sym_min__(self, other: Any) -> Any:
        """The smaller one, as torch asks for it."""
        return min(self, other)


class Quotient(Number):
    """A quotient of two sizes, the second of which is positive; it passes for a float, and rounds as the quotient.

    For sizes below ``SURE`` both stay below ``EXACT``, see :mod:`~convmath.network.sizes.rounding`: there a quotient
    of floats, with integers more or less, is rounded down or up as the exact one, and is smaller, equal or larger than
    an integer as that is. Other arithmetic, and comparisons of two quotients that may be rounded differently, go by the
    floats, and are noted.

    >>> from math import ceil, floor
    >>> half = Size(225, Leaf("conv1", 2)) / 2
    >>> half, floor(half).term == Operation("//", Leaf("conv1", 2), 2, 1), ceil(half), floor(half + 1)
    (112.5, True, 113, 113)
    """

    __slots__ = ("_number", "over", "under")

    def __init__(self, over: Any, under: Any, number: float | None = None) -> None:
        """The quotient of both, each an int or a size; ``number`` is the float where Python rounds it otherwise."""
        self.over: Any = over
        self.under: Any = under
        self._number = number_of(over) / number_of(under) if number is None else number

    def _value(self) -> float:
        """The number, without a note."""
        return self._number

    def _terms(self) -> tuple[Term, ...]:
        """Those of both."""
        parts: tuple[Any, ...] = self.over, self.under
        return tuple(part.term for part in parts if type(part) is Size)

    def _ratio(self) -> tuple[Any, Any]:
        """Both."""
        return self.over, self.under

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` takes it for; a float for whoever asks for the class by its name."""
        note = RECORDER.get()
        return float if note is None or is_read_by_name() else note.kinds[1]

    def __reduce__(self) -> Any:
        """What it is made of."""
        return Quotient, (self.over, self.under, self._number)

    def __mul__(self, other: Any) -> Any:
        """With an integer where no float is rounded, and with a short float if it is an integer itself."""
        if isinstance(other, int) and is_power(self.under):
            return _made("*", self, other, self.over * other, self.under)
        return _lost("*", self, other) if not is_one(self.under) or short(other) is None else self.over * other

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        """By an integer or short float above 0, where the float that is divided is not rounded."""
        over, under = (other, 1) if isinstance(other, int) else short(other) or (0, 1)
        if not is_power(self.under) or number_of(over) <= 0:
            return _lost("/", self, other)
        return _quotient(self, other, self.over * under, self.under * over)

    def __neg__(self) -> Quotient:
        """The other sign."""
        return Quotient(-self.over, self.under, -self._number)

    def __abs__(self: Any) -> Any:
        """Without its sign."""
        return self if self >= 0 else -self

    def __floor__(self) -> Any:
        """Rounded down."""
        return self.over // self.under

    def __ceil__(self) -> Any:
        """Rounded up."""
        return -(-self.over // self.under)

    def __trunc__(self: Any) -> Any:
        """Rounded towards 0."""
        return self.__floor__() if self >= 0 else self.__ceil__()

    def __round__(self, *digits: Any) -> Any:
        """Rounded to the next integer, and from the middle of two to the even one."""
        if digits:
            return round(self._told(), *digits)
        twice = 2 * self.over + self.under
        found = twice // (2 * self.under)
        middle = self.under % 2 == 0 and twice % (2 * self.under) == 0
        return found - found % 2 if middle else found


# Arithmetic


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, f"__{method}__") for name, method in {**_ARITHMETIC, **_BITS, "/": "truediv"}.items()
}


def _lost(name: str, left: Any, right: Any) -> Any:
    """The result as Python gives it, without a term."""
    if not isinstance(left, int | float | complex) or not isinstance(right, int | float | complex):
        return NotImplemented
    return _OPERATORS[name](*told((left, right)))


def _computed(name: str, left: Any, right: Any) -> Any:
    """The result with its term; without it where it is long, or where the divisor is not positive."""
    if not isinstance(left, int) or not isinstance(right, int):
        return _sum(name, left, right) if name in ("+", "-") else _lost(name, left, right)
    if name in ("//", "%"):
        if number_of(right) <= 0:
            return _lost(name, left, right)
        decide("<", 0, right, True)
    return _with_term(COMPUTE[name](number_of(left), number_of(right)), name, term_of(left), term_of(right))


def _with_term(found: int, name: str, left: Any, right: Any) -> Any:
    if (name, right) in (("*", 1), ("//", 1), ("+", 0), ("-", 0)):
        return Size(found, left)
    if (name, left) in (("*", 1), ("+", 0)):
        return Size(found, right)
    length = 1 + sum(side.length for side in (left, right) if isinstance(side, Operation))
    made = Size(found, Operation(name, left, right, length))
    return made if length <= MOST_OPERATIONS else made._told()


def _quotient(left: Any, right: Any, over: Any, under: Any) -> Any:
    """What ``left / right`` is, which is the quotient of two ints."""
    if not isinstance(over, int) or not isinstance(under, int) or number_of(under) <= 0:
        return _lost("/", left, right)
    decide("<", 0, under, True)
    return _made("/", left, right, over, under)


def _made(name: str, left: Any, right: Any, over: Any, under: Any) -> Any:
    """The result of an operation as a quotient; without its term where it may be rounded otherwise."""
    if max(most_of(over), most_of(under)) >= EXACT:
        return _lost(name, left, right)
    return Quotient(over, under, float(_OPERATORS[name](number_of(left), number_of(right))))


def _sum(name: str, left: Any, right: Any) -> Any:
    """The sum or difference of quotients, where one is an integer, or where floats are not rounded."""
    first, second = exact(left), exact(right)
    if first is None or second is None:
        return _lost(name, left, right)
    if not are_exact(first, second) and not any(is_one(under) for _, under in (first, second)):
        return _lost(name, left, right)
    return _made(name, left, right, COMPUTE[name](first[0] * second[1], second[0] * first[1]), first[1] * second[1])


def _arithmetic(make: Callable[[str, Any, Any], Any], name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return lambda self, other: make(name, self, other), lambda self, other: make(name, other, self)


def _enter(kind: type, make: Callable[[str, Any, Any], Any], methods: Mapping[str, str]) -> None:
    """Give a class these operators where it has none of its own."""
    for name, method in methods.items():
        for prefix, made in zip(("", "r"), _arithmetic(make, name), strict=True):
            if f"__{prefix}{method}__" not in vars(kind):
                setattr(kind, f"__{prefix}{method}__", made)


_enter(Size, _computed, _ARITHMETIC)
_enter(Size, _lost, _BITS)
_enter(Quotient, _sum, {"+": "add", "-": "sub"})
_enter(Quotient, _lost, {**_ARITHMETIC, "/": "truediv", "**": "pow"})
for _symbol, _method in (("<", "lt"), ("<=", "le"), ("==", "eq"), ("!=", "ne"), (">", "gt"), (">=", "ge")):
    _compare = getattr(operator, _method)
    setattr(Size, f"__{_method}__", of_sizes(_symbol, _compare))
    setattr(Quotient, f"__{_method}__", of_quotients(_symbol, _compare))
