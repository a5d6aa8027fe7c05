"""Cases: deterministic data, descriptors that parse back, a comparison that says where, and other libraries' words."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import DomainError, UnsupportedError
from convmath.oracle import ConvCase, PoolCase, conv_cases, parse_case, pool_cases, reference
from convmath.oracle.fill import fill
from convmath.oracle.strategies import CONV_OPTIONS, POOL_OPTIONS

any_case = st.one_of(
    conv_cases(kind=ConvCase.kinds, features=CONV_OPTIONS),
    pool_cases(kind=PoolCase.kinds, features=POOL_OPTIONS),
)


@given(any_case)
def test_a_descriptor_parses_back_to_the_same_case(case):
    again = parse_case(str(case))
    assert again == case
    assert str(again) == str(case)
    assert hash(again) == hash(case)


def test_the_words_of_a_descriptor_come_in_any_order_and_one_number_means_every_axis():
    case = ConvCase.parse("#7 k3x2 d1x2 p1:0x0:2 i7x5 s2x1 g2 o6 c4 n2 conv")
    assert str(case) == "conv n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 #7"
    assert ConvCase.parse("i7x5 k3 p1:2 s2") == ConvCase.parse("i7x5 k3x3 p1:2x1:2 s2x2")
    assert ConvCase(input_size=(7, 5), kernel_size=(3,), padding=((1, 2),), stride=(2,)) == ConvCase.parse(
        "conv n1 c1 o1 i7x5 k3x3 s2x2 p1:2x1:2 #0"
    )
    assert PoolCase.parse("max_pool i7x5 k3x2") == PoolCase.parse("max_pool i7x5 k3x2 s3x2")


HOSTILE = [
    "",
    "conv",
    "conv i4",
    "conv k4",
    "conv i4 k5",
    "conv i4 k2 k2",
    "conv i4 k2 z3",
    "conv i4 k2 s0",
    "conv i4 k2 d-1",
    "conv i4 k2 s1.5",
    "conv i4 k2 s1e3",
    "conv i4 k2 sx",
    "conv i4 k2 s1x",
    "conv i4 k2 s1x1",
    "conv i4 k2 p1:2:3",
    "conv i4 k2 p:",
    "conv i4 k2 i",
    "conv i4 k2 b1",
    "conv i4 k2 #",
    "conv i4 k2 #-1",
    "conv i4 k2 ##1",
    "conv i4 k2 op1",
    "conv i4 k2 n0",
    "conv i4 k2 n2x2",
    "conv i4 k2 c3 g2",
    "conv i4 k2 v0",
    "conv i4 k2 v9999999999999",
    "conv conv_transpose i4 k2",
    "grad_bias i4 k2 b",
    "conv i1x1x1x1 k1",
    "conv i999999999999 k1",
    "conv i999999x999999 k1",
    "conv i4 k2 n999999999999999999",
    "conv i4 k2 p999999999999999999",
    "conv i4 k2 d999999999999999999",
    "conv i9999999999999999999999999 k1",
    "conv_transpose i4 k2 s2 op2",
    "conv_transpose i1 k1 p1",
    "conv_transpose i999999 k1 s999999999",
    "conv i\u0664 k2",
    "conv i4 k2; rm",
    "conv " + "i4 " * 1000,
    "max_pool i4 k2 div2",
    "max_pool i4 k2 exclude_pad",
    "max_pool i4 k2 p2",
    "max_pool i4 k2 p-1",
    "max_pool i4 k2 o3",
    "avg_pool i4 k2 div0",
    "avg_pool i4 k2 ceil1",
    "max_pool avg_pool i4 k2",
    None,
    7,
    b"conv i4 k2",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_descriptor_is_refused(text):
    with pytest.raises(DomainError):
        parse_case(text)


@given(st.text(alphabet="convmaxpl_gridth 0123456789x:-#nciksdvbop", max_size=40))
def test_any_text_is_a_case_or_a_domain_error(text):
    try:
        case = parse_case(text)
    except DomainError:
        return
    assert parse_case(str(case)) == case


def test_a_bad_field_is_refused_by_name():
    with pytest.raises(DomainError, match="kind='correlate'"):
        ConvCase(kind="correlate", input_size=(4,), kernel_size=(2,))
    with pytest.raises(DomainError, match="stride=True"):
        ConvCase(input_size=(4,), kernel_size=(2,), stride=(True,))
    with pytest.raises(DomainError, match="needs at most 268435456 elements"):
        ConvCase(input_size=(2**29,), kernel_size=(1,))
    with pytest.raises(DomainError, match="overflows int64"):
        _ = PoolCase.parse("avg_pool i100 k80 s1 p40 exclude_pad").x
    with pytest.raises(FrozenInstanceError):
        ConvCase(input_size=(4,), kernel_size=(2,)).seed = 1


def test_data_depends_on_the_seed_alone():
    assert fill((6,), seed=7, stream=0, limit=4).tolist() == fill((2, 3), seed=7, stream=0, limit=4).ravel().tolist()
    draws = {tuple(fill((8,), seed=seed, stream=stream, limit=4)) for seed in range(50) for stream in range(4)}
    assert len(draws) == 200


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_data_fills_its_range_evenly_without_zero(limit):
    values, counts = np.unique(fill((200 * limit,), seed=3, stream=1, limit=limit), return_counts=True)
    assert sorted(values.tolist()) == [v for v in range(-limit, limit + 1) if v]
    # 100 are expected of each; a binomial count is 6 standard deviations away with probability below 1e-8
    assert np.all(np.abs(counts - 100) < 60)


@given(any_case)
def test_data_lies_within_the_limit_and_the_answer_is_the_reference_s(case):
    arrays = [array for array in case.arguments if array is not None]
    assert all(np.abs(array).max() <= case.limit * getattr(case, "scale", 1) for array in arrays)
    assert all(array.dtype == np.int64 for array in arrays)
    if case.macs > 500:
        return
    function = {"conv": "conv_forward", "conv_transpose": "conv_transpose_forward"}.get(case.kind, case.kind)
    function = f"conv_{function}" if function.startswith("grad") else function
    case.assert_matches(getattr(reference, function)(*case.arguments, **case.options))
    assert case.expected.dtype == np.int64


@given(any_case)
def test_the_right_answer_matches_in_any_dtype_that_holds_it(case):
    for dtype in (np.int64, np.float64, np.float32, object):
        case.assert_matches(case.expected.astype(dtype))
    case.assert_matches(case.expected.tolist())


@given(any_case, st.data())
def test_one_wrong_element_is_named(case, data):
    index = data.draw(st.integers(0, case.expected.size - 1))
    wrong = case.expected.copy()
    wrong.flat[index] += 1
    place = tuple(int(i) for i in np.unravel_index(index, wrong.shape))
    with pytest.raises(AssertionError) as error:
        case.assert_matches(wrong)
    assert str(error.value) == (
        f"{case}: 1 of {wrong.size} elements differ, the first at index {place}: "
        f"expected {case.expected[place]}, got {wrong[place]}"
    )


def test_a_wrong_shape_type_or_nan_is_named():
    case = ConvCase.parse("conv i4 k2 #1")
    with pytest.raises(AssertionError, match=r"expected shape \(1, 1, 3\), got shape \(1, 3\)"):
        case.assert_matches(case.expected[0])
    with pytest.raises(AssertionError, match="got elements of type complex128"):
        case.assert_matches(case.expected + 0j)
    with pytest.raises(AssertionError, match="got nan"):
        case.assert_matches(np.full(case.expected.shape, np.nan))


def test_large_answers_are_not_compared_after_rounding():
    case = ConvCase.parse("conv i1 k1 v2147483648 #2")
    large = replace(case, in_channels=3)
    assert abs(large.expected.item()) > 2**53 or abs(large.expected.item()) < 2**63
    odd = next(c for c in (replace(large, seed=s) for s in range(99)) if int(float(c.expected.item())) != c.expected)
    with pytest.raises(AssertionError, match="1 of 1 elements differ"):
        odd.assert_matches(odd.expected.astype(np.float64))


def general_dilated(x, w, *, window_strides, padding, lhs_dilation, rhs_dilation, feature_group_count):
    """JAX's ``conv_general_dilated`` as its documentation words it: dilate, pad (or crop), slide, by NumPy alone."""
    size = [(n - 1) * d + 1 for n, d in zip(x.shape[2:], lhs_dilation, strict=True)]
    dilated = np.zeros((*x.shape[:2], *size), dtype=x.dtype)
    dilated[(..., *(slice(None, None, d) for d in lhs_dilation))] = x
    padded = np.pad(dilated, [(0, 0), (0, 0), *((max(lo, 0), max(hi, 0)) for lo, hi in padding)])
    crop = tuple(slice(max(-lo, 0), n - max(-hi, 0)) for n, (lo, hi) in zip(padded.shape[2:], padding, strict=True))
    return reference.conv_forward(
        padded[(..., *crop)], w, stride=window_strides, dilation=rhs_dilation, groups=feature_group_count
    )


