"""The errors that convmath raises: each names what was wrong and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class ConvmathError(Exception):
    """Base of every error that convmath raises on purpose."""


class DomainError(ConvmathError, ValueError):
    """A parameter lies outside the domain of a formula.

    Attributes:
        parameter: the name of the parameter, as the caller wrote it.
        value: the value that was passed; of an array, the element that is wrong.
        condition: the condition that the value breaks.
        detail: what the value leads to, with its numbers, and where.
        axis: the axis, counted from 0, where the parameters were given per axis.

    >>> print(DomainError("stride", 0, "needs stride >= 1"))
    stride=0: needs stride >= 1
    >>> print(DomainError("stride", 0, "needs stride >= 1", "on axis 1", axis=1))
    stride=0 on axis 1 (needs stride >= 1)
    """

    def __init__(self, parameter: str, value: Any, condition: str, detail: str = "", axis: int | None = None) -> None:
        """Name the parameter, the value, the condition that it breaks, and what else helps to mend it."""
        super().__init__(parameter, value, condition, detail, axis)
        self.parameter = parameter
        self.value = value
        self.condition = condition
        self.detail = detail
        self.axis = axis

    def __str__(self) -> str:
        """One sentence."""
        start = f"{self.parameter}={self.value!r}"
        return f"{start} {self.detail} ({self.condition})" if self.detail else f"{start}: {self.condition}"


class ProofError(ConvmathError):
    """A proof step does not follow: a side condition fails or a certificate does not check.

    >>> from convmath.calculus.index import integers, le
    >>> from convmath.calculus.kernel import fact
    >>> fact([], le(integers("n"), 1), {})
    Traceback (most recent call last):
    convmath.errors.ProofError: a certificate splits, cuts or closes, but this one has []
    """


class UnsupportedError(ConvmathError):
    """The request is meaningful, but this installation or this version cannot serve it.

    >>> print(UnsupportedError("from_torch needs torch: pip install 'convmath[torch]'"))
    from_torch needs torch: pip install 'convmath[torch]'
    """


def first_line(error: BaseException) -> str:
    """The class of an error and the first line of what it says, whatever code it comes from.

    >>> first_line(ValueError("no weights\\nin this folder")), first_line(KeyError())
    ('ValueError: no weights', 'KeyError')
    """
    try:
        text = str(error).strip().partition("\n")[0][:300]
    except BaseException:  # a class of a user may refuse even that
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def calling(
    refusal: Callable[[BaseException], ConvmathError], through: type[BaseException] = KeyboardInterrupt
) -> Iterator[None]:
    """Whatever the code of a user raises, also what ends Python, as an error of convmath; Ctrl-C goes through.

    Args:
        refusal: makes that error of what was raised.
        through: what goes through, too.

    >>> with calling(lambda error: UnsupportedError(f"the factory fails: {first_line(error)}")):
    ...     raise SystemExit(3)
    Traceback (most recent call last):
    ...
    convmath.errors.UnsupportedError: the factory fails: SystemExit: 3
    """
    try:
        yield
    except (KeyboardInterrupt, through):
        raise
    except BaseException as error:
        raise refusal(error) from error


@contextmanager
def renamed(**names: str) -> Iterator[None]:
    """Errors about parameters of a function, told by the names under which the user gave them.

    >>> with renamed(dtype="activation_dtype"):
    ...     raise DomainError("dtype", "int", "needs bits")
    Traceback (most recent call last):
    ...
    convmath.errors.DomainError: activation_dtype='int': needs bits
    """
    try:
        yield
    except DomainError as error:
        if error.parameter not in names:
            raise
        own = names[error.parameter]
        raise DomainError(own, error.value, error.condition, error.detail, error.axis) from None


def unknown(parameter: str, value: str, known: Iterable[str], kind: str, see: str) -> DomainError:
    """The error about a name that is none of the known ones; it names the nearest, or where all of them are listed.

    >>> print(unknown("id", "size.con", ["size.conv", "grad.bias"], "entry", "convmath list"))
    id='size.con': no entry has this name; did you mean size.conv?
    """
    from difflib import get_close_matches

    near = get_close_matches(str(value), known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"see: {see}" if see else "there is none"
    return DomainError(parameter, value, f"no {kind} has this name; {hint}")
