"""From a model to its graph: opsets, inputs and their sizes, and the nodes one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from typing import Any, TypeAlias

import onnx
from google.protobuf.message import DecodeError

from ...errors import DomainError, unknown
from ..graph import Graph
from ..input_sizes import sizes_given
from ..operators import Sizes
from ..symbolic import axes_of, with_symbols
from . import skeleton
from .builder import Builder
from .functions import functions_of
from .masks import masks
from .scope import Scope, names_read, texts_in
from .value import Learned

MOST_INPUTS = 64

_Given: TypeAlias = Sequence[Any] | Mapping[str, Sequence[Any]] | None

_Input: TypeAlias = tuple[Any, Sizes | None, tuple[int, ...]]
"""What a model says of an input, its sizes with the batch first, and its axes; no sizes for one that is no tensor."""


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


def graph_of(model: Any, inputs: Iterable[_Input]) -> Graph:
    """The graph of a model whose inputs have numbers for sizes, but for the batch.

    Raises:
        DomainError: it breaks ONNX's rules, or sizes do not fit.
    """
    graph = model.graph
    builder = Builder(Scope(_opsets(model), _used(graph)), _learned(graph), functions_of(model))
    try:
        with builder.recorder.on():
            return _filled(builder, model, inputs)
    except RecursionError as error:
        sizes = tuple(sizes for _, sizes, _ in inputs)
        raise DomainError("input_size", sizes, "the sizes of so deep a network are too long as symbols") from error


def _filled(builder: Builder, model: Any, inputs: Iterable[_Input]) -> Graph:
    graph = model.graph
    for info, sizes, axes in inputs:
        if sizes is None:
            kind = info.type.WhichOneof("value") or "value without a type"
            builder.foreign(info.name, f"it is a {kind}, and no tensor")
        else:
            builder.input(info.name, sizes, axes)
    builder.follow(graph)
    found = builder.graph(info.name for info in graph.output)
    found.provenance = replace(found.provenance, dtype=_dtype(graph))
    return found


_TYPES = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.FLOAT16: "float16",
    onnx.TensorProto.BFLOAT16: "bfloat16",
    onnx.TensorProto.DOUBLE: "float64",
}


def _dtype(graph: Any) -> str:
    """The type of most weights, or else of the first input that is of a type of weights; empty if none is."""
    weights = Counter(tensor.data_type for tensor in graph.initializer if tensor.dims and tensor.data_type in _TYPES)
    inputs = (info.type.tensor_type.elem_type for info in graph.input)
    found = weights.most_common(1)[0][0] if weights else next((one for one in inputs if one in _TYPES), None)
    return _TYPES.get(found, "")


def inputs_of(model: Any, input_size: _Given, batch_size: Any) -> Iterator[_Input]:
    """The inputs of a model with their sizes and axes.

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
        found = _open(info.name, sizes) if given is None else with_symbols(sizes)
        yield info, found, axes_of(found, range(first, len(sizes) + first - 2))


def _open(name: str, sizes: Sizes) -> Sizes:
    """The sizes that a model says, with symbols for those that it leaves open and names."""
    try:
        return with_symbols(sizes)
    except DomainError as error:
        if error.parameter == "batch_size" and len(sizes) > 1:
            raise
        own, number = sizes[1:] or sizes, 224 if len(sizes) > 3 else 128
        numbers, letters = (tuple(one if isinstance(n, str) else n for n in own) for one in (number, "n"))
        line = ",".join(map(str, letters))
        give = f"give input_size, such as {numbers}, or {letters} for closed forms; -i {line} on the command line"
        needs = f"the model leaves sizes of the input {name} open, which has ({', '.join(map(str, sizes))})"
        raise DomainError("input_size", None, f"{needs}: {give}") from error


def _used(graph: Any) -> frozenset[str]:
    """The names of the tensors that nodes read, or graphs give."""
    return names_read(graph) | frozenset(info.name for info in graph.output)


_KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
"""Under this key files that torch exports by torch.export say what a stored tensor was in the module."""


def _learned(graph: Any) -> dict[str, Learned]:
    """What the file itself says of stored tensors: which of them are parameters of the module that was exported.

    Of those of which it says nothing, masks of attention are hardly some, and what may be a mask is untold.
    """
    said = {info.name: one.value for info in graph.value_info for one in info.metadata_props if one.key == _KIND}
    kinds = {name: Learned.YES if kind == "PARAMETER" else Learned.NO for name, kind in said.items()}
    return masks(graph) | kinds


def _require_texts(graph: Any) -> None:
    """Protocol buffers hand out what is not encoded as UTF-8 as bytes."""
    wrong = next((text for text in texts_in(graph) if not isinstance(text, str)), None)
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
    several = isinstance(given, list | tuple) and bool(given) and all(isinstance(one, list | tuple) for one in given)
    rows = [sizes_given(row) for row in given] if several else [sizes_given(given)]
    if len(rows) > len(names) or (len(names) > 1 and not several):
        needs = f"needs sizes for each of the inputs {', '.join(names)}: name them in a mapping"
        raise DomainError("input_size", tuple(rows), needs if names else "the model has no input")
    return dict(zip(names, rows, strict=False))


def _sizes(info: Any, given: Sequence[Any] | None, batch_size: Any) -> tuple[Any, ...]:
    tensor = info.type.tensor_type
    dims = [_size(dim) for dim in tensor.shape.dim] if tensor.HasField("shape") else None
    if given is not None:
        return _given_sizes(info.name, sizes_given(given), dims, batch_size)
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
    if dims is None or len(given) == len(dims) - 1:
        first = dims[0] if dims and isinstance(dims[0], int) else batch_size
        return (first, *given)
    if len(given) != len(dims):
        raise DomainError(
            "input_size", given, f"the input {name} has {len(dims)} dimensions: give {len(dims) - 1} without the batch"
        )
    return given
