"""Random networks read from their modules: the same graphs as those that were built beside them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from convmath.network import Graph, NetworkReport, from_torch
from convmath.network.operators import Conv
from convmath.network.torch_import.builder import Builder
from convmath.network.torch_import.exporting import read_exported

from .networks import Network, networks

FIRST_FOUND = settings(max_examples=500, database=None, phases=[Phase.generate])


def read(network: Network) -> Graph:
    """What is read from the module by torch.fx."""
    return from_torch(network.module(), network.sizes["input"][1:], dtype=torch.float64)


def exported(network: Network) -> Graph:
    """The same by torch.export."""
    builder = Builder(torch.device("cpu"), torch.float64)
    values = {"image": builder.input("input", network.sizes["input"], torch.float64)}
    with builder.recorder.on():
        return builder.graph(read_exported(builder, network.module(), values, {}))


def positions(sizes: tuple[int, ...], most: int = 12) -> list[tuple[int, ...]]:
    """Some positions of a tensor, the first and the last among them."""
    found = list(product(*map(range, sizes[2:])))
    return found[:: max(1, len(found) // most)] + found[-1:]


def differing(report: NetworkReport, other: NetworkReport) -> list[str]:
    """In what a network is another one: its totals, and what its results are and read, in the order of the module."""
    wrong = [what for what in ("params", "macs", "status") if getattr(report, what) != getattr(other, what)]
    results = report.graph.outputs
    names = [row.name for row in other]
    if len(results) != len(names):
        return [*wrong, f"{len(results)} results for {len(names)}"]
    for ours, theirs in zip(results, names, strict=True):
        one, two = report[ours], other[theirs]
        if one.sizes != two.sizes:
            wrong.append(f"{theirs}: {one.sizes} for {two.sizes}")
            continue
        for position in positions(one.sizes):
            seen, wanted = report.reads(ours, *position), other.reads(theirs, *position)
            if list(seen.values()) != list(wanted.values()):
                wrong.append(f"{theirs}{position}: {seen} for {wanted}")
    return wrong


def examples(share: int) -> settings:
    return settings(max_examples=max(8, settings.default.max_examples // share))


@examples(2)
@given(st.integers(1, 3).flatmap(lambda axes: networks(axes=axes, head=True)))
def test_a_random_module_is_read_as_the_graph_that_it_was_built_with(network):
    assert differing(read(network).analyze(), network.graph.analyze()) == []


@examples(5)
@given(st.integers(1, 2).flatmap(lambda axes: networks(axes=axes, head=True)))
def test_a_random_module_is_exported_as_the_graph_that_it_was_built_with(network):
    assert differing(exported(network).analyze(), network.graph.analyze()) == []


def test_another_kernel_in_one_layer_is_caught():
    def is_caught(network: Network) -> bool:
        convs = {node.name: node.operator for node in network.graph if isinstance(node.operator, Conv)}
        wider = {
            name: replace(one, kernel_size=tuple(k + 2 for k in one.kernel_size), padding=one.padding[0] + 1)
            for name, one in convs.items()
            if set(one.dilation) == {1}
        }
        return bool(wider) and differing(read(network).analyze(), network.graph.replaced(wider).analyze()) != []

    assert find(networks(axes=1), is_caught, settings=FIRST_FOUND)
