"""Where the text of an operator, ONNX's inference and ONNX Runtime give different sizes: every node says so itself."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from itertools import product
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from convmath.errors import DomainError
from convmath.network import Row, from_onnx, solve
from convmath.network.onnx_import import other_programs
from convmath.network.views import answers, forms
from convmath.network.views.documents import document

from .onnx_models import inferred, model, one_node, run

SINCE = {"MaxPool": (12, 18, 21, 22), "AveragePool": (19, 21, 22), "LpPool": (18, 21, 22)}
"""Opsets in which pooling has ceil mode and dilation."""

FORMS: list[dict[str, Any]] = [
    *({"pads": [lo, hi]} for lo in (0, 1, 2) for hi in (0, 1, 2)),
    *({"auto_pad": form} for form in ("VALID", "SAME_UPPER", "SAME_LOWER")),
]
WINDOWS = list(product((1, 2, 5, 6, 7), (1, 2, 3, 5), (1, 2, 3, 4), (1, 2), (0, 1), FORMS))


def pools(op: str, opset: int) -> Iterator[tuple[onnx.ModelProto, int]]:
    """Every third of the parameters, from another one on for each opset."""
    for n, k, s, d, ceil, form in WINDOWS[opset % 3 :: 3]:
        attributes = {"kernel_shape": [k], "strides": [s], "dilations": [d], "ceil_mode": ceil} | form
        yield one_node(op, (1, 1, n), opset=opset, **attributes), n


def row_or_sentence(proto: onnx.ModelProto) -> Row | str:
    try:
        return from_onnx(proto).analyze().output
    except DomainError as error:
        return str(error)


def same(row: Row, sizes: tuple[int, ...], program: str) -> bool:
    """Whether a row has these sizes, or says that a program gives them."""
    shown = "x".join(map(str, sizes[1:]))
    remarks = [remark for remark in row.remarks if remark.startswith(program)]
    if row.sizes == sizes:
        return remarks == []
    return len(remarks) == 1 and f"{program} gives the output {shown} and not " in remarks[0]


CASES = [(op, opset) for op, opsets in SINCE.items() for opset in opsets]


@pytest.mark.parametrize(("op", "opset"), CASES)
def test_a_pooling_layer_has_the_sizes_of_both_programs_or_says_which_they_give(op, opset):
    agree = differ = 0
    for proto, n in pools(op, opset):
        told, result = inferred(proto), run(proto, np.ones((1, 1, n), np.float32))
        row = row_or_sentence(proto)
        if isinstance(row, str):
            empty = min(told) < 1 or result is None or min(result.shape) < 1
            assert empty or "the onnx package and ONNX Runtime round" in row, proto.graph.node
            continue
        assert same(row, told, "the inference of the onnx package"), (proto.graph.node, row.sizes, told, row.remarks)
        if result is not None:
            assert same(row, result.shape, "ONNX Runtime"), (proto.graph.node, row.sizes, result.shape, row.remarks)
        agree, differ = agree + (not row.remarks), differ + bool(row.remarks)
    assert agree > 2 * differ > 0


@pytest.mark.parametrize(("opset", "op"), [(21, "MaxPool"), (19, "AveragePool"), (18, "LpPool")])
def test_a_window_that_begins_in_the_padding_counts_before_opset_22_and_the_row_says_that_onnx_runtime_drops_it(
    op, opset
):
    attributes = {"kernel_shape": [2, 2], "strides": [4, 4], "pads": [1, 1, 1, 1], "ceil_mode": 1}
    proto = one_node(op, (1, 3, 7, 8), opset=opset, **attributes)
    row = from_onnx(proto).analyze().output
    result = run(proto, np.ones((1, 3, 7, 8), np.float32)).shape
    assert row.sizes == inferred(proto) == (1, 3, 3, 3)
    assert result == (1, 3, 2, 3)
    assert row.remarks == (
        "ONNX Runtime gives the output 3x2x3 and not 3x3x3: in ceil mode it drops a window that begins in the "
        "padding, in every opset",
    )
    newer = from_onnx(one_node(op, (1, 3, 7, 8), opset=22, **attributes)).analyze().output
    assert (newer.sizes, newer.remarks) == (result, ())


def test_a_remark_is_in_every_view_of_a_report():
    proto = one_node("MaxPool", (1, 1, 7), opset=12, kernel_shape=[2], strides=[4], pads=[1, 1], ceil_mode=1)
    report = from_onnx(proto).analyze()
    (remark,) = report["y"].remarks
    start = "ONNX Runtime gives the output 1x2 and not 1x3"
    assert remark.startswith(start)
    for text in (str(report["y"]), report._repr_html_(), report["y"]._repr_html_()):
        assert start in " ".join(text.split())
    assert start in " ".join(str(report).split())
    for style in ("json", "csv", "markdown", "html", "latex"):
        assert start in " ".join(document(report, style, "mac").replace("\\allowbreak{}", "").split()), style
    plain = from_onnx(one_node("MaxPool", (1, 1, 7), opset=12, kernel_shape=[2])).analyze()
    assert plain["y"].remarks == ()
    assert "ONNX Runtime" not in str(plain)


def test_onnx_runtime_divides_as_32_bit_floats():
    """2**24 + 1 is no 32-bit float."""
    n = 2**24 + 2
    proto = one_node("MaxPool", (1, 1, n), opset=22, kernel_shape=[1], strides=[1], ceil_mode=1)
    row = from_onnx(proto).analyze().output
    assert row.sizes == inferred(proto) == (1, 1, n)
    assert row.remarks == (
        f"ONNX Runtime gives the output 1x{n - 1} and not 1x{n}: in ceil mode it divides as 32-bit floats",
    )
    assert run(proto, np.ones((1, 1, n), np.float32)).shape == (1, 1, n - 1)
    assert other_programs.windows_of_runtime(n - 1, 1, 1, 1, (0, 0), form="", ceil=True) == n - 1


def test_windows_that_only_programs_count_are_refused_with_a_word_on_them():
    proto = one_node("MaxPool", (1, 1, 1), opset=22, kernel_shape=[2], strides=[4])
    assert inferred(proto) == run(proto, np.ones((1, 1, 1), np.float32)).shape == (1, 1, 1)
    with pytest.raises(DomainError, match=r"none by the text of MaxPool; the onnx package and ONNX Runtime round -1/4"):
        from_onnx(proto)
    with pytest.raises(DomainError, match="needs input \\+ padding >="):
        from_onnx(one_node("MaxPool", (1, 1, 1), opset=22, kernel_shape=[2], strides=[1]))


@pytest.mark.parametrize("scale", [0.3, 0.6, 2 / 3, 0.7, 1.1, 1.3, 1.5, 2.0, 2.3])
@pytest.mark.parametrize("opset", [11, 13, 19])
def test_a_resized_node_has_the_sizes_of_onnx_runtime_and_says_what_onnxs_inference_gives(scale, opset):
    for n in (4, 5, 10, 15, 100):
        scales = np.array([1, 1, scale], np.float32)
        reads = [np.array([], np.float32) if opset == 11 else None, scales]
        proto = one_node("Resize", (1, 1, n), *reads, opset=opset, mode="nearest")
        row = from_onnx(proto).analyze().output
        assert row.sizes == run(proto, np.ones((1, 1, n), np.float32)).shape
        assert same(row, inferred(proto), "the inference of the onnx package"), (n, scale, row.remarks)


def test_some_sizes_of_a_resized_node_differ():
    proto = one_node("Resize", (1, 1, 10), None, np.array([1, 1, 0.7], np.float32), opset=19, mode="nearest")
    row = from_onnx(proto).analyze().output
    assert (row.sizes, inferred(proto)) == ((1, 1, 7), (1, 1, 6))
    assert row.remarks == (
        "the inference of the onnx package gives the output 1x6 and not 1x7: it does not multiply as 32-bit floats",
    )


TRANSPOSED = list(product((1, 2, 5), (1, 2, 3), (2, 3), (1, 2), (0, 1), ("SAME_UPPER", "SAME_LOWER", "VALID", "")))


@pytest.mark.parametrize("opset", [11, 22])
def test_a_transposed_convolution_has_the_sizes_of_onnx_runtime_and_says_what_onnxs_inference_gives(opset):
    differ = 0
    for n, k, s, d, more, form in TRANSPOSED:
        attributes = {"strides": [s], "dilations": [d], "output_padding": [more]} | ({"auto_pad": form} if form else {})
        proto = one_node("ConvTranspose", (1, 1, n), np.ones((1, 1, k), np.float32), opset=opset, **attributes)
        row = from_onnx(proto).analyze().output
        assert row.sizes == run(proto, np.ones((1, 1, n), np.float32)).shape
        assert same(row, inferred(proto), "the inference of the onnx package"), (attributes, row.remarks)
        differ += bool(row.remarks)
    assert 0 < differ < len(TRANSPOSED) / 2


def test_a_remark_goes_where_the_sizes_go():
    nodes = [
        helper.make_node("MaxPool", ["x"], ["p"], "pool", kernel_shape=[2], strides=[4], pads=[1, 1], ceil_mode=1),
        helper.make_node("Relu", ["p"], ["y"], "relu"),
    ]
    proto = model(nodes, {"x": (1, 1, "n")}, opset=21)
    graph = from_onnx(proto)
    found = {n: graph.at(n).analyze() for n in (7, 8)}
    assert [len(report["pool"].remarks) for report in found.values()] == [1, 0]
    assert all(report["relu"].remarks == () for report in found.values())


TEXT = "where programs give the sizes of the operators' text, which some do not"


def pooled(opset: int, **attributes: Any) -> onnx.ModelProto:
    """Pooling in ceil mode, after what no program departs from."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        helper.make_node("MaxPool", ["r"], ["y"], "pool", ceil_mode=1, **attributes),
    ]
    return model(nodes, {"x": (1, 1, "n")}, opset=opset)


