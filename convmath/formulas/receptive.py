"""Receptive fields: the input elements that a position after several layers can see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, Literal, TypeAlias

from ..assumptions import Integer, implied, require_moderate, require_one_kind
from ..division import is_array
from ..errors import DomainError
from ..geometry import PerAxis, Window, axes_of, each_axis, is_per_axis
from .padding import axis_padding, reach

Convention: TypeAlias = Literal["half_pixel", "index"]


@dataclass(frozen=True)
class ReceptiveField:
    """The input elements that each position sees: an interval of ``size`` elements that moves by ``stride``.

    The interval of a position is the hull of what it sees: both ends are seen, nothing outside is, and stride or
    dilation may leave gaps inside. It may reach into the padding, below 0 or beyond the input.

    Attributes:
        size: elements of the interval, >= 1.
        stride: elements from the interval of one position to that of the next, >= 1; also called jump.
        padding: elements by which the interval of position 0 begins before element 0, >= 0.

    Each is an integer, or a tuple with one per axis.

    Raises:
        DomainError: a value lies outside its domain, or the numbers of axes differ.

    >>> ReceptiveField().then(Window(3, stride=2, padding=1)).then(Window(3, dilation=2))
    ReceptiveField(size=11, stride=2, padding=1)
    """

    size: PerAxis = 1
    stride: PerAxis = 1
    padding: PerAxis = 0

    def __post_init__(self) -> None:
        """Turn lists into tuples and check every value."""
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, tuple(value) if is_per_axis(value) else value)
        each_axis(lambda **values: None, self.axes, vars(self))

    @property
    def axes(self) -> int | None:
        """The number of axes; None where every value is a scalar, which holds for any number of axes.

        >>> ReceptiveField(size=(11, 7)).axes, ReceptiveField(size=11).axes
        (2, None)
        """
        return axes_of(self.size, self.stride, self.padding)

    def then(self, window: Window) -> ReceptiveField:
        """The receptive field after one more layer, the one that sees this layer's positions through ``window``.

        Raises:
            DomainError: ``window`` is no Window, or the numbers of axes differ.

        Entry: receptive.size, receptive.stride, receptive.start. Source: [AraujoNorrisSim2019, single-path networks].

        >>> ReceptiveField(size=7, stride=2, padding=3).then(Window((3, 1), stride=2, padding=(1, 0)))
        ReceptiveField(size=(11, 7), stride=(4, 4), padding=(5, 3))
        """
        if not isinstance(window, Window):
            raise DomainError("window", window, "needs a Window")
        axes = window.axes if self.axes is None else self.axes
        if axes is not None and window.axes not in (None, axes):
            raise DomainError("window", window, f"needs {axes} axes, as the field has, or parameters for every axis")
        layers = window.each_axis(_layer)
        steps = [layers] * (axes or 1) if window.axes is None else layers
        advanced = [_advance(*field, *step) for field, step in zip(self._per_axis(axes), steps, strict=True)]
        columns = (column[0] if axes is None else column for column in zip(*advanced, strict=True))
        return implied(ReceptiveField, *columns)  # at least 1, 1 and 0 because its parts are

    def interval(self, i: PerAxis) -> Any:
        """``(start, stop)`` of the elements that position ``i`` sees: start is the first one, stop - 1 the last.

        Args:
            i: the position, any integer, or one per axis.

        Returns:
            a pair of integers, for per-axis values one pair per axis. ``start`` may be negative, in the padding.

        Raises:
            DomainError: ``i`` is no integer, or the numbers of axes differ.

        >>> receptive_field([Window(7, stride=2, padding=3), Window(3, stride=2, padding=1)]).interval(0)
        (-5, 6)
        """
        return self._at(i, _interval)

    def center(self, i: PerAxis, convention: Convention = "half_pixel") -> Any:
        """The centre of the interval of position ``i``.

        Args:
            i: the position, any integer, or one per axis.
            convention: ``"half_pixel"``: element j covers [j, j + 1), so its centre is j + 1/2;
                ``"index"``: element j is the point j, so the centre is half an element less.

        Returns:
            the exact centre in elements: a Fraction for ints, an expression for SymPy expressions, floats for arrays
            and ``torch.SymInt``; for per-axis values one per axis.

        Raises:
            DomainError: ``i`` is no integer, the convention is unknown, or the numbers of axes differ.

        >>> field = receptive_field([Window(3, stride=2, padding=1)])
        >>> field.center(0), field.center(0, "index")
        (Fraction(1, 2), Fraction(0, 1))
        """
        if convention not in ("half_pixel", "index"):
            raise DomainError("convention", convention, "needs 'half_pixel' or 'index'")
        return self._at(i, _half_pixel_center if convention == "half_pixel" else _index_center)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ..notebook import html_table

        centers = self.center(0 if self.axes is None else (0,) * self.axes)
        names = ["all"] if self.axes is None else range(self.axes)
        columns = centers if isinstance(centers, tuple) else (centers,)
        rows = ((name, *field, at) for name, field, at in zip(names, self._per_axis(self.axes), columns, strict=True))
        return html_table(("axis", "size", "stride", "padding", "centre of position 0"), rows, "Receptive field")

    def _at(self, i: PerAxis, formula: Callable[[Integer, Integer, Integer, Integer], Any]) -> Any:
        axes = axes_of(i) if self.axes is None else self.axes
        fields = self._per_axis(axes)

        def at(axis: int | None, i: Integer) -> Any:
            size, stride, padding = fields[axis or 0]
            require_one_kind({"size": size, "stride": stride, "padding": padding, "i": i}, axis)
            return formula(size, stride, padding, i)

        return each_axis(at, axes, {"i": i})

    def _per_axis(self, axes: int | None) -> list[tuple[Integer, Integer, Integer]]:
        columns = (value if is_per_axis(value) else (value,) * (axes or 1) for value in vars(self).values())
        return list(zip(*columns, strict=True))


def receptive_field(windows: Iterable[Window]) -> ReceptiveField:
    """The receptive field of a stack of layers, the first window nearest the input.

    Args:
        windows: the layers' windows, of one number of axes; windows of scalars fit any number.

    Returns:
        size, stride and padding in input elements: integers where every window has scalars, else tuples.

    Raises:
        DomainError: an entry is no Window, or the numbers of axes differ.

    Entry: receptive.size, receptive.stride, receptive.start. Source: [AraujoNorrisSim2019, single-path networks].

    >>> receptive_field([Window(7, stride=2, padding=3), Window(3, stride=2, padding=1)])
    ReceptiveField(size=11, stride=4, padding=5)
    >>> receptive_field([Window(3), Window((3, 5), dilation=2)])
    ReceptiveField(size=(7, 11), stride=(1, 1), padding=(0, 0))
    """
    return reduce(ReceptiveField.then, windows, ReceptiveField())


def _layer(
    axis: int | None, kernel_size: Integer, stride: Integer, dilation: Integer, padding: Any
) -> tuple[Integer, Integer, Integer]:
    """Reach, stride and padding before of one axis."""
    lo, _ = axis_padding(padding, None, kernel_size, stride, dilation)
    extra = reach(kernel_size, dilation)
    if is_array(extra):
        require_moderate(extra, "dilation*(kernel_size-1)", axis)
    return extra, stride, lo


def _advance(
    size: Integer, jump: Integer, start: Integer, extra: Integer, stride: Integer, lo: Integer
) -> tuple[Integer, Integer, Integer]:
    """Size, stride and padding of one axis after one more layer."""
    require_one_kind({"size": size, "stride": jump, "padding": start, "kernel": extra, "window": stride, "lo": lo})
    return size + extra * jump, jump * stride, start + lo * jump


def _interval(size: Integer, stride: Integer, padding: Integer, i: Integer) -> tuple[Integer, Integer]:
    start = i * stride - padding
    return start, start + size


def _half_pixel_center(size: Integer, stride: Integer, padding: Integer, i: Integer) -> Any:
    return _half(sum(_interval(size, stride, padding, i)))


def _index_center(size: Integer, stride: Integer, padding: Integer, i: Integer) -> Any:
    return _half(sum(_interval(size, stride, padding, i)) - 1)


def _half(value: Integer) -> Any:
    return Fraction(value, 2) if type(value) is int else value / 2
