"""Pooling, reductions, upsampling and pixel shuffle."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import torch

from ....errors import DomainError
from ...operators import AdaptivePool, Operator, PixelShuffle, PixelUnshuffle, Pool, Reduce, Resize, Unknown
from ...origin import RESCALED, SCALES
from ...sizes.in_operators import numbers
from ..builder import Builder
from ..registry import NotUnderstoodError, RefusedError, handles
from ..values import Value
from .shared import (
    batched,
    dimension,
    dimensions,
    is_whole,
    of_fractions,
    per_axis,
    sizes_from,
    summed_type,
    without_value,
)

Extremes = namedtuple("Extremes", "values indices")


def with_places(builder: Builder, values: Value, places: Operator, x: Value, name: str) -> Extremes:
    """Elements and where they are, as an operator says it of ``x``: a step only where something reads that."""
    return Extremes(values, builder.later(places, x, sizes=values.carried, dtype=torch.int64, name=name))


def chosen(name: str, place: str, builder: Builder, x: Value, dim: Any = None, keepdim: bool = False) -> Any:
    """One element along a dimension, with its place; or over everything."""
    values = builder.emit(Reduce(name, dimensions(x, dim), bool(keepdim)), x)
    if dim is None:
        return values
    return with_places(builder, values, Reduce(place, (dimension(x, dim),), bool(keepdim)), x, place)


def _pool(builder: Builder, how: str, axes: int, x: Value, kernel_size: Any, stride: Any, **options: Any) -> Value:
    kernel = per_axis(kernel_size, axes)
    steps = kernel if stride is None or stride in ([], ()) else per_axis(stride, axes)
    ceil_mode = bool(options.pop("ceil_mode"))
    window = {name: per_axis(value, axes) for name, value in options.items()}
    pool = Pool(how, kernel, steps, ceil_mode=ceil_mode, **window)
    return batched(builder, x, axes, lambda y: builder.emit(pool, y))


def _with_indices(builder: Builder, pooled: Value) -> tuple[Value, ...]:
    """With where the maxima are."""
    places = Unknown("max_indices", "where the maxima are is not followed", pooled.carried)
    return tuple(with_places(builder, pooled, places, pooled, "indices"))


def _max_pool(
    axes: int,
    builder: Builder,
    x: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    window = {"padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    pooled = _pool(builder, "max", axes, x, kernel_size, stride, **window)
    return _with_indices(builder, pooled) if return_indices else pooled


def _with_places(pool: Any, axes: int, builder: Builder, *args: Any, **options: Any) -> Any:
    """Torch's functions of this name return both, whatever the option says."""
    return pool(axes, builder, *args, **options | {"return_indices": True})


def _fits(axes: int, x: Value, kernel_size: Any) -> None:
    """Along three axes torch averages only where the kernel fits without padding, and without rounding up."""
    kernel = per_axis(kernel_size, axes)
    if axes == 3 and any(n < k for n, k in zip(x.carried[-3:], kernel, strict=False)):
        sizes = numbers(x.carried[-3:])
        raise DomainError("kernel_size", kernel, f"needs the sizes {sizes} to be as large before they are padded, too")


