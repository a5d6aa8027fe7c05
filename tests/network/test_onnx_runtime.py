"""Files that ONNX Runtime has quantised or optimised: sizes, parameters, costs and fields are those of the network."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
from onnxruntime.transformers import optimizer

from convmath.network import NetworkReport, from_onnx, from_torch

from .test_onnx_import import Encoder, exported, windows
from .test_onnx_sequences import Transformer

F32 = np.float32
SIZE = (3, 20, 16)


class Images(CalibrationDataReader):
    """An image by which numbers are scaled."""

    def __init__(self) -> None:
        self.left = [np.random.default_rng(0).random((1, *SIZE), F32)]

    def get_next(self) -> Any:
        """The next image."""
        return {"image": self.left.pop()} if self.left else None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The network as it is, and with 8-bit integers in three ways."""
    logging.getLogger().setLevel(logging.ERROR)
    folder = tmp_path_factory.mktemp("quantised")
    path = exported(Encoder().eval(), folder / "float.onnx", SIZE, 17, dynamo=False)
    for form in (QuantFormat.QDQ, QuantFormat.QOperator):
        quantize_static(path, folder / f"{form}.onnx", Images(), quant_format=form)
    quantize_dynamic(path, folder / "dynamic.onnx")
    return {one.stem: one for one in folder.glob("*.onnx")}


def optimised(path: Path, level: str) -> Path:
    """The file that ONNX Runtime writes after optimisations of a level."""
    found, options = path.with_suffix(f".{level}"), onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath, options.log_severity_level = str(found), 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return found


def totals(report: NetworkReport) -> tuple[Any, ...]:
    return report.status, report.params, report.macs, report.output.output_size


def domains(path: Path) -> set[str]:
    return {node.domain for node in onnx.load(path).graph.node}


FORMS = ("float", "QDQ", "QOperator", "dynamic")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("level", ["", "BASIC", "EXTENDED", "ALL"])
def test_a_quantised_or_optimised_network_is_the_network(files, form, level):
    path = optimised(files[form], level) if level else files[form]
    ours, theirs = from_onnx(path).analyze(), from_torch(Encoder().eval(), SIZE).analyze()
    if (form, level) == ("float", "ALL"):
        assert "com.microsoft.nchwc" in domains(path)
        reasons = {row.reason for row in ours}
        assert any("ONNX Runtime's own for one machine" in reason and "level EXTENDED" in reason for reason in reasons)
        return
    assert totals(ours) == totals(theirs)
    assert ("com.microsoft" in domains(path)) or level in ("", "BASIC")
    if form != "dynamic" and not (form == "QOperator" and level == "ALL"):
        kinds = ("conv2d", "linear", "max_pool2d")
        wanted = [row for row in windows(theirs) if row[0] in kinds]
        assert [row[1:4] for row in windows(ours) if row[0] in kinds] == [row[1:4] for row in wanted]
        assert [row[4] for row in windows(ours) if row[0] in kinds] == [row[4] for row in wanted]


def test_a_scale_that_all_elements_make_is_read_by_every_position(files):
    report = from_onnx(files["dynamic"]).analyze()
    first = next(row for row in report if row.op == "conv2d")
    assert first.receptive_field.size == SIZE[1:]
    static = from_onnx(files["QDQ"]).analyze()
    assert next(row for row in static if row.op == "conv2d").receptive_field.size == (7, 7)


def test_attention_that_is_optimised_is_the_network(tmp_path):
    module = Transformer().eval()
    path = exported(module, tmp_path / "net.onnx", (3, 12, 8), 17, dynamo=False)
    for level in ("BASIC", "EXTENDED", "ALL"):
        found = optimised(path, level)
        if "com.microsoft.nchwc" not in domains(found):
            ours, theirs = from_onnx(found).analyze(), from_torch(module, (3, 12, 8)).analyze()
            assert (ours.status, ours.macs, ours.output.sizes) == ("complete", theirs.macs, theirs.output.sizes), level
            assert 0 <= ours.params - theirs.params < 4  # factors of one element are stored by then


