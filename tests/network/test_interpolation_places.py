"""The element nearest to each position of a symmetric interpolation, against the one that ONNX Runtime takes."""

from __future__ import annotations

from math import floor

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from convmath.network import from_onnx  # noqa: E402

SCALES = (1.5, 2.5, 1.25, 0.75, 0.7, 1.1, 1.7, 0.6, 2.2, 1.3, 0.35)


def resizing(size: int, scale: float) -> onnx.ModelProto:
    helper, kinds = onnx.helper, onnx.TensorProto
    symmetric = {"mode": "nearest", "coordinate_transformation_mode": "half_pixel_symmetric", "nearest_mode": "floor"}
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], **symmetric)],
        "resizing",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [1, 1, size])],
        [helper.make_tensor_value_info("y", kinds.FLOAT, [1, 1, None])],
        [onnx.numpy_helper.from_array(np.array([1, 1, scale], np.float32), "scales")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)


def taken(model: onnx.ModelProto, size: int) -> list[int]:
    """The elements, each of which is its own number."""
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": np.arange(size, dtype=np.float32).reshape(1, 1, -1)})
    return result.reshape(-1).astype(int).tolist()


def outputs(size: int, scale: float) -> int:
    return floor(np.float32(size) * np.float32(scale))


@pytest.mark.parametrize("scale", SCALES)
def test_a_position_reads_the_element_that_onnx_runtime_takes(scale):
    for size in range(2, 14):
        if outputs(size, scale) in (0, size):
            continue  # there is no output, or it is a copy
        model = resizing(size, scale)
        report = from_onnx(model).analyze()
        read = [report.reads("y", o)["x"][0].parts[0][0] for o in range(outputs(size, scale))]
        assert read == taken(model, size), size


def test_places_that_are_rounded_at_every_step_are_caught():
    """Of 5 elements to 3, where the middle one would be that of 32-bit floats only."""
    single, scale = np.float32, np.float32(0.6)
    place = (single(1) + single(0.5)) / scale - single(0.5)
    assert floor(place) == 2 != taken(resizing(5, 0.6), 5)[1]
