"""A network as a small TOML or YAML file: the other way of :mod:`convmath.network.files`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...division import is_symbolic
from ...errors import DomainError, UnsupportedError
from ..fields.budget import Budget
from ..gradients import gradients_of
from ..graph import Graph
from ..layer import Layer, layers_of
from ..node import Node
from ..operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Cumulative,
    Dropout,
    Einsum,
    Embedding,
    Expand,
    Flatten,
    Flip,
    Fold,
    Identity,
    Input,
    Linear,
    LocalResponseNorm,
    MatMul,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Recurrent,
    Reduce,
    Repeat,
    Reshape,
    ReshapeKeeping,
    Resize,
    Sizes,
    Slice,
    SliceFromEnd,
    Softmax,
    Sort,
    Unfold,
)
from .layers import LAYERS, options_of
from .reading import MOST_BYTES, described, sizes_alone, suffix_of
from .spatial import MODES


def write(graph: Graph, path: str | PathLike[str]) -> None:
    """Write a network to a TOML or YAML file, from which :func:`~convmath.network.read` gives the same again.

    Args:
        graph: the network; where its nodes come from, how sizes were computed, and the types and the sharing of memory
            that an importer knows of results, are not written.
        path: a file that ends in ``.toml``, ``.yaml`` or ``.yml``; its folder is made if need be.

    Raises:
        DomainError: the suffix is another, sizes do not fit, or sizes of the inputs are symbols where the network was
            read from a model, which may be another at each size.
        UnsupportedError: files have no layer for a node, or training computes other gradients there than of a layer of
            a file, as where it is frozen or detached; the message names it. Or the file would be too long to be read.
        OSError: the file cannot be written.
    Source: [TOML], [YAML].

    >>> from tempfile import TemporaryDirectory
    >>> from convmath.network import read
    >>> net = described({"input": [1, 28, 28], "layers": [{"op": "conv", "out_channels": 6, "kernel_size": 5}]})
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "net.toml")
    ...     write(net, file)
    ...     list(read(file)) == list(net)
    True
    """
    from ...text_files import write_file

    suffix = suffix_of(path)
    found = description(graph)
    text = _toml(found) if suffix == ".toml" else _yaml(found)
    if (length := len(text.encode("utf-8"))) > MOST_BYTES:
        raise UnsupportedError(f"the file would have {length} bytes; a file that can be read has at most {MOST_BYTES}")
    write_file(Path(path), text)


def description(graph: Graph) -> dict[str, Any]:
    """What :func:`~convmath.network.files.described` makes a network of, in dictionaries and lists.

    Raises:
        DomainError: as of :func:`write`.
        UnsupportedError: files have no layer for a node, or training computes other gradients there than of a layer of
            a file, as where it is frozen or detached; the message names it.

    >>> description(described({"input": [3, 8, 8], "layers": [{"op": "flatten"}]}))
    {'inputs': {'input': [3, 8, 8]}, 'layers': [{'op': 'flatten', 'name': 'flatten1', 'inputs': ['input']}], \
'outputs': ['flatten1']}
    """
    from ..symbolic import require_numbers

    if not isinstance(graph, Graph):
        raise DomainError("graph", type(graph).__name__, "needs a Graph, such as the .graph of a report")
    if graph.reading is not None:
        require_numbers(graph)
    sources = [node for node in graph if _is_input(node)]
    if not sources:
        raise UnsupportedError("files have no network without an input")
    for node in graph:
        _require_sayable(node)
    layers = _layers(graph)
    inputs = {node.name: [str(n) if is_symbolic(n) else n for n in _shape(node)[1:]] for node in sources}
    batch = _shape(sources[0])[0]
    found: dict[str, Any] = {"inputs": inputs, "layers": []}
    found["layers"] += [_layer(node, layers[node.name].inputs) for node in graph if not _is_input(node)]
    if batch != 1:
        found = {"batch_size": batch, **found}
    found["outputs"] = list(graph.outputs)
    try:
        again = described(found)
    except DomainError as error:
        raise UnsupportedError(f"files cannot say the network as it is: {error}") from error
    _require_same(graph, layers, again)
    return found


def _layers(graph: Graph) -> dict[str, Layer]:
    """The layer of every node, also where sizes of the inputs are letters."""
    if not graph.symbols:
        return layers_of(graph, Budget(len(graph)))
    sizes: dict[str, Sizes | None] = {}
    for node in graph:
        sizes[node.name] = sizes_alone(node.operator.sizes(*(sizes[name] or () for name in node.inputs)))
    return layers_of(graph, Budget(len(graph)), sizes)


def _is_input(node: Node) -> bool:
    return isinstance(node.operator, Input) and not node.params and not node.placement.stored


def _require_sayable(node: Node) -> None:
    """Raise UnsupportedError where no text is the name of a node, or it is a number, which has no batch."""
    if any("\ud800" <= letter <= "\udfff" for letter in node.name):
        raise UnsupportedError(f"files have no name {node.name!r}: a half of a surrogate pair is no character")
    if isinstance(node.operator, Input) and not _shape(node):
        raise _unsupported(node)


def _shape(node: Node) -> tuple[Any, ...]:
    return node.operator.sizes()


def _require_same(graph: Graph, layers: Mapping[str, Layer], again: Graph) -> None:
    """Raise UnsupportedError for the first node that a file does not give again as it is."""
    trained, usual = gradients_of(graph, layers), gradients_of(again, _layers(again))
    for node in graph:
        same = again[node.name]
        counted = [one.operator.params if one.params is None else one.params for one in (node, same)]
        given = layers[node.name].inputs
        if _kept(node, given) != _kept(same, given) or counted[0] != counted[1]:
            raise _unsupported(node)
        if trained[node.name] != usual[node.name] or (node.origin and node.origin.custom):
            raise _unsupported(node, ": training computes other gradients there, as of what is frozen or detached")


def _unsupported(node: Node, why: str = "") -> UnsupportedError:
    return UnsupportedError(f"files have no layer for {node.name}, which is {node.operator}{why}")


def _kept(node: Node, given: Sequence[Sizes | None]) -> tuple[Operator, tuple[str, ...]]:
    """What a node does with what; of sizes that it gives its result, with 0 for the first where it keeps that."""
    operator, sizes = node.operator, next(iter(given), None) or ()
    if isinstance(operator, Identity):
        operator = Identity()
    if isinstance(operator, ReshapeKeeping):
        operator = Reshape(operator.sizes(sizes))
    if isinstance(operator, Reshape) and operator.shape and operator.shape[:1] == sizes[:1]:
        operator = Reshape((0, *operator.shape[1:]))
    return operator, node.inputs


def _layer(node: Node, given: Sequence[Sizes | None]) -> dict[str, Any]:
    """A layer as a file says it; without the options that are what they are by default."""
    found = _named(node, given)
    if found is None:
        raise _unsupported(node)
    op, told = found
    own = options_of(op)
    options = {name: _value(value) for name, value in told.items() if name in own and value != own[name].default}
    return {"op": op, "name": node.name, **({"inputs": list(node.inputs)} if node.inputs else {}), **options}


_OPS: Mapping[type[Operator], str] = MappingProxyType(
    {
        Conv: "conv",
        ConvTranspose: "conv_transpose",
        Linear: "linear",
        LocalResponseNorm: "local_response_norm",
        Softmax: "softmax",
        Concat: "concat",
        MatMul: "matmul",
        Slice: "slice",
        SliceFromEnd: "slice",
        Flip: "flip",
        Unfold: "unfold",
        Fold: "fold",
        Identity: "identity",
    }
)
"""The layers whose options are called as the attributes of their operators."""


def _named(node: Node, given: Sequence[Sizes | None]) -> tuple[str, dict[str, Any]] | None:
    """The op and the options of a node; None where files have no layer for it."""
    match operator := node.operator:
        case Input(shape=shape):
            return "parameter", {"shape": shape}
        case Pool(how=how):
            return _known(f"{how}_pool", vars(operator))
        case AdaptivePool(how=how):
            return _known(f"adaptive_{how}_pool", vars(operator))
        case Reduce(how=op, dims=dims, keepdims=kept):
            return _known(op, {"dim": dims, "keepdim": kept})
        case Cumulative(name=op):
            return _known(op, vars(operator))
        case Norm(name=op, parameters=count, groups=groups):
            return _known(op, {"affine": count > 0, "elementwise_affine": count > 0, "num_groups": groups})
        case Activation(name=op, parameters=count):
            return _known(op, {"num_parameters": count})
        case Dropout(p=p, channels=channels):
            return "feature_dropout" if channels else "dropout", {"p": p}
        case Combine(name=op):
            return _known(op, {})
        case Einsum(inputs=inputs, output=output):
            return "einsum", {"equation": f"{','.join(inputs)}->{output}"}
        case Attention(heads=heads, dropout=dropout, causal=causal, grouped=grouped):
            options = {"num_heads": heads, "dropout_p": dropout, "is_causal": causal, "enable_gqa": grouped}
            return "attention", options
        case Embedding(rows=rows, features=features):
            return "embedding", {"num_embeddings": rows, "embedding_dim": features}
        case Recurrent(cell=cell, layers=layers, both=both):
            return _known(cell, {**vars(operator), "num_layers": layers, "bidirectional": both})
        case Sort(name=op, dim=dim, length=length):
            return _known(op, {"dim": dim, "k": length})
        case ReshapeKeeping():
            source = given[0] or ()
            return _keeping(operator, len(source)) or _reshaped(operator.sizes(source), source)
        case Reshape(shape=shape):
            return _reshaped(shape, given[0] or ())
        case Expand(shape=shape):
            return "expand", {"size": shape}
        case Pad(amounts=amounts, mode=mode):
            return "pad", {"amounts": amounts[2:], "mode": mode}
        case Flatten(start=start, end=end):
            return "flatten", {"start_dim": start, "end_dim": end}
        case Permute(order=order):
            return "permute", {"dims": order}
        case Repeat(times=times):
            return "repeat", {"repeats": times}
        case PixelShuffle(factor=factor):
            return "pixel_shuffle", {"upscale_factor": factor}
        case PixelUnshuffle(factor=factor):
            return "pixel_unshuffle", {"downscale_factor": factor}
        case SliceFromEnd(stop=0):
            return "slice", {**vars(operator), "stop": None}
        case _ if type(operator) is Resize:
            return _resized(operator)
        case _ if type(operator) in _OPS:
            return _OPS[type(operator)], vars(operator)
    return None


def _keeping(operator: ReshapeKeeping, dimensions: int) -> tuple[str, dict[str, Any]] | None:
    """The layer that takes dimensions away, or adds one of size 1, and keeps all others in order."""
    kept = operator.kept
    added = [dim for dim, size in enumerate(operator.shape) if size]
    if not added and list(kept) == sorted(kept):
        return "squeeze", {"dim": tuple(dim for dim in range(dimensions) if dim not in kept)}
    if len(added) == 1 and kept == tuple(range(dimensions)):
        return "unsqueeze", {"dim": added[0]}
    return None


def _reshaped(shape: Sizes, given: Sizes) -> tuple[str, dict[str, Any]] | None:
    if dims := _ones(given, shape):
        return "squeeze", {"dim": dims}
    if len(dims := _ones(shape, given)) == 1:
        return "unsqueeze", {"dim": dims[0]}
    return ("reshape", {"shape": shape[1:]}) if shape and shape[0] in (0, *given[:1]) else None


def _ones(sizes: Sizes, others: Sizes) -> tuple[int, ...]:
    """The dimensions of size 1 that are left out of sizes to give others, the last ones of several; empty if none."""
    rest, found = list(reversed(others)), []
    for dim, size in enumerate(sizes):
        if rest and rest[-1] == size:
            rest.pop()
        elif size == 1:
            found.append(dim)
        else:
            return ()
    return () if rest else tuple(found)


def _resized(operator: Resize) -> tuple[str, dict[str, Any]] | None:
    mode = MODES.get((operator.mode, len(operator.scale or operator.output_size or ())))
    if mode is None:
        return None
    sizes = {"size": operator.output_size, "scale_factor": operator.scale}
    return "resize", {**sizes, "mode": mode, "align_corners": operator.align_corners}


def _known(op: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    return (op, options) if op in LAYERS else None


def _value(value: Any) -> Any:
    """A value as files have it: lists for tuples, integers or texts for fractions."""
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    return value


# Text


def _yaml(found: Mapping[str, Any]) -> str:
    """YAML with a line for each layer; JSON is a part of YAML."""
    lines = [f"{key}: {_json(value)}" for key, value in found.items() if key != "layers"]
    layers = (f"  - {{{', '.join(f'{_json(k)}: {_json(v)}' for k, v in one.items())}}}" for one in found["layers"])
    return "\n".join((*lines, "layers:", *layers)) + "\n"


def _toml(found: Mapping[str, Any]) -> str:
    return "\n".join(_toml_lines(found)) + "\n"


def _toml_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key} = {_json(found[key])}" for key in ("batch_size", "outputs") if key in found)
    yield "\n[inputs]"
    yield from (f"{_json(name)} = {_json(sizes)}" for name, sizes in found["inputs"].items())
    for layer in found["layers"]:
        yield "\n[[layers]]"
        yield from (f"{key} = {_json(value)}" for key, value in layer.items())


def _json(value: Any) -> str:
    """A text, an integer, a truth value or lists of them, which JSON, TOML and YAML write in the same way."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
