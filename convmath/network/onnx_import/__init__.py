"""Networks from ONNX: the graph of a file, by the rules of its version; nothing runs, and weights are stepped over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import onnx

from ...errors import DomainError
from ..graph import Graph
from ..input_sizes import batch_given
from ..symbolic import read_at
from .model import graph_of, inputs_of, parsed

__all__ = ["from_onnx"]


def from_onnx(
    path_or_model: str | PathLike[str] | Any,
    input_size: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    *,
    batch_size: Any = 1,
    at: int | Mapping[str, int] | None = None,
) -> Graph:
    """The graph of an ONNX model.

    Learned parameters are the constants that lie where an operator has its weights, biases, scales and tables, and the
    floating-point tensors with dimensions, stored in the file, that Mul, Add, Sum, Pow and Concat read, or integers in
    place of them; each counts once. Bounds, factors, indices, what is subtracted or divided by, and statistics of batch
    normalisation are none, not even in a weight that nodes compute of constants: of ``(w - mean) / deviation`` only w
    counts. But an input that is multiplied by ``1 - c`` or ``1 / c`` is so by c, which counts.

    What the file itself says of a tensor goes before that: torch's newer exporter writes down which ones are
    parameters. Where it does not, a file cannot tell what was learned: a stored matrix of 0 and very low numbers that
    is added, the same for all heads, to what only a softmax reads is taken for a mask, and does not count; where its
    elements are in another file or quantised, ``total("params")`` is partial. Other masks that are added do count, a
    scalar without dimensions does not, and ones and zeros are a norm's own, but not those of InstanceNormalization.
    What an exporter has folded into other weights is gone, and of equal tensors, as those of layers that are copies, it
    may have kept one.

    The branch of a known condition, the turns of a loop whose number is known, each with nodes of its own, and the
    functions of the model are followed, and the operators that ONNX Runtime's optimizer and quantizer write are those
    of ONNX that they stand for.

    What is not understood becomes ``Unknown``, with the sizes that ONNX infers. Of weights no more is looked at than
    tells them from masks, and at data in other files never. An input's axes after batch and channels are spatial; one
    that is only ever transposed from channels last to channels first is read so.

    The first dimension of an input is taken for the batch. A file whose recurrent layers read the steps first, as
    torch's do without ``batch_first``, has its steps there: ``remarks`` of the rows of these layers say so,
    ``row.sizes`` are whole, and ``row.output_size`` leaves out the steps.

    Sizes follow the rules of the model's opset. Where ONNX Runtime or the inference of the onnx package gives a node
    others, ``remarks`` of its row say which: so in ceil mode before opset 22, where a pooling window counts that begins
    in the padding, and ONNX Runtime drops it. The nodes after it follow the file, and closed forms say so by a clause.

    Args:
        path_or_model: the file, or an ``onnx.ModelProto``, which stays as it is.
        input_size: the sizes of the input, with the batch or without it, in its own order of dimensions; for several
            inputs a sequence of such, or a mapping by name. By default what the model says. Sizes may be symbols or
            names, ``(3, "n", "n")``, or of a sequence ``("n",)``, as a model may say itself: the graph has
            :meth:`~convmath.network.Graph.closed_forms`, and numbers by :meth:`~convmath.network.Graph.at`.
        batch_size: images at once, where the model leaves that open.
        at: the number for every symbol, or the number of each by its name, at which the model is read; by default the
            first that it takes of some that are common.

    Raises:
        DomainError: the file is no model or breaks ONNX's rules, sizes do not fit, or a size is left open.

    Source: [onnx.IR].

    >>> from onnx import TensorProto, helper
    >>> images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, 32, 32])
    >>> stem = helper.make_node("MaxPool", ["images"], ["y"], "pool", kernel_shape=[3, 3], strides=[2, 2])
    >>> report = from_onnx(helper.make_model(helper.make_graph([stem], "net", [images], []))).analyze()
    >>> report["pool"].output_size, report["pool"].receptive_field.size
    ((3, 15, 15), (3, 3))
    >>> images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, "H", "W"])
    >>> graph = from_onnx(helper.make_model(helper.make_graph([stem], "net", [images], [])))
    >>> graph.symbols, graph.closed_forms("W")["pool"].output_size, graph.at(H=32, W=7).analyze().output.output_size
    ((H, W), (3, CeilDiv(H, 2) - 1, CeilDiv(W, 2) - 1), (3, 15, 3))
    """
    if isinstance(path_or_model, str | PathLike):
        model = parsed(path_or_model)
    elif isinstance(path_or_model, onnx.ModelProto):
        model = path_or_model
    else:
        raise DomainError("path_or_model", type(path_or_model).__name__, "needs a path or an onnx.ModelProto")
    inputs = list(inputs_of(model, input_size, batch_given(batch_size)))
    whole = {info.name: sizes for info, sizes, _ in inputs if sizes is not None}
    shapes = {name: sizes[1:] for name, sizes in whole.items()}

    def read(sizes: Mapping[str, Sequence[Any]]) -> Graph:
        given = {name: (*whole[name][:1], *size) for name, size in {**shapes, **sizes}.items()}
        graph = graph_of(model, [(info, given.get(info.name), axes) for info, _, axes in inputs])
        graph.provenance = replace(graph.provenance, source=read)
        return graph

    return read_at(read, shapes, at)
