"""What every operator of a network says about itself: sizes, what each position reads, parameters and work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any, ClassVar, TypeAlias

from ...assumptions import require
from ...division import is_symbolic
from ...errors import DomainError
from ..fields.field import Field
from ..fields.spans import Spans
from .domains import Domain, Domains, with_python_ints

Size: TypeAlias = Any
"""An int, or a SymPy expression."""

Sizes: TypeAlias = tuple[Size, ...]
"""The size of every dimension of a tensor, the batch first: ``(N, C, H, W)``."""


class Merged(tuple[tuple[int, Field, Field], ...]):
    """The dimensions of an input that one of the output is made of: each with how it is read, and by which index.

    A position has an index for each of them, which the second field gives: together they are all that it reads by.
    """

    __slots__ = ()


Reads: TypeAlias = tuple[tuple[int, Field] | Merged | None, ...]
"""For each dimension of the output, the dimension of an input that it reads and how; None where it reads no single one.

A dimension of the input that no dimension of the output names is read whole, or mixed with others: all positions of the
output together read what all of its positions do. Of one that several name, a position reads what all of them do.
"""


def parts(entry: tuple[int, Field] | Merged | None) -> tuple[tuple[int, Field], ...]:
    """The dimensions that a dimension of the output reads, each with how it does."""
    if entry is None:
        return ()
    return tuple((one[0], one[1]) for one in entry) if isinstance(entry, Merged) else (entry,)


@dataclass(frozen=True)
class Work:
    """What an operator does to compute its output.

    Attributes:
        macs: multiply-accumulates.
        sums: outputs that are sums of products: each takes an addition less than it takes products.
        bias: additions of a bias.
        other: operations on single elements: comparisons, additions, divisions, function values; None where how many
            there are is not known.

    >>> from convmath.network.operators import Linear
    >>> Linear(10, 4).work([(1, 10)], (1, 4))
    Work(macs=40, sums=4, bias=4, other=0)
    """

    macs: Size = 0
    sums: Size = 0
    bias: Size = 0
    other: Size = 0


class Operator(ABC):
    """One operation of a network, with its parameters; lists among them become tuples.

    Attributes:
        rearranges: whether elements change dimensions, so that a part of the output reads a part of a dimension that is
            named nowhere.
        domains: what each parameter may be.

    >>> from convmath.network.operators import Conv
    >>> conv = Conv(3, 8, (3, 3), stride=2)
    >>> conv.kind, conv.params, conv.sizes((1, 3, 9, 9)), conv.mixes, conv.differentiable
    ('conv2d', 224, (1, 8, 4, 4), True, True)
    """

    rearranges: ClassVar[bool] = False
    domains: ClassVar[Domains] = {}

    def __post_init__(self) -> None:
        """Make every parameter hashable, and require each to lie in its domain.

        Raises:
            DomainError: one does not.
        """
        own = vars(self)
        for name, value in own.items():
            if isinstance(value, (list, tuple)):
                for part in value if type(value) is tuple else (value,):
                    if isinstance(part, (list, tuple)):
                        object.__setattr__(self, name, _as_tuples(value))
                        break
        for name, domain in self.domains.items():
            if not domain.holds(own[name]):
                self._require(name, domain)

    def _require(self, name: str, domain: Domain) -> None:
        value = with_python_ints(getattr(self, name))
        if not domain.holds(value):
            raise DomainError(name, value, f"needs {domain.needs}")
        object.__setattr__(self, name, value)

    @property
    def kind(self) -> str:
        """The name of the operation in reports.

        >>> from convmath.network.operators import Pool
        >>> Pool("avg", (2, 2)).kind
        'avg_pool2d'
        """
        return type(self).__name__.lower()

    @property
    def params(self) -> int:
        """Parameters that are learned.

        >>> from convmath.network.operators import Conv
        >>> Conv(3, 8, (3, 3)).params
        224
        """
        return 0

    @property
    def mixes(self) -> bool:
        """Whether every channel of the output reads every channel of the input.

        >>> from convmath.network.operators import Conv
        >>> Conv(8, 8, (3, 3)).mixes, Conv(8, 8, (3, 3), groups=8).mixes
        (True, False)
        """
        return False

    @property
    def differentiable(self) -> bool:
        """Whether a gradient goes through it: not through a comparison, nor the place of an extremum.

        >>> from convmath.network.operators import Combine
        >>> Combine("mul").differentiable, Combine("gt").differentiable
        (True, False)
        """
        return True

    @property
    def halves(self) -> tuple[Operator, ...]:
        """What computes each half of the features, where one reads less of the first input than both together.

        >>> from convmath.network.operators import Recurrent
        >>> [half.reverse for half in Recurrent("gru", 10, 20, both=True).halves]
        [False, True]
        """
        return ()

    @abstractmethod
    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the output.

        Raises:
            DomainError: the inputs do not fit.

        >>> from convmath.network.operators import Conv
        >>> Conv(3, 8, (3, 3), stride=2).sizes((1, 3, 9, 9))
        (1, 8, 4, 4)
        """

    @abstractmethod
    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """For each input, what the positions of the output read of it; the sizes are ints.

        >>> from convmath.network.operators import Pool
        >>> Pool("max", (3,), stride=2).reads([(1, 4, 9)], (1, 4, 4))[0][2]
        (2, Field(size=3, stride=2, padding=0))
        """

    def inside(self, reads: Spans, size: int) -> Spans:
        """The elements of an axis of ``size`` elements that are read, where some may lie outside.

        >>> from convmath.network.operators import Pad, Pool
        >>> window = Spans(((-1, 2),))
        >>> Pool("max", (3,), padding=1).inside(window, 3), Pad(((0, 0), (0, 0), (1, 1)), "circular").inside(window, 8)
        (Spans(0:2), Spans(0:2, 7:8))
        """
        return reads.clipped(0, size)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """What computing the output takes.

        >>> from convmath.network.operators import Linear
        >>> Linear(10, 4).work([(1, 10)], (1, 4))
        Work(macs=40, sums=4, bias=4, other=0)
        """
        return Work()

    def input_gradient_macs(self, inputs: Sequence[Sizes], output: Sizes, learned: Sequence[bool]) -> Size:
        """Multiply-accumulates of the gradients for those inputs that depend on parameters: as many for each.

        >>> from convmath.network.operators import Linear
        >>> Linear(10, 4).input_gradient_macs([(1, 10)], (1, 4), (True,))
        40
        """
        return self.work(inputs, output).macs * sum(learned)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, (list, tuple)) else value


