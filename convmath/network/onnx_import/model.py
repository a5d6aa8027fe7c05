"""From a model to its graph: opsets, inputs and their sizes, and the nodes one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from ...division import is_symbolic
from ...errors import DomainError, unknown
from ..graph import Graph
from ..operators import Sizes
from ..symbolic import with_symbols
from . import skeleton
from .builder import Builder
from .call import graphs_in
from .value import Kind

MOST_INPUTS = 64

_Given = Sequence[Any] | Mapping[str, Sequence[Any]] | None


def parsed(path: str | PathLike[str]) -> Any:
    """The model of a file, without the elements of large tensors.

    Raises:
        DomainError: it is none.
    """
    content = skeleton.read(path)
    try:
        return onnx.ModelProto.FromString(content)
    except (DecodeError, UnicodeDecodeError) as error:
        raise DomainError("path", fspath(path), f"this is no ONNX model: {error}") from error


def graph_of(model: Any, input_size: _Given, batch_size: Any) -> Graph:
    """The graph of a model.

    Raises:
        DomainError: it breaks ONNX's rules, sizes do not fit, or a size is left open.
    """
    try:
        return _graph_of(model, input_size, batch_size)
    except RecursionError as error:
        raise DomainError("input_size", input_size, "the sizes of so deep a network are too long as symbols") from error


def _graph_of(model: Any, input_size: _Given, batch_size: Any) -> Graph:
    graph = model.graph
    builder = Builder(_opsets(model), _used(graph), _kinds(graph))
    with builder.recorder.on():
        return _filled(builder, model, inputs_of(model, input_size, batch_size))


def _filled(builder: Builder, model: Any, inputs: Iterable[tuple[Any, Sizes | None, tuple[int, ...]]]) -> Graph:
    graph = model.graph
    for info, sizes, axes in inputs:
        if sizes is None:
            kind = info.type.WhichOneof("value") or "value without a type"
            builder.foreign(info.name, f"it is a {kind}, and no tensor")
        else:
            builder.input(info.name, sizes, axes)
    for tensor in graph.initializer:
        builder.initializer(tensor)
    for tensor in graph.sparse_initializer:
        builder.sparse_initializer(tensor)
    for node in graph.node:
        builder.step(node)
    return builder.graph(info.name for info in graph.output)


def inputs_of(model: Any, input_size: _Given, batch_size: Any) -> Iterator[tuple[Any, Sizes | None, tuple[int, ...]]]:
    """The inputs of a model with their sizes and spatial axes; no sizes for one that is no tensor.

    Sizes that are given by a name are symbols, and those that the model leaves open by one, too.

    Raises:
        DomainError: it is no model, or sizes do not fit or are left open.
    """
    graph = model.graph
    _require_texts(graph)
    if not graph.node:
        raise DomainError("model", graph.name, "the model has no nodes: is this an ONNX file?")
    constants = {tensor.name for tensor in graph.initializer}
    constants |= {tensor.values.name for tensor in graph.sparse_initializer}
    inputs = [info for info in graph.input if info.name not in constants]
    if len(inputs) > MOST_INPUTS:
        raise DomainError("model", graph.name, f"the network has {len(inputs)} inputs; needs at most {MOST_INPUTS}")
    channels_last = _channels_last(graph, {info.name for info in inputs})
    chosen = _chosen([info.name for info in inputs], input_size)
    for info in inputs:
        given = chosen.get(info.name)
        if info.type.WhichOneof("value") != "tensor_type" and given is None:
            yield info, None, ()
            continue
        sizes = _sizes(info, given, batch_size)
        first = 1 if info.name in channels_last else 2
        axes = tuple(range(first, len(sizes) + first - 2))
        yield info, _open(info.name, sizes, axes) if given is None else with_symbols(sizes, axes), axes


def _open(name: str, sizes: Sizes, axes: tuple[int, ...]) -> Sizes:
    """The sizes that a model says, with symbols for those of spatial axes that it leaves open."""
    try:
        return with_symbols(sizes, axes)
    except DomainError as error:
        shape = ", ".join(map(str, sizes))
        give = "give input_size, such as (3, 224, 224), or (3, 'n', 'n') for closed forms; -i 3,n,n on the command line"
        needs = f"the model leaves sizes of the input {name} open, which has ({shape}): {give}"
        raise DomainError("input_size", None, needs) from error


def _used(graph: Any) -> frozenset[str]:
    """The names of the tensors that nodes read, or graphs give."""
    found: set[str] = set()
    for one in (graph, *graphs_in(*graph.node)):
        found.update(tensor for node in one.node for tensor in node.input)
        found.update(info.name for info in one.output)
    return frozenset(found)


_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
"""Under this key files that torch exports by torch.export say what a stored tensor was in the module."""


def _kinds(graph: Any) -> dict[str, Kind]:
    """What the file itself says of stored tensors: which of them are parameters of the module that was exported."""
    said = {info.name: one.value for info in graph.value_info for one in info.metadata_props if one.key == _KIND}
    return {name: Kind.LEARNED if kind == "PARAMETER" else Kind.FIXED for name, kind in said.items()}


def _texts(graph: Any) -> Iterator[Any]:
    values = [*graph.input, *graph.output, *graph.initializer, *(tensor.values for tensor in graph.sparse_initializer)]
    yield from (graph.name, *(value.name for value in values))
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)


def _require_texts(graph: Any) -> None:
    """Protocol buffers hand out what is not encoded as UTF-8 as bytes."""
    texts = (text for one in (graph, *graphs_in(*graph.node)) for text in _texts(one))
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise DomainError("name", wrong, "the texts of a model are encoded as UTF-8")


def _opsets(model: Any) -> dict[str, int]:
    newest = onnx.defs.onnx_opset_version()
    opsets = {"" if one.domain == "ai.onnx" else one.domain: one.version for one in model.opset_import}
    if "" not in opsets and model.ir_version < 3:
        opsets[""] = 1  # opset_import came with version 3 of the format
    if "" not in opsets:
        raise DomainError(
            "opset_import", sorted(opsets), "the model does not say which version of ONNX's operators it uses"
        )
    if not 1 <= opsets[""] <= newest:
        condition = f"onnx {onnx.__version__} knows the versions 1 to {newest}"
        raise DomainError("opset_import", opsets[""], condition)
    return opsets


def _channels_last(graph: Any, inputs: set[str]) -> set[str]:
    """The inputs that every node that reads them takes from channels last to channels first."""
    readers = defaultdict(list)
    for node in graph.node:
        for name in inputs.intersection(node.input):
            readers[name].append(node)
    return {name for name, nodes in readers.items() if all(map(_to_channels_first, nodes))}


def _to_channels_first(node: Any) -> bool:
    perm = next((list(one.ints) for one in node.attribute if one.name == "perm"), [])
    rank = len(perm)
    return node.op_type == "Transpose" and rank > 2 and perm == [0, rank - 1, *range(1, rank - 1)]


# The sizes of inputs


def _chosen(names: list[str], given: _Given) -> dict[str, Sequence[Any]]:
    """The sizes that are given, by the name of the input."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        strangers = [name for name in given if name not in names]
        if strangers:
            raise unknown("input_size", str(strangers[0]), names, "input", ", ".join(names))
        return dict(given)
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise DomainError("input_size", given, "needs a sequence of sizes, or a mapping from names to sizes")
    several = given and all(isinstance(one, Sequence) and not isinstance(one, str) for one in given)
    rows = list(given) if several else [given]
    if len(rows) > len(names) or (len(names) > 1 and not several):
        raise DomainError(
            "input_size", given, f"needs sizes for each of the inputs {', '.join(names)}: name them in a mapping"
        )
    return dict(zip(names, rows, strict=False))


