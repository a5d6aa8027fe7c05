"""A convolutional network layer by layer: how large each output is, and how many parameters each layer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar, Literal, TypeAlias

from ..calculus.index import integers
from ..errors import DomainError
from ..formulas.cost import conv_params
from ..formulas.cost_linear import linear_params
from ..formulas.pooling import pool_output_size
from ..formulas.size import conv_output_size
from ..latex.page import Block, Paragraph, Section
from ..latex.printer import BREAK_TERM, Piece
from ..oracle.options import Index
from ..oracle.reference.arrays import ObjectArray, exact_array
from ..phrases import say
from .calculation import Calculation, axis_names
from .layout import Writer

_N, _F, _S, _P, _C, _K, _I, _O = integers("n f s p c k I O")


@dataclass(frozen=True)
class Convolution:
    """A convolution with a bias: ``filters`` kernels with as many rows as columns."""

    filters: int
    kernel_size: int
    stride: int = 1
    padding: int = 0

    @property
    def title(self) -> str:
        """What it is."""
        return say("convolution")

    def output(self, shape: Index) -> Index:
        """Rows, columns and channels behind it."""
        size = conv_output_size(shape[:2], self.kernel_size, stride=self.stride, padding=self.padding)
        return (*size, self.filters)

    def parameters(self, shape: Index) -> int:
        """Weights and biases."""
        return int(conv_params((self.kernel_size,) * 2, in_channels=shape[2], out_channels=self.filters))

    def blocks(self, write: Writer, shape: Index) -> Iterator[Block]:
        """The size and the parameters."""
        known = {_F: self.kernel_size, _S: self.stride, _P: self.padding}
        yield from _sizes(write, conv_output_size(_N, _F, stride=_S, padding=_P), shape, self.output(shape), known)
        term = conv_params((_F, _F), in_channels=_C, out_channels=_K)
        yield from _parameters(
            write, term, {_F: self.kernel_size, _C: shape[2], _K: self.filters}, self.parameters(shape)
        )


@dataclass(frozen=True)
class Pooling:
    """Pooling in windows with as many rows as columns; a stride of None is the size of the window."""

    kernel_size: int
    stride: int | None = None
    mode: Literal["max", "avg"] = "max"

    @property
    def title(self) -> str:
        """What it is."""
        return say("maximum pooling") if self.mode == "max" else say("average pooling")

    @property
    def _step(self) -> int:
        return self.kernel_size if self.stride is None else self.stride

    def output(self, shape: Index) -> Index:
        """Rows, columns and channels behind it."""
        return (*pool_output_size(shape[:2], self.kernel_size, stride=self._step), shape[2])

    def parameters(self, shape: Index) -> int:
        """None."""
        return 0

    def blocks(self, write: Writer, shape: Index) -> Iterator[Block]:
        """The size."""
        known = {_F: self.kernel_size, _S: self._step}
        yield from _sizes(write, pool_output_size(_N, _F, stride=_S), shape, self.output(shape), known)
        yield Paragraph(say("The number of channels stays, and there are no parameters."))


@dataclass(frozen=True)
class Dense:
    """A dense layer with a bias: every output reads every input."""

    outputs: int
    softmax: bool = False

    @property
    def title(self) -> str:
        """What it is."""
        return say("dense layer with softmax") if self.softmax else say("dense layer")

    def output(self, shape: Index) -> Index:
        """How many numbers come out."""
        return (self.outputs,)

    def parameters(self, shape: Index) -> int:
        """Weights and biases."""
        return int(linear_params(prod(shape), self.outputs))

    def blocks(self, write: Writer, shape: Index) -> Iterator[Block]:
        """The inputs and the parameters."""
        if len(shape) > 1:
            yield Paragraph(say("All elements of the layer before, one after the other, are its inputs:"))
            product = [Piece(write.dialect.times.join(map(str, shape)), BREAK_TERM)]
            yield from write.chain(write.dialect.name("I"), [product, write.terms([prod(shape)])])
        known = {_I: prod(shape), _O: self.outputs}
        yield from _parameters(write, linear_params(_I, _O), known, self.parameters(shape))
        if self.softmax:
            yield Paragraph(say("Softmax makes probabilities of the outputs and has no parameters."))


Layer: TypeAlias = Convolution | Pooling | Dense
KINDS: Mapping[str, type[Layer]] = {"convolution": Convolution, "pooling": Pooling, "dense": Dense}


@dataclass(frozen=True, repr=False)
class Network(Calculation):
    """The sizes and the parameters of a network whose layers stand one after the other.

    Args:
        input_size: rows and columns of the input.
        channels: channels of the input.
        layers: the layers; from the first dense one on all are dense.

    Raises:
        DomainError: an option is out of range, no window fits, or a layer needs rows and columns and has none.

    >>> Network((32, 32), 3, (Convolution(6, 5), Pooling(2), Dense(10))).shapes
    ((28, 28, 6), (14, 14, 6), (10,))
    """

    input_size: Index
    channels: int
    layers: tuple[Layer, ...]
    kind: ClassVar[str] = "network"

    def __post_init__(self) -> None:
        """Refuse what has no output."""
        if len(self.input_size) != 2:
            raise DomainError("input_size", self.input_size, "needs rows and columns")
        if not self.layers:
            raise DomainError("layers", self.layers, "needs at least one layer")
        dense = [isinstance(layer, Dense) for layer in self.layers]
        if dense != sorted(dense):
            raise DomainError("layers", self.layers, "needs every convolution and pooling before the dense layers")
        self.shapes  # noqa: B018 - checked when they are made

    @cached_property
    def shapes(self) -> tuple[Index, ...]:
        """What comes out of each layer: rows, columns and channels, or the number of outputs."""
        found = [self._input]
        for layer in self.layers:
            found.append(layer.output(found[-1]))
        return tuple(found[1:])

    @property
    def parameters(self) -> tuple[int, ...]:
        """The number of parameters of each layer."""
        return tuple(layer.parameters(shape) for layer, shape in self._steps)

    @property
    def title(self) -> str:
        """What is computed."""
        return say("Sizes and parameters of a network")

    @property
    def result(self) -> ObjectArray:
        """How many numbers come out of each layer, and how many parameters it has."""
        return exact_array("result", list(zip(map(prod, self.shapes), self.parameters, strict=True)))

    @property
    def _input(self) -> Index:
        return (*self.input_size, self.channels)

    @property
    def _steps(self) -> list[tuple[Layer, Index]]:
        """Each layer with what goes in."""
        return list(zip(self.layers, (self._input, *self.shapes[:-1]), strict=True))

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The letters, each layer, and all of them together."""
        yield Section(say("Given"), tuple(self._given(write)))
        for number, (layer, shape) in enumerate(self._steps, 1):
            heading = say("Layer {number}: {title}", number=number, title=layer.title)
            output = Paragraph(say("Output: {size}.", size=write.size(self.shapes[number - 1])))
            yield Section(heading, (*layer.blocks(write, shape), output))
        yield Section(say("All layers"), tuple(self._together(write)))

    def _given(self, write: Writer) -> Iterator[Block]:
        yield Paragraph(say("The input has {size} elements: rows, columns and channels.", size=write.size(self._input)))
        letters = {str(letter): write.inline(write.dialect.name(str(letter))) for letter in (_N, _F, _S, _P, _C, _K)}
        if any(not isinstance(layer, Dense) for layer in self.layers):
            yield Paragraph(
                say(
                    "The input of a layer has {n} rows or columns and {c} channels; {f} is the number of rows and of "
                    "columns of its window, {s} the stride, {p} the padding and {k} the number of kernels.",
                    **letters,
                )
            )
        if any(isinstance(layer, Dense) for layer in self.layers):
            inputs, outputs = (write.inline(write.dialect.name(str(letter))) for letter in (_I, _O))
            yield Paragraph(say("A dense layer has {i} inputs and {o} outputs.", i=inputs, o=outputs))

    def _together(self, write: Writer) -> Iterator[Block]:
        times = r" \times " if write.dialect.stacked else " x "
        rows = [
            [str(number), times.join(map(str, shape)), str(prod(shape)), str(count)]
            for number, (shape, count) in enumerate(zip(self.shapes, self.parameters, strict=True), 1)
        ]
        yield from write.table([say("layer"), say("output"), say("elements"), say("parameters")], rows)
        counts = [count for count in self.parameters if count]
        if counts:
            yield Paragraph(say("The number of all parameters:"))
            yield from write.chain("", [write.terms(counts), write.terms([sum(counts)])])