class Pointwise(Operator):
    """An operator whose output has the sizes of its input, each element made of the one in its place."""

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input."""
        return one(self, inputs)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Every element reads its own place."""
        return (in_place(output),)


def in_place(sizes: Sizes) -> Reads:
    """Every dimension reads its own."""
    return tuple((dimension, Field.same()) for dimension in range(len(sizes)))


def one(operator: Operator, inputs: Sequence[Sizes]) -> Sizes:
    """The only input."""
    if len(inputs) != 1:
        raise DomainError("inputs", len(inputs), f"{operator.kind} needs one input")
    return inputs[0]


def product(sizes: Sequence[Size]) -> Size:
    """The number of elements."""
    return reduce(mul, sizes, 1)


def merging(elements: Size, run: Size) -> Size:
    """Comparisons that bring elements in order, ``run`` of them each time: as many for each as halves can be taken.

    None where ``run`` is no number.

    >>> merging(16, 8)
    48
    """
    return None if is_symbolic(run) else elements * (run - 1).bit_length()


def split(operator: Operator, sizes: Sizes, axes: int) -> tuple[Size, Size, Sizes]:
    """Batch, channels and the sizes of ``axes`` spatial axes."""
    if len(sizes) != axes + 2:
        names = ", ".join(("N", "C", *("D", "H", "W")[3 - axes :]))
        batch = "; input sizes are given without the batch" if len(sizes) == axes + 3 else ""
        raise DomainError("sizes", sizes, f"{operator.kind} needs {axes + 2} dimensions ({names}){batch}")
    return sizes[0], sizes[1], sizes[2:]


def require_dims(operator: Operator, source: Sizes, *dims: int, parameter: str = "dims") -> Sizes:
    """The sizes of an input that has these dimensions."""
    if any(not 0 <= dimension < len(source) for dimension in dims):
        needs = f"{operator.kind} needs dimensions of an input that has {len(source)}"
        raise DomainError(parameter, dims, needs)
    return source


def require_equal(operator: Operator, name: str, found: Size, wanted: Size) -> None:
    """Require a size of the input to be what the operator's parameters say; of a symbolic size this is recorded."""
    require("==", found, wanted, name, f"{operator.kind} needs {wanted}", **{name: found})


WHICH = "closed forms, with letters for the input sizes, as in 3,n,n, tell which of them fit"
"""What helps where branches do not match."""


def broadcast(operator: Operator, *shapes: Sizes) -> Sizes:
    """The common sizes of operands whose dimensions of size 1 are stretched, aligned at the end."""
    length = max(map(len, shapes))
    padded = [(1,) * (length - len(shape)) + tuple(shape) for shape in shapes]
    common = []
    for dimension, column in enumerate(zip(*padded, strict=True)):
        sizes = [size for size in column if size != 1]
        for size in sizes[1:]:
            needs = f"{operator.kind} needs equal sizes in dimension {dimension}, or 1; {WHICH}"
            require("==", sizes[0], size, "sizes", needs, sizes=tuple(shapes))
        common.append(sizes[0] if sizes else 1)
    return tuple(common)


def stretched(source: Sizes, output: Sizes, dimension: int) -> tuple[int, Field] | None:
    """How a dimension of the output reads that of an operand; one of size 1 that is stretched is read at 0 only."""
    own = dimension - (len(output) - len(source))
    return None if own < 0 else (own, stretched_to(source[own], output[dimension]))


def stretched_to(size: Size, wanted: Size) -> Field:
    """How a dimension reads one of its size, or one of size 1 that is stretched."""
    return Field.whole(1) if size == 1 != wanted else Field.same()