def _sizes(info: Any, given: Sequence[Any] | None, batch_size: Any) -> tuple[Any, ...]:
    tensor = info.type.tensor_type
    dims = [_size(dim) for dim in tensor.shape.dim] if tensor.HasField("shape") else None
    if given is not None:
        return _given_sizes(info.name, tuple(given), dims, batch_size)
    if dims is None:
        raise DomainError(
            "input_size", None, f"the model does not say the sizes of the input {info.name}: give input_size"
        )
    if len(dims) > 1 and isinstance(dims[0], str):
        dims[0] = batch_size
    return tuple(dims)


def _size(dim: Any) -> Any:
    """An int, or the name of a size that is left open."""
    return dim.dim_value if dim.HasField("dim_value") else str(dim.dim_param or "?")


def _given_sizes(name: str, given: tuple[Any, ...], dims: list[Any] | None, batch_size: Any) -> tuple[Any, ...]:
    for size in given:
        if not (isinstance(size, str) or is_symbolic(size) or (type(size) is int and size >= 1)):
            raise DomainError("input_size", given, "needs sizes that are integers >= 1, or symbols or their names")
    if dims is None or len(given) == len(dims) - 1:
        first = dims[0] if dims and isinstance(dims[0], int) else batch_size
        return (first, *given)
    if len(given) != len(dims):
        raise DomainError(
            "input_size", given, f"the input {name} has {len(dims)} dimensions: give {len(dims) - 1} without the batch"
        )
    return given
