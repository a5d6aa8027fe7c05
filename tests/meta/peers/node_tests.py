"""ONNX's node test cases, which a backend of ONNX has to pass.

Those of the operator with any number of axes are run. A kernel knows no attribute ``auto_pad`` or ``output_shape``;
what calls it works out the padding, as in a backend. Dilated averages are left out, which no kernel here computes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from .calls import Call, any_fails

OPERATORS = {"conv": "Conv", "conv_transpose": "ConvTranspose", "max_pool": "MaxPool", "avg_pool": "AveragePool"}


def caught(make: Callable[[], Callable[..., Any]], kind: str, ndim: int, dtype: str) -> bool | None:
    """Whether an output differs by more than the case allows; None for a gradient, which ONNX has no operator for."""
    if kind not in OPERATORS:
        return None
    kernel = make()
    return any(
        any_fails(kernel, [call], partial(np.testing.assert_allclose, rtol=rtol, atol=atol))
        for call, rtol, atol in calls(kind)
    )


@cache
def calls(kind: str) -> tuple[tuple[Call, float, float], ...]:
    """All test cases of an operator with their tolerances, as calls of a kernel."""
    from onnx.backend.test.case.node import _NodeTestCases

    operator = OPERATORS[kind]
    importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    found = []
    for case in _NodeTestCases:
        nodes = case.model.graph.node
        if [node.op_type for node in nodes] == [operator]:
            found += [(call, case.rtol, case.atol) for call in _calls(kind, nodes[0], case.data_sets)]
    return tuple(found)


def _calls(kind: str, node: Any, data_sets: Any) -> Iterator[Call]:
    from onnx.helper import get_attribute_value

    given = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    for inputs, outputs in data_sets:
        options = _options(kind, given, inputs)
        if kind == "avg_pool" and set(options.pop("dilation")) != {1}:
            continue
        parameters = () if "pool" in kind else (inputs[1], inputs[2] if len(inputs) > 2 else None)
        yield Call((inputs[0], *parameters), options, outputs[0])


def _options(kind: str, given: dict[str, Any], inputs: Any) -> dict[str, Any]:
    """Keywords of a kernel for the attributes of a node."""
    size = inputs[0].shape[2:]
    ones = (1,) * len(size)
    kernel = tuple(given.get("kernel_shape", inputs[-1].shape[2:]))
    stride, dilation = (tuple(given.get(name, ones)) for name in ("strides", "dilations"))
    options: dict[str, Any] = {"stride": stride, "dilation": dilation}
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if kind == "conv_transpose":
        options |= _transposed(given, size, spans, stride)
    else:
        totals = [max(0, (-(-n // s) - 1) * s + span - n) for n, s, span in zip(size, stride, spans, strict=True)]
        options["padding"] = _padding(given, totals)
    if "pool" not in kind:
        return options | {"groups": given.get("group", 1)}
    options |= {"kernel_size": kernel, "ceil_mode": bool(given.get("ceil_mode", 0))}
    counted = {"count_include_pad": bool(given.get("count_include_pad", 0)), "divisor_override": None}
    return options | (counted if kind == "avg_pool" else {})


def _transposed(given: dict[str, Any], size: Any, spans: list[int], stride: tuple[int, ...]) -> dict[str, Any]:
    added = tuple(given.get("output_padding", (0,) * len(size)))
    wanted = given.get("output_shape") or [n * s for n, s in zip(size, stride, strict=True)]
    full = [s * (n - 1) + span + extra for n, s, span, extra in zip(size, stride, spans, added, strict=True)]
    totals = [whole - out for whole, out in zip(full, wanted, strict=True)]
    if "output_shape" in given:
        added = tuple(extra + max(-total, 0) for extra, total in zip(added, totals, strict=True))
        upper = given.get("auto_pad") == b"SAME_UPPER"
        return {"padding": _split([max(total, 0) for total in totals], upper), "output_padding": added}
    return {"padding": _padding(given, totals), "output_padding": added}


def _padding(given: dict[str, Any], totals: list[int]) -> tuple[tuple[int, int], ...]:
    mode = given.get("auto_pad", b"NOTSET")
    if mode in (b"SAME_UPPER", b"SAME_LOWER"):
        return _split(totals, mode == b"SAME_UPPER")
    ndim = len(totals)
    pads = given.get("pads", [0] * 2 * ndim)
    return tuple(zip(pads[:ndim], pads[ndim:], strict=True))


def _split(totals: list[int], upper: bool) -> tuple[tuple[int, int], ...]:
    """Padding divided evenly, the odd one at the end or at the start."""
    halves = [(total // 2, total - total // 2) for total in totals]
    return tuple(half if upper else half[::-1] for half in halves)
