"""How many outputs a layer has: the formula in letters and with the numbers of each axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..calculus.index import integers
from ..errors import DomainError
from ..formulas.pooling import pool_output_size
from ..formulas.size import conv_output_size, conv_transpose_output_size
from ..latex.page import Block, Paragraph, Section
from ..oracle.axes import Axis, window_axes
from ..oracle.options import Index, IntOrAxes, Padding
from ..oracle.reference.arrays import ObjectArray, exact_array
from ..phrases import say
from .calculation import Calculation, axis_names
from .layout import Writer
from .numbers import nonnegative_padding, per_axes

_N, _K, _S, _D, _A, _LO, _HI = integers("n k s d a p_l p_r")


def size_section(
    write: Writer, axes: Sequence[Axis], helper: Callable[..., Any] = conv_output_size, extra: Index = ()
) -> Section:
    """The output size of every axis; ``extra`` is the output padding of a transposed convolution."""
    return Section(say("Size"), tuple(_sizes(write, axes, helper, extra)))


def _sizes(write: Writer, axes: Sequence[Axis], helper: Callable[..., Any], extra: Index) -> Iterator[Block]:
    transposed = helper is conv_transpose_output_size
    letters = {"input_size": _N, "kernel_size": _K, "stride": _S, "dilation": _D, "padding": (_LO, _HI)}
    term = helper(**letters, **({"output_padding": _A} if transposed else {}))
    shown: dict[tuple[int, ...], list[str]] = {}
    for name, axis, a in zip(axis_names(len(axes)), axes, extra or (0,) * len(axes), strict=True):
        n, out = (axis.output_size, axis.input_size) if transposed else (axis.input_size, axis.output_size)
        numbers = (n, axis.kernel_size, axis.stride, axis.dilation, axis.lo, axis.hi, a, out)
        shown.setdefault(numbers, []).append(name)
    for (n, k, s, d, lo, hi, a, out), names in shown.items():
        known = {_N: n, _K: k, _S: s, _D: d, _LO: lo, _HI: hi} | ({_A: a} if transposed else {})
        yield Paragraph(
            say(
                "Number of {axes}, with {numbers}:",
                axes=say(" and ").join(names),
                numbers=", ".join(write.equal(str(letter), number) for letter, number in known.items()),
            )
        )
        yield from write.chain("", [*write.formula(term, known), write.terms([out])])


def pool_helper(ceil_mode: bool) -> Callable[..., Any]:
    """The helper of a pooling layer, whose size depends on the rounding.

    >>> pool_helper(True)(6, 3, stride=2)
    3
    """

    def helper(input_size: Any, kernel_size: Any, **options: Any) -> Any:
        return pool_output_size(input_size, kernel_size, ceil_mode=ceil_mode, **options)

    return helper


@dataclass(frozen=True, repr=False)
class Size(Calculation):
    """The output size of a convolution, from the sizes alone.

    Raises:
        DomainError: an option is out of range, or no window fits.

    >>> Size((8, 8), (3, 5), stride=(3, 4), padding=(0, 1)).result.tolist()
    [2, 2]
    """

    input_size: Index
    kernel_size: Index
    stride: IntOrAxes = 1
    padding: Padding = 0
    dilation: IntOrAxes = 1
    kind: ClassVar[str] = "size"

    def __post_init__(self) -> None:
        """Refuse what has no window."""
        if not 1 <= len(self.input_size) <= 2:
            raise DomainError("input_size", self.input_size, "needs 1 or 2 axes")
        self.axes  # noqa: B018 - checked when it is made

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The access relation of every axis."""
        ndim = len(self.input_size)
        return window_axes(
            per_axes("input_size", self.input_size, ndim),
            per_axes("kernel_size", self.kernel_size, ndim),
            stride=self.stride,
            padding=nonnegative_padding(self.padding, ndim),
            dilation=self.dilation,
        )

    @property
    def title(self) -> str:
        """What is computed."""
        return say("Output size of a convolution")

    @property
    def result(self) -> ObjectArray:
        """Elements per axis."""
        return exact_array("result", [axis.output_size for axis in self.axes])

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The formula with the numbers of each axis."""
        yield size_section(write, self.axes)
