"""Where paths of random networks meet: misaligned are just those whose gradients have other centres."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import torch
from hypothesis import Phase, find, given, settings
from torch import nn

from convmath.network import Graph, NetworkReport
from convmath.network.fields.field import Field
from convmath.network.fields.receptive import Misalignment
from convmath.network.operators import Combine, Concat, Conv, Resize

from .networks import Network, Support, is_interior, networks, supports

FIRST_FOUND = settings(max_examples=2000, database=None, phases=[Phase.generate])


def center(support: Support, position: int) -> Fraction:
    """The middle of what a position reads, where element j covers [j, j + 1)."""
    reads = support.reads(0, position)
    return Fraction(min(reads) + max(reads) + 1, 2)


def distances(network: Network, report: NetworkReport, support: dict[str, Support], name: str) -> list[Fraction]:
    """How far apart the centres of two paths are that meet, on average over a period, wherever there is no border.

    Two periods at least, so that another stride shows; none where one path reads the same everywhere.
    """
    paths = network.graph[name].inputs
    fields = [report[path].receptive_field[0] for path in paths]
    if not all(isinstance(one, Field) and one.moves and all(one.phases) for one in fields):
        return []
    period = lcm(*(one.period for one in fields))
    inner = [all(is_interior(report, path, 2, at) for path in paths) for at in range(report[name].sizes[2])]
    apart = [
        sum(center(support[paths[0]], at) - center(support[paths[1]], at) for at in range(start, start + period))
        / period
        for start in range(len(inner) - period + 1)
        if all(inner[start : start + period])
    ]
    return apart if len(apart) > 1 else []


def compared(network: Network, report: NetworkReport) -> dict[str, tuple[bool, bool]]:
    """For every node where two paths meet, whether the report calls them misaligned, and whether the gradients do."""
    said, support, found = {one.node for one in report.misaligned}, supports(network), {}
    for node in network.graph:
        if isinstance(node.operator, (Combine, Concat)) and len(node.inputs) == 2:
            apart = distances(network, report, support, node.name)
            if apart:
                found[node.name] = node.name in said, any(apart)
    return found


def wrong(network: Network) -> dict[str, tuple[bool, bool]]:
    found = compared(network, network.graph.analyze())
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


def misplaced(network: Network) -> list[str]:
    """What is reported to disagree in its centres, where those of the gradients first do so elsewhere, or have others.

    Looked at are the first positions of a period without borders; the centres move on from one period to the next.
    """
    report, support, found = network.graph.analyze(), supports(network), []
    for one in report.misaligned:
        first, second = one.fields
        if not (isinstance(first, Field) and isinstance(second, Field) and first.stride == second.stride):
            continue
        period = lcm(first.period, second.period)
        for start in range(0, one.count - one.position, period):
            positions = range(start, start + one.position + 1)
            if all(is_interior(report, path, 2, at) for path in one.paths for at in positions):
                *before, last = [[center(support[path], at) for path in one.paths] for at in positions]
                moved = [at + start * first.stride for at in one.centers]
                if last != moved or last[0] == last[1] or any(ours != theirs for ours, theirs in before):
                    found.append(str(one))
    return found


@settings(max_examples=3 * settings.default.max_examples)
@given(networks(axes=1))
def test_the_position_that_is_named_is_the_first_at_which_the_gradients_have_the_centres_that_are_named(network):
    assert misplaced(network) == []


def pyramid() -> Network:
    """Strided convolutions, and their coarser result on the finer one, each element twice."""
    network = Network.of(1, 32)
    fine = network.add(Conv(1, 1, (3,), stride=2, padding=1), nn.Conv1d(1, 1, 3, 2, 1), "input")
    coarse = network.add(Conv(1, 1, (3,), stride=2, padding=1), nn.Conv1d(1, 1, 3, 2, 1), fine)
    again = network.add(Resize("nearest", scale=(2,)), nn.Upsample(scale_factor=2), coarse)
    network.add(Combine("add"), torch.add, fine, again)
    return network


def test_a_pyramid_is_misaligned_at_its_odd_positions():
    """Both paths begin at the same centre, and the coarser one stays there for another position."""
    network = pyramid()
    assert misplaced(network) == []
    (found,) = network.graph.analyze().misaligned
    assert (found.position, found.centers) == (1, (Fraction(5, 2), Fraction(1, 2)))
    assert str(found).endswith("on axis 0 of input, by 1 on average: 5/2 and 1/2 at position 1")


def test_a_path_that_reads_what_those_before_it_read_together_is_misaligned_with_the_first():
    graph = Graph()
    image = graph.input((1, 20))
    late = [graph.add(name, Conv(1, 1, (3,), padding=((2, 0),)), image) for name in ("late", "later")]
    graph.add("sum", Combine("add"), image, *late)
    assert [one.paths for one in graph.analyze().misaligned] == [(image, "late"), (image, "later")]


def test_position_0_in_place_of_the_first_that_differs_is_caught(monkeypatch):
    monkeypatch.setattr(Misalignment, "position", 0)
    assert misplaced(pyramid())


@settings(max_examples=3 * settings.default.max_examples)
@given(networks(axes=1))
def test_paths_are_misaligned_where_the_centres_of_their_gradients_are_not_the_same(network):
    assert wrong(network) == {}


def test_random_networks_have_paths_of_both_kinds():
    for kind in (True, False):
        assert find(
            networks(axes=1),
            lambda network, kind=kind: (kind, kind) in compared(network, network.graph.analyze()).values(),
            settings=FIRST_FOUND,
        )


def test_left_ends_in_place_of_centres_are_caught(monkeypatch):
    def by_left_ends(self: Field, other: Field) -> bool:
        return self.step == other.step and self.phases[0].hull[0] == other.phases[0].hull[0]

    monkeypatch.setattr(Field, "is_aligned", by_left_ends)
    assert find(networks(axes=1), lambda network: bool(wrong(network)), settings=FIRST_FOUND)


def test_every_node_where_paths_disagree_is_reported():
    """Two of them, and a layer after both."""
    graph = Graph()
    last = graph.input((1, 32))
    for name in ("first", "second"):
        near = graph.add(f"{name} near", Conv(1, 1, (1,)), last)
        late = graph.add(f"{name} late", Conv(1, 1, (2,), padding=((0, 1),)), last)
        last = graph.add(name, Combine("add"), near, late)
    graph.add("after", Conv(1, 1, (3,)), last)
    assert [one.node for one in graph.analyze().misaligned] == ["first", "second"]
