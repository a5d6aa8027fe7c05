"""Where every condition on a parameter is checked: decided on numbers, recorded on symbols.

A formula states a condition once, with :func:`require`. On ints and NumPy arrays it holds or raises a
:class:`~convmath.errors.DomainError`; on ``torch.SymInt`` it becomes a guard or a run-time assertion of the traced
program; on SymPy expressions it cannot be decided, so it is recorded for whoever opened :func:`collect`.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar

from .division import is_array, is_symbolic
from .errors import DomainError, UnsupportedError

T = TypeVar("T")
Integer: TypeAlias = Any
"""An int, a NumPy integer array, a ``torch.SymInt`` or a SymPy expression."""

Condition: TypeAlias = tuple[str, Integer, Integer]
"""``(relation, left, right)`` with the relation ``"<="``, ``"<"`` or ``"=="``."""

ARRAY_LIMIT = 2**30
"""Array elements lie strictly between -ARRAY_LIMIT and ARRAY_LIMIT: then ``(n - 1)*s + 2*d*(k - 1)`` fits 64 bits."""

_HOLDS: dict[str, Callable[[Any, Any], Any]] = {"<=": operator.le, "<": operator.lt, "==": operator.eq}
_recorded: ContextVar[list[Condition] | None] = ContextVar("recorded", default=None)


@contextmanager
def collect() -> Iterator[list[Condition]]:
    """Record the conditions that SymPy expressions have to meet, each once, in the order in which they are required.

    Conditions between two numbers are decided on the spot and not recorded. A nested ``collect`` keeps what is
    required inside it to itself.

    Yields:
        the list of conditions, which fills as formulas are called.

    >>> from sympy import symbols
    >>> n, s = symbols("n s", integer=True)
    >>> with collect() as conditions:
    ...     require("<=", 1, s, "stride", "needs stride >= 1", stride=s)
    ...     require("<=", 1, 5, "input_size", "needs input_size >= 1", input_size=5)
    >>> conditions
    [('<=', 1, s)]
    """
    conditions: list[Condition] = []
    token = _recorded.set(conditions)
    try:
        yield conditions
    finally:
        _recorded.reset(token)


def implied(build: Callable[..., T], *arguments: Any) -> T:
    """``build(*arguments)``, recording nothing: its conditions follow from those that were recorded before.

    >>> implied(divmod, 7, 2)
    (3, 1)
    """
    values = (value for argument in arguments for value in (argument if isinstance(argument, tuple) else (argument,)))
    if not any(map(is_symbolic, values)):  # nothing to record; and Dynamo cannot trace a context variable
        return build(*arguments)
    with collect():
        return build(*arguments)


def require(
    relation: str,
    left: Integer,
    right: Integer,
    blamed: str,
    needs: str,
    /,
    detail: str = "",
    *,
    axis: int | None = None,
    **numbers: Any,
) -> None:
    """Require ``left relation right``.

    Args:
        relation: ``"<="``, ``"<"`` or ``"=="``.
        left: the left side.
        right: the right side.
        blamed: the parameter to name when it fails; its value is ``numbers[blamed]``.
        needs: the condition in the terms of the caller.
        detail: a format string over ``numbers`` that says what went wrong, with ``{where}`` for the axis.
        axis: the axis, or None where there is only one.
        numbers: the values that the message shows.

    Raises:
        DomainError: the condition fails; for arrays, with the first element that fails it.

    >>> require("<=", 1, 0, "stride", "needs stride >= 1", axis=1, stride=0)
    Traceback (most recent call last):
    convmath.errors.DomainError: stride=0 on axis 1 (needs stride >= 1)
    """
    holds = _HOLDS[relation]
    if type(left) is int is type(right) and holds(left, right):  # most calls: nothing to record, to guard or to blame
        return
    if is_symbolic(left) or is_symbolic(right):
        left, right = _plain(left), _plain(right)
        if type(left) is not int or type(right) is not int:
            _record((relation, left, right))
            return

    def failure(shown: Mapping[str, Any] = numbers, element: str = "") -> DomainError:
        return _failure(blamed, needs, detail, axis, shown, element)

    outcome = holds(left, right)
    if is_array(outcome):
        if not outcome.all():
            raise failure(*_first_element(~outcome, numbers))
    elif _is_symint(left) or _is_symint(right):
        _guard(outcome, failure)
    elif not outcome:
        raise failure()


def require_least(least: int, value: Integer, parameter: str, axis: int | None = None) -> None:
    """Require ``value >= least``.

    >>> require_least(1, 0, "stride")
    Traceback (most recent call last):
    convmath.errors.DomainError: stride=0: needs stride >= 1
    """
    if type(value) is not int or value < least:
        require("<=", least, value, parameter, f"needs {parameter} >= {least}", axis=axis, **{parameter: value})


def integer(value: Any, parameter: str, axis: int | None = None) -> Integer:
    """Return ``value`` as an int, an int64 array, a ``torch.SymInt`` or a SymPy expression.

    Raises:
        DomainError: it is none of these: a bool, a float, an expression that is no integer, an array of another kind,
            or an array whose elements are so large that a formula could overflow.

    >>> integer(True, "stride")
    Traceback (most recent call last):
    convmath.errors.DomainError: stride=True: needs an integer, not bool
    """
    if type(value) is int or _is_symint(value):
        return value
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind in "iu":
        require_moderate(value, parameter, axis)
        return value.astype(numpy.int64, copy=False)
    if is_symbolic(value):
        if _is_integer_expression(value):
            return value
        raise _not_an_integer(parameter, value, "an expression that is no integer", axis)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if numpy is not None and isinstance(value, numpy.integer):
        return int(value)
    kind = f"an array of {value.dtype}" if is_array(value) and value.shape else type(value).__name__
    raise _not_an_integer(parameter, value, kind, axis)


def require_moderate(value: Integer, parameter: str, axis: int | None = None) -> None:
    """Require that ``value`` can take part in array arithmetic without overflow."""
    needs = "array arithmetic needs magnitudes below 2**30; ints have no limit"
    require("<", value, ARRAY_LIMIT, parameter, needs, axis=axis, **{parameter: value})
    require("<", -ARRAY_LIMIT, value, parameter, needs, axis=axis, **{parameter: value})


def require_one_kind(values: Mapping[str, Integer], axis: int | None = None) -> None:
    """Require that arrays, ``torch.SymInt`` and SymPy expressions are not mixed; ints go with each of them.

    Raises:
        UnsupportedError: they are mixed.
        DomainError: an int that meets an array is so large that a formula could overflow.
    """
    if set(map(type, values.values())) <= {int}:
        return
    kinds = {name: _kind(value) for name, value in values.items()}
    present = sorted(set(kinds.values()) - {"int"})
    if len(present) > 1:
        parts = " and ".join(f"{next(name for name in kinds if kinds[name] == kind)} is {kind}" for kind in present)
        raise UnsupportedError(f"one call takes one kind of value besides ints, but {parts}")
    if present == ["a NumPy array"]:
        for name, value in values.items():
            if kinds[name] == "int":
                require_moderate(value, name, axis)


def _kind(value: Integer) -> str:
    if type(value) is int:
        return "int"
    if is_array(value):
        return "a NumPy array"
    return "a SymPy expression" if is_symbolic(value) else "a torch.SymInt"


def _is_symint(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.SymInt)


def _is_integer_expression(value: Any) -> bool:
    expression = isinstance(value, sys.modules["sympy"].Expr)
    return expression and value.is_integer is not False and bool(value.is_Integer or not value.is_number)


def _not_an_integer(parameter: str, value: Any, kind: str, axis: int | None) -> DomainError:
    detail = "" if axis is None else f"on axis {axis}"
    return DomainError(parameter, value, f"needs an integer, not {kind}", detail, axis)


def _plain(value: Integer) -> Integer:
    return int(value) if is_symbolic(value) and value.is_Integer else value


def _record(condition: Condition) -> None:
    conditions = _recorded.get()
    if conditions is not None and condition not in conditions:
        conditions.append(condition)


def _guard(outcome: Any, failure: Callable[[], DomainError]) -> None:
    try:
        sys.modules["torch"]._check(outcome, lambda: "the condition does not hold")
    except RuntimeError as error:
        if type(error) is RuntimeError:
            raise failure() from None
        raise


def _first_element(failed: Any, numbers: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The numbers at the first failing element, and its name."""
    numpy = sys.modules["numpy"]
    index = tuple(int(i) for i in numpy.argwhere(failed)[0])
    shown = {name: _element(value, failed.shape, index) for name, value in numbers.items()}
    return shown, f"at element {index[0] if len(index) == 1 else index}"


def _element(value: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> Any:
    if isinstance(value, tuple):
        return tuple(_element(part, shape, index) for part in value)
    return int(sys.modules["numpy"].broadcast_to(value, shape)[index]) if is_array(value) else value


def _failure(
    blamed: str, needs: str, detail: str, axis: int | None, numbers: Mapping[str, Any], element: str
) -> DomainError:
    where = "the input" if axis is None else f"axis {axis}"
    place = "" if axis is None or "{where}" in detail else f"on {where}"
    sentence = " ".join(filter(None, (detail.format(where=where, **numbers), place, element)))
    return DomainError(blamed, numbers[blamed], needs, sentence, axis)