DROPPED = {"kernel_shape": [2], "strides": [2], "pads": [1, 1]}


def test_a_closed_form_that_a_program_leaves_at_some_sizes_says_so():
    assert run(pooled(21, **DROPPED), np.ones((1, 1, 11), np.float32)).shape == (1, 1, 6)
    older, newer = (from_onnx(pooled(opset, **DROPPED), (1, "n")).closed_forms() for opset in (21, 22))
    assert (older.output.at(11), newer.output.at(11)) == ((1, 1, 7), (1, 1, 6))
    assert (older.output.given, older["relu"].given, newer.output.given) == (TEXT, "", "")
    assert [str(found) for _, found in older.sets()] == [f"n >= 1, {TEXT}"] * 3
    assert TEXT not in str(newer)
    as_numbers = from_onnx(pooled(21, **DROPPED), (1, 11)).closed_forms()
    assert (as_numbers.output.at(11), as_numbers.output.given) == ((1, 1, 7), TEXT)


@pytest.mark.parametrize(
    "attributes", [{"kernel_shape": [3], "strides": [2], "pads": [1, 1]}, {"kernel_shape": [2], "strides": [2]}]
)
def test_a_closed_form_that_no_program_leaves_says_nothing(attributes):
    found = from_onnx(pooled(17, **attributes), (1, "n")).closed_forms()
    assert (found.output.given, TEXT in str(found)) == ("", False)
    for n in range(found.valid.least, 12):
        assert found.output.at(n) == run(pooled(17, **attributes), np.ones((1, 1, n), np.float32)).shape


@pytest.mark.parametrize("style", ["json", "csv", "markdown", "html", "latex"])
def test_every_view_of_closed_forms_and_of_sizes_has_the_clause(style):
    for opset, said in ((21, True), (22, False)):
        graph = from_onnx(pooled(opset, **DROPPED), (1, "n"))
        views = [forms.document(forms.Forms.of(graph), style, name) for name in (None, "pool")]
        views.append(answers.document(solve(graph, output_size=7), style))
        for text in views:
            assert (TEXT in unescape(text)) == said, text
    assert TEXT in " ".join(str(solve(from_onnx(pooled(21, **DROPPED), (1, "n")), output_size=7)).split())
