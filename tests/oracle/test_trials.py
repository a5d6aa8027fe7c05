"""Exact trials: integers for which no kernel of the claimed arithmetic may round, and judgement without tolerance."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest

from convmath.errors import UnsupportedError
from convmath.oracle import ConvCase, PoolCase, exact, parse_case
from convmath.oracle.exact.patches import gather
from convmath.oracle.formats import arithmetic, number_format, round_to
from convmath.oracle.trials import bounded_trial, exact_trial

CLAIMS = {
    "float64": arithmetic("float64"),
    "float32": arithmetic("float32"),
    "tf32": arithmetic("float32", inputs="tf32"),
    "float16": arithmetic("float16"),
    "float16 into float32": arithmetic("float16", accumulator="float32"),
    "bfloat16": arithmetic("bfloat16"),
    "bfloat16 into float32": arithmetic("bfloat16", accumulator="float32"),
    "int8 into int32": arithmetic("int8", accumulator="int32", output="int32"),
    "int32": arithmetic("int32"),
    "int64": arithmetic("int64"),
}
DENSE = (
    "n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 b #1",
    "conv_transpose n2 c4 o6 g2 i5x4 k3x2 s2x1 p1x0 op1x0 #2",
    "grad_input c4 o4 i6x6 k3x3 s2 #3",
    "grad_weight n2 c2 o4 g2 i6 k3 #4",
    "grad_bias n2 o3 i6 k3 #5",
)
LONG = (
    "c300 o4 i5 k5 b #1",
    "conv_transpose c400 o6 g2 i5 k3 b #2",
    "grad_input c6 o600 g2 i6 k3 #3",
    "grad_weight n9 c2 o4 g2 i80 k3 #4",
    "grad_bias n9 o3 i80 k3 #5",
)


def absolute_sums(case, arguments):
    """Per output element the sum of the absolute values of all terms, the bias with them; exact."""
    functions = {
        "conv": exact.conv_forward,
        "conv_transpose": exact.conv_transpose_forward,
        "grad_input": exact.conv_grad_input,
        "grad_weight": exact.conv_grad_weight,
        "grad_bias": exact.conv_grad_bias,
    }
    sizes = (None if a is None else np.abs(np.asarray(a).astype(object)) for a in arguments)
    return functions[case.kind](*sizes, **case.options)


@pytest.mark.parametrize("text", [*DENSE, *LONG])
@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_every_partial_sum_in_any_order_is_a_number_of_the_formats(claim, text):
    trial = exact_trial(parse_case(text), claim)
    largest = int(absolute_sums(trial.case, trial.arguments).max())
    assert 0 < largest <= min(claim.accumulator.largest_integer, claim.output.largest_integer)
    for argument in trial.arguments:
        assert argument is None or np.abs(argument.astype(np.float64)).max() <= claim.inputs.largest_integer


@pytest.mark.parametrize("claim", [CLAIMS["float16"], CLAIMS["bfloat16"], CLAIMS["float32"]], ids=str)
def test_partial_sums_in_a_random_order_are_not_changed_by_rounding(claim):
    trial = exact_trial(ConvCase.parse("c6 i6x6 k3x2 #7"), claim)
    x, w, _ = trial.arguments
    terms = (gather(x.astype(np.float64), trial.case.axes) * w[0][..., None, None]).reshape(-1, 4 * 5)
    partial = np.cumsum(np.random.default_rng(0).permutation(terms, axis=0), axis=0)
    np.testing.assert_array_equal(round_to(partial, claim.accumulator), partial)


def test_a_fill_four_times_as_large_is_rounded():
    claim = CLAIMS["float16"]
    trial = exact_trial(ConvCase.parse("c6 i6x6 k3x2 #7"), claim)
    partial = trial.bounded.expected.high * 16
    assert np.any(round_to(partial + 1, claim.accumulator) != partial + 1)


@pytest.mark.parametrize("text", DENSE)
def test_one_more_would_be_too_much_for_the_worst_fill(text):
    case = parse_case(text)
    ones = tuple(None if a is None else np.ones_like(a) for a in case.arguments)
    factors = 1 if case.kind == "grad_bias" else 2
    terms = int(absolute_sums(case, ones).max()) - case.bias
    a = exact_trial(case, "float32").limit
    assert terms * a**factors + case.bias * a <= 2**24 < terms * (a + 1) ** factors + case.bias * (a + 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_with_a_bias_the_largest_entry_is_found_for_every_length(dtype):
    limit = number_format(dtype).largest_integer
    for terms in range(1, limit):
        largest = max(a for a in range(1, 2 + isqrt(limit // terms)) if terms * a * a + a <= limit)
        assert (
            exact_trial(ConvCase(in_channels=terms, input_size=(1,), kernel_size=(1,), bias=True), dtype).limit
            == largest
        )


@pytest.mark.parametrize("text", LONG)
def test_a_long_sum_is_thinned_out_to_what_the_format_holds(text):
    trial = exact_trial(parse_case(text), "bfloat16")
    assert (trial.limit, trial.nonzeros) == (1, 256 - trial.case.bias)
    sums = absolute_sums(trial.case, trial.arguments)
    assert sums.max() == 256
    dense = trial.case.arguments
    assert absolute_sums(trial.case, dense).max() > 256
    changed = [a is not None and np.count_nonzero(a) < a.size for a in trial.arguments]
    assert sum(changed) == 1


def test_different_seeds_thin_out_different_places():
    thinned = [exact_trial(ConvCase.parse(f"c300 i5 k5 #{seed}"), "bfloat16").arguments[1] for seed in range(12)]
    assert np.all(np.any(thinned, axis=0).mean() > 0.8)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "text", ["n2 c4 o6 g2 i7x5 k3x2 s2x1 p1x0 d1x2 b #1", "c300 o4 i5 k5 b #1", *DENSE[1:2], *LONG[1:2]]
)
def test_torch_is_exact_on_exact_trials(text, dtype, device):
    torch = pytest.importorskip("torch")
    trial = exact_trial(parse_case(text), dtype)
    case = trial.case
    x, w, b = (None if a is None else torch.from_numpy(a).to(device, getattr(torch, dtype)) for a in trial.arguments)
    layer = getattr(torch.nn.functional, f"conv{'_transpose' if case.transposed else ''}{case.ndim}d")
    y = layer(x, w, b, **case.torch_kwargs()).cpu()
    found = trial.judge(y.float().numpy() if dtype == "bfloat16" else y.numpy())
    assert found.ok, f"{case} in {dtype}: {found}"


@pytest.mark.parametrize(
    ("claim", "narrower"), [("float64", np.float32), ("float32", np.float16), ("int64", np.float64)]
)
def test_a_kernel_that_computes_in_a_narrower_type_is_caught(claim, narrower):
    trial = exact_trial(ConvCase.parse("c4 o4 i9x9 k3x3 #1"), claim)
    patches = gather(trial.arguments[0], trial.case.axes)
    y = np.zeros(trial.case.y_shape, dtype=narrower)
    with np.errstate(over="ignore", invalid="ignore"):
        for c, i, j in np.ndindex(4, 3, 3):
            y += patches[:, c, i, j].astype(narrower)[:, None] * trial.arguments[1][
                None, :, c, i, j, None, None
            ].astype(narrower)
        found = trial.judge(y.astype(claim))
    assert not found.ok


def test_integer_kernels_are_judged_exactly():
    trial = exact_trial(ConvCase.parse("c4 o4 i9x9 k3x3 #1"), CLAIMS["int8 into int32"])
    x, w, _ = trial.arguments
    assert x.dtype == w.dtype == np.int8
    patches = gather(x, trial.case.axes)
    wide = np.einsum("ncijyx,fcij->nfyx", patches.astype(np.int32), w.astype(np.int32))
    wrapped = np.einsum("ncijyx,fcij->nfyx", patches, w)
    assert trial.judge(wide).ok
    assert not trial.judge(wrapped.astype(np.int32)).ok


@pytest.mark.parametrize("text", ["max_pool i6x6 k3x2 s2x1 p1 #1", "avg_pool i6x6 k2 #1", "avg_pool i9 k4 s1 div8 #2"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_pooling_in_torch_is_exact_on_exact_trials(text, dtype, device):
    torch = pytest.importorskip("torch")
    trial = exact_trial(parse_case(text), dtype)
    case = trial.case
    layer = getattr(torch.nn.functional, f"{case.kind}{case.ndim}d")
    if case.divisor_override is not None:
        y = exact.avg_pool(trial.arguments[0], **trial.options).astype(dtype)
    else:
        y = layer(torch.from_numpy(trial.arguments[0]).to(device), **case.torch_kwargs()).cpu().numpy()
    found = trial.judge(y)
    assert found.ok, f"{case} in {dtype}: {found}"


def test_an_average_over_three_elements_is_not_promised_to_be_exact():
    case = PoolCase.parse("avg_pool i7 k3 #1")
    with pytest.raises(UnsupportedError, match="divides by 3, whose reciprocal is rounded"):
        exact_trial(case, "float32")
    trial = bounded_trial(case, "float32")
    y = exact.avg_pool(*trial.arguments, **case.options).astype(np.float32)
    assert trial.judge(y).ok


def test_pooling_of_windows_too_large_for_the_format_is_refused():
    with pytest.raises(UnsupportedError, match="leave the integers"):
        exact_trial(PoolCase.parse("avg_pool i32x32 k32 #1"), "float16")
