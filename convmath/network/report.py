"""What is known of a network: a row for every node, and totals that say how complete they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from ..errors import DomainError
from ..notebook import brief, counted
from .fields.receptive import Misalignment
from .fields.spans import Spans
from .memory import itemsize, peak
from .operators.base import Reads
from .placement import DTYPE
from .rows import Rows
from .totals import Total, added

if TYPE_CHECKING:
    import sympy

    from .closed_form.by_symbol import FormsBySymbol
    from .closed_form.forms import Letters
    from .closed_form.report import ClosedForms
    from .saved import Saved


@dataclass(frozen=True)
class NetworkReport(Rows):
    """The rows of a network, and what they come to.

    Attributes:
        graph: the network.
        rows: a row for every node, each after those that it reads.
        misaligned: where paths meet whose strides or centres disagree.

    Sizes are in elements, the channels first and without the batch; memory is in bytes.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv, Pool
    >>> net = Graph()
    >>> conv = net.add("conv", Conv(3, 8, (3, 3), padding=1), net.input((3, 8, 8)))
    >>> _ = net.add("pool", Pool("max", (2, 2)), conv)
    >>> report = net.analyze()
    >>> [(row.name, row.output_size, row.params, row.macs) for row in report]
    [('input', (3, 8, 8), 0, 0), ('conv', (8, 8, 8), 224, 13824), ('pool', (8, 4, 4), 0, 0)]
    >>> report.status, report.params, report.macs, report["pool"] is report.output, "pool" in report
    ('complete', 224, 13824, True, True)
    >>> report.activations, report.dtype, [row.name for row in report.outputs]
    (832, 'float32', ['pool'])
    """

    misaligned: tuple[Misalignment, ...] = ()

    @cached_property
    def _accesses(self) -> dict[str, tuple[Reads, ...]]:
        return {}

    def accesses(self, name: str) -> tuple[Reads, ...]:
        """For each input of an understood node, what each dimension of its output reads of it.

        Raises:
            UnsupportedError: a relation is too long to write down.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (3,), stride=2), net.input((1, 9)))
        >>> net.analyze().accesses("pool")[0][2]  # what dimension 2 of the output reads
        (2, Field(size=3, stride=2, padding=0))
        """
        if name not in self._accesses:
            row = self[name]
            inputs = [sizes or () for sizes in row.inputs]
            self._accesses[name] = row.operator.reads(inputs, row.sizes or ())
        return self._accesses[name]

    @property
    def activations(self) -> Any:
        """Elements of the inputs and of all results together, each in memory of its own; no weights and constants.

        What training keeps is other: :meth:`saved_bytes`.
        """
        return self.total("elements").value

    @property
    def dtype(self) -> str:
        """The type of the network, in which bytes are counted where no other is given.

        Of a module it is that of its first weight that is no integer, of one without weights that of its inputs; of an
        ONNX file that of most weights, or of the first input; of other graphs, which say none, float32.
        """
        return self.graph.provenance.dtype or DTYPE

    def _counted(self, dtype: Any) -> Any:
        """The type in which bytes are counted."""
        found = self.dtype if dtype is None else dtype
        itemsize(found)
        return found

    def activation_bytes(self, dtype: Any = None) -> Any:
        """Bytes of the inputs and of all results together, as in :attr:`activations`.

        Args:
            dtype: the name of one of torch, or a dtype of torch or NumPy, as if all that is of the network's type,
                :attr:`dtype`, were of this one; by default nothing is. Results of which an importer knows that they
                have another type than the network, as masks, indices and what is cast, take the bytes of theirs.

        Raises:
            DomainError: the dtype is unknown.

        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.input((3, 8, 8))
        >>> net.analyze().dtype, net.analyze().activation_bytes(), net.analyze().activation_bytes("float16")
        ('float32', 768, 384)
        """
        counted = self._counted(dtype)
        return sum(row.activation_bytes(counted) for row in self.rows if row.sizes is not None)

    def peak_bytes(self, dtype: Any = None) -> Any:
        """Bytes that are alive at once at most, where each node runs in order and frees what no later one reads.

        Views and what is written in place take none. :meth:`peak` says whether sizes are missing.

        Args:
            dtype: as in :meth:`activation_bytes`.

        Raises:
            DomainError: the dtype is unknown.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> wide = net.add("wide", operators.Linear(10, 40), net.input((10,)))
        >>> _ = net.add("narrow", operators.Linear(40, 4), wide)
        >>> net.analyze().peak_bytes(), net.analyze().peak("float16")
        (200, Total(100, complete))
        """
        return self.peak(dtype).value

    def peak(self, dtype: Any = None) -> Total:
        """As :meth:`peak_bytes`, with the nodes whose sizes are unknown.

        Args and errors as there.
        """
        counted = self._counted(dtype)
        return peak(self, lambda row: row.activation_bytes(counted))

    @cached_property
    def _saved(self) -> dict[bool, Mapping[str, Saved]]:
        return {}

    def saved_tensors(self, name: str, *, training: bool = True) -> Saved:
        """What training keeps of a node for the gradients: what autograd calls the saved tensors.

        These are its result, if it or a later node saves that, and what it makes besides, as the places of maxima, the
        statistics of a norm or the mask of dropout. What lies in one memory is kept once, by the node that makes it;
        weights, buffers and other constants, which are there anyhow, are not among them.

        What is saved is torch's choice, here that of its operators on a CPU at version 2.13. On a GPU the mask of
        dropout has a byte for each element, whatever the dtype is, and cuDNN may keep room of its own. What
        ``torch.utils.checkpoint`` leaves out is not seen. What ``torch.autocast`` casts is not known, and neither is
        what is computed of it; nor is what a ``torch.autograd.Function`` saves.

        Args:
            name: the node.
            training: whether normalisation takes the statistics of the batch and dropout drops, as the modules of torch
                do after ``train()``, and when they are new.

        Raises:
            DomainError: there is no such node, or training is neither True nor False.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> conv = net.add("conv", operators.Conv(1, 2, (3, 3)), net.input((1, 6, 6)))
        >>> _ = net.add("pool", operators.Pool("max", (2, 2)), conv)
        >>> net.analyze().saved_tensors("pool").tensors  # its input is kept, too, as the output of the convolution
        (SavedTensor(what='indices', elements=8, dtype='int64'),)
        """
        return self._saved_tensors(training=training)[self[name].name]

    def _saved_tensors(self, *, training: bool) -> Mapping[str, Saved]:
        from .operators.domains import FLAG
        from .saved import saved_tensors

        if not FLAG.holds(training):
            raise DomainError("training", training, f"needs {FLAG.needs}")
        if training not in self._saved:
            self._saved[training] = saved_tensors(self, training=training)
        return self._saved[training]

    def saved_bytes(self, dtype: Any = None, *, training: bool = True) -> Any:
        """Bytes that training keeps from the forward pass for the gradients; :meth:`saved` says what is missing.

        Neither weights nor their gradients, the states of an optimiser, the loss, and what operators need while they
        run are among them.

        Args:
            dtype: as in :meth:`activation_bytes`.
            training: as in :meth:`saved_tensors`.

        Raises:
            DomainError: the dtype is unknown, or training is neither True nor False.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> conv = net.add("conv", operators.Conv(1, 2, (3, 3)), net.input((1, 6, 6)))
        >>> _ = net.add("relu", operators.Activation("relu"), conv)
        >>> net.analyze().saved_bytes(), net.analyze().saved()  # the image, and what comes out of the ReLU
        (272, Total(272, complete))
        """
        return self.saved(dtype, training=training).value

    def saved(self, dtype: Any = None, *, training: bool = True) -> Total:
        """As :meth:`saved_bytes`, with the nodes of which it is not known what they save.

        Args and errors as there.
        """
        counted, kept = self._counted(dtype), self._saved_tensors(training=training)
        return added(self.rows, [kept[row.name].nbytes(counted) for row in self.rows])

    @overload
    def closed_forms(
        self, symbol: str | sympy.Symbol | None = None, *, axis: int | None = None, source: str | None = None
    ) -> ClosedForms | Any: ...

    @overload
    def closed_forms(self, symbol: Letters, *, axis: None = None, source: str | None = None) -> FormsBySymbol: ...

    def closed_forms(self, symbol: Any = None, *, axis: int | None = None, source: str | None = None) -> Any:
        """Every size as a term in the size of the input.

        Args and errors as for :func:`convmath.network.closed_form.closed_forms`.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 2)), net.input((3, 8, 8)))
        >>> print(net.analyze().closed_forms().output)
        pool: (3, floor(n/2), floor(n/2)) for n >= 2, proved
        """
        return self.graph.closed_forms(symbol, axis=axis, source=source)

    def reads(self, name: str, *position: int) -> dict[str, tuple[Spans, ...]]:
        """Exactly what one position of a node reads of each input, borders and all, axis by axis.

        Args:
            name: the node.
            position: the index on each axis of its output after the channels, each from 0; where axes of the inputs
                run along other dimensions, as along the tokens of a sequence, the index on each of those that they run
                along. Without indices, what all positions read together.

        Raises:
            DomainError: there is no such node or position, or what it reads is unknown.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> patches = net.add("patches", operators.Conv(1, 64, (8, 8), stride=8), net.input((1, 32, 32)))
        >>> _ = net.add("tokens", operators.Permute((0, 2, 1)), net.add("flat", operators.Flatten(2), patches))
        >>> net.analyze().reads("tokens", 7)
        {'input': (Spans(8:16), Spans(24:32))}
        """
        from .fields.exact import exact_field

        return exact_field(self, name, position)

    def to(self, style: str = "json", *, convention: str = "mac", node: str | None = None, dtype: Any = None) -> str:
        """All that is known as the text of a file, as ``convmath net --format`` writes it.

        Args:
            style: ``"json"``, ``"csv"``, ``"markdown"``, ``"latex"`` or ``"html"``; ``docs/networks.md`` says what the
                keys of JSON and the columns of CSV hold.
            convention: what counts as an operation, as in :meth:`flops`.
            node: the only node whose row is written; by default all.
            dtype: as in :meth:`activation_bytes`.

        Raises:
            DomainError: the style, the convention or the dtype is unknown, or there is no such node.

        >>> import json
        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("dense", operators.Linear(3, 4), net.input((3,)))
        >>> json.loads(net.analyze().to("json"))["totals"]["macs"]
        {'value': 12, 'status': 'complete', 'missing': []}
        """
        from .views.documents import document

        return document(self, style, convention, node, dtype)

    def __repr__(self) -> str:
        """Nodes, whether all are understood, parameters and multiply-accumulates."""
        from .views.cells import digits

        missing = len(self.missing)
        status = f"{self.status}: {missing:,} not understood" if missing else self.status
        numbers = (f"{digits(self.params)} params", f"{digits(self.macs)} MACs")
        return brief(self, counted(len(self), "node"), status, *numbers)

    def __str__(self) -> str:
        """The tables that ``convmath net`` prints."""
        from ..notebook import printed
        from .views.terminal import view

        return printed(view(self))

    def _repr_html_(self) -> str:
        """Tables for notebooks."""
        from .views.documents import fragment

        return fragment(self)
