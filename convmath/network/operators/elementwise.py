"""Operators that keep the sizes: activations, normalisation, dropout, sums of branches; inputs and the unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import DomainError
from ..fields.field import Field
from .base import Operator, Pointwise, Reads, Sizes, Work, broadcast, one, product, stretched


@dataclass(frozen=True)
class Identity(Pointwise):
    """Dropout in evaluation, a cast, a copy: nothing is computed."""

    name: str = "identity"

    @property
    def kind(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True)
class Activation(Pointwise):
    """A function of each element.

    Attributes: name: which one. parameters: learned numbers, as those of PReLU.
    """

    name: str
    parameters: int = 0

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def params(self) -> int:
        """The learned numbers."""
        return self.parameters

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An operation for every element."""
        return Work(other=product(output))


@dataclass(frozen=True)
class Norm(Operator):
    """A normalisation: an affine map of each element, by statistics over some dimensions.

    Attributes:
        name: which one.
        parameters: learned numbers; running statistics are not learned.
        dims: the dimensions over which the statistics are taken each time; empty for batch normalisation in
            evaluation, which uses those of the training.
    """

    name: str
    parameters: int
    dims: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def params(self) -> int:
        """The learned numbers."""
        return self.parameters

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input."""
        return one(self, inputs)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The dimensions of the statistics are read whole."""
        dims = {dimension % len(output) for dimension in self.dims}
        return (tuple((d, Field.whole(n) if d in dims else Field.same()) for d, n in enumerate(output)),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """A multiplication and an addition for every element, and two more where statistics are taken."""
        return Work(other=product(output) * (4 if self.dims else 2))


@dataclass(frozen=True)
class Softmax(Operator):
    """A softmax over one dimension."""

    dim: int

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input."""
        return one(self, inputs)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The dimension is read whole."""
        over = self.dim % len(output)
        return (tuple((d, Field.whole(n) if d == over else Field.same()) for d, n in enumerate(output)),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An exponential, an addition and a division for every element."""
        return Work(other=3 * product(output))


@dataclass(frozen=True)
class Combine(Operator):
    """A sum, product or maximum of branches, element by element, sizes of 1 stretched; with one branch, a constant."""

    name: str

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The common sizes."""
        if not inputs:
            raise DomainError("inputs", 0, f"{self.name} needs at least one input")
        return broadcast(self, *inputs)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each branch in its place."""
        return tuple(
            tuple(stretched(source, output, dimension) for dimension in range(len(output))) for source in inputs
        )

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An operation less than there are branches for every element."""
        return Work(other=product(output) * max(1, len(inputs) - 1))


@dataclass(frozen=True)
class Unknown(Operator):
    """An operation that is not understood: what is known of it is its name, and perhaps its output's sizes.

    Attributes:
        name: as the framework calls it.
        reason: why it is unknown, in words.
        output: the sizes, or None.
        parameters: the learned numbers, or None where their number is unknown too.
    """

    name: str
    reason: str
    output: Sizes | None = None
    parameters: int | None = None

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def params(self) -> int:
        """The learned numbers that are known."""
        return self.parameters or 0

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes that the framework reports, if it does."""
        if self.output is None:
            raise DomainError("operator", self.name, self.reason)
        return self.output

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Nothing is known."""
        return tuple((None,) * len(output) for _ in inputs)


@dataclass(frozen=True)
class Input(Operator):
    """An input of the network, or a constant.

    Attributes: shape: the sizes, the batch first. axes: the dimensions that are spatial axes; receptive fields are
        counted in their elements.
    """

    shape: Sizes
    axes: tuple[int, ...] = ()

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        return self.shape

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """It reads nothing."""
        return ()
