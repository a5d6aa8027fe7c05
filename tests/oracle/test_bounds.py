"""Bounds against kernels: no correct one is refused, in any format, order or algorithm; slightly wrong ones are."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from convmath.errors import DomainError, UnsupportedError
from convmath.oracle import ConvCase, PoolCase, parse_case
from convmath.oracle.bounds import error_bound
from convmath.oracle.exact.patches import gather
from convmath.oracle.formats import arithmetic, round_to
from convmath.oracle.fourier import Fourier
from convmath.oracle.judge import judge
from convmath.oracle.layer import Layer
from convmath.oracle.trials import bounded_trial
from convmath.oracle.winograd import Winograd

CASES = (
    "n2 c8 o16 i15x13 k3x3 p1 b #1",
    "n2 c6 o8 g2 i17x15 k3x2 s2x1 p1:1x0:2 d1x2 b #2",
    "c48 o6 i9x11 k3x3 p0:1x2:0 #3",
)
PLAIN = ("n2 c8 o16 i15x13 k3x3 p1 b #1", "c5 o8 i13x18 k3x3 p2 #4")
CLAIMS = (
    arithmetic("float64"),
    arithmetic("float32"),
    arithmetic("float16"),
    arithmetic("bfloat16"),
    arithmetic("float16", accumulator="float32"),
    arithmetic("bfloat16", accumulator="float32"),
    arithmetic("float32", inputs="tf32"),
    arithmetic("float32", inputs="bfloat16"),
    arithmetic("float64", accumulator="float32"),
)
TENSOR_CORES = (
    arithmetic("float16", accumulator="float32", truncating=True),
    arithmetic("float32", inputs="tf32", truncating=True),
)

# Kernels: the terms of each output element along the first axis, rounded as the arithmetic claims, then an order.


def terms(trial, claim):
    """Products in the accumulator's format, and the bias after them, as float64 of shape (terms, n, f, *o)."""
    x, w, bias = (None if a is None else a.astype(np.float64) for a in trial.arguments)
    x, w = (round_to(a, claim.inputs).astype(np.float64) for a in (x, w))
    groups, (f, c) = trial.case.groups, w.shape[:2]
    patches = gather(x.reshape(len(x), groups, c, *x.shape[2:]), trial.case.axes)
    kernel = w.reshape(groups, f // groups, *w.shape[1:])
    exact = np.einsum("ngcijyx,gfcij->cijngfyx", patches, kernel, optimize=False)  # one product each: exact to 53 bits
    found = round_to(exact.reshape(-1, len(x), f, *exact.shape[6:]), claim.accumulator).astype(np.float64)
    if bias is None:
        return found
    bias = np.broadcast_to(round_to(bias, claim.accumulator)[:, None, None], found.shape[1:])
    return np.concatenate([found, bias[None]])


def add(a, b, claim):
    """A sum in the accumulator's format: exact, or in float64, of which each narrower format is less than half."""
    return round_to(a + b, claim.accumulator).astype(np.float64)


def sequential(t, claim):
    total = t[0]
    for term in t[1:]:
        total = add(total, term, claim)
    return total


def pairwise(t, claim):
    while len(t) > 1:
        half = len(t) // 2
        t = np.concatenate([add(t[:half], t[half : 2 * half], claim), t[2 * half :]])
    return t[0]


def blocked(t, claim):
    return sequential(np.stack([sequential(t[i : i + 16], claim) for i in range(0, len(t), 16)]), claim)


def backwards(t, claim):
    return sequential(t[::-1], claim)


ORDERS = (sequential, backwards, pairwise, blocked)


def summed(trial, claim, order, t=None):
    return round_to(order(terms(trial, claim) if t is None else t, claim), claim.output)


def truncated(values, step):
    """Towards zero, to multiples of ``step``."""
    return np.trunc(values / step) * step


def tensor_core(trial, claim, width=4):
    """``width`` products and the sum so far, aligned to the largest and cut off to float32, as tensor cores add."""
    t = terms(trial, arithmetic(claim.inputs, accumulator="float64"))
    total = np.zeros(t.shape[1:])
    for start in range(0, len(t), width):
        operands = np.concatenate([total[None], t[start : start + width]])
        step = np.ldexp(1.0, np.frexp(np.abs(operands).max(axis=0))[1] - 24)
        exact = truncated(operands, step).sum(axis=0)
        total = truncated(exact, np.ldexp(1.0, np.frexp(exact)[1] - 24))
    return round_to(total, claim.output)


def fourier(trial, rfftn, irfftn, dtype):
    x, w, bias = (None if a is None else a.astype(dtype) for a in trial.arguments)
    axes, case = trial.case.axes, trial.case
    x = np.pad(x, ((0, 0), (0, 0), *((axis.lo, axis.hi) for axis in axes)))
    stretched = np.zeros((*w.shape[:2], *(axis.dilation * (axis.kernel_size - 1) + 1 for axis in axes)), dtype)
    stretched[(..., *(slice(None, None, axis.dilation) for axis in axes))] = w
    size = tuple(smooth(a + b - 1) for a, b in zip(x.shape[2:], stretched.shape[2:], strict=True))
    spectrum = rfftn(x, s=size, axes=(2, 3)).reshape(len(x), case.groups, -1, size[0], size[1] // 2 + 1)
    kernel = np.conj(rfftn(stretched, s=size, axes=(2, 3))).reshape(case.groups, -1, *spectrum.shape[2:])
    product = np.einsum("ngcij,gfcij->ngfij", spectrum, kernel).reshape(len(x), len(w), *spectrum.shape[3:])
    y = irfftn(product, s=size, axes=(2, 3))
    y = y[(..., *(slice(0, axis.stride * (axis.output_size - 1) + 1, axis.stride) for axis in axes))]
    return (y if bias is None else y + bias[:, None, None]).astype(dtype)


def smooth(size):
    """The least even length from ``size`` on without a prime factor above 5."""
    while size % 2 or (30**10) % size:
        size += 1
    return size


LAVIN_GRAY = {
    2: (
        np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
        np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2,
        np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    ),
    4: (
        np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
        np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
        np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                  [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]),
    ),
}  # fmt: skip
"""Their A', G and B' [LavinGray2016, section 4]."""


def winograd(trial, m, dtype, matrices=None):
    """F(m x m, 3 x 3) in NumPy arithmetic of one type, with the published matrices."""
    at, g, bt = (matrix.astype(dtype) for matrix in matrices or LAVIN_GRAY[m])
    x, w, bias = (None if a is None else a.astype(dtype) for a in trial.arguments)
    rows, columns = (axis.output_size for axis in trial.case.axes)
    tiles = -(-rows // m), -(-columns // m)
    sides = zip(trial.case.axes, tiles, (rows, columns), strict=True)
    pads = [(axis.lo, axis.hi + count * m - size) for axis, count, size in sides]
    x = np.pad(x, ((0, 0), (0, 0), *pads))
    u = g @ w @ g.T
    y = np.empty((len(x), len(w), tiles[0] * m, tiles[1] * m), dtype=dtype)
    for i, j in np.ndindex(*tiles):
        v = bt @ x[:, :, i * m : i * m + m + 2, j * m : j * m + m + 2] @ bt.T
        total = np.zeros((len(x), len(w), m + 2, m + 2), dtype=dtype)
        for c in range(x.shape[1]):
            total += u[None, :, c] * v[:, None, c]
        y[:, :, i * m : (i + 1) * m, j * m : (j + 1) * m] = at @ total @ at.T
    y = y[:, :, :rows, :columns]
    return y if bias is None else y + bias[:, None, None]


def correct_kernels():
    """Names, and trials with what a correct kernel makes of them."""
    import scipy.fft

    for text in CASES:
        for claim in CLAIMS:
            trial = bounded_trial(ConvCase.parse(text), claim)
            t = terms(trial, claim)
            for order in ORDERS:
                yield f"{order.__name__} {claim}", trial, summed(trial, claim, order, t)
        for claim in TENSOR_CORES:
            trial = bounded_trial(ConvCase.parse(text), claim)
            yield f"tensor core {claim}", trial, tensor_core(trial, claim)
        for dtype in (np.float32, np.float64):
            trial = bounded_trial(ConvCase.parse(text), dtype, algorithm="fft")
            yield f"scipy.fft {dtype.__name__}", trial, fourier(trial, scipy.fft.rfftn, scipy.fft.irfftn, dtype)
            yield f"numpy.fft {dtype.__name__}", trial, fourier(trial, np.fft.rfftn, np.fft.irfftn, dtype)
    for text in PLAIN:
        for m, dtype in ((2, np.float64), (2, np.float32), (2, np.float16), (4, np.float64), (4, np.float32)):
            trial = bounded_trial(ConvCase.parse(text), dtype, algorithm=Winograd(m))
            yield f"winograd F({m}, 3) {dtype.__name__}", trial, winograd(trial, m, dtype)


def test_no_correct_kernel_is_refused_in_over_100_000_comparisons():
    compared = Counter()
    for name, trial, y in correct_kernels():
        found = trial.judge(y)
        assert found.ok, f"{name} on {trial.case}: {found}"
        compared[name] += found.judged
    assert compared.total() > 100_000, compared
    assert min(compared.values()) > 500, compared


TORCH_CASES = (
    "conv n2 c8 o16 i15x13 k3x3 p1 b #1",
    "conv n2 c6 o8 g2 i40 k5 s2 p2 d2 #2",
    "conv c4 o4 i7x6x5 k2x3x2 p1 #3",
    "conv c96 o8 i14x14 k3x3 p1 #4",
    "conv_transpose n2 c8 o6 g2 i9x7 k3x3 s2 p1 op1x0 b #5",
    "grad_input n2 c6 o8 g2 i15x13 k3x3 s2 p1 #6",
    "grad_weight n2 c6 o8 g2 i15x13 k3x3 s2 p1 #7",
    "grad_bias n3 o5 i15x13 k3x3 #8",
    "max_pool n2 c4 i15x13 k3x2 s2x1 p1 #9",
    "avg_pool n2 c4 i15x13 k3x2 s2x1 p1 #10",
)


def torch_answer(trial, device, dtype):
    """What torch computes, as NumPy has it; gradients by autograd."""
    import torch

    case = trial.case
    tensors = [None if a is None else torch.from_numpy(a).to(device, dtype) for a in trial.arguments]
    layer = getattr(torch.nn.functional, f"{'conv' if case.kind.startswith('grad') else case.kind}{case.ndim}d")
    if case.kind.startswith("grad"):
        shapes = {"grad_input": case.x_shape, "grad_weight": case.w_shape, "grad_bias": (case.out_channels,)}
        free = torch.zeros(shapes[case.kind], device=device, dtype=dtype, requires_grad=True)
        dy = tensors[1 if case.kind == "grad_weight" else 0]
        x, w, b = {
            "grad_input": lambda: (free, tensors[1], None),
            "grad_weight": lambda: (tensors[0], free, None),
            "grad_bias": lambda: (dy.new_zeros(case.x_shape), dy.new_zeros(case.w_shape), free),
        }[case.kind]()
        layer(x, w, b, **case.torch_kwargs()).backward(dy)
        y = free.grad
    else:
        y = layer(*tensors, **case.torch_kwargs())
    return (y.float() if dtype == torch.bfloat16 else y).cpu().numpy()


@pytest.mark.parametrize("text", TORCH_CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_torch_is_not_refused(text, dtype, device):
    torch = pytest.importorskip("torch")
    wide = arithmetic(dtype, accumulator="float32" if dtype.endswith("16") else None, truncating=device.type == "cuda")
    trial = bounded_trial(parse_case(text), wide)
    with torch.backends.cudnn.flags(enabled=False):  # im2col and matrix products: the direct algorithm
        y = torch_answer(trial, device, getattr(torch, dtype))
    found = trial.judge(y)
    assert found.ok, f"{trial.case} in {dtype}: {found}"
    assert found.judged == found.elements > 0


# Wrong kernels.


def direct(values, claim):
    """A convolution of one output channel whose terms are x * w, summed to a single element."""
    x, w = (np.asarray(value, dtype=np.float64) for value in values)
    layer = Layer("conv", (x.reshape(1, 1, -1), w.reshape(1, 1, -1), None), {})
    return layer, error_bound(layer, claim)


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_a_perturbation_of_a_few_bounds_is_caught(claim):
    trial = bounded_trial(ConvCase.parse(CASES[0]), claim)
    expected = trial.bounded.expected.high
    assert trial.judge(round_to(expected, claim.output)).ok
    for index in ((0, 0, 0, 0), (1, 7, 5, 12), (1, 15, 14, 12)):
        for sign in (-3, 3):
            y = expected.copy()
            y[index] += sign * trial.bounded.bound[index]
            found = trial.judge(round_to(y, claim.output))
            assert not found.ok
            assert found.index == index


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.accumulator.precision > 11], ids=str)
def test_one_term_dropped_is_caught(claim):
    trial = bounded_trial(ConvCase.parse(CASES[0]), claim)
    assert not trial.judge(summed(trial, claim, sequential, np.delete(terms(trial, claim), 17, axis=0))).ok


def test_one_term_dropped_in_narrow_accumulators_is_caught_in_short_sums():
    trial = bounded_trial(ConvCase.parse("o8 i15x13 k3x3 #1"), "float16")
    assert not trial.judge(summed(trial, trial.bounded.claim, sequential, terms(trial, trial.bounded.claim)[1:])).ok


@pytest.mark.parametrize(
    ("claimed", "really"),
    [
        (arithmetic("float64"), arithmetic("float64", accumulator="float32")),
        (arithmetic("float32"), arithmetic("float32", inputs="tf32")),
        (arithmetic("float32"), arithmetic("float32", accumulator="float16")),
        (arithmetic("float32", inputs="tf32"), arithmetic("float32", inputs="bfloat16")),
        (arithmetic("float16", accumulator="float32"), arithmetic("float16")),
        (arithmetic("bfloat16", accumulator="float32"), arithmetic("bfloat16")),
        (arithmetic("float16", accumulator="float32"), arithmetic("float16", accumulator="bfloat16")),
    ],
    ids=str,
)
def test_a_kernel_less_precise_than_it_claims_is_caught(claimed, really):
    trial = bounded_trial(ConvCase.parse(CASES[0]), claimed)
    assert trial.judge(summed(trial, claimed, sequential)).ok
    assert not trial.judge(summed(trial, really, sequential)).ok


def test_tf32_in_sums_of_a_thousand_terms_is_caught_by_the_probable_bound_only():
    case = ConvCase.parse("c113 o4 i8x8 k3x3 #1")
    worst, probable = bounded_trial(case, "float32"), bounded_trial(case, "float32", failure=1e-9)
    y = summed(worst, arithmetic("float32", inputs="tf32"), sequential)
    assert worst.judge(y).ok
    assert not probable.judge(y).ok
    assert probable.judge(summed(probable, arithmetic("float32"), sequential)).ok


def test_an_output_cut_off_instead_of_rounded_is_caught():
    claim = arithmetic("bfloat16", accumulator="float32")
    trial = bounded_trial(ConvCase.parse(CASES[0]), claim)
    y = np.float32(sequential(terms(trial, claim), claim))
    assert trial.judge(round_to(y, "bfloat16")).ok
    assert not trial.judge((y.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)).ok


def test_inputs_cut_off_need_the_claim_of_truncation():
    below = np.float32([1 + 2.0**-10 - 2.0**-23])  # just below a number of TF32, and cut off to 1
    nearest, cut = (arithmetic("float32", inputs="tf32", truncating=flag) for flag in (False, True))
    for claim, accepted in ((nearest, False), (cut, True)):
        bounded = direct((below, below), claim)[1]
        assert judge(np.float32([[[1.0]]]), bounded).ok == accepted
        assert judge(np.float32([[[(1 + 2.0**-10) ** 2]]]), bounded).ok


def test_the_worst_case_is_nearly_attained():
    """1 + u + u + ... stays 1, as each sum is a tie that goes to the even 1."""
    claim, n = arithmetic("float16"), 1024
    layer, worst = direct(([1.0] + [2.0**-6] * (n - 1), [1.0] + [2.0**-5] * (n - 1)), claim)
    y = np.float16([[[1.0]]])
    found = judge(y, worst)
    assert found.ok
    assert found.ratio > 0.3
    probable = error_bound(layer, claim, failure=1e-6)
    assert not judge(y, probable).ok  # errors of one sign are not independent with mean zero


@pytest.mark.parametrize("claim", [CLAIMS[0], CLAIMS[1], CLAIMS[4]], ids=str)
def test_the_probable_bound_is_tighter_than_the_worst_case_and_holds(claim):
    case = ConvCase.parse("c455 o6 i8x8 k3x3 #1")
    trial, probable = bounded_trial(case, claim), bounded_trial(case, claim, failure=1e-9)
    n = 455 * 9
    assert np.all(probable.bounded.bound < trial.bounded.bound)
    assert probable.bounded.lam < np.sqrt(2 * np.log(2 * (n + 1) * 216 * 1e9)) * (1 + 2.0**-10)
    if claim.output == claim.accumulator:
        ratio = probable.bounded.bound / trial.bounded.bound
        np.testing.assert_array_less(ratio, 1.01 * probable.bounded.lam / np.sqrt(n))
    t = terms(trial, claim)
    for order in ORDERS:
        found = probable.judge(summed(trial, claim, order, t))
        assert found.ok, f"{order.__name__}: {found}"


def test_an_accumulator_that_truncates_is_caught_by_the_probable_bound_only():
    rng = np.random.default_rng(0)
    x, w = np.float32(rng.uniform(0.5, 1, (2, 8192)))
    total = np.zeros(1)
    for term in round_to(x.astype(np.float64) * w, "float32").astype(np.float64):
        exact = total + term
        total = truncated(exact, np.ldexp(1.0, np.frexp(exact)[1] - 24))
    y = np.float32(total).reshape(1, 1, 1)
    layer, worst = direct((x, w), "float32")
    assert judge(y, worst).ok
    assert not judge(y, error_bound(layer, "float32", failure=1e-9)).ok


QUANTUM = 2.0**-24  # the least positive float16


@pytest.mark.parametrize(
    ("claim", "x", "w", "terms"),
    [
        (arithmetic("float16"), 1.484375 * 2.0**-12, 2.0**-12, 12),  # each product rounds to a quantum
        (arithmetic("float32", inputs="float16"), 1.484375 * QUANTUM, 1.0, 12),  # each factor does
        (arithmetic("float16", accumulator="float32"), 1.484375 * 2.0**-12, 2.0**-12, 1),  # the result does
    ],
    ids=str,
)
def test_gradual_underflow_is_allowed_for_and_more_is_caught(claim, x, w, terms):
    bounded = direct(([x] * terms, [w] * terms), claim)[1]
    got, wrong = (np.array([[[count * QUANTUM]]], claim.output.container) for count in (terms, -terms))
    assert judge(got, bounded).ok
    assert not judge(wrong, bounded).ok


@pytest.mark.parametrize("algorithm", ["direct", "fft", "winograd"])
def test_products_below_the_range_may_vanish_in_every_algorithm(algorithm):
    x, w = np.full((1, 1, 8), 2.0**-100), np.full((1, 1, 3), 2.0**-60)
    layer = Layer("conv", (x, w, None), {})
    for dtype, accepted in (("float32", True), ("float64", False)):
        bounded = error_bound(layer, dtype, algorithm=algorithm)
        assert judge(np.zeros((1, 1, 6), dtype), bounded).ok == accepted


def test_flushing_to_zero_must_be_claimed():
    x, w = [2.0**-8] * 12, [2.0**-7] * 12
    flushed = np.float16([[[0.0]]])
    assert judge(flushed, direct((x, w), arithmetic("float16", flushing=True))[1]).ok
    assert not judge(flushed, direct((x, w), arithmetic("float16"))[1]).ok


def test_an_average_may_multiply_by_a_rounded_reciprocal():
    trial = bounded_trial(PoolCase.parse("avg_pool i64 k1 div3 #1"), "bfloat16")
    product = round_to(trial.arguments[0] * round_to([1 / 3], "bfloat16"), "bfloat16")
    assert trial.judge(product).ok
    assert not trial.judge(round_to(product * 1.02, "bfloat16")).ok


def test_transforms_without_zero_padding_or_in_a_narrower_type_are_caught():
    trial = bounded_trial(ConvCase.parse(PLAIN[0]), "float64", algorithm="fft")
    y = fourier(trial, np.fft.rfftn, np.fft.irfftn, np.float64)
    assert trial.judge(y).ok
    x, w, bias = trial.arguments
    kernel = np.conj(np.fft.rfft2(w, s=(15, 13)))
    wrapped = np.fft.irfft2(np.einsum("ncij,fcij->nfij", np.fft.rfft2(x), kernel), s=(15, 13)) + bias[:, None, None]
    assert not trial.judge(np.roll(wrapped, (1, 1), axis=(2, 3))).ok
    assert not trial.judge(fourier(trial, np.fft.rfftn, np.fft.irfftn, np.float32).astype(np.float64)).ok
    w[7, 5, 1, 2] = 0  # a term of one output channel
    assert not trial.judge(fourier(trial, np.fft.rfftn, np.fft.irfftn, np.float64)).ok


def test_winograd_with_coarse_coefficients_or_in_a_narrower_type_is_caught():
    trial = bounded_trial(ConvCase.parse(PLAIN[0]), "float32", algorithm="winograd")
    at, g, bt = LAVIN_GRAY[4]
    coarse = round_to(g, "bfloat16").astype(np.float64)
    assert trial.judge(winograd(trial, 4, np.float32)).ok
    assert not trial.judge(winograd(trial, 4, np.float32, (at, coarse, bt))).ok
    assert not trial.judge(winograd(trial, 4, np.float16).astype(np.float32)).ok


@pytest.mark.parametrize("claim", [CLAIMS[0], *CLAIMS[4:7], *TENSOR_CORES], ids=str)
def test_the_bound_is_the_formula_rounded_upwards(claim):
    """|x| = 3/4, |w| = 1/2, 18 terms and a bias, in rationals; no slack but that of float64 and of underflow."""
    x, w, bias = np.full((1, 2, 3, 3), 0.75), np.full((1, 2, 3, 3), -0.5), np.array([3.0])
    u, v, out = (Fraction(f.unit_roundoff) for f in (claim.accumulator, claim.inputs, claim.output))
    v, out = v * (claim.inputs != claim.storage), out * (claim.output != claim.accumulator)
    n = 19
    if claim.truncating:
        n, u, v = 2 * n, 2 * u, 2 * v
    growth = n * u / (1 - n * u)
    size, exact = 18 * Fraction(3, 8), 3 - 18 * Fraction(3, 8)
    formula = (1 + out) * (((1 + v) ** 2 * (1 + growth) - 1) * size + growth * 3) + out * abs(exact)
    found = Fraction(error_bound(Layer("conv", (x, w, bias), {}), claim).bound.item())
    underflow = Fraction(claim.output.smallest) + 200 * Fraction(claim.accumulator.smallest)
    assert formula <= found <= formula * (1 + Fraction(2) ** -40) + underflow


def test_what_cannot_be_bounded_is_refused():
    case = ConvCase.parse(CASES[0])
    with pytest.raises(DomainError, match="needs one of direct, fft, winograd"):
        bounded_trial(case, "float32", algorithm="strassen")
    with pytest.raises(DomainError, match="truncation errs to one side"):
        bounded_trial(case, arithmetic("float32", truncating=True), failure=1e-9)
    with pytest.raises(DomainError, match="needs a probability"):
        bounded_trial(case, "float32", failure=0.0)
    with pytest.raises(DomainError, match="needs a float format"):
        bounded_trial(case, "int32")
    with pytest.raises(UnsupportedError, match="fft does not compute the kind max_pool"):
        bounded_trial(parse_case("max_pool i4 k2 #0"), "float32", algorithm=Fourier())