def bert(path: Path) -> Path:
    """A small BERT of random weights for sentences of any length, as torch writes it."""
    transformers = pytest.importorskip("transformers")
    layers = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    options = {"intermediate_size": 48, "max_position_embeddings": 40, "attn_implementation": "eager"}
    config = transformers.BertConfig(**layers, **options)
    module = transformers.BertModel(config, add_pooling_layer=False).eval()
    for one in module.parameters():
        torch.nn.init.normal_(one)
    words, names = torch.ones(2, 8, dtype=torch.int64), ["input_ids", "attention_mask", "token_type_ids"]
    settings = {"dynamic_axes": {name: {0: "batch", 1: "n"} for name in names}, "opset_version": 17, "dynamo": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Sentences(module), (words,) * 3, str(path), input_names=names, **settings)
    return path


class Sentences(torch.nn.Module):
    """What a BERT makes of words, their mask and their segments."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, words: torch.Tensor, mask: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Its features."""
        return self.module(input_ids=words, attention_mask=mask, token_type_ids=segments).last_hidden_state


def test_a_transformer_that_its_own_optimizer_has_written_is_the_network(tmp_path):
    path = bert(tmp_path / "net.onnx")
    found = optimizer.optimize_model(str(path), model_type="bert", num_heads=4, hidden_size=32, opt_level=0)
    found.save_model_to_file(str(tmp_path / "optimised.onnx"))
    proto = onnx.load(tmp_path / "optimised.onnx")
    fused = {node.op_type for node in proto.graph.node if node.domain == "com.microsoft"}
    assert fused == {"Attention", "BiasGelu", "EmbedLayerNormalization", "SkipLayerNormalization"}
    names = [info.name for info in proto.graph.input]
    plain = from_onnx(path, dict.fromkeys(names, (8,))).analyze()
    report = from_onnx(proto, dict.fromkeys(names, (8,))).analyze()
    weights = sum(
        int(np.prod(one.dims)) for one in onnx.load(path).graph.initializer if len(one.dims) and one.data_type == 1
    )
    assert (report.status, report.params, report.macs) == ("complete", weights, plain.macs)
    forms = from_onnx(proto, dict.fromkeys(names, ("n",))).closed_forms()
    assert (forms.output.label, str(forms.valid.sizes)) == ("proved", "1 <= n <= 40"), str(forms.output)
    runtime = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for n in range(1, 21):
        (result,) = runtime.run(None, dict.fromkeys(names, np.ones((1, n), np.int64)))
        assert forms.output.at(n) == result.shape, n
    with pytest.raises(Exception, match="input index out of range"):
        runtime.run(None, dict.fromkeys(names, np.ones((1, 41), np.int64)))


def test_what_is_not_followed_of_attention_keeps_its_sizes_and_is_not_complete():
    past = of_runtime("Attention", (2, 3, 6), ones(6, 18), ones(18), None, ones(2, 2, 2, 4, 3), num_heads=2)
    turned = of_runtime("Attention", (2, 3, 6), ones(6, 18), ones(18), num_heads=2, do_rotary=1)
    bias = np.ones(5, np.int32)
    odd = of_runtime("Attention", (2, 3, 6), ones(6, 18), ones(18), bias, num_heads=2)
    for proto in (past, turned, odd):
        report = from_onnx(proto).analyze()
        assert (report.status, report.output.sizes) == ("unknown", (2, 3, 6))


# One operator at a time