def layer_of(given: Mapping[str, Any]) -> Layer:
    """A layer from plain data.

    Raises:
        DomainError: the kind is unknown.

    >>> layer_of({"kind": "pooling", "kernel_size": 2})
    Pooling(kernel_size=2, stride=None, mode='max')
    """
    options = dict(given)
    kind = options.pop("kind", None)
    if kind not in KINDS:
        raise DomainError("kind", kind, f"needs one of: {', '.join(KINDS)}")
    return KINDS[kind](**options)


def _sizes(write: Writer, term: Any, before: Index, after: Index, known: dict[Any, int]) -> Iterator[Block]:
    """The number of rows and columns: the formula in letters and with the numbers."""
    shown: dict[tuple[int, int], list[str]] = {}
    for name, n, out in zip(axis_names(2), before, after, strict=False):
        shown.setdefault((n, out), []).append(name)
    for (n, out), names in shown.items():
        yield from _number_of(write, say(" and ").join(names), term, {_N: n} | known, out)


def _parameters(write: Writer, term: Any, known: dict[Any, int], count: int) -> Iterator[Block]:
    yield from _number_of(write, say("parameters"), term, known, count)


def _number_of(write: Writer, what: str, term: Any, known: dict[Any, int], count: int) -> Iterator[Block]:
    numbers = ", ".join(write.equal(str(letter), number) for letter, number in known.items())
    yield Paragraph(say("Number of {axes}, with {numbers}:", axes=what, numbers=numbers))
    yield from write.chain("", [*write.formula(term, known), write.terms([count])])
