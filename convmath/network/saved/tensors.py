"""Which memory training keeps: every tensor that some node saves, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from ..gradients import ends
from ..memory import itemsize, shares
from ..operators import Attention, Dropout, Flatten, Identity, Input, Reshape, ReshapeKeeping
from ..placement import DTYPE
from ..strides import Strides, contiguous, is_contiguous, laid_out, packed, viewed
from .rules import kept
from .site import Keeps, Site

if TYPE_CHECKING:
    from ..node import Node
    from ..report import NetworkReport
    from ..row import Row


@dataclass(frozen=True, slots=True)
class SavedTensor:
    """A tensor that training keeps for the gradients.

    Attributes:
        what: ``"output"`` for the result of the node, which the node or a later one saves; what the node makes besides:
            ``"indices"``, ``"mask"``, ``"statistics"``, or a ``"copy"``.
        elements: how many it has.
        dtype: their type, where that is another than the network's; empty if it is not.

    >>> Saved((SavedTensor("indices", 8, "int64"),)).nbytes("float16")
    64
    """

    what: str
    elements: Any
    dtype: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """What training keeps of a node.

    Attributes:
        tensors: its result and what it makes besides, as far as they are kept.
        unknown: why it is not known what the node saves, in words; empty if it is.
        network_dtype: the type of the network.

    >>> Saved((SavedTensor("output", 6),)).nbytes(), Saved(unknown="its sizes are unknown").nbytes()
    (24, None)
    """

    tensors: tuple[SavedTensor, ...] = ()
    unknown: str = ""
    network_dtype: str = DTYPE

    def nbytes(self, dtype: Any = None) -> Any:
        """Bytes of its tensors, by default in the network's own type; None where they are not known.

        Raises:
            DomainError: the dtype is unknown.

        >>> Saved((SavedTensor("output", 6), SavedTensor("indices", 2, "int64"))).nbytes("float16")
        28
        """
        size = itemsize(self.network_dtype if dtype is None else dtype)
        found = sum(one.elements * (itemsize(one.dtype) if one.dtype else size) for one in self.tensors)
        return None if self.unknown else found


def saved_tensors(report: NetworkReport, *, training: bool = True) -> dict[str, Saved]:
    """What training keeps of every node, as :meth:`NetworkReport.saved_tensors` says it.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("relu", operators.Activation("relu"), net.add("dense", operators.Linear(6, 2), net.input((6,))))
    >>> {name: saved.nbytes() for name, saved in saved_tensors(net.analyze()).items()}
    {'input': 24, 'dense': 0, 'relu': 8}
    """
    graph = report.graph
    differentiated = set(_differentiated(report))
    weights = (name for node in graph if node.name in differentiated for name in node.weights)
    computed = (name for name in weights if not graph[name].placement.stored)
    owner: dict[str, str] = {}
    lie: dict[str, Strides | None] = {}
    outputs, besides = set[str](), dict[str, Sequence[SavedTensor]]()
    unknown = dict.fromkeys(computed, "it is a weight of a layer that does not name it")
    cast = set[str]()
    for row in report:
        node = graph[row.name]
        if (row.origin is not None and row.origin.cast) or not cast.isdisjoint(node.inputs):
            cast.add(row.name)
        site = Site(row, tuple([lie[name] for name in node.inputs]), training)
        alias = _shares(node, site)
        owner[row.name] = owner[node.inputs[0]] if alias else row.name
        lie[row.name] = _laid_out(site, alias=bool(alias))
        if row.name not in differentiated:
            continue
        found = row.reason or _custom(row) or (_COPIED if alias is None else kept(site))
        if isinstance(found, Keeps):
            outputs.update(owner[node.inputs[number]] for number in found.inputs)
            outputs.update([owner[row.name]] if found.output else [])
            besides[row.name] = [_besides(row, *one) for one in found.besides]
        else:
            unknown.setdefault(row.name, found)
    unknown.update(dict.fromkeys(cast & (differentiated | outputs), _CAST))
    return {
        row.name: Saved(
            (*_output(row, outputs), *besides.get(row.name, ())), _reason(row, outputs, unknown), report.dtype
        )
        for row in report
    }


def _besides(row: Row, what: str, elements: Any, dtype: str = "") -> SavedTensor:
    """What a node makes besides its result is of the type of that, if nothing else is said."""
    return SavedTensor(what, elements, dtype or row.placement.dtype)


def _output(row: Row, outputs: Iterable[str]) -> Iterator[SavedTensor]:
    if row.name in outputs and row.elements:
        yield SavedTensor("output", row.elements, row.placement.dtype)


def _reason(row: Row, outputs: Iterable[str], unknown: Mapping[str, str]) -> str:
    if row.name in outputs and row.sizes is None:
        return "its sizes are unknown"
    return unknown.get(row.name, "")


def _custom(row: Row) -> str:
    custom = row.origin.custom if row.origin else ""
    return f"a torch.autograd.Function, {custom}, saves what it chooses" if custom else ""


def _differentiated(report: NetworkReport) -> Iterator[str]:
    """The nodes through which a gradient goes."""
    wanted = ends(report.graph)
    for row in reversed(report.rows):
        node = report.graph[row.name]
        biased = node.frozen == "weights" and bool(row.operator.params)
        if row.name in wanted and (row.differentiated or biased):
            wanted.update(compress(node.inputs, row.learned), () if node.frozen == "all" else node.weights)
            yield row.name


_CAST = "torch.autocast chooses the types of its tensors, or of those that it is computed of"
_COPIED = "whether torch copies it goes by how its input lies in memory, which is not known"
_MAY_COPY = ("", "reshape", "reshape_as", "flatten", "contiguous")


def _shares(node: Node, site: Site) -> bool | None:
    """Whether a result lies in the memory of the first input; None where that is not known.

    Dropout in training makes another one, and what is laid out in order stays where it is if it lies so.
    """
    operator, strides = node.operator, site.strides[:1]
    if type(operator) not in (Dropout, Identity, Reshape, ReshapeKeeping, Flatten):
        return shares(node)
    if isinstance(operator, Dropout) and site.drops and operator.p and not node.placement.shares:
        return False
    ordered = isinstance(operator, Identity) and operator.name == "contiguous"
    if not ordered and not (isinstance(operator, Reshape | Flatten) and site.called in _MAY_COPY):
        return shares(node)
    if not strides or strides[0] is None:
        return node.placement.shares
    if ordered:
        return is_contiguous(site.source, strides[0])
    return viewed(site.source, strides[0], site.sizes) is not None


def _laid_out(site: Site, *, alias: bool) -> Strides | None:
    row = site.row
    if row.sizes is None or row.reason:
        return None
    if isinstance(row.operator, Input):
        return contiguous(row.sizes)
    if isinstance(row.operator, Attention):
        query = site.strides[0]
        return packed(row.sizes, query) if site.fused and query is not None else None
    return laid_out(row.operator, row.inputs, site.strides, row.sizes, shares=alias)
