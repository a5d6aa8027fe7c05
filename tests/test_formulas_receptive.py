"""Receptive fields against the support of torch gradients, composition, and the exact centre."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy

from convmath import ReceptiveField, Window, receptive_field

Layer = tuple[int, int, int, int, int]
"""kernel_size, stride, padding before, padding after, dilation."""


def stacks(count: int) -> list[list[Layer]]:
    draw = random.Random(2019)  # noqa: S311
    return [
        [
            (draw.randint(1, 4), draw.randint(1, 3), draw.randint(0, 3), draw.randint(0, 3), draw.randint(1, 3))
            for _ in range(draw.randint(1, 4))
        ]
        for _ in range(count)
    ]


STACKS = stacks(150)


def seen(stack: list[Layer], n: int, i: int) -> tuple[int, int]:
    """First element and one past the last that position ``i`` sees, from the gradient of a stack of convolutions.

    The weights are positive, so that nothing cancels.
    """
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x = torch.zeros(1, 1, n, dtype=torch.float64, requires_grad=True)
    y = x
    for k, s, lo, hi, d in stack:
        weight = torch.ones(1, 1, k, dtype=torch.float64)
        y = functional.conv1d(functional.pad(y, (lo, hi)), weight, stride=s, dilation=d)
    y[0, 0, i].backward()
    support = x.grad[0, 0].nonzero()[:, 0].tolist()
    return support[0], support[-1] + 1


def interior(field: ReceptiveField) -> tuple[int, int]:
    """An input size and a position whose interval lies inside it, with the next position's."""
    i = -(-field.padding // field.stride)
    return (i + 1) * field.stride - field.padding + field.size, i


def field_of(stack: list[Layer]) -> ReceptiveField:
    return receptive_field([Window(k, s, (lo, hi), d) for k, s, lo, hi, d in stack])


@pytest.fixture(scope="module")
def supports() -> list[tuple[list[Layer], int, tuple[int, int], tuple[int, int]]]:
    """For each stack a position, what it sees and what the next one sees."""
    found = []
    for stack in STACKS:
        n, i = interior(field_of(stack))
        found.append((stack, i, seen(stack, n, i), seen(stack, n, i + 1)))
    return found


def wrong_fields(supports, size_stride_padding):
    wrong = []
    for stack, i, support, following in supports:
        size, stride, padding = size_stride_padding(stack)
        start = i * stride - padding
        if support != (start, start + size) or following != (start + stride, start + stride + size):
            wrong.append(stack)
    return wrong


def test_the_interval_is_the_hull_of_what_torch_reads(supports):
    def of_formula(stack):
        field = field_of(stack)
        return field.size, field.stride, field.padding

    assert wrong_fields(supports, of_formula) == []
    assert all(field_of(stack).interval(i) == support for stack, i, support, _ in supports)


def folded(step):
    """A receptive-field formula from the step of one layer, for the usual mistakes."""

    def of(stack):
        state = (1, 1, 0)
        for layer in stack:
            state = step(*state, *layer)
        return state

    return of


MISTAKES = {
    "dilation dropped": lambda r, j, p, k, s, lo, hi, d: (r + (k - 1) * j, j * s, p + lo * j),
    "off by one": lambda r, j, p, k, s, lo, hi, d: (r + d * k * j, j * s, p + lo * j),
    "stride before the kernel": lambda r, j, p, k, s, lo, hi, d: (r + d * (k - 1) * j * s, j * s, p + lo * j),
    "stride and dilation swapped": lambda r, j, p, k, s, lo, hi, d: (r + s * (k - 1) * j, j * d, p + lo * j),
    "padding after for before": lambda r, j, p, k, s, lo, hi, d: (r + d * (k - 1) * j, j * s, p + hi * j),
    "padding halved": lambda r, j, p, k, s, lo, hi, d: (r + d * (k - 1) * j, j * s, p + (lo + hi) // 2 * j),
    "padding rounded up": lambda r, j, p, k, s, lo, hi, d: (r + d * (k - 1) * j, j * s, p - (-(lo + hi) // 2) * j),
    "padding not scaled": lambda r, j, p, k, s, lo, hi, d: (r + d * (k - 1) * j, j * s, p + lo),
    "strides added": lambda r, j, p, k, s, lo, hi, d: (r + d * (k - 1) * j, j + s - 1, p + lo * j),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_usual_mistake_is_caught(supports, name):
    assert wrong_fields(supports, folded(MISTAKES[name])) != []


def test_the_gradient_finds_the_ends_and_not_only_the_width():
    assert seen([(3, 1, 0, 0, 2)], 9, 1) == (1, 6)
    assert seen([(3, 1, 2, 0, 2)], 9, 2) == (0, 5)


def test_two_axes_are_those_of_a_two_dimensional_stack():
    torch = pytest.importorskip("torch")
    windows = [Window((3, 2), stride=(2, 1), padding=((2, 0), 1), dilation=(1, 3)), Window((2, 3), dilation=(2, 1))]
    field = receptive_field(windows)
    x = torch.zeros(1, 1, 20, 20, dtype=torch.float64, requires_grad=True)
    ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    y = torch.nn.functional.pad(x, (1, 1, 2, 0))
    y = torch.nn.functional.conv2d(y, ones[..., :3, :2], stride=(2, 1), dilation=(1, 3))
    y = torch.nn.functional.conv2d(y, ones[..., :2, :3], dilation=(2, 1))
    y[0, 0, 2, 4].backward()
    support = x.grad[0, 0].nonzero()
    assert field.interval((2, 4)) == tuple(
        (first, last + 1) for first, last in zip(support.amin(0).tolist(), support.amax(0).tolist(), strict=True)
    )
    assert field.interval((2, 4)) != field.interval((4, 2))


def test_scalars_hold_for_every_axis():
    mixed = receptive_field([Window(3, stride=2, padding=(1, 2)), Window((3, 5))])
    assert mixed == receptive_field([Window((3, 3), stride=2, padding=((1, 2), (1, 2))), Window((3, 5))])
    assert receptive_field([Window(3)]).interval((1, 2)) == ((1, 4), (2, 5))


def test_no_layers_see_the_element_itself():
    assert receptive_field([]) == ReceptiveField(size=1, stride=1, padding=0)
    assert receptive_field([]).interval(5) == (5, 6)


def test_the_stack_is_the_fold_of_the_step():
    for stack in STACKS[:40]:
        windows = [Window(k, s, (lo, hi), d) for k, s, lo, hi, d in stack]
        field = ReceptiveField()
        for window in windows:
            field = field.then(window)
        assert field == receptive_field(iter(windows))


def test_the_centres_are_exact_means_of_what_is_seen():
    for stack in STACKS[:40]:
        field = field_of(stack)
        for i in (-1, 0, 3):
            elements = range(*field.interval(i))
            assert field.center(i, "index") == Fraction(sum(elements), len(elements))
            assert field.center(i) == Fraction(sum(2 * j + 1 for j in elements), 2 * len(elements))
            assert field.center(i) - field.center(i, "index") == Fraction(1, 2)


def test_padding_forms_are_resolved():
    for form, padding in (("same", (2, 3)), ("causal", (5, 0)), ("full", 5), ("valid", 0)):
        assert receptive_field([Window(6, padding=form)]) == receptive_field([Window(6, padding=padding)])


def test_the_step_on_symbols_is_the_recursion():
    r, j, p, k, s, d, lo, i = sympy.symbols("r j p k s d lo i", integer=True)
    field = ReceptiveField(r, j, p).then(Window(k, s, (lo, 0), d))
    assert (field.size, field.stride, field.padding) == (r + d * (k - 1) * j, j * s, p + lo * j)
    assert field.interval(i) == (i * j * s - p - lo * j, i * j * s - p - lo * j + r + d * (k - 1) * j)
    assert sympy.expand(2 * field.center(i) - sum(field.interval(i))) == 0
    tensor = sympy.IndexedBase("k")
    assert receptive_field([Window(tensor[1])]).size == tensor[1]


def test_arrays_give_the_fields_of_their_elements():
    kernels, strides = np.array([1, 3, 5]), np.array([1, 2, 3])
    field = receptive_field([Window(kernels, strides, kernels // 2), Window(3, 2, 1)])
    expected = [
        receptive_field([Window(k, s, k // 2), Window(3, 2, 1)])
        for k, s in zip(kernels.tolist(), strides.tolist(), strict=True)
    ]
    assert field.size.tolist() == [each.size for each in expected]
    assert field.center(2).tolist() == [float(each.center(2)) for each in expected]


def test_arrays_that_could_overflow_are_refused():
    wide = Window(np.array([2**29]), dilation=np.array([2**29]))
    with pytest.raises(ValueError, match="below 2"):
        receptive_field([wide])