@given(conv_cases(kind=("conv", "conv_transpose"), max_macs=1_000, features=CONV_OPTIONS - {"bias"}))
def test_jax_keywords_mean_the_same_layer(case):
    case.assert_matches(general_dilated(case.x, case.jax_weight, **case.jax_kwargs()))


@given(conv_cases(kind=("conv", "conv_transpose"), max_macs=1_000, features=CONV_OPTIONS - {"bias"}))
def test_jax_itself_agrees(case):
    lax = pytest.importorskip("jax.lax", reason="jax is not installed")
    y = lax.conv_general_dilated(
        case.x.astype(np.float32), case.jax_weight.astype(np.float32), **case.jax_kwargs(), precision="highest"
    )
    case.assert_matches(y)


@given(pool_cases(kind="max_pool"))
def test_jax_windows_cover_what_a_pooling_case_reads(case):
    kwargs = case.jax_kwargs()
    for axis, (lo, hi) in zip(case.axes, kwargs["padding"][2:], strict=True):
        span = axis.dilation * (axis.kernel_size - 1) + 1
        assert len(range(0, lo + axis.input_size + hi - span + 1, axis.stride)) == axis.output_size
        assert lo == axis.lo


def test_words_of_torch_and_onnx():
    case = ConvCase.parse("conv_transpose n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 op1x0 b #7")
    assert case.torch_kwargs() == {
        "stride": (2, 1),
        "padding": (0, 0),
        "dilation": (1, 2),
        "groups": 2,
        "output_padding": (1, 0),
    }
    assert case.torch_pad() == (0, -2, -1, 0)
    assert case.onnx_node() == {
        "op_type": "ConvTranspose",
        "attributes": {
            "kernel_shape": [3, 2],
            "strides": [2, 1],
            "pads": [1, 0, 0, 2],
            "dilations": [1, 2],
            "group": 2,
            "output_padding": [1, 0],
        },
    }
    pool = PoolCase.parse("avg_pool i7x5 k3x2 s2x1 p1x0 ceil exclude_pad div3 #7")
    assert pool.torch_kwargs() == {
        "kernel_size": (3, 2),
        "stride": (2, 1),
        "padding": (1, 0),
        "ceil_mode": True,
        "count_include_pad": False,
        "divisor_override": 3,
    }
    assert PoolCase.parse("max_pool i7 k3 s2 p1:0 d2 ceil").onnx_node() == {
        "op_type": "MaxPool",
        "attributes": {"kernel_shape": [3], "strides": [2], "pads": [1, 0], "dilations": [2], "ceil_mode": 1},
    }


@pytest.mark.parametrize(
    ("text", "method", "reason"),
    [
        ("grad_input i4 k2", "onnx_node", "ONNX has no operator for a gradient"),
        ("conv i4 k2 p-1", "onnx_node", "ONNX has no negative padding"),
        ("conv_transpose i4 k2 p-1:0 b", "torch_pad", "torch adds the bias before"),
        ("max_pool i4 k2 p1:0", "torch_kwargs", "torch pads both sides alike"),
        ("max_pool i4 k3 p2", "torch_kwargs", "at most half the kernel"),
        ("avg_pool i4 k2 d2", "torch_kwargs", "torch has no dilated average"),
        ("avg_pool i4 k2 div2", "torch_kwargs", "no divisor_override in one dimension"),
        ("avg_pool i4 k2 div2", "onnx_node", "ONNX has no divisor_override"),
        ("max_pool_grad_input i4 k2", "onnx_node", "ONNX has no operator for a gradient"),
    ],
)
def test_what_another_library_lacks_is_said(text, method, reason):
    with pytest.raises(UnsupportedError, match=reason):
        getattr(parse_case(text), method)()
