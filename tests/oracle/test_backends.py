"""Backends: what they claim, how they are loaded, and the words in which they say it."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from convmath.errors import DomainError, UnsupportedError
from convmath.oracle import ConvCase, PoolCase, backends, check, parse_case, pool_cases
from convmath.oracle.backends import NAMES, Backend, Differentiable, backend, load
from convmath.oracle.backends.properties import PROPERTIES, properties
from convmath.oracle.features import CONV_FEATURES, POOL_FEATURES

KINDS = ConvCase.kinds + PoolCase.kinds
FRAMEWORKS = ("torch", "jax", "onnx", "onnxruntime", "scipy", "tensorflow", "openvino", "tinygrad")


class Absent(Backend):
    name = "absent"
    extra = "torch"
    packages = ("no-such-framework",)
    modules = ("no_such_framework",)
    operators = {}  # noqa: RUF012

    def _import(self):
        raise AssertionError("imported though it is absent")


def imported_by(code):
    script = f"import sys\n{code}\nprint(*[name for name in {FRAMEWORKS} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.split()


@pytest.mark.parametrize("name", NAMES)
def test_what_a_backend_claims_is_well_formed(name):
    found = backend(name)
    assert found.name == name
    assert found.operators
    for kind, operators in found.operators.items():
        assert kind in KINDS
        assert callable(getattr(found, kind))
        ndims = [ndim for operator in operators for ndim in operator.ndims]
        assert sorted(ndims) == sorted(set(ndims)) != []
        for operator in operators:
            assert operator.rule.startswith("https://"), operator
            assert set(operator.lacks) <= set(PROPERTIES), operator
            assert all(operator.lacks.values()), operator
            assert set(operator.dtypes) <= {"float16", "float32", "float64"}, operator
    gradients = {kind for kind in found.operators if kind.startswith("grad") or "_grad_" in kind}
    assert bool(gradients) == issubclass(found, Differentiable)


def test_claims_are_known_without_importing_any_framework_and_a_backend_imports_only_its_own():
    claims = "from convmath.oracle import backends\n[backends.backend(name).operators for name in backends.NAMES]"
    assert imported_by(claims) == []
    assert imported_by(f"{claims}\nbackends.scipy") == ["scipy"]


def test_an_unknown_or_missing_backend_is_an_error_that_says_what_to_do():
    with pytest.raises(DomainError, match="did you mean onnxruntime"):
        backend("onnxruntim")
    with pytest.raises(DomainError, match="no backend has this name"):
        load("caffe")
    with pytest.raises(AttributeError, match="no attribute 'caffe'"):
        _ = backends.caffe
    with pytest.raises(UnsupportedError, match=r"absent needs no_such_framework: pip install 'convmath\[torch\]'"):
        Absent()


@pytest.mark.parametrize(
    ("name", "case", "dtype", "reason"),
    [
        ("torch", "max_pool i4 k2 p0:1 #0", "float32", "pads both sides alike"),
        ("torch", "max_pool i4 k2 p1 #0", "float32", ""),
        ("torch", "avg_pool i4 k2 div3 #0", "float32", "avg_pool1d has no divisor_override"),
        ("torch", "avg_pool i4x4 k2x2 div3 #0", "float32", ""),
        ("torch", "conv i4 k2 p0:1 #0", "float32", ""),
        ("jax", "max_pool i4 k2 ceil #0", "float32", "has no ceil_mode"),
        ("jax", "max_pool_grad_input i4 k1 d2 #0", "float32", "no gradient of maxima with window_dilation"),
        ("onnxruntime", "grad_input i4 k2 #0", "float32", "no operator for grad_input"),
        ("onnxruntime", "conv i4 k2 #0", "float64", "takes float32, not float64"),
        ("tensorflow", "conv c2 o2 g2 i4x4x4 k2x2x2 #0", "float32", "no groups with 3 axes"),
        ("tensorflow", "conv c2 o2 g2 i4x4 k2x2 #0", "float32", ""),
        ("tensorflow", "conv i9 k2 s2 d2 #0", "float32", "no stride and dilation at once"),
    ],
)
def test_a_case_is_refused_with_the_reason(name, case, dtype, reason):
    refusal = backend(name).refusal(parse_case(case), dtype)
    assert reason in refusal
    assert bool(refusal) == bool(reason)


# A case that has each property, and one that has not.
EXAMPLES = {
    "crops_then_pads": ("conv_transpose i3 k3 p4:0 #0", "conv_transpose i3 k3 p2:0 #0"),
    "dilated_stride": ("conv i9 k2 s2 d2 #0", "conv i9 k2 s2 #0"),
    "dilation_above_1": ("conv i9 k1 d2 #0", "conv i9 k1 #0"),
    "input_below_kernel": ("conv i2 k3 p1 #0", "conv i3 k3 p1 #0"),
    "kernel_of_one": ("conv i4x4 k1x1 #0", "conv i4x4 k1x2 #0"),
    "output_padding_from_stride": ("conv_transpose i2 k2 s2 d3 op2 #0", "conv_transpose i2 k2 s2 op1 #0"),
    "padded_overhang": ("avg_pool i6 k5 s2 p2 ceil #0", "avg_pool i5 k2 s2 ceil #0"),
    "padding_above_half_kernel": ("conv i4 k3 p2 #0", "conv i4 k4 p2 #0"),
    "tied_maximum": ("max_pool i9 k9 v1 #0", "max_pool i9 k9 v1000000 #0"),
    "unit_stride_and_dilation": ("max_pool i4 k2 s1 #0", "max_pool i4 k2 s2 #0"),
    "untouched_input": ("conv i1 k1 s2 p1 #0", "conv i1 k1 s2 p2 #0"),
    "window_above_padded_input": ("max_pool i2 k4 s2 p1:0 ceil #0", "max_pool i2 k3 s2 p1:0 ceil #0"),
    "window_with_one_tap": ("max_pool i3 k2 s1 p1 #0", "max_pool i4 k2 s2 #0"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_property_holds_where_it_should_and_not_elsewhere(name):
    having, lacking = map(parse_case, EXAMPLES[name])
    assert name in properties(having)
    assert name not in properties(lacking)


@pytest.mark.parametrize(
    ("case", "holds"),
    [
        ("conv i5 k1 p-2:2 #0", True),
        ("conv i5 k1 p-1:2 #0", False),
        ("conv i5x5 k1x1 p-2:2x0 #0", True),
        ("conv i5x5 k1x1 p-2:2x1:0 #0", False),
        ("conv_transpose i3x3 k3x2 p4:0x1 #0", True),
        ("conv_transpose i3x3 k3x2 p4:0x0 #0", False),
        ("grad_input i1 k3 p4:0 #0", True),
        ("grad_input i3 k3 p2:2 #0", False),
        ("grad_weight i1 k3 p4:0 #0", False),
    ],
)
def test_cropping_then_padding_is_that_of_the_correlation_that_runs(case, holds):
    assert ("crops_then_pads" in properties(parse_case(case))) == holds


def test_every_property_beyond_the_features_has_its_example():
    assert {*EXAMPLES, *CONV_FEATURES, *POOL_FEATURES} == set(PROPERTIES)


@given(pool_cases(ndim=(1, 2), kind=["max_pool", "max_pool_grad_input"], max_macs=300))
def test_a_tied_maximum_is_one_that_loops_find_twice(case):
    triples = [list(axis.triples()) for axis in case.axes]
    windows = {}
    for steps in product(*triples):
        output, place, _ = zip(*steps, strict=True)
        windows.setdefault(output, []).append(place)
    samples = case.x.reshape(-1, *case.input_size)
    values = [[x[place] for place in places] for x in samples for places in windows.values()]
    tied = any(window.count(max(window)) > 1 for window in values)
    assert ("tied_maximum" in properties(case)) == tied


def test_a_backend_is_judged_like_any_other_function():
    assert check("convmath.oracle.backends:scipy.conv", ndim=1, examples=30).ok
    report = check("convmath.oracle.backends:scipy.conv", "conv_transpose", ndim=1, examples=30)
    assert not report.ok


def test_padding_may_be_one_int_per_axis():
    pytest.importorskip("torch")
    settings = {"kind": "max_pool", "examples": 40, "dtype": "float32"}
    report = check("convmath.oracle.backends:torch.max_pool", supports={"asymmetric_padding": False}, **settings)
    assert report.ok, report


def test_an_operator_that_a_framework_lacks_says_so_when_called():
    with pytest.raises(UnsupportedError, match="scipy has no operator for avg_pool"):
        backends.scipy.avg_pool(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,), padding=(0,), ceil_mode=False)


def test_torch_on_cuda_agrees_with_the_oracle():
    if absence := backend("torch_cuda").absence():
        pytest.skip(absence)
    from convmath.oracle.conformance import conformance

    report = conformance(["torch_cuda"], dtype="float64", mode="bounded", examples=30, max_macs=2_000)
    assert report.ok, report