def of_runtime(
    op: str,
    sizes: tuple[int, ...],
    *constants: np.ndarray | None,
    outputs: int = 1,
    domain: str = "com.microsoft",
    **more: Any,
) -> onnx.ModelProto:
    """A model of the node ``y`` of ONNX Runtime."""
    named = {f"c{number}": array for number, array in enumerate(constants) if array is not None}
    reads = ["x", *(f"c{number}" if array is not None else "" for number, array in enumerate(constants))]
    names = [f"y{number}" if number else "y" for number in range(outputs)]
    node = helper.make_node(op, reads, names, "y", domain=domain, **more)
    kind = TensorProto.UINT8 if op.startswith(("Q", "NhwcMax")) and op != "QuickGelu" else TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info("x", kind, sizes)],
        [helper.make_tensor_value_info(names[-1], kind, None)],
        [numpy_helper.from_array(array, name) for name, array in named.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def ones(*sizes: int) -> np.ndarray:
    return np.ones(sizes, F32)


SCALE, ZERO = F32(0.5), np.uint8(3)
QUANTISED = (SCALE, ZERO, SCALE, ZERO)
BYTES = np.ones((4, 3, 3, 3), np.uint8)

SINGLE: list[tuple[str, tuple[int, ...], tuple[Any, ...], dict[str, Any], int, int]] = [
    ("FusedConv", (1, 3, 8, 7), (ones(4, 3, 3, 3), ones(4)), {"activation": "Relu", "strides": [2, 2]}, 112, 972),
    ("FusedConv", (1, 3, 4, 4), (ones(4, 3, 3, 3), None, ones(1, 4, 2, 2)), {"activation": "Relu"}, 124, 432),
    ("FusedGemm", (2, 5), (ones(5, 3), ones(3)), {"activation": "Relu"}, 18, 30),
    ("FusedMatMul", (2, 5, 4), (ones(3, 5),), {"transA": 1, "transB": 1, "alpha": 0.5}, 15, 120),
    ("FusedMatMul", (5, 2, 4), (ones(2, 4, 3),), {"transBatchA": 1}, 24, 120),
    ("FusedMatMul", (4, 2, 5), (ones(4, 2, 3),), {"transA": 1, "transBatchA": 1, "transBatchB": 1}, 24, 120),
    ("TransposeMatMul", (5, 4), (ones(5, 3),), {"transA": 1}, 15, 60),
    ("Gelu", (2, 5), (), {}, 0, 0),
    ("QuickGelu", (2, 5), (), {}, 0, 0),
    ("BiasGelu", (2, 5), (ones(5),), {}, 5, 0),
    ("FastGelu", (2, 5), (ones(5),), {}, 5, 0),
    ("FastGelu", (2, 5), (), {}, 0, 0),
    ("SkipLayerNormalization", (2, 3, 5), (ones(2, 3, 5), ones(5), ones(5), ones(5)), {}, 45, 0),
    ("SkipSimplifiedLayerNormalization", (2, 3, 5), (ones(2, 3, 5), ones(5)), {}, 35, 0),
    ("QLinearAdd", (1, 3, 5), (SCALE, ZERO, np.ones((3, 1), np.uint8), *QUANTISED), {}, 3, 0),
    ("QLinearMul", (1, 3, 5), (SCALE, ZERO, np.ones((3, 1), np.uint8), *QUANTISED), {}, 3, 0),
    ("QLinearSigmoid", (1, 3, 5), QUANTISED, {}, 0, 0),
    ("QLinearLeakyRelu", (1, 3, 5), QUANTISED, {"alpha": 0.1}, 0, 0),
    ("QLinearSoftmax", (1, 3, 5), QUANTISED, {"axis": 1, "opset": 13}, 0, 0),
    ("QLinearGlobalAveragePool", (1, 3, 5, 4), QUANTISED, {}, 0, 0),
    ("QLinearGlobalAveragePool", (1, 5, 4, 3), QUANTISED, {"channels_last": 1}, 0, 0),
    ("QLinearAveragePool", (1, 3, 5, 4), QUANTISED, {"kernel_shape": [2, 3]}, 0, 0),
    ("QLinearAveragePool", (1, 5, 4, 3), QUANTISED, {"kernel_shape": [2, 3], "channels_last": 1}, 0, 0),
    ("QLinearConv", (1, 6, 7, 3), (SCALE, ZERO, BYTES, *QUANTISED), {"channels_last": 1}, 108, 2160),
    ("NhwcMaxPool", (1, 6, 7, 3), (), {"kernel_shape": [2, 3]}, 0, 0),
    ("QGemm", (2, 5), (SCALE, ZERO, np.ones((3, 5), np.uint8), SCALE, ZERO, None, SCALE, ZERO), {"transB": 1}, 15, 30),
    ("Attention", (2, 3, 6), (ones(6, 18), ones(18)), {"num_heads": 2}, 126, 864),
    ("Attention", (2, 3, 6), (ones(6, 18), ones(18), np.ones((2, 3), np.int32)), {"num_heads": 2}, 126, 864),
    ("Attention", (2, 3, 6), (ones(6, 18), ones(18), np.ones((2, 3, 3), np.int32)), {"num_heads": 2}, 126, 864),
    ("Attention", (2, 3, 6), (ones(6, 18), ones(18), np.ones(2, np.int32)), {"num_heads": 2}, 126, 864),
    ("Attention", (2, 3, 6), (ones(6, 18), ones(18), *[None] * 2, ones(2, 2, 3, 3)), {"num_heads": 2}, 126, 864),
    ("Attention", (2, 3, 6), (ones(6, 18), ones(18)), {"num_heads": 2, "unidirectional": 1}, 126, 864),
    ("Attention", (2, 3, 6), (ones(6, 16), ones(16)), {"num_heads": 2, "qkv_hidden_sizes": [4, 4, 8]}, 112, 792),
    ("MultiHeadAttention", (2, 3, 6), (ones(2, 5, 6), ones(2, 5, 8)), {"num_heads": 2}, 0, 420),
    ("MultiHeadAttention", (2, 3, 6), (ones(2, 5, 6), ones(2, 5, 8), ones(20)), {"num_heads": 2}, 20, 420),
    (
        "MultiHeadAttention",
        (2, 3, 6),
        (*[ones(2, 5, 6)] * 2, None, np.ones((2, 5), np.int32)),
        {"num_heads": 2},
        0,
        360,
    ),
    ("DynamicQuantizeMatMul", (2, 5), (np.ones((5, 3), np.uint8), SCALE, ZERO, ones(3)), {}, 18, 30),
]


@pytest.mark.parametrize(("op", "sizes", "constants", "attributes", "params", "macs"), SINGLE, ids=str)
def test_an_operator_of_onnx_runtime_has_its_sizes(op, sizes, constants, attributes, params, macs):
    outputs = 4 if op == "SkipLayerNormalization" else 1
    proto = of_runtime(op, sizes, *constants, outputs=outputs, **attributes)
    report = from_onnx(proto).analyze()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    runtime = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kind = np.uint8 if "uint8" in runtime.get_inputs()[0].type else F32
    (result,) = runtime.run(None, {"x": np.ones(sizes, kind)})
    assert report.output.sizes == result.shape
    assert (report.status, report.params, report.macs) == ("complete", params, macs)
    if outputs == 1:
        assert report.output.name == "y"


def test_a_norm_without_a_mean_has_its_place_in_onnxs_own_domain():
    report = from_onnx(of_runtime("SimplifiedLayerNormalization", (2, 3, 5), ones(5), domain="", axis=-1)).analyze()
    assert [(row.op, row.params) for row in report] == [("input", 0), ("rms_norm", 5)]


def test_what_is_not_known_of_the_domain_says_so():
    report = from_onnx(of_runtime("MurmurHash3", (2, 3))).analyze()
    assert report["y"].reason == "the operators of the domain com.microsoft are not understood"
    odd = from_onnx(of_runtime("FusedConv", (1, 3, 8, 7), ones(4, 3, 3, 3), activation="Softmax")).analyze()
    assert odd["y"].reason == "its activation Softmax is not one of those that are understood"


def absurd() -> Iterator[onnx.ModelProto]:
    for op, sizes, constants, attributes, _, _ in SINGLE:
        for number in range(len(constants)):
            yield of_runtime(op, sizes, *constants[:number], **attributes)
        yield of_runtime(op, (1,), *constants, **attributes)
        yield of_runtime(op, sizes, *constants)


def test_a_damaged_operator_gives_a_sentence_or_a_result():
    from .test_hostile_onnx import result_or_sentence

    for proto in absurd():
        result_or_sentence(proto)
