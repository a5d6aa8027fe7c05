"""Number formats, rounding to them, and the arithmetic that a kernel claims to compute in.

A float format has precision p (significand bits, the leading one counted), so that each integer up to 2**p is one of
its numbers, and rounding to nearest changes a number in its normal range by a factor within 1 +- u, where u = 2**-p is
the unit roundoff [Higham2002, section 2.1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import DomainError


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format; exponents are those of its least and its greatest normal numbers.

    >>> number_format("float16").largest
    65504.0
    """

    name: str
    precision: int
    min_exponent: int
    max_exponent: int
    container: np.dtype[Any]

    @property
    def unit_roundoff(self) -> float:
        """The largest relative change by rounding to nearest, underflow aside: 2**-precision."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """The least positive number of full precision."""
        return 2.0**self.min_exponent

    @property
    def smallest(self) -> float:
        """The least positive number, which is subnormal."""
        return 2.0 ** (self.min_exponent - self.precision + 1)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.max_exponent

    @property
    def largest_integer(self) -> int:
        """Each integer up to this one, of either sign, is a number of the format."""
        return int(2**self.precision)

    def holds(self, other: FloatFormat) -> bool:
        """Whether each finite number of the other format is one of this.

        >>> float_format("float32").holds(float_format("tf32")), float_format("float16").holds(float_format("tf32"))
        (True, False)
        """
        return self.precision >= other.precision and self.smallest <= other.smallest and self.largest >= other.largest


@dataclass(frozen=True)
class IntegerFormat:
    """Two's complement integers.

    >>> number_format("int8").largest_integer
    127
    """

    name: str
    bits: int
    container: np.dtype[Any]

    @property
    def largest_integer(self) -> int:
        """Each integer up to this one, of either sign, is a number of the format."""
        return int(2 ** (self.bits - 1)) - 1


NumberFormat: TypeAlias = FloatFormat | IntegerFormat

FORMATS: dict[str, NumberFormat] = {
    "float64": FloatFormat("float64", 53, -1022, 1023, np.dtype(np.float64)),
    "float32": FloatFormat("float32", 24, -126, 127, np.dtype(np.float32)),
    "float16": FloatFormat("float16", 11, -14, 15, np.dtype(np.float16)),
    "bfloat16": FloatFormat("bfloat16", 8, -126, 127, np.dtype(np.float32)),
    "tf32": FloatFormat("tf32", 11, -126, 127, np.dtype(np.float32)),
    **{f"int{bits}": IntegerFormat(f"int{bits}", bits, np.dtype(f"int{bits}")) for bits in (8, 16, 32, 64)},
}
"""The formats by name. NumPy has no bfloat16 and no TF32: their numbers are kept in float32, which has them all."""


def number_format(name: Any) -> NumberFormat:
    """The format of a name, or of anything that NumPy takes for a dtype; DomainError if there is none.

    TF32 has the exponents of float32 and 10 bits after the leading one [NVIDIATF32]; bfloat16 has 7.

    >>> number_format(np.float32).precision, number_format("tf32").precision
    (24, 11)
    """
    if isinstance(name, (FloatFormat, IntegerFormat)):
        return name
    if isinstance(name, str) and name in FORMATS:
        return FORMATS[name]
    try:
        found = FORMATS.get(np.dtype(name).name)
    except TypeError:
        found = None
    if found is None:
        raise DomainError("dtype", name, f"needs one of {', '.join(FORMATS)}")
    return found


def float_format(name: Any) -> FloatFormat:
    """Like :func:`number_format`, for floats only.

    >>> float_format("bfloat16").unit_roundoff
    0.00390625
    """
    found = number_format(name)
    if not isinstance(found, FloatFormat):
        raise DomainError("dtype", found.name, "needs a float format")
    return found


def round_to(values: Any, dtype: Any) -> npt.NDArray[Any]:
    """Floats rounded to the nearest number of a float format, ties to even, in one step; overflow gives infinity.

    The result has the format's container type. Float types wider than float64 are refused with a DomainError.

    >>> round_to([1 + 2**-8, 1 + 3 * 2**-8, 1e39], "bfloat16").tolist()
    [1.0, 1.015625, inf]
    """
    target, array = float_format(dtype), np.asarray(values)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise DomainError("values", array.dtype.name, "needs float64, float32 or float16")
    with np.errstate(over="ignore", invalid="ignore"):  # values next to the range of float64, signalling NaN
        wide = array.astype(np.float64)
        _, exponent = np.frexp(wide)
        step = np.maximum(exponent - target.precision, target.min_exponent - target.precision + 1)
        rounded = np.ldexp(np.rint(np.ldexp(wide, -step)), step)
        rounded = np.where(np.abs(rounded) > target.largest, np.copysign(np.inf, wide), rounded)
        return np.asarray(rounded.astype(target.container))


@dataclass(frozen=True)
class Arithmetic:
    """What a kernel computes in, as it claims; a judgement holds it to that. Made by :func:`arithmetic`."""

    storage: NumberFormat
    inputs: NumberFormat
    accumulator: NumberFormat
    output: NumberFormat
    truncating: bool
    flushing: bool

    @property
    def exact_limit(self) -> int:
        """Each integer up to this one is exact wherever a sum may be kept: in the accumulator and in the output."""
        return min(self.accumulator.largest_integer, self.output.largest_integer)

    @property
    def entry_limit(self) -> int:
        """Each integer up to this one is exact as an argument."""
        return min(self.storage.largest_integer, self.inputs.largest_integer)

    def __str__(self) -> str:
        """In words."""
        parts = [
            (self.inputs != self.storage, f"inputs in {self.inputs.name}"),
            (self.accumulator != self.storage, f"sums in {self.accumulator.name}"),
            (self.output != self.storage, f"output in {self.output.name}"),
            (self.truncating, "truncation"),
            (self.flushing, "flush to zero"),
        ]
        extra = ", ".join(text for holds, text in parts if holds)
        return f"{self.storage.name} with {extra}" if extra else self.storage.name


def arithmetic(
    storage: Any,
    *,
    inputs: Any = None,
    accumulator: Any = None,
    output: Any = None,
    truncating: bool = False,
    flushing: bool = False,
) -> Arithmetic:
    """The arithmetic with these formats; DomainError for an unknown format.

    Args:
        storage: the format of the arguments; an :class:`Arithmetic` is returned as it is.
        inputs: what the factors of a product are rounded to, for instance "tf32"; unless given ``storage``, or the
            accumulator's format if that is narrower.
        accumulator: what products and sums are rounded to; ``storage`` unless given.
        output: the format of the result; ``storage`` unless given.
        truncating: factors and sums are cut off instead of rounded, and several products added at once, aligned to the
            largest of them, as tensor cores do [FasiHighamMikaitisPranesh2021].
        flushing: a result below the normal range may become 0.

    >>> print(arithmetic("float32", inputs="tf32"))
    float32 with inputs in tf32
    """
    if isinstance(storage, Arithmetic):
        return storage
    stored = number_format(storage)
    sums = stored if accumulator is None else number_format(accumulator)
    narrower = isinstance(stored, FloatFormat) and isinstance(sums, FloatFormat) and not sums.holds(stored)
    return Arithmetic(
        storage=stored,
        inputs=(sums if narrower else stored) if inputs is None else number_format(inputs),
        accumulator=sums,
        output=stored if output is None else number_format(output),
        truncating=truncating,
        flushing=flushing,
    )
