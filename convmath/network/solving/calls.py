"""What changes together with a layer: the other calls of its module, and the padding that it makes itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ...formulas.padding import resolve_padding
from ..graph import Graph
from ..node import Node
from ..operators import Conv, Operator, Pad
from .parts import axes_of, changed

Nodes: TypeAlias = tuple[list[Node], str]
"""The nodes in place of one, the last of which makes what it made, and what changes, in words."""

Alter: TypeAlias = Callable[[Graph, Node, int], Nodes | None]
"""A change of a network at a node by so much; None if there is no such change."""

Sides: TypeAlias = tuple[tuple[int, int], ...]
"""The elements that are padded before and after each axis."""

Chains: TypeAlias = Mapping[str, Sequence[Node]]
"""The nodes in place of each call of a layer, with the padding of its own before it."""


@dataclass(frozen=True)
class Changed:
    """A change at all calls of a layer.

    Attributes:
        chains: what takes the place of the calls.
        words: what changes, in words.
        before: the layer as it was, with all that it pads.
        after: the layer as it is then.
    """

    chains: Chains
    words: str
    before: Operator
    after: Operator


class Calls:
    """The calls of every layer of a network, and what each of them pads."""

    def __init__(self, graph: Graph) -> None:
        """The network is looked at once."""
        self.graph = graph
        self._calls: dict[str, list[Node]] = {}
        for node in graph:
            self._calls.setdefault(node.layer or node.name, []).append(node)
        first = (each[0] for each in self._calls.values())
        self._lent = {_weights(node) for node in first if isinstance(node.operator, Conv) and not _owns(node)}

    def of(self, node: Node) -> list[Node]:
        """Those of the module that a node calls, or the node alone."""
        return self._calls[node.layer or node.name]

    def own_weights(self, node: Node) -> bool:
        """Whether nothing but the calls of a layer may have its weights."""
        return _owns(node) and not (isinstance(node.operator, Conv) and _weights(node) in self._lent)

    def whole(self, node: Node) -> Node:
        """A convolution with what its module pads before it, in whichever mode, as the padding of its own."""
        pad, operator = self._pad(node), node.operator
        if pad is None:
            return node
        amounts = _amounts(pad)[-axes_of(operator) :]
        same = any(lo != hi for lo, hi in amounts) and sides_of(changed(operator, padding="same")) == amounts
        return replace(node, operator=changed(operator, padding="same" if same else amounts))

    def changed(self, node: Node, change: Alter, by: int) -> Changed | None:
        """A change at every call of the layer; None where its calls differ, or there is no such change."""
        calls = self.of(node)
        wholes, modes = [self.whole(one) for one in calls], {_mode(self._pad(one)) for one in calls}
        if len(modes) > 1 or any(one.operator != wholes[0].operator for one in wholes):
            return None
        chains: dict[str, Sequence[Node]] = {}
        for one, whole in zip(calls, wholes, strict=True):
            made = change(self.graph, whole, by)
            if made is None:
                return None
            (first, *more), words = made
            if chains:  # the weights are those of the first call
                more = [replace(other, params=0) for other in more]
            chains[one.name] = [*self._parted(one, first), *more]
        return Changed(chains, words, whole.operator, first.operator)

    def _pad(self, node: Node) -> Node | None:
        """The padding that the module of a convolution makes before it in a mode of its own."""
        if not isinstance(node.operator, Conv):
            return None
        pad = self.graph[node.inputs[0]]
        module = pad.origin.module if pad.origin is not None else ""
        return pad if isinstance(pad.operator, Pad) and module.startswith("torch.nn.Conv") else None

    def _parted(self, node: Node, made: Node) -> list[Node]:
        """What is made of a call with its padding, as its padding and itself."""
        pad = self._pad(node)
        if pad is None:
            return [made]
        sides = sides_of(made.operator)
        amounts = (*_amounts(pad)[: -len(sides)], *sides)
        padded = pad if amounts == _amounts(pad) else pad.computing(Pad(amounts, _mode(pad)))
        operator: Any = node.operator
        return [padded, replace(made, operator=changed(made.operator, padding=operator.padding))]


def _owns(node: Node) -> bool:
    return node.params in (None, node.operator.params)


def _weights(node: Node) -> tuple[Any, ...]:
    """What convolutions with the same weights have in common."""
    operator: Any = node.operator
    return operator.in_channels, operator.out_channels, operator.kernel_size, operator.groups


def sides_of(operator: Any) -> Sides:
    """The elements that a layer pads before and after each axis."""
    axes = (1,) * axes_of(operator)
    return tuple(resolve_padding(operator.padding, axes, operator.kernel_size, dilation=operator.dilation))


def _amounts(pad: Node) -> Sides:
    operator: Any = pad.operator
    return tuple(operator.amounts)


def _mode(pad: Node | None) -> str:
    operator: Any = pad and pad.operator
    return operator.mode if operator else ""
