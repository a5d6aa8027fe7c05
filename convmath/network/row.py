"""What is known of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..notebook import brief
from .fields.receptive import ReceptiveFields
from .operators import Operator, Sizes, Unknown, Work
from .operators.base import product
from .origin import Origin
from .placement import DTYPE, USUAL, Placement, operation


def without(batch: int | None, sizes: Sizes | None) -> Sizes | None:
    """Sizes without that of the batch.

    >>> without(1, (10, 1, 64)), without(None, (10, 64))
    ((10, 64), (10, 64))
    """
    return sizes if batch is None or sizes is None else (*sizes[:batch], *sizes[batch + 1 :])


@dataclass(frozen=True)
class Row:
    """What is known of a node.

    Attributes:
        name: the name of the node.
        operator: what it computes.
        inputs: the sizes of what it reads, the batch first; None where they are unknown.
        sizes: the sizes of its output, the batch first; None if unknown.
        params: its parameters, with those that training leaves as they are; those that it shares with a node before it
            are counted there.
        work: what computing it takes.
        learned: for each input, whether training computes a gradient for it, as it depends on parameters that are
            trained.
        fields: the receptive field in each input of the network, by name; empty where ``field_unknown`` says why.
        field_unknown: why the receptive field is unknown, in words.
        reason: why the node is not understood; empty if it is.
        origin: where the node comes from, if a framework made it.
        given: the sizes of what the module is given whose result the node is.
        remarks: sentences about the node, such as one about another size that a program gives it.
        trained: whether training computes a gradient for its own weights.
        placement: how its output lies in memory.
        batch: the dimension of its output that is the batch; None where none is.
        batches: the same of each input.
        dtype: the type of its elements; that of the network where no other is known.

    Sizes are in elements; memory is in bytes.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 8, (3, 3), stride=2, padding=1), net.input((3, 9, 9)))
    >>> row = net.analyze()["conv"]
    >>> row.op, row.output_size, row.params, row.macs, row.elements, row.activation_bytes()
    ('conv2d', (8, 5, 5), 224, 5400, 200, 800)
    >>> row.receptive_field.size, row.receptive_field.stride, row.receptive_field.center(0, 1)
    ((3, 3), (Fraction(2, 1), Fraction(2, 1)), (Fraction(1, 2), Fraction(5, 2)))
    """

    name: str
    operator: Operator
    inputs: tuple[Sizes | None, ...]
    sizes: Sizes | None
    params: int
    work: Work
    learned: tuple[bool, ...] = ()
    fields: Mapping[str, ReceptiveFields] = field(default_factory=dict)
    field_unknown: str = ""
    reason: str = ""
    origin: Origin | None = None
    given: tuple[Sizes | None, ...] = ()
    remarks: tuple[str, ...] = ()
    trained: bool = True
    placement: Placement = USUAL
    batch: int | None = 0
    batches: tuple[int | None, ...] = ()
    dtype: str = DTYPE

    @property
    def op(self) -> str:
        """The operation; that of a tensor that is not given is ``"parameter"`` or ``"constant"``.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("up", operators.ConvTranspose(3, 8, (3, 3)), net.input((3, 8, 8)))
        >>> net.analyze()["up"].op
        'conv_transpose2d'
        """
        return operation(self.operator, self.params, self.placement)

    def lacks(self, what: Any) -> bool:
        """Whether a number of this row is unknown: of ``"params"``, ``"elements"`` or what computing it takes.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("odd", operators.Unknown("my_op", "it is not one of the operators"), net.input((3, 8, 8)))
        >>> [what for what in ("params", "macs", "elements") if net.analyze()["odd"].lacks(what)]
        ['params', 'macs', 'elements']
        """
        if what == "params":
            unknown = isinstance(self.operator, Unknown) and self.operator.parameters is None
            return unknown or not self.placement.told
        return self.sizes is None if what == "elements" else bool(self.reason)

    @property
    def output_size(self) -> Sizes | None:
        """The sizes of its output without the batch.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("conv", operators.Conv(3, 8, (3, 3)), net.input((3, 9, 7), batch_size=4))
        >>> net.analyze()["conv"].output_size, net.analyze()["conv"].sizes
        ((8, 7, 5), (4, 8, 7, 5))
        """
        return without(self.batch, self.sizes)

    @property
    def batch_size(self) -> Any:
        """Images at once in its output; None where that has no batch, or its sizes are unknown.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> image = net.input((3, 9, 7), batch_size=4)
        >>> net.analyze()[image].batch_size
        4
        """
        return None if self.batch is None or not self.sizes else self.sizes[self.batch]

    def flops(self, convention: str = "2mac", *, backward: bool = False) -> Any:
        """Operations by a named convention, as in :meth:`NetworkReport.flops`; None where they are not known.

        Raises:
            DomainError: the convention is unknown, or says nothing of the gradients.

        >>> from convmath.network import Graph
        >>> from convmath.network.operators import Conv
        >>> net = Graph()
        >>> _ = net.add("conv", Conv(3, 8, (3, 3)), net.input((3, 8, 8)))
        >>> net.analyze()["conv"].flops(), net.analyze()["conv"].flops("2mac", backward=True)
        (15552, 15552)
        """
        from .conventions import flops

        return flops(convention, backward=backward)(self)

    def activation_bytes(self, dtype: Any = None) -> Any:
        """Bytes of its elements, as in :meth:`NetworkReport.activation_bytes`; None where its sizes are unknown.

        Raises:
            DomainError: the dtype is unknown.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> image = net.input((3, 8, 8))
        >>> row = net.analyze()[image]
        >>> row.activation_bytes(), row.activation_bytes("int8")
        (768, 192)
        """
        from .memory import itemsize

        size = itemsize(self.dtype if dtype is None else dtype)
        if self.sizes is None:
            return None
        return self.elements * (itemsize(self.placement.dtype) if self.placement.dtype else size)

    @property
    def elements(self) -> Any:
        """Elements that its output takes, none if it is a weight or a constant; None where its sizes are unknown.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> image = net.input((3, 8, 8), batch_size=4)
        >>> net.analyze()[image].elements
        768
        """
        if self.sizes is None:
            return None
        return 0 if self.placement.stored else product(self.sizes)

    @property
    def receptive_field(self) -> ReceptiveFields | None:
        """The receptive field in the first input of the network that the node reads; None where it is unknown.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("conv", operators.Conv(3, 8, (3, 3), dilation=2, padding=2), net.input((3, 8, 8)))
        >>> net.analyze()["conv"].receptive_field
        ReceptiveFields(size=(5, 5), stride=(1, 1), padding=(2, 2), with holes)
        """
        return next(iter(self.fields.values()), None)

    @property
    def macs(self) -> Any:
        """Multiply-accumulates; None where the node is not understood.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("conv", operators.Conv(3, 8, (3, 3)), net.input((3, 8, 8)))
        >>> net.analyze()["conv"].macs  # 27 for each of 8*6*6 outputs
        7776
        """
        return None if self.reason else self.work.macs

    @property
    def differentiated(self) -> bool:
        """Whether training computes a gradient for its weights or for what it reads.

        >>> from convmath.network import Graph
        >>> from convmath.network.operators import Activation, Linear
        >>> net = Graph()
        >>> _ = net.add("last", Linear(3, 3), net.add("relu", Activation("relu"), net.input((3,))))
        >>> [row.differentiated for row in net.analyze()]
        [False, False, True]
        """
        return self.trained or True in self.learned

    @property
    def backward_macs(self) -> Any:
        """Multiply-accumulates of the gradients for its weights and its inputs. Entry: cost.backward.

        A network's first layer has no gradient for its input; neither has what is detached, nor what only comparisons
        and the like are made of. Weights that training leaves as they are have none. None where the node is not
        understood, or is part of a ``torch.autograd.Function``, which computes gradients in a way of its own.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> first = net.add("first", operators.Linear(10, 40), net.input((10,)))
        >>> _ = net.add("second", operators.Linear(40, 4), first)
        >>> [(row.macs, row.backward_macs) for row in net.analyze()]
        [(0, 0), (400, 400), (160, 320)]
        """
        if self.reason or (self.differentiated and self.origin and self.origin.custom):
            return None
        if not self.work.macs:
            return 0
        inputs = self.operator.input_gradient_macs(
            [sizes or () for sizes in self.inputs], self.sizes or (), self.learned
        )
        return inputs + (self.work.macs if self.operator.params and self.trained else 0)

    def __repr__(self) -> str:
        """Name, operation, output, receptive field, parameters and multiply-accumulates."""
        from .views.cells import digits, field_cells, sizes

        if self.reason:
            return brief(self, self.name, self.op, "not understood")
        numbers = [f"{digits(value)} {unit}" for value, unit in ((self.params, "params"), (self.macs, "MACs")) if value]
        field = f"field {field_cells(self)[0]}" if self.fields else ""
        return brief(self, self.name, self.op, f"output {sizes(self.output_size)}", field, *numbers)

    def __str__(self) -> str:
        """All that is known, in lines."""
        from .views.details import details

        return "\n".join(f"{name}: {words}" for name, words in details(self))

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from .views.details import row_html

        return row_html(self)
