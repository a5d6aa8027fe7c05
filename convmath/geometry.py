"""The parameters of a layer: how scalars and per-axis values are read, what each may be, and ``Window``.

Every parameter is an integer (:data:`~convmath.assumptions.Integer`) or a tuple or list with one integer per axis;
a single integer among per-axis values means every axis. Padding is read as follows.

- A string names a form and holds for every axis.
- With one axis: an integer for both sides, or a pair ``(lo, hi)``.
- With several axes, given by a tuple or list: an integer for all sides, or a sequence with one entry per axis, each an
  integer or a pair. So ``(1, 2)`` is the pair ``lo=1, hi=2`` on one axis, and ``1`` on axis 0, ``2`` on axis 1 on two
  axes; ``((1, 2), (1, 2))`` gives both axes the pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .assumptions import Integer, integer, require, require_least, require_one_kind
from .errors import DomainError

PerAxis: TypeAlias = Any
"""An :data:`Integer`, or a tuple or list with one per axis."""

Padding: TypeAlias = Any
"""A form by name, an :data:`Integer`, or pairs and integers as the module's text says."""

PADDING_FORMS = ("valid", "same", "same_upper", "same_lower", "full", "causal")
SIZED_FORMS = ("same_upper", "same_lower")
"""The forms that depend on the input size."""

LEAST: dict[str, int] = {
    "input_size": 1,
    "output_size": 1,
    "kernel_size": 1,
    "stride": 1,
    "dilation": 1,
    "padding": 0,
    "output_padding": 0,
    "size": 1,
    "index": 0,
}
"""The least value of each parameter; a parameter that is not named here may be any integer."""


def is_per_axis(value: Any) -> bool:
    """Whether ``value`` has one entry per axis, as opposed to one value for every axis.

    >>> is_per_axis(3), is_per_axis((3, 5))
    (False, True)
    """
    return isinstance(value, (tuple, list))


def axes_of(*values: PerAxis) -> int | None:
    """The number of axes of the first value that is given per axis; None where every value is a scalar.

    >>> axes_of(3, (1, 2)), axes_of(3, 1)
    (2, None)
    """
    return next((len(value) for value in values if is_per_axis(value)), None)


def each_axis(
    formula: Callable[..., Any], axes: int | None, integers: Mapping[str, PerAxis], padding: Padding | None = None
) -> Any:
    """Call ``formula`` once for scalars, or once an axis and gather the results in a tuple.

    Args:
        formula: called with ``axis`` (None for scalars) and the axis' value of each parameter by name; an explicit
            padding arrives as a pair, a named form as the string.
        axes: the number of axes, None for scalars.
        integers: the parameters by name.
        padding: the padding of a layer, None where there is none.

    Raises:
        DomainError: a value is no integer or below its least value, or the numbers of axes differ.

    >>> each_axis(lambda axis, stride, padding: (stride, padding), 2, {"stride": 2}, (1, (3, 4)))
    ((2, (1, 1)), (2, (3, 4)))
    """
    if axes == 0:
        name, value = next(iter(integers.items()))
        raise DomainError(name, value, "needs at least one axis")
    split = {name: _split(name, value, axes) for name, value in integers.items()}
    pads = [None] * (axes or 1) if padding is None else _split_padding(padding, axes)

    def call(axis: int | None) -> Any:
        place = axis or 0
        values = {name: column[place] for name, column in split.items()}
        return formula(axis=axis, **_checked(axis, values, pads[place]))

    return call(None) if axes is None else tuple(map(call, range(axes)))


def _split(name: str, value: PerAxis, axes: int | None) -> Sequence[Any]:
    """One value per axis."""
    if not is_per_axis(value):
        return (value,) * (axes or 1)
    if axes is None:
        raise DomainError(name, value, "needs one value, because there is one axis")
    if len(value) != axes:
        raise DomainError(name, value, f"needs one value or {axes} of them, because there are {axes} axes")
    return tuple(value)


def _split_padding(value: Padding, axes: int | None) -> list[Any]:
    """One form or one pair per axis."""
    if isinstance(value, str):
        if value not in PADDING_FORMS:
            raise DomainError("padding", value, f"needs one of {', '.join(PADDING_FORMS)}, or integers")
        return [value] * (axes or 1)
    return [_pair(entry) for entry in ([value] if axes is None else _split("padding", value, axes))]