def _avg_pool(
    axes: int,
    builder: Builder,
    x: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    _fits(axes, x, kernel_size)
    return _pool(builder, "avg", axes, x, kernel_size, stride, padding=padding, ceil_mode=ceil_mode)


def _lp_pool(
    axes: int,
    builder: Builder,
    x: Value,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Value:
    _fits(axes, x, kernel_size)
    return _pool(builder, "lp", axes, x, kernel_size, stride, ceil_mode=ceil_mode)


def _adaptive(how: str, axes: int, builder: Builder, x: Value, output_size: Any, return_indices: bool = False) -> Any:
    of_fractions(f"adaptive_{how}_pool{axes}d", x)
    wanted = per_axis(output_size, axes)
    if axes == 1 and None in wanted:
        raise RefusedError("output_size", wanted, "along one axis it needs a number")
    pool = AdaptivePool(how, wanted)
    pooled = batched(builder, x, axes, lambda y: builder.emit(pool, y))
    return _with_indices(builder, pooled) if return_indices else pooled


_adaptive_max = partial(_adaptive, "max")
for _axes in (1, 2, 3):
    handles(f"max_pool{_axes}d")(partial(_max_pool, _axes))
    handles(f"avg_pool{_axes}d")(partial(_avg_pool, _axes))
    handles(f"lp_pool{_axes}d")(partial(_lp_pool, _axes))
    handles(f"adaptive_avg_pool{_axes}d", f"_adaptive_avg_pool{_axes}d")(partial(_adaptive, "avg", _axes))
    handles(f"functional.adaptive_max_pool{_axes}d")(partial(_adaptive_max, _axes))
    handles(f"max_pool{_axes}d_with_indices")(partial(_with_places, _max_pool, _axes))
    handles(f"adaptive_max_pool{_axes}d", f"adaptive_max_pool{_axes}d_with_indices")(
        partial(_with_places, _adaptive_max, _axes)
    )


_MEANS = ("mean", "nanmean")
_TYPES: dict[str, Callable[[Value], Any]] = {
    **dict.fromkeys(("sum", "nansum", "prod"), summed_type),
    **dict.fromkeys(("all", "any"), lambda x: torch.uint8 if x.dtype is torch.uint8 else torch.bool),
    **dict.fromkeys(("count_nonzero", "argmax", "argmin"), lambda _: torch.int64),
    **dict.fromkeys(("var", "std"), lambda x: x.dtype.to_real()),
    "logsumexp": lambda x: torch.get_default_dtype() if is_whole(x.dtype) else x.dtype,
}
"""Those whose results are of other types than their tensors."""


def _reduce(
    how: str, builder: Builder, x: Value, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, **_: Any
) -> Value:
    without_value(dim)
    if how in _MEANS:
        of_fractions(how, x, dtype)
    kind = dtype or (_TYPES[how](x) if how in _TYPES else None)
    return builder.emit(Reduce(how, dimensions(x, dim), bool(keepdim)), x, dtype=kind)


for _how in ("mean", "sum", "amax", "amin", "prod", "logsumexp", "nanmean", "nansum", "all", "any", "argmax", "argmin"):
    handles(_how)(partial(_reduce, _how))


@handles("count_nonzero")
def _count_nonzero(builder: Builder, x: Value, *dims: Any, dim: Any = None) -> Value:
    """Its method takes dimensions one by one, too."""
    return _reduce("count_nonzero", builder, x, sizes_from(dims) if dims and dims != (None,) else dim)


def _spread(how: str, builder: Builder, x: Value, dim: Any = None, *rest: Any, **options: Any) -> Value:
    """A variance or deviation: of everything, if the first option is a flag."""
    if isinstance(dim, bool):
        dim, rest = None, ()
    of_fractions(how, x)
    keepdim = options.get("keepdim", rest[-1] if len(rest) > 1 else False)
    return _reduce(how, builder, x, dim, keepdim)


for _how in ("var", "std"):
    handles(_how)(partial(_spread, _how))


def _with_mean(how: str, builder: Builder, x: Value, *args: Any, **options: Any) -> Any:
    return _spread(how, builder, x, *args, **options), _spread("mean", builder, x, *args, **options)


for _how in ("var", "std"):
    handles(f"{_how}_mean")(partial(_with_mean, _how))


_NORMS = {0: "l0", 1: "l1", math.inf: "linf", -math.inf: "linf"}


def norm_of(order: Any) -> str:
    """The reduction that a norm of an order is: those of 0, 1 and infinity take no root."""
    return _NORMS.get(order, "norm") if isinstance(order, int | float) else "norm"


@handles("norm", "functional.norm")
def _norm(builder: Builder, x: Value, p: Any = 2, dim: Any = None, keepdim: bool = False, **options: Any) -> Value:
    if p == "nuc":
        raise NotUnderstoodError("the nuclear norm is not a sum over elements")
    kind = (options.get("dtype") or x.dtype).to_real()
    return builder.emit(Reduce(norm_of(p), dimensions(x, dim), bool(keepdim)), x, dtype=kind)


@handles("vector_norm", "linalg_vector_norm")
def _vector_norm(builder: Builder, x: Value, ord: Any = 2, *options: Any, **others: Any) -> Value:  # noqa: A002
    return _norm(builder, x, ord, *options, **others)


@handles("linalg_norm")
def _linalg_norm(
    builder: Builder,
    x: Value,
    ord: Any = None,  # noqa: A002
    dim: Any = None,
    keepdim: bool = False,
    **options: Any,
) -> Value:
    """Of elements; over two dimensions by an order it is that of a matrix."""
    if ord not in (None, "fro") and (x.rank if dim is None else len(dimensions(x, dim))) == 2:
        raise NotUnderstoodError("the norm of a matrix is not a sum over elements")
    return _norm(builder, x, 2 if ord is None else ord, dim, keepdim)


def _extreme(how: str, builder: Builder, x: Value, dim: Any = None, keepdim: bool = False) -> Any:
    """Over a dimension, with the places; over everything; or of two tensors."""
    if not isinstance(dim, Value):
        return chosen(f"a{how}", f"arg{how}", builder, x, dim, keepdim)
    from .elementwise import combined

    return combined(f"{how}imum", builder, x, dim)


for _how in ("max", "min"):
    handles(_how)(partial(_extreme, _how))


# Upsampling

_MODES = {
    "nearest": "nearest",
    "nearest-exact": "nearest_exact",
    "linear": "linear",
    "bilinear": "linear",
    "trilinear": "linear",
    "bicubic": "cubic",
}
_RANKS = {"linear": (3,), "bilinear": (4,), "bicubic": (4,), "trilinear": (5,)}
"""The numbers of dimensions that a mode needs; the others take all of them."""


def _require_mode(x: Value, mode: str, size: Any, scale_factor: Any, align_corners: bool | None) -> None:
    """Require what torch does of a mode and its options."""
    ranks = _RANKS.get(mode, (3, 4, 5))
    if x.rank not in ranks:
        raise RefusedError("dimensions", x.rank, f"{mode} interpolation needs {' or '.join(map(str, ranks))}")
    if (size is None) == (scale_factor is None):
        raise RefusedError("size", size, "interpolation needs either size or scale_factor")
    for option in (size, scale_factor):
        if isinstance(option, list | tuple) and len(option) != x.rank - 2:
            raise RefusedError("size", tuple(option), f"interpolation needs one for each of {x.rank - 2} axes")
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise RefusedError("align_corners", align_corners, f"{mode} interpolation has none")


@handles("interpolate", "upsample", "functional.interpolate", "functional.upsample")
def interpolate(
    builder: Builder,
    x: Value,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    *options: Any,
    **others: Any,
) -> Value:
    """As torch's function of this name, with all that it requires."""
    if x.dtype is not torch.uint8:
        of_fractions("interpolation", x)
    _require_mode(x, mode, size, scale_factor, align_corners)
    return _resized(builder, x, size, scale_factor, mode, align_corners, *options, **others)


def _resized(
    builder: Builder,
    x: Value,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Value:
    """To given sizes, or scaled ones rounded down in floating point, as torch rounds them.

    Where the scale is given it is the ratio of the places, too, unless it is computed anew from the sizes.
    """
    axes = x.rank - 2
    if antialias:
        raise NotUnderstoodError("an antialiased resize reads windows that depend on the scale")
    if size is not None:
        without_value(size)
        sizes, scale = per_axis(size, axes), None
    else:
        factors = per_axis(scale_factor, axes)
        sizes = tuple(math.floor(n * float(factor)) for n, factor in zip(x.carried[2:], factors, strict=True))
        scale = None if recompute_scale_factor else tuple(map(_fraction, factors))
    called = _scaling(size, scale_factor, known=scale is not None and mode != "area")
    if mode == "area":
        return builder.emit(AdaptivePool("avg", sizes), x, function=called)
    if any(n < 1 for n in numbers(sizes)):
        raise RefusedError("sizes", numbers(sizes), f"interpolation from {numbers(x.carried[2:])} needs sizes >= 1")
    if mode not in _MODES:
        raise NotUnderstoodError(f"mode {mode} is not one of {', '.join(_MODES)}")
    scaled = scale is not None and numbers(sizes) == tuple(
        n * ratio.numerator // ratio.denominator for n, ratio in zip(numbers(x.carried[2:]), scale, strict=True)
    )
    always = scaled and all(_rounds_alike(float(factor)) for factor in factors)
    resized = Resize(_MODES[mode], scale, None if always else sizes, bool(align_corners))
    return builder.emit(resized, x, function=called if scaled or not called else RESCALED)


def _scaling(size: Any, scale_factor: Any, *, known: bool) -> str:
    """How the scale was given, where that matters to those who count: as no whole numbers."""
    several = isinstance(scale_factor, list | tuple)
    if size is not None or all(float(one).is_integer() for one in (scale_factor if several else (scale_factor,))):
        return ""
    return RESCALED if not known else SCALES if several else ""


@lru_cache(maxsize=256)
def _rounds_alike(factor: float) -> bool:
    """Whether products of sizes and a float are rounded down as those with the fraction p/q that it stands for.

    For p < 2**20 they are at sizes up to 2**32, if the float is larger or too small by at most one part in 2**54. A
    product that is no integer is by 1/q or more below the next one, and n p < 2**52. Where n p/q is an integer m, the
    product is at least m, or so close to m that m is the nearest float, also at a power of two.

    >>> _rounds_alike(0.75), _rounds_alike(1 / 3), _rounds_alike(57 / 79)
    (True, True, False)
    """
    ratio = _fraction(factor)
    return ratio.numerator < 2**20 and Fraction(factor) >= ratio * (1 - Fraction(1, 2**54))


def _fraction(factor: float) -> Fraction:
    """The simple fraction that the float stands for, or the float itself."""
    simple = Fraction(factor).limit_denominator(1000)
    return simple if float(simple) == float(factor) else Fraction(factor)


def _nearest(mode: str, builder: Builder, x: Value, output_size: Any = None, scale_factors: Any = None) -> Value:
    return _resized(builder, x, output_size, scale_factors, mode)


def _aligned(
    mode: str, builder: Builder, x: Value, output_size: Any, align_corners: bool, scale_factors: Any = None
) -> Value:
    return _resized(builder, x, output_size, scale_factors, mode, align_corners)


for _axes in (1, 2, 3):
    handles(f"upsample_nearest{_axes}d")(partial(_nearest, "nearest"))
    handles(f"_upsample_nearest_exact{_axes}d")(partial(_nearest, "nearest-exact"))
for _mode, _axes in (("linear", 1), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2)):
    handles(f"upsample_{_mode}{_axes}d")(partial(_aligned, _mode))
handles("functional.upsample_nearest")(interpolate)
handles("functional.upsample_bilinear")(partial(interpolate, mode="bilinear", align_corners=True))


@handles("pixel_shuffle")
def _pixel_shuffle(builder: Builder, x: Value, upscale_factor: int) -> Value:
    return batched(builder, x, 2, lambda y: builder.emit(PixelShuffle(upscale_factor), y))


@handles("pixel_unshuffle")
def _pixel_unshuffle(builder: Builder, x: Value, downscale_factor: int) -> Value:
    return batched(builder, x, 2, lambda y: builder.emit(PixelUnshuffle(downscale_factor), y))
