"""Operators that keep the sizes: activations, normalisation, dropout, sums of branches; inputs and the unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...assumptions import require
from ...division import is_symbolic, mod
from ...errors import DomainError
from ..fields.field import Field
from ..fields.spans import Spans
from .base import Operator, Pointwise, Reads, Sizes, Work, broadcast, one, product, require_dims, stretched
from .domains import COUNT, COUNTS, DIM, DIMS, FLAG, INTEGERS, NAME, NONE, POSITIVE, SHARE, TEXT, Domains, one_of


@dataclass(frozen=True)
class Identity(Pointwise):
    """A cast, a copy, the same under another name: nothing is computed.

    >>> Identity("clone").work([(1, 8)], (1, 8))
    Work(macs=0, sums=0, bias=0, other=0)
    """

    name: str = "identity"

    domains: ClassVar[Domains] = {"name": NAME}

    @property
    def kind(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True)
class Dropout(Pointwise):
    """Dropout, which drops nothing in evaluation.

    Attributes: p: the share of what is dropped in training. channels: whether whole channels are, not single elements.

    >>> Dropout(0.2).sizes((1, 8, 4, 4))
    (1, 8, 4, 4)
    """

    p: float = 0.5
    channels: bool = False

    domains: ClassVar[Domains] = {"p": SHARE, "channels": FLAG}


TESTS = ("isnan", "isinf", "isfinite", "logical_not", "not", "isposinf", "isneginf", "signbit")
"""Names of functions of an element that are true or false."""

COMPARISONS = (
    *("eq", "ne", "lt", "le", "gt", "ge", "equal_to", "less", "less_equal", "greater", "greater_equal", "not_equal"),
    *("logical_and", "logical_or", "logical_xor", "isclose"),
)
"""Names of functions of two elements that are true or false."""

_WITHOUT_GRADIENT = {
    *TESTS,
    *COMPARISONS,
    *("bitwise_not", "invert", "equal", "and", "or", "xor", "bitwise_and", "bitwise_or", "bitwise_xor", "bitshift"),
    "one_hot",
}
"""Names of functions of elements whose values are no quantities."""

_MOST_COUNTS = 2**12
"""Products of some sizes of a tensor that are compared with the number of learned ones: all of 12 dimensions."""

_TRIANGLES = ("tril", "triu", "trilu")


@dataclass(frozen=True)
class Activation(Pointwise):
    """A function of each element.

    Attributes: name: which one. parameters: learned numbers, as those of PReLU.

    >>> Activation("prelu", parameters=8).sizes((1, 8, 4, 4)), Activation("prelu", parameters=8).params
    ((1, 8, 4, 4), 8)
    """

    name: str
    parameters: int = 0

    domains: ClassVar[Domains] = {"name": NAME, "parameters": COUNT}

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def params(self) -> int:
        """The learned numbers."""
        return self.parameters

    @property
    def differentiable(self) -> bool:
        """Not a test of elements."""
        return self.name not in _WITHOUT_GRADIENT

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Every element reads its own place; of a triangle only a part of the elements do."""
        if self.name not in _TRIANGLES:
            return super().reads(inputs, output)
        some = Field(1, 1, (Spans.point(0).bounded(),))
        return (tuple((d, some if d >= len(output) - 2 else Field.same()) for d in range(len(output))),)

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input, some of whose dimensions have as many elements together as numbers are learned."""
        source = super().sizes(*inputs)
        if self.parameters > 1:
            counts = {1}
            for n in source:
                if not is_symbolic(n):
                    counts |= {count * n for count in counts if not self.parameters % (count * n)}
                if len(counts) > _MOST_COUNTS:
                    needs = f"{self.name} of {source} may learn more than {_MOST_COUNTS} numbers of parameters"
                    raise DomainError("parameters", self.parameters, f"{needs}, and which of them is not looked for")
            if self.parameters not in counts:
                needs = f"{self.name} needs 1, or one for each element of some dimensions of {source}, as its channels"
                raise DomainError("parameters", self.parameters, needs)
        return source

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An operation for every element."""
        return Work(other=product(output))


_CENTRED = ("batch_norm", "instance_norm", "group_norm", "layer_norm", "mean_variance_norm")
_DIVIDED: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(_CENTRED, (5, 2)),
    "rms_norm": (3, 2),
    "normalize": (3, 1),
    "lp_norm": (3, 0),
}
"""Operations for each element and for each group of statistics, before the learned numbers.

A mean takes an addition less than it has elements, and a division: one for each element. So do the differences from it,
their squares, the mean of these, and the quotients; what keeps from dividing by 0, and the root, one for each group.
"""


