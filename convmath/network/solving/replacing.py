"""What a node reads of the inputs where nodes are put in place of some: only what comes after is looked at again."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..analysis import Analysis, Known
from ..fields.budget import Budget
from ..fields.field import Field
from ..fields.receptive import ReceptiveFields
from ..fields.state import Run, Source, State
from ..graph import Graph
from ..layer import Layer
from ..node import Node
from ..operators import Operator, Sizes
from .calls import Chains

Fields: TypeAlias = Mapping[str, ReceptiveFields]
"""The receptive field in each input, by its name."""


@dataclass(frozen=True)
class Replaced:
    """What follows from nodes in place of some, if no size changes.

    Attributes: fields: those of the node that is asked about. params: parameters more than before. macs:
        multiply-accumulates more than before.
    """

    fields: Fields
    params: int
    macs: int


class Replacing:
    """A network in which nodes are put in place of some.

    Where what follows goes by one tensor alone, as after each block of a residual network, it is found once for all
    changes after which that tensor reads the same.
    """

    def __init__(self, graph: Graph, part: Sequence[Node], target: str) -> None:
        """The network is looked at once.

        Args:
            graph: the network.
            part: the nodes on which one depends, that node the last.
            target: its name.
        """
        self.nodes, self.target = part, target
        self.analysis = Analysis(graph)
        self.known = self.analysis.known_of_all()
        self.position = {node.name: place for place, node in enumerate(part)}
        self.last_read = {name: place for place, node in enumerate(part) for name in (node.name, *node.inputs)}
        self.steps = 0
        """So many nodes were looked at again."""
        self._layers: dict[tuple[Operator, tuple[Sizes | None, ...]], Layer] = {}
        self._found: dict[tuple[str, Hashable], Fields] = {}

    def by(self, chains: Chains) -> Replaced | None:
        """What follows from nodes in place of some; None if the sizes of what one of those made change.

        Raises:
            DomainError: sizes do not fit.
        """
        self.analysis.budget = Budget(len(self.analysis.layers) + sum(map(len, chains.values())) - len(chains))
        self.analysis.misaligned.clear()
        made = {name: self._layers_of(nodes) for name, nodes in chains.items()}
        params = macs = 0
        for name, layers in made.items():
            before, own = self.analysis.layers[name], self.analysis.graph[name].params
            if layers[-1].sizes != before.sizes:
                return None
            each = zip(chains[name], layers, strict=True)
            params += sum(layer.params if node.params is None else node.params for node, layer in each)
            params -= before.params if own is None else own
            macs += sum(layer.work.macs for layer in layers) - before.work.macs
        return Replaced(self._fields(chains, made), params, macs)

    def _layers_of(self, nodes: Sequence[Node]) -> list[Layer]:
        """The layers of nodes that read each other, or what is there."""
        layers: dict[str, Layer] = {}
        for node in nodes:
            sizes = tuple((layers.get(one) or self.analysis.layers[one]).sizes for one in node.inputs)
            layers[node.name] = self._layer(node, sizes)
        return list(layers.values())

    def _layer(self, node: Node, sizes: tuple[Sizes | None, ...]) -> Layer:
        key = (node.operator, sizes)
        if key not in self._layers:
            self._layers[key] = Layer(node, sizes, self.analysis.budget)
        return self._layers[key]

    def _known(self, node: Node, layer: Layer, found: Mapping[str, Known]) -> Known:
        """What is known of a node, where this is found of some that it reads."""
        return self.analysis.known(node, layer, [found.get(one) or self.known[one] for one in node.inputs])

    def _made(self, nodes: Sequence[Node], layers: Sequence[Layer], found: dict[str, Known]) -> Known:
        """What is known of the last of nodes that read each other, or what is there."""
        inner: ChainMap[str, Known] = ChainMap({}, found)
        for node, layer in zip(nodes, layers, strict=True):
            inner[node.name] = made = self._known(node, layer, inner)
        self.steps += len(nodes)
        return made

    def _fields(self, chains: Chains, layers: Mapping[str, Sequence[Layer]]) -> Fields:
        """The fields of the node that is asked about, where others make what some made."""
        places = [self.position[name] for name in chains if name in self.position]
        if not places:
            return self.known[self.target].fields
        found, passed = dict[str, Known](), list[tuple[str, Hashable]]()
        reach = place = min(places)
        while True:
            node = self.nodes[place]
            if node.name in chains:
                found[node.name] = self._made(chains[node.name], layers[node.name], found)
            elif any(one in found for one in node.inputs):
                found[node.name] = self._known(node, self.analysis.layers[node.name], found)
                self.steps += 1
            if node.name in found:
                alone = reach <= place >= max(places)
                if alone and (key := _key(found[node.name].state)) is not None:
                    passed.append((node.name, (key, found[node.name].batch)))
                    if passed[-1] in self._found:
                        fields = self._found[passed[-1]]
                        break
                reach = max(reach, self.last_read[node.name])
            place += 1
            if place == len(self.nodes):
                fields = found.get(self.target, self.known[self.target]).fields
                break
        self._found.update(dict.fromkeys(passed, fields))
        return fields


def _key(state: State) -> Hashable | None:
    """What tells a state from others of the same tensor; None of those that are not told."""
    if state.crossed or state.unknown:
        return None
    runs = tuple(tuple(_run_key(source, run) for source, run in one.items()) for one in state.runs)
    return runs, tuple(state.held.items()), state.uneven


def _run_key(source: Source, run: Run) -> Hashable:
    return source, run.field, run.field is Field.same(), run.extent, run.sure, run.folds
