"""Receptive fields of random stacks against the support of torch's derivatives, and paths against their values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import convmath as cm

from .claims import (
    Claim,
    Grid,
    Instances,
    UnmetError,
    caught,
    claims,
    covers,
    differences,
    for_all,
    mistaken,
    other_claims,
    refutes,
    term,
)
from .fields import Field, Layer, fields
from .mistakes import Changes

SHARE = 0.6


def helper(field: Field) -> list[cm.ReceptiveField]:
    """What the public function says after each number of layers."""
    windows = [cm.Window(layer.k, stride=layer.s, padding=layer.p, dilation=layer.d) for layer in field.layers]
    return [cm.receptive_field(windows[:number]) for number in range(field.depth + 1)]


def instances(field: Field) -> Instances:
    """Layers, and paths: from two positions that touch no padding, and those that they see layer by layer."""
    numbers = range(field.depth)
    some = range(0, field.inputs, max(1, field.inputs // 7))
    steps = [
        (number, field.free[number + 1] + one, i)
        for number in numbers
        for one in (0, 1)
        for i in {*some, *field.span(number + 1, field.free[number + 1] + one)}
    ]
    return {("l",): [(number,) for number in numbers], ("l", "o", "i"): steps, ("o", "i"): [(0, 0), (0, 1), (1, 0)]}


def closed_form_differences(stated: Claim, field: Field, name: str) -> list[str]:
    """R or P after every number of layers."""
    attribute = {"R": "size", "P": "padding"}[name]
    sources = {"torch": field.measured[name], "the helper": [getattr(one, attribute) for one in helper(field)]}
    return differences(stated, field.model(), Grid(("L",), sources), over=instances(field))


CLOSED = {"receptive.size": "R", "receptive.start": "P"}


@covers("receptive.size")
def test_the_size_is_that_of_the_support_of_the_derivative(device):
    (stated,) = claims("receptive.size")
    for_all(fields(), lambda field: closed_form_differences(stated, replace(field, device=device), "R"), share=SHARE)


@covers("receptive.start")
def test_the_start_is_that_of_the_support_of_the_derivative(device):
    (stated,) = claims("receptive.start")
    for_all(fields(), lambda field: closed_form_differences(stated, replace(field, device=device), "P"), share=SHARE)


WRONG_FORMS: dict[str, tuple[str, Changes]] = {
    "dilation dropped": ("receptive.size", {("at", "d", "j"): 1}),
    "stride of the layer itself": ("receptive.size", {("at", "J", ("+", -1, "j")): ("at", "J", "j")}),
    "strides forgotten": ("receptive.size", {("at", "J", ("+", -1, "j")): 1}),
    "d*k for d*(k - 1)": ("receptive.size", {("at", "k", "j"): ("+", ("at", "k", "j"), 1)}),
    "stride and dilation exchanged": ("receptive.size", {("at", "d", "j"): ("at", "s", "j")}),
    "the last layer left out": ("receptive.start", {("<=", "j", "L"): ("<", "j", "L")}),
    "start with strides forgotten": ("receptive.start", {("at", "J", ("+", -1, "j")): 1}),
    "start with the layer's own stride": ("receptive.start", {("at", "J", ("+", -1, "j")): ("at", "J", "j")}),
}


@refutes("receptive.size")
@refutes("receptive.start")
@pytest.mark.parametrize("mistake", WRONG_FORMS)
def test_a_wrong_closed_form_is_caught(mistake):
    identifier, changes = WRONG_FORMS[mistake]
    wrong = claims(identifier)[0].wrong(changes, side=1)
    caught(fields(), lambda field: closed_form_differences(wrong, field, CLOSED[identifier]))


@refutes("receptive.size")
@refutes("receptive.start")
@pytest.mark.parametrize("identifier", CLOSED)
def test_the_mistake_of_the_entry_about_a_closed_form_is_caught(identifier):
    wrong = mistaken(identifier)
    caught(fields(), lambda field: closed_form_differences(wrong, field, CLOSED[identifier]))


def hull_differences(stated: Claim, field: Field) -> list[str]:
    """``c = [inside] c`` at every input, from two positions that touch no padding."""
    here = field.free[-1]
    counted = field.paths[-1][here : here + 2]
    sources = {"torch": counted}
    model = field.model().extended({"L": field.depth})
    reality = Grid(("o", "i"), sources, start=(here, 0))
    return differences(stated, model, reality, limit=60, seed=field.inputs, over=instances(field))


def end_differences(stated: Claim, field: Field, *, last: bool, layer: int | None = None, below: int = 0) -> list[str]:
    """The number of paths to an end of the support after some layers, from two positions that touch no padding.

    The statement's L lies ``below`` the number of layers.
    """
    layer = field.depth if layer is None else layer
    here = field.free[layer]
    ends = [field.span(layer, here + one)[last] for one in (0, 1)]
    counted = [int(field.paths[layer][here + one, end]) for one, end in enumerate(ends)]
    model = field.model().extended({"L": layer - below})
    over = instances(field) | {("o",): [(field.free[layer - below] + one,) for one in (0, 1)]}
    return differences(stated, model, Grid(("o",), {"torch": counted}, start=(here,)), over=over)


def product(field: Field, layers: int) -> int:
    """Of the strides of the first layers."""
    return int(np.prod([layer.s for layer in field.layers[:layers]], dtype=int))


def positive_differences(stated: Claim, field: Field) -> list[str]:
    """The bound holds after every number of layers, and is about the product of the strides."""
    at, found = field.model(), []
    for layers in range(field.depth + 1):
        stated.require(at, {"L": layers}, instances(field))
        if at.extended({"L": layers}).term(term(stated, 2)) != product(field, layers):
            found.append(f"{field}: not the product of {layers} strides: {term(stated, 2)}")
        if not at.holds_at(stated.body, {"L": layers}):
            found.append(f"{field}: false after {layers} layers: {stated.body}")
    return found


STATED = ("hull", "first", "last", "positive", "following", "apart")
"""The statements of ``receptive.stride``, in its order."""


def statement(name: str) -> Claim:
    return dict(zip(STATED, claims("receptive.stride"), strict=True))[name]


def following_differences(stated: Claim, field: Field) -> list[str]:
    """The number of paths to the next position from one stride beyond the first element of this one."""
    here = field.free[-1]
    beyond = field.span(field.depth, here)[0] + product(field, field.depth)
    model = field.model().extended({"L": field.depth, "o": here})
    counted = Grid((), {"torch": int(field.paths[-1][here + 1, beyond])})
    return differences(stated, model, counted, over=instances(field) | {("o",): [(here,), (here + 1,)]})


def apart_differences(stated: Claim, field: Field) -> list[str]:
    """Neighbours see intervals as far apart as torch's supports are, which is the product of the strides."""
    here = field.free[-1]
    first, after = (field.span(field.depth, here + one)[0] for one in (0, 1))
    sources = {
        "torch": after - first,
        "product": product(field, field.depth),
        "the helper": helper(field)[-1].stride,
    }
    model = field.model().extended({"L": field.depth, "o": here})
    return differences(stated, model, Grid((), sources), over=instances(field))


