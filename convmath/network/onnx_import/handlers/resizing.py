"""Interpolation, tiling, and moves between channels and space."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ....errors import DomainError
from ...operators import Interpolate, PixelShuffle, PixelUnshuffle, Repeat, Sizes
from ...operators.interpolation import COORDINATES
from .. import other_programs
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value

_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
_ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@handles("Upsample")
def _upsample(call: Call) -> Value:
    """By given factors; position o falls on o divided by the factor, and the nearest element is the one before."""
    rank = call.rank()
    if call.opset < 7:
        scales = [1.0, 1.0, call.decimal("height_scale"), call.decimal("width_scale")]
    else:
        scales = list(call.decimals("scales")) if call.opset < 9 else call.numbers(1)
    if len(scales) != rank:
        raise DomainError("node", call.name, f"Upsample needs a factor for each of {rank} dimensions, and not {scales}")
    return _interpolated(call, _mode(call), "asymmetric", "floor", dict(enumerate(scales)), None)


@handles("Resize")
def _resize(call: Call) -> Value:
    """By given factors or to given sizes. [onnx.Resize]"""
    sizes = call.sizes(kept=True)
    if call.opset < 11:
        scales = call.numbers(1)
        if len(scales) != len(sizes):
            raise DomainError(
                "node", call.name, f"Resize needs a factor for each dimension of {sizes}, and not {scales}"
            )
        rounding = "ceil" if min(scales, default=1) < 1 else "floor"
        return _interpolated(call, _mode(call), "asymmetric", rounding, dict(enumerate(scales)), None)
    axes = call.integers("axes", None) if call.opset >= 18 else None
    dims = [call.dimension(axis, len(sizes)) for axis in axes] if axes is not None else list(range(len(sizes)))
    given = {number: call.optional(number) for number in (2, 3)}
    filled = [number for number, value in given.items() if value is not None and value.sizes != (0,)]
    if len(filled) != 1:
        raise DomainError("node", call.name, "Resize needs either factors or sizes")
    numbers = call.numbers(2) if filled == [2] else call.whole(3, kept=True)
    if len(numbers) != len(dims):
        raise DomainError(
            "node", call.name, f"Resize needs a number for each of {len(dims)} dimensions, and not {numbers}"
        )
    wanted = dict(zip(dims, numbers, strict=True))
    if filled == [3] and call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotUnderstoodError("it keeps the ratio of the sizes")
    coordinates = call.text("coordinate_transformation_mode", "half_pixel")
    rounding = call.text("nearest_mode", "round_prefer_floor")
    given_sizes = wanted if filled == [3] else None
    return _interpolated(call, _mode(call), coordinates, rounding, None if given_sizes else wanted, given_sizes)


def _mode(call: Call) -> str:
    mode = call.text("mode", "nearest")
    if mode not in _MODES:
        raise NotUnderstoodError(f"its mode {mode} is not one of those that are understood")
    return _MODES[mode]


def _interpolated(
    call: Call, mode: str, coordinates: str, rounding: str, scales: dict[int, Any] | None, wanted: dict[int, Any] | None
) -> Value:
    sizes = call.sizes(kept=all(Fraction(_factor(call, scale)).denominator == 1 for scale in (scales or {}).values()))
    output = [
        _scaled(call, n, (scales or {}).get(d, 1.0)) if wanted is None else wanted.get(d, n)
        for d, n in enumerate(sizes)
    ]
    if len(sizes) < 3 or output[:2] != list(sizes[:2]):
        raise NotUnderstoodError("it resizes other dimensions than the spatial axes")
    ratios = [Fraction((scales or {}).get(d, 1.0)) for d in range(2, len(sizes))] if wanted is None else None
    if coordinates == "half_pixel_symmetric" and (ratios is None or _fits(sizes, output, ratios)):
        coordinates = "half_pixel"
    if coordinates not in COORDINATES:
        raise NotUnderstoodError(f"its coordinates {coordinates} are not followed")
    if rounding not in _ROUNDINGS:
        raise DomainError("node", call.name, f"nearest_mode={rounding!r} needs one of {', '.join(_ROUNDINGS)}")
    if call.opset >= 18 and call.integer("antialias", 0) and any(m < n for n, m in zip(sizes, output, strict=True)):
        raise NotUnderstoodError("it widens its window where it shrinks (antialias)")
    exact = ratios is not None and _fits(sizes, output, ratios)
    fixed = None if exact else tuple(output[2:])
    scale = None if ratios is None else tuple(ratios)
    value = call.emit(Interpolate(mode, scale, fixed, coordinates=coordinates, rounding=rounding), call.value())
    if ratios is not None and any(ratio.denominator > 1 for ratio in ratios):
        other_programs.from_inference(call, value, "it does not multiply as 32-bit floats")
    return value


def _fits(sizes: Sizes, output: list[Any], ratios: list[Fraction]) -> bool:
    """Whether the output has exactly as many elements as the factors say, without any rounding."""
    return all(
        ratio.denominator == 1 or (isinstance(n, int) and n * ratio == m)
        for n, m, ratio in zip(sizes[2:], output[2:], ratios, strict=True)
    )


def _factor(call: Call, scale: float) -> float:
    """The factor, if sizes can be multiplied by it."""
    if not 0 < scale < float("inf"):
        raise DomainError("node", call.name, f"{call.op} needs factors > 0, and not {scale}")
    return scale


def _scaled(call: Call, size: Any, scale: float) -> Any:
    """``floor(size * scale)``, multiplied as 32-bit floats as ONNX does."""
    if scale == int(scale):
        return size * int(scale)
    if not isinstance(size, int):
        raise NotUnderstoodError("its factor is no integer, and the size is a symbol")
    if size > other_programs.EXACT:
        raise NotUnderstoodError(f"its factor is no integer, and the size {size} is not exact as a 32-bit float")
    return int(np.floor(np.float32(size) * np.float32(scale)))


@handles("Tile")
def _tile(call: Call) -> Value:
    """The whole tensor again along its dimensions."""
    if call.opset < 6:
        raise NotUnderstoodError("its version before opset 6 is not followed")
    return call.emit(Repeat(tuple(call.whole(1))), call.value())


@handles("DepthToSpace", "SpaceToDepth")
def _depth(call: Call) -> Value:
    """In either order of the channels, which changes neither sizes nor what is read."""
    if call.rank() != 4:
        raise NotUnderstoodError("it moves between channels and other than two spatial axes")
    size = call.integer("blocksize")
    if size < 1:
        raise DomainError("node", call.name, f"blocksize={size} needs blocksize >= 1")
    return call.emit(PixelShuffle(size) if call.op == "DepthToSpace" else PixelUnshuffle(size), call.value())