def _pair(value: Any) -> tuple[Any, Any]:
    if not is_per_axis(value):
        return value, value
    if len(value) != 2:
        raise DomainError("padding", value, "needs an integer or a pair (lo, hi) for an axis")
    return value[0], value[1]


def _is_plain(integers: dict[str, Any], padding: Any) -> bool:
    """Whether all values are ints inside their domains, as most are: there is nothing to convert or to require."""
    for name, value in integers.items():
        if type(value) is not int or value < LEAST.get(name, value):
            return False
    if padding is None:
        return True
    lo, hi = padding if type(padding) is tuple else (None, None)
    return type(lo) is int is type(hi) and lo >= 0 <= hi


def _checked(axis: int | None, integers: dict[str, Any], padding: Any) -> dict[str, Any]:
    """The values of one axis, as integers that are each at least their least value."""
    if _is_plain(integers, padding):
        return integers if padding is None else integers | {"padding": padding}
    checked = {name: _at_least(axis, name, value) for name, value in integers.items()}
    if padding is None:
        require_one_kind(checked, axis)
        return checked
    if isinstance(padding, str):
        require_one_kind(checked, axis)
        if padding == "same":
            _require_no_stride(axis, checked["stride"])
        return checked | {"padding": padding}
    lo = _at_least(axis, "padding", padding[0])
    hi = lo if padding[1] is padding[0] else _at_least(axis, "padding", padding[1])
    require_one_kind(checked | {"padding before": lo, "padding after": hi}, axis)
    return checked | {"padding": (lo, hi)}


def _at_least(axis: int | None, name: str, value: Any) -> Integer:
    value = integer(value, name, axis)
    if name in LEAST:
        require_least(LEAST[name], value, name, axis)
    return value


def _require_no_stride(axis: int | None, stride: Integer) -> None:
    needs = "'same' needs stride 1; 'same_upper' and 'same_lower' take any stride"
    require("==", stride, 1, "padding", needs, "with stride={stride}", axis=axis, padding="same", stride=stride)


@dataclass(frozen=True)
class Window:
    """The sliding window of one layer: a convolution's kernel or a pooling window.

    Attributes:
        kernel_size: taps, an integer or one per axis, each >= 1.
        stride: the distance between neighbouring windows in elements, >= 1.
        padding: elements added before and after, an integer, pairs, or ``"valid"``, ``"same"`` (stride 1),
            ``"full"`` or ``"causal"``. The number of axes is that of the first of kernel_size, stride and dilation
            that is given per axis; where all are scalars a pair of integers is ``(lo, hi)``.
        dilation: the distance between neighbouring taps in elements, >= 1.

    Raises:
        DomainError: a value lies outside its domain, or the padding needs the input size to be known.

    Source: [torch.nn.Conv2d, parameters].

    >>> Window(3, stride=2, padding="causal")
    Window(kernel_size=3, stride=2, padding='causal', dilation=1)
    >>> Window((3, 5), padding=(1, 2)).axes
    2
    """

    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1

    def __post_init__(self) -> None:
        """Turn lists into tuples and check every value."""
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, _frozen(value))
        if isinstance(self.padding, str) and self.padding in SIZED_FORMS:
            raise DomainError("padding", self.padding, "depends on the input size: pass what resolve_padding returns")
        self.each_axis(lambda **values: None)

    @property
    def axes(self) -> int | None:
        """The number of axes; None where every parameter is a scalar, which holds for any number of axes.

        >>> Window((3, 5), stride=2).axes, Window(3).axes
        (2, None)
        """
        return axes_of(self.kernel_size, self.stride, self.dilation)

    def each_axis(self, formula: Callable[..., Any]) -> Any:
        """Call ``formula(axis, kernel_size, stride, padding, dilation)`` as :func:`each_axis` does.

        >>> Window((3, 5), stride=2).each_axis(lambda **values: values["kernel_size"] - values["stride"])
        (1, 3)
        """
        integers = {"kernel_size": self.kernel_size, "stride": self.stride, "dilation": self.dilation}
        return each_axis(formula, self.axes, integers, self.padding)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if is_per_axis(value) else value
