"""Going back through random stacks, against the support of torch's derivatives."""

from __future__ import annotations

import convmath as cm
from convmath.calculus.evaluate import Model

from .claims import Claim, Grid, Instances, caught, claims, covers, differences, for_all, mistaken, refutes
from .fields import Field, fields

SHARE = 0.6
RUN = 2
"""Positions in a row whose paths touch no padding in a :class:`Field`."""


def model(field: Field, **variables: int) -> Model:
    """The layers and their fields, and where the paths of a run of positions begin and end."""

    def elements(layer: int, run: int) -> int:
        first = field.free[layer]
        return field.span(layer, first + run - 1)[1] - field.span(layer, first)[0] + 1

    def begin(layer: int, position: int) -> int:
        return field.span(layer, position)[0]

    layers = {name: {at: getattr(layer, name) for at, layer in enumerate(field.layers, 1)} for name in "ksdp"}
    measured = {name: dict(enumerate(numbers)) for name, numbers in field.measured.items()}
    return Model(variables, {**layers, **measured, "E": elements, "B": begin})


def instances(field: Field) -> Instances:
    """The layers, and what the last RUN positions read of each."""
    runs = {field.depth: RUN}
    for number in range(field.depth, 0, -1):
        layer = field.layers[number - 1]
        runs[number - 1] = layer.s * (runs[number] - 1) + layer.d * (layer.k - 1) + 1
    steps = range(field.depth)
    return {
        ("l",): [(number,) for number in steps],
        ("r",): [(runs[0],)],
        ("u",): [(field.free[0],)],
        ("l", "r"): [(number, runs[number + 1]) for number in steps],
        ("l", "u"): [(number, field.free[number + 1]) for number in steps],
    }


def window(field: Field) -> cm.ReceptiveField:
    return cm.receptive_field(
        [cm.Window(layer.k, stride=layer.s, padding=layer.p, dilation=layer.d) for layer in field.layers]
    )


def count_differences(stated: Claim, field: Field) -> list[str]:
    helper, at = window(field), model(field, r=RUN)
    sources = {
        "torch": [at.term(("at", "E", field.depth, RUN))],
        "the helper": [helper.size + (RUN - 1) * helper.stride],
    }
    return differences(stated, at, Grid(("L",), sources, start=(field.depth,)), over=instances(field))


def begin_differences(stated: Claim, field: Field) -> list[str]:
    position = field.position
    sources = {"torch": [field.span(field.depth, position)[0]], "the helper": [window(field).interval(position)[0]]}
    grid = Grid(("L",), sources, start=(field.depth,))
    return differences(stated, model(field, u=position), grid, over=instances(field))


@covers("receptive.backwards")
def test_a_run_of_positions_reads_what_the_forward_field_says():
    count, begin = claims("receptive.backwards")
    for_all(fields(), lambda field: count_differences(count, field) + begin_differences(begin, field), share=SHARE)


@refutes("receptive.backwards")
def test_a_field_without_stride_or_with_the_padding_added_is_caught():
    count, begin = claims("receptive.backwards")
    caught(fields(), lambda field: count_differences(count.wrong({("at", "J", "L"): 1}), field))
    caught(
        fields(), lambda field: begin_differences(begin.wrong({("at", "P", "L"): ("*", -1, ("at", "P", "L"))}), field)
    )


@refutes("receptive.backwards")
def test_the_mistake_of_sharing_nothing_is_caught():
    wrong = mistaken("receptive.backwards")

    def differ(field: Field) -> list[str]:
        at = model(field, r=RUN)
        wrong.require(at, {}, instances(field))
        return [] if at.holds_at(wrong.body, {}) else [f"false for {field}: {wrong.body}"]

    caught(fields(least=1), differ)
