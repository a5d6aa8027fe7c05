"""Winograd's minimal filtering F(m, r): its three matrices from interpolation points, exact and checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from numbers import Rational
from typing import Any, TypeAlias

from .errors import DomainError
from .notebook import brief, counted

Matrix: TypeAlias = tuple[tuple[Fraction, ...], ...]

INFINITY = math.inf
"""The point at infinity: it looks at the last output, tap and element alone."""
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2), 4, -4, Fraction(1, 4), Fraction(-1, 4))
"""Points in the order in which implementations take them; the last one taken is infinity."""


@dataclass(frozen=True)
class WinogradTransform:
    """The matrices of ``y = output ((kernel g) * (data d))``, with one multiplication a row of ``kernel``.

    That they compute the correlation ``y[k] = sum over i of g[i] d[k + i]`` for all kernels and all data is an identity
    between polynomials in their entries, which is checked, coefficient by coefficient, when the object is made.

    Attributes:
        output: what adds up the outputs from the products, a row an output; A' in the literature.
        kernel: what transforms the kernel, a column a tap; G in the literature.
        data: what transforms a tile of the data, a column an element; B' in the literature.

    Raises:
        DomainError: the matrices compute something else, or do not fit together.

    Entries: winograd.filter, winograd.infinity.  Source: [LavinGray2016, section 4].

    >>> WinogradTransform([[1]], [[1]], [[2]])
    Traceback (most recent call last):
    convmath.errors.DomainError: transform='2' is the coefficient of g[0] d[0] in y[0] (needs 1)
    """

    output: Matrix
    kernel: Matrix
    data: Matrix

    def __post_init__(self) -> None:
        """Check the identity."""
        for name in ("output", "kernel", "data"):
            matrix = _matrix(name, getattr(self, name))
            object.__setattr__(self, name, matrix)
        shapes = len(self.output[0]), len(self.kernel), len(self.data)
        width = self.outputs + self.taps - 1
        if len(set(shapes)) > 1 or len(self.data[0]) != width:
            found = f"{shapes[0]} columns, {shapes[1]} and {shapes[2]} rows, the last {len(self.data[0])} wide"
            raise DomainError("transform", found, f"needs as many products everywhere, and a tile of {width} elements")
        for k, i, t in product(range(self.outputs), range(self.taps), range(width)):
            number = self.coefficient(k, i, t)
            if number != int(t == k + i):
                detail = f"is the coefficient of g[{i}] d[{t}] in y[{k}]"
                raise DomainError("transform", str(number), f"needs {int(t == k + i)}", detail)

    def __repr__(self) -> str:
        """Outputs, taps and multiplications."""
        return brief(self, f"F({self.outputs}, {self.taps})", counted(self.multiplications, "multiplication"))

    def __str__(self) -> str:
        """The three matrices."""
        return "\n".join(f"{name}\n{_written(getattr(self, name))}" for name in ("output", "kernel", "data"))

    @property
    def outputs(self) -> int:
        """Outputs of a tile, m.

        >>> winograd_transform(4, 3).outputs
        4
        """
        return len(self.output)

    @property
    def taps(self) -> int:
        """Taps of the kernel, r.

        >>> winograd_transform(4, 3).taps
        3
        """
        return len(self.kernel[0])

    @property
    def multiplications(self) -> int:
        """Multiplications of transformed entries for a tile, m + r - 1; over n axes its n-th power.

        >>> winograd_transform(4, 3).multiplications
        6
        """
        return len(self.kernel)

    @property
    def direct_multiplications(self) -> int:
        """What the sum itself takes for the same outputs, m r; over n axes its n-th power.

        >>> winograd_transform(4, 3).direct_multiplications
        12
        """
        return self.outputs * self.taps

    def coefficient(self, k: int, i: int, t: int) -> Fraction:
        """What stands before ``g[i] d[t]`` in output k.

        >>> transform = winograd_transform(2, 3)
        >>> [[int(transform.coefficient(1, i, t)) for t in range(4)] for i in range(3)]  # y[1] = sum of g[i] d[1 + i]
        [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        """
        rows = zip(self.output[k], self.kernel, self.data, strict=True)
        return sum((a * g[i] * d[t] for a, g, d in rows), start=Fraction(0))

    def correlate(self, kernel: Any, data: Any) -> Any:
        """The correlation of a tile with a kernel, computed with the matrices, nested over the axes.

        Args:
            kernel: ``taps`` entries on every axis, exact numbers, nested sequences or an array.
            data: ``outputs + taps - 1`` entries on every axis.

        Returns:
            ``outputs`` entries on every axis, as a NumPy array of objects.

        Raises:
            DomainError: kernel and data have other shapes.

        >>> winograd_transform(2, 3).correlate([1, 2, 3], [1, 0, 4, 2]).tolist()
        [Fraction(13, 1), Fraction(14, 1)]
        """
        import numpy as np

        arrays = {"kernel": np.array(kernel, dtype=object), "data": np.array(data, dtype=object)}
        for name, size in (("kernel", self.taps), ("data", self.multiplications)):
            expected = (size,) * arrays["kernel"].ndim
            if arrays[name].shape != expected or not expected:
                raise DomainError(name, arrays[name].shape, f"needs the shape {expected}")
        products = _on_every_axis(self.kernel, arrays["kernel"]) * _on_every_axis(self.data, arrays["data"])
        return _on_every_axis(self.output, products)


def winograd_transform(outputs: int, taps: int, points: Iterable[Any] | None = None) -> WinogradTransform:
    """The matrices of F(m, r): m outputs of a correlation with r taps by m + r - 1 multiplications.

    Each point gives a row: the kernel's polynomial at the point, and the data's Lagrange coefficient for it; the row of
    the kernel is divided by the denominator of that coefficient, as is usual.

    Args:
        outputs: outputs of a tile, m, an int >= 1.
        taps: taps of the kernel, r, an int >= 1.
        points: m + r - 1 different points, ints, fractions or SymPy rationals, among them at most one
            ``convmath.winograd.INFINITY``; by default those of the literature.

    Returns:
        the matrices, exact and checked.

    Raises:
        DomainError: a point occurs twice or is no exact number, or there are too few or too many of them.

    Entries: winograd.filter, winograd.infinity.  Source: [LavinGray2016, section 4].

    >>> transform = winograd_transform(2, 3)
    >>> transform.multiplications, transform.direct_multiplications
    (4, 6)
    >>> [[str(entry) for entry in row] for row in transform.kernel]
    [['1', '0', '0'], ['1/2', '1/2', '1/2'], ['1/2', '-1/2', '1/2'], ['0', '0', '1']]
    """
    for name, number in (("outputs", outputs), ("taps", taps)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise DomainError(name, number, f"needs an int {name} >= 1")
    chosen = _points(outputs + taps - 1, points)
    finite = [point for point in chosen if point is not None]
    rows = [_row(point, finite, outputs, taps, len(chosen)) for point in chosen]
    output, kernel, data = zip(*rows, strict=True)
    return WinogradTransform(tuple(zip(*output, strict=True)), tuple(kernel), tuple(data))


def _row(point: Fraction | None, finite: Sequence[Fraction], outputs: int, taps: int, width: int) -> Any:
    """What one point contributes: a column for the outputs, a row for the kernel, a row for the data."""
    data = _with_roots([other for other in finite if other != point])
    data += [Fraction(0)] * (width - len(data))
    if point is None:
        return _last(outputs), _last(taps), data
    scale = math.prod((point - other for other in finite if other != point), start=Fraction(1))
    sign = 1 if scale > 0 else -1
    powers = [point**exponent for exponent in range(max(outputs, taps))]
    return powers[:outputs], [power / abs(scale) for power in powers[:taps]], [sign * entry for entry in data]


def _with_roots(roots: Iterable[Fraction]) -> list[Fraction]:
    """The coefficients of the polynomial with these roots, the constant first, the leading one 1."""
    found = [Fraction(1)]
    for root in roots:
        found = [low - root * high for low, high in zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)]
    return found


def _last(size: int) -> list[Fraction]:
    return [Fraction(0)] * (size - 1) + [Fraction(1)]


def _points(number: int, points: Iterable[Any] | None) -> list[Fraction | None]:
    """The points as fractions, None for infinity."""
    given = [*POINTS[: number - 1], INFINITY] if points is None else list(points)
    found = [None if point == INFINITY else _exact("points", point) for point in given]
    if len(found) != number or len(set(found)) < number:
        shown = tuple("infinity" if point is None else str(point) for point in found)
        raise DomainError("points", shown, f"needs {number} different points, outputs + taps - 1")
    return found


def _written(matrix: Matrix) -> str:
    """A line for each row, its columns flush right."""
    cells = [list(map(str, row)) for row in matrix]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in cells)


def _matrix(name: str, matrix: Any) -> Matrix:
    rows = tuple(tuple(_exact(name, entry) for entry in row) for row in matrix)
    if not rows or not rows[0] or len({len(row) for row in rows}) > 1:
        raise DomainError(name, matrix, "needs rows of the same length, at least one")
    return rows


def _exact(name: str, number: Any) -> Fraction:
    """An exact rational number as a fraction; SymPy's numbers are registered as rationals."""
    if not isinstance(number, Rational) or isinstance(number, bool):
        raise DomainError(name, number, "needs exact numbers: ints, fractions or SymPy's rationals")
    return Fraction(int(number.numerator), int(number.denominator))


def _on_every_axis(matrix: Matrix, array: Any) -> Any:
    import numpy as np

    for axis in range(array.ndim):
        array = np.moveaxis(np.tensordot(np.array(matrix, dtype=object), array, axes=(1, axis)), 0, axis)
    return array