@dataclass(frozen=True)
class Norm(Operator):
    """A normalisation: an affine map of each element, by statistics over some dimensions.

    Attributes:
        name: which one, such as ``"layer_norm"``.
        parameters: learned numbers; running statistics are not learned.
        dims: the dimensions over which the statistics are taken each time, from 0; empty for batch normalisation in
            evaluation, which uses those of the training. In training it takes them over the batch and all positions,
            ``(0, 2, 3)``, so that each position reads all others of its channel.
        groups: groups of channels, each with statistics of its own.

    >>> Norm("layer_norm", 2 * 64, dims=(2,)).sizes((1, 49, 64)), Norm("layer_norm", 2 * 64, dims=(2,)).params
    ((1, 49, 64), 128)
    """

    name: str
    parameters: int
    dims: tuple[int, ...] = ()
    groups: int = 1

    domains: ClassVar[Domains] = {"name": one_of(*_DIVIDED), "parameters": COUNT, "dims": DIMS, "groups": POSITIVE}

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def params(self) -> int:
        """The learned numbers."""
        return self.parameters

    @property
    def evaluates(self) -> bool:
        """Whether it takes the statistics of the training, as in evaluation.

        >>> Norm("batch_norm", 16).evaluates, Norm("layer_norm", 16, dims=(2,)).evaluates
        (True, False)
        """
        return not self.dims and self.name in ("batch_norm", "instance_norm")

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input, whose channels the groups divide."""
        source = require_dims(self, one(self, inputs), *self.dims)
        if self.groups != 1:
            channels = source[1] if len(source) > 1 else 1
            needs = f"{self.name} needs groups that divide the {channels} channels"
            require("==", mod(channels, self.groups), 0, "groups", needs, groups=self.groups)
        return source

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The dimensions of the statistics are read whole."""
        return (tuple((d, Field.whole(n) if d in self.dims else Field.same()) for d, n in enumerate(output)),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """A multiplication and an addition for every element by running statistics; else these, and what they take.

        How many operations that is is not known where there are neither one nor two learned numbers for each feature.
        """
        if not self.dims:
            return Work(other=2 * product(output))
        over = self.dims if self.name in ("layer_norm", "rms_norm") else (1,)
        features = product([output[dimension] for dimension in over if dimension < len(output)])
        learned, divided = divmod(self.parameters, features), _DIVIDED[self.name]
        if learned not in ((0, 0), (1, 0), (2, 0)):
            return Work(other=None)
        groups = self.groups * product([n for d, n in enumerate(output) if d not in self.dims])
        return Work(other=product(output) * (divided[0] + learned[0]) + groups * divided[1])


@dataclass(frozen=True)
class LocalResponseNorm(Pointwise):
    """A normalisation by the squares of neighbouring channels, dimension 1.

    Attributes: size: the channels of a window, >= 1. before: those of them that lie before its own channel, in torch
        ``size // 2``, in ONNX ``(size - 1) // 2``.

    Source: [torch.nn.LocalResponseNorm], [onnx.LRN].

    >>> LocalResponseNorm(5, before=2).sizes((1, 96, 55, 55))
    (1, 96, 55, 55)
    """

    size: int
    before: int

    domains: ClassVar[Domains] = {"size": POSITIVE, "before": COUNT}

    @property
    def kind(self) -> str:
        """``local_response_norm``."""
        return "local_response_norm"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of an input that has channels."""
        return require_dims(self, one(self, inputs), 1)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each channel its window, and every other dimension its own place."""
        window = (1, Field.window(self.size, padding=self.before))
        return (tuple(window if d == 1 else (d, Field.same()) for d in range(len(output))),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """A square and the sum of a window for every element; a factor, a term, a power and a quotient."""
        return Work(other=product(output) * (self.size + 4))


@dataclass(frozen=True)
class Softmax(Operator):
    """A softmax over one dimension, from 0.

    >>> Softmax(1).work([(1, 10)], (1, 10)).other  # 10 exponentials, 9 additions and 10 divisions
    29
    """

    dim: int

    domains: ClassVar[Domains] = {"dim": DIM}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input."""
        return require_dims(self, one(self, inputs), self.dim)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The dimension is read whole."""
        return (tuple((d, Field.whole(n) if d == self.dim else Field.same()) for d, n in enumerate(output)),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An exponential and a division for every element, and for each sum an addition less than it has elements."""
        sums = product([n for d, n in enumerate(output) if d != self.dim])
        return Work(other=3 * product(output) - sums)


@dataclass(frozen=True)
class Combine(Operator):
    """A sum, product or maximum of branches, element by element, sizes of 1 stretched; with one branch, a constant.

    >>> Combine("add").sizes((1, 8, 4, 4), (1, 8, 1, 1))
    (1, 8, 4, 4)
    """

    name: str

    domains: ClassVar[Domains] = {"name": NAME}

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def differentiable(self) -> bool:
        """Not a comparison."""
        return self.name not in _WITHOUT_GRADIENT

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

    >>> Unknown("my_op", "it is not one of the operators", output=(1, 8)).sizes((1, 3))
    (1, 8)
    """

    name: str
    reason: str
    output: Sizes | None = None
    parameters: int | None = None

    domains: ClassVar[Domains] = {
        "name": NAME,
        "reason": TEXT,
        "output": COUNTS | NONE,
        "parameters": COUNT | NONE,
    }

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

    >>> Input((1, 3, 8, 8), axes=(2, 3)).sizes()
    (1, 3, 8, 8)
    """

    shape: Sizes
    axes: tuple[int, ...] = ()

    domains: ClassVar[Domains] = {"shape": INTEGERS, "axes": DIMS}

    def __post_init__(self) -> None:
        """Require axes among the dimensions, too.

        Raises:
            DomainError: one is none of them, or a size is no integer.
        """
        super().__post_init__()
        if self.axes:
            require_dims(self, self.shape, *self.axes, parameter="axes")

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        if inputs:
            raise DomainError("inputs", len(inputs), "an input of the network reads no other node")
        return self.shape

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """It reads nothing."""
        return ()
