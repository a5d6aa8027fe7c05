"""The cases reach the corners in which mistakes hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from .cases import (
    AXIS_CORNERS,
    CHANNEL_CORNERS,
    SHARE,
    TRANSPOSED_AXIS_CORNERS,
    Axis,
    LayerCase,
    Stack,
    axes,
    count_windows,
    layers,
    stacks,
    transposed_axes,
)
from .claims import caught, for_all
from .fields import Field, fields


def reached(ndim: int, corners: Mapping[str, Callable[[Axis], bool]], *, transposed: bool = False) -> set[str]:
    """The corners that as many examples reach as a property test on so many axes has."""
    found: set[str] = set()

    def collect(case: LayerCase) -> list[str]:
        found.update(name for name, there in corners.items() if any(map(there, case.axes)))
        found.update(name for name, there in CHANNEL_CORNERS.items() if there(case))
        return []

    for_all(layers(ndim, transposed=transposed), collect, share=SHARE[ndim])
    return found


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_layers_reach_every_corner(ndim):
    assert {*AXIS_CORNERS, *CHANNEL_CORNERS} - reached(ndim, AXIS_CORNERS) == set()


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_transposed_layers_reach_every_corner(ndim):
    missed = {*TRANSPOSED_AXIS_CORNERS, *CHANNEL_CORNERS} - reached(ndim, TRANSPOSED_AXIS_CORNERS, transposed=True)
    assert missed == set()


def test_a_corner_that_is_not_reached_is_noticed():
    assert "kernel of 9" not in reached(1, {"kernel of 9": lambda axis: axis.k == 9})


def test_every_axis_has_a_window_and_hides_nothing():
    def differ(axis):
        windows = count_windows(axis.n, axis.k, axis.s, axis.d, axis.lo, axis.hi)
        written = axis.s * (axis.K - 1) + axis.reach + 1 + axis.output_padding
        return [] if windows == axis.K >= 1 <= axis.n and written == axis.n + axis.lo + axis.hi else [f"{axis}"]

    for_all(axes(), differ)


def test_every_transposed_axis_writes_its_size():
    def differ(axis):
        written = axis.s * (axis.K - 1) + axis.reach + 1 + axis.output_padding
        fits = 0 <= axis.output_padding < max(axis.s, axis.d) and axis.n >= 1
        return [] if fits and written == axis.n + axis.lo + axis.hi else [f"{axis}"]

    for_all(transposed_axes(), differ)


STACK_CORNERS: dict[str, Callable[[Stack], bool]] = {
    "no layer": lambda stack: not stack.layers,
    "four layers": lambda stack: len(stack.layers) == 4,
    "two roundings": lambda stack: sum(bool(layer.output_padding) for layer in stack.layers) > 1,
    "dilation and stride": lambda stack: any(layer.d > 1 < layer.s and layer.k > 1 for layer in stack.layers),
    "unequal padding": lambda stack: any(layer.lo != layer.hi for layer in stack.layers),
}
FIELD_CORNERS: dict[str, Callable[[Field], bool]] = {
    "no layer": lambda field: not field.layers,
    "three layers": lambda field: field.depth == 3,
    "strides below a dilated kernel": lambda field: any(
        below.s > 1 and above.d > 1 < above.k for below, above in zip(field.layers, field.layers[1:], strict=False)
    ),
    "gaps in the field": lambda field: any(layer.d > 1 < layer.k and layer.s > 1 for layer in field.layers),
    "stride > kernel": lambda field: any(layer.s > layer.k for layer in field.layers),
    "padding > reach": lambda field: any(layer.p > layer.d * (layer.k - 1) for layer in field.layers),
}


@pytest.mark.parametrize("corner", STACK_CORNERS)
def test_stacks_reach_the_corner(corner):
    caught(stacks(), lambda stack: [corner] if STACK_CORNERS[corner](stack) else [])


@pytest.mark.parametrize("corner", FIELD_CORNERS)
def test_fields_reach_the_corner(corner):
    caught(fields(), lambda field: [corner] if FIELD_CORNERS[corner](field) else [])


@pytest.mark.parametrize(
    ("arguments", "windows"), [((5, 3, 1, 1, 0, 0), 3), ((5, 3, 2, 2, 1, 1), 2), ((1, 2, 1, 1, 0, 0), 0)]
)
def test_windows_are_counted_one_by_one(arguments, windows):
    assert count_windows(*arguments) == windows