@covers("receptive.stride")
def test_neighbours_are_the_product_of_the_strides_apart(device):
    apart, following, positive = statement("apart"), statement("following"), statement("positive")

    def differ(field: Field) -> list[str]:
        field = replace(field, device=device)
        next_one = following_differences(following, field)
        return apart_differences(apart, field) + next_one + positive_differences(positive, field)

    for_all(fields(), differ, share=SHARE)


@covers("receptive.stride")
def test_the_interval_is_the_hull_of_what_torch_differentiates(device):
    hull, first, last = statement("hull"), statement("first"), statement("last")

    def differ(field: Field) -> list[str]:
        field = replace(field, device=device)
        ends = end_differences(first, field, last=False) + end_differences(last, field, last=True)
        return hull_differences(hull, field) + ends

    for_all(fields(), differ, share=SHARE)


@covers("receptive.stride")
def test_every_other_theorem_of_the_entry_holds_in_every_stack():
    hull_base, hull_step, *ends = other_claims("receptive.stride").values()
    assert len(ends) == 4

    def differ(field: Field) -> list[str]:
        over, here, below = instances(field), field.free[-1], field.model().extended({"L": field.depth - 1})
        seen = [(field.free[-2], i) for i in (0, *field.span(field.depth - 1, field.free[-2]))]
        counted = Grid(("o", "i"), {"torch": field.paths[-1][here : here + 1]}, start=(here, 0))
        found = differences(hull_step, below, counted, limit=20, seed=field.inputs, over={**over, ("o", "i"): seen})
        alone = Grid(("o", "i"), {"torch": field.paths[0][:3, :3]})
        found += differences(hull_base, field.model(), alone, over={**over, ("o", "i"): [(0, 0), (0, 1)]})
        for last, (base, step) in enumerate((ends[:2], ends[2:])):
            found += end_differences(base, field, last=bool(last), layer=0)
            found += end_differences(step, field, last=bool(last), below=1)
        return found

    for_all(fields(least=1), differ, share=0.3)


HULL_MISTAKES: dict[str, Changes] = {
    "one too short": {("at", "R", "L"): ("+", ("at", "R", "L"), -1)},
    "padding left out": {("*", -1, ("at", "P", "L")): 0},
    "one too far to the right": {("at", "P", "L"): ("+", ("at", "P", "L"), -1)},
    "stride left out": {("at", "J", "L"): 1},
}


@refutes("receptive.stride")
@pytest.mark.parametrize("mistake", HULL_MISTAKES)
def test_a_wrong_interval_is_caught(mistake):
    wrong = statement("hull").wrong(HULL_MISTAKES[mistake], side=1)
    caught(fields(), lambda field: hull_differences(wrong, field))


@refutes("receptive.stride")
@pytest.mark.parametrize("last", [False, True])
def test_a_wrong_end_is_caught(last):
    wrong = statement("last" if last else "first").wrong(
        {("at", "P", "L"): ("+", ("at", "P", "L"), 1 - 2 * last)}, side=0
    )
    caught(fields(), lambda field: end_differences(wrong, field, last=last))


@refutes("receptive.stride")
def test_a_wrong_distance_of_neighbours_is_caught():
    wrong = statement("apart").wrong({("at", "J", "L"): ("at", "s", "L")})
    caught(fields(least=1), lambda field: apart_differences(wrong, field))
    counted = statement("following").wrong({1: 2}, side=1)
    caught(fields(least=1), lambda field: following_differences(counted, field))


@refutes("receptive.stride")
@pytest.mark.parametrize("changes", [{1: 2}, {("at", "J", "L"): ("at", "R", "L")}])
def test_a_wrong_bound_of_the_stride_is_caught(changes):
    wrong = statement("positive").wrong(changes)
    caught(fields(), lambda field: positive_differences(wrong, field))


@refutes("receptive.stride")
def test_the_mistake_of_the_entry_about_the_start_is_caught():
    wrong = mistaken("receptive.stride")

    def differ(field: Field) -> list[str]:
        here = field.free[-1]
        begin = Grid((), {"torch": field.span(field.depth, here)[0]})
        model = field.model().extended({"L": field.depth, "o": here})
        return differences(wrong, model, begin, over=instances(field))

    caught(fields(), differ)


def test_forward_derivatives_are_those_of_autograd():
    for_all(fields(), lambda field: [] if (field.autograd() == field.paths[-1][field.position]).all() else ["differ"])


def test_random_positive_weights_have_the_support_of_the_paths():
    def differ(field: Field) -> list[str]:
        pairs = zip(field.derivatives(field.inputs), field.paths, strict=True)
        return [f"{field}" for weighted, counted in pairs if not ((weighted > 0) == (counted > 0)).all()]

    for_all(fields(), differ, share=SHARE)


def outside(field: Field, shift: int = 0) -> list[str]:
    """Positions, also beside the border, that see an element outside their interval moved by ``shift``."""
    size, stride, start = (field.measured[name][-1] for name in "RJP")
    found = []
    for o, row in enumerate(field.paths[-1]):
        seen = np.flatnonzero(row)
        begin = stride * o - start + shift
        if seen.size and not (begin <= seen[0] and seen[-1] < begin + size):
            found.append(f"{field}: position {o} sees {seen}")
    return found


def test_beside_the_border_too_no_position_sees_beyond_its_interval():
    for_all(fields(), outside, share=SHARE)


def test_an_interval_beside_the_border_that_is_moved_by_one_is_caught():
    caught(fields(), lambda field: outside(field, shift=1))
    caught(fields(), lambda field: outside(field, shift=-1))


def test_a_stack_that_does_not_meet_the_definitions_is_refused():
    field = Field((Layer(3, 2, 1, 1),))
    model = field.model()
    model.tables["at"]["R"] = {0: 1, 1: 4}
    with pytest.raises(UnmetError):
        differences(claims("receptive.size")[0], model, Grid(("L",), {"wrong": [1, 4]}), over=instances(field))
