"""The loops of the reference against torch: forward and autograd, every kind, one to three dimensions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from convmath.errors import DomainError
from convmath.oracle import conv_cases, pool_cases, reference
from convmath.oracle.strategies import POOL_OPTIONS

torch = pytest.importorskip("torch")

GRADIENTS = ("grad_input", "grad_weight", "grad_bias")
TORCH_POOL = POOL_OPTIONS - {"asymmetric_padding", "dilated_average"}

ndims = pytest.mark.parametrize("ndim", [1, 2, 3])


def same(ours, theirs):
    """Equal shapes and exactly equal numbers."""
    return np.shape(ours) == np.shape(theirs) and bool(np.all(np.asarray(ours) == np.asarray(theirs)))


@ndims
def test_convolution_is_torch_s(device, torch_conv, ndim):
    @given(conv_cases(ndim=ndim, max_macs=2_000))
    def holds(case):
        assert same(reference.conv_forward(*case.arguments, **case.options), torch_conv(case, device)["y"]), str(case)

    holds()


@ndims
def test_gradients_of_convolution_are_torch_s(device, torch_conv, ndim):
    @given(conv_cases(ndim=ndim, kind=GRADIENTS, max_macs=2_000))
    def holds(case):
        ours = getattr(reference, f"conv_{case.kind}")(*case.arguments, **case.options)
        assert same(ours, torch_conv(case, device)[case.kind]), str(case)

    holds()


@ndims
def test_transposed_convolution_and_its_gradients_are_torch_s(device, torch_conv, ndim):
    @given(conv_cases(ndim=ndim, kind="conv_transpose", max_macs=2_000))
    def holds(case):
        theirs, dy = torch_conv(case, device), case.grad_output
        ours = {
            "y": reference.conv_transpose_forward(*case.arguments, **case.options),
            "grad_input": reference.conv_transpose_grad_input(dy, case.w, input_size=case.input_size, **case.options),
            "grad_weight": reference.conv_transpose_grad_weight(
                case.x, dy, kernel_size=case.kernel_size, **case.options
            ),
            "grad_bias": reference.conv_grad_bias(dy),
        }
        for name, value in ours.items():
            assert same(value, theirs[name]), (name, str(case))

    holds()


@ndims
def test_convolution_of_int64_is_torch_s(torch_conv, ndim):
    @given(conv_cases(ndim=ndim, max_macs=2_000))
    def holds(case):
        layer = getattr(torch.nn.functional, f"conv{ndim}d")
        x = torch.nn.functional.pad(torch.from_numpy(case.x), case.torch_pad())
        theirs = layer(
            x, torch.from_numpy(case.w), None if case.b is None else torch.from_numpy(case.b), **case.torch_kwargs()
        )
        assert same(reference.conv_forward(*case.arguments, **case.options), theirs.numpy()), str(case)

    holds()


@ndims
def test_negative_padding_crops_first(device, torch_conv, ndim):
    """Cropping x by hand and then convolving is the same; torch crops in ``pad``."""

    @given(conv_cases(ndim=ndim, max_macs=1_000, features={"negative_padding", "stride", "dilation", "groups"}))
    def holds(case):
        inner = tuple(slice(-lo, size + hi) for (lo, hi), size in zip(case.padding, case.input_size, strict=True))
        ours = reference.conv_forward(case.x, case.w, **case.options)
        assert same(ours, reference.conv_forward(case.x[(..., *inner)], case.w, **(case.options | {"padding": 0})))
        assert same(ours, torch_conv(case, device)["y"]), str(case)

    holds()


def test_negative_padding_taken_as_none_is_caught():
    case = find(
        conv_cases(ndim=1, features={"negative_padding"}),
        lambda case: (
            not same(
                reference.conv_forward(*case.arguments, **case.options),
                reference.conv_forward(*case.arguments, **(case.options | {"padding": 0})),
            )
        ),
    )
    assert case.x.size <= 3


@ndims
@pytest.mark.parametrize("kind", ["max_pool", "avg_pool"])
def test_pooling_and_its_gradient_are_torch_s(device, torch_pool, ndim, kind):
    features = TORCH_POOL - {"divisor_override"} if ndim == 1 else TORCH_POOL

    @given(pool_cases(ndim=ndim, kind=kind, max_macs=2_000, features=features))
    def holds(case):
        options = case.options
        if ndim == 3 and kind == "avg_pool" and min(np.subtract(case.input_size, case.kernel_size)) < 0:
            with pytest.raises(RuntimeError, match="smaller than kernel size"):
                torch_pool(case, device)
            return
        y, indices, gradient = torch_pool(case, device)
        if kind == "avg_pool":
            assert same(reference.avg_pool(case.x, **options), y), str(case)
            ours = reference.avg_pool_grad_input(case.grad_output, input_size=case.input_size, **options)
        else:
            assert same(reference.max_pool(case.x, **options), y), str(case)
            assert same(reference.max_pool_indices(case.x, **options), indices), str(case)
            ours = reference.max_pool_grad_input(case.grad_output, case.x, **options)
        assert same(ours, gradient), str(case)

    holds()


@ndims
def test_adaptive_pooling_and_its_gradient_are_torch_s(device, ndim):
    sizes = st.tuples(*[st.integers(1, 9 - 2 * ndim)] * ndim)

    @given(sizes, sizes, st.integers(0, 2**16))
    def holds(size, output_size, seed):
        rng = np.random.default_rng(seed)
        multiple = 7**3 * 5**3 * 4**3 * 3**3  # of every window's number of elements
        values = rng.integers(-4, 5, (2, 2, *size)) * multiple
        dy = rng.integers(-4, 5, (2, 2, *output_size)) * multiple
        for kind in ("max", "avg"):
            x = torch.from_numpy(values).to(device, torch.float64).requires_grad_()
            y = getattr(torch.nn.functional, f"adaptive_{kind}_pool{ndim}d")(x, output_size)
            y.backward(torch.from_numpy(dy).to(device, torch.float64))
            assert same(getattr(reference, f"adaptive_{kind}_pool")(values, output_size=output_size), y.detach().cpu())
            ours = (
                reference.adaptive_max_pool_grad_input(dy, values)
                if kind == "max"
                else reference.adaptive_avg_pool_grad_input(dy, input_size=size)
            )
            assert same(ours, x.grad.cpu()), (kind, size, output_size, seed)

    holds()


@given(conv_cases(ndim=2, max_macs=1_000, features={"stride", "dilation", "padding", "batch"}))
def test_unfold_and_fold_are_torch_s(case):
    options = {name: case.torch_kwargs()[name] for name in ("stride", "padding", "dilation")}
    x = torch.from_numpy(case.x).double().requires_grad_()
    columns = torch.nn.functional.unfold(x, case.kernel_size, **options)
    ours = reference.unfold(case.x, kernel_size=case.kernel_size, **options)
    assert same(ours, columns.detach().numpy()), str(case)
    theirs = torch.nn.functional.fold(columns, case.input_size, case.kernel_size, **options)
    back = reference.fold(ours, output_size=case.input_size, kernel_size=case.kernel_size, **options)
    assert same(back, theirs.detach().numpy()), str(case)


def test_ints_and_fractions_stay_exact():
    third, large = Fraction(1, 3), 2**70 + 1
    assert reference.conv_forward([[[third, large]]], [[[3, 3]]]).tolist() == [[[1 + 3 * large]]]
    assert reference.avg_pool([[[large, 2]]], kernel_size=2).tolist() == [[[Fraction(large + 2, 2)]]]
    assert type(reference.conv_forward(np.array([[[2**62]]]), [[[4]]])[0, 0, 0]) is int


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: reference.conv_forward([[[0] * 6]], [[[1] * 5]], padding=1, dilation=2),
            r"kernel_size=5: with dilation=2 spans 9 elements, but axis 0 has 6 \+ 1 \+ 1 after padding "
            r"\(needs input \+ padding >= dilation\*\(kernel_size-1\) \+ 1\)",
        ),
        (lambda: reference.conv_forward([[[1]]], [[[1]]], stride=0), "stride=0: needs stride >= 1"),
        (lambda: reference.conv_forward([[[1]]], [[[1]]], stride=True), "stride=True: needs an integer"),
        (lambda: reference.conv_forward([[[1]]], [[[1]]], padding=0.5), r"padding=0\.5: needs an integer"),
        (lambda: reference.conv_forward([[[1]]], [[[1]]], padding=(1, 2)), "2 entries for 1 axes"),
        (lambda: reference.conv_forward([[[1]]], [[[1]]], groups=2), "groups=2: needs to divide"),
        (lambda: reference.conv_forward([[[1]]], [[[1], [1]]]), r"needs 2 \* 1 channels"),
        (lambda: reference.conv_forward([[[1]]], [[[[1]]]]), "needs as many axes as x"),
        (lambda: reference.conv_forward([[1]], [[[1]]]), "needs a shape of batch, channels"),
        (lambda: reference.conv_forward([[[1, 2]], [[3]]], [[[1]]]), "rows of equal length"),
        (lambda: reference.conv_forward([[[1]]], [[[1]]], [1, 2]), r"bias=\(2,\): needs shape \(1,\)"),
        (lambda: reference.conv_grad_input([[[1, 2]]], [[[1]]], input_size=1), r"needs shape \(1, 1, 1\)"),
        (lambda: reference.conv_grad_weight([[[1]]], [[[1]]], kernel_size=2), "spans 2 elements"),
        (
            lambda: reference.conv_transpose_forward([[[1]]], [[[1]]], stride=2, output_padding=2),
            r"output_padding=2: on axis 0 needs output_padding < max\(stride, dilation\) = 2",
        ),
        (lambda: reference.conv_transpose_forward([[[1]]], [[[1]]], padding=1), "leaves 1 - 1 - 1"),
        (lambda: reference.max_pool([[[1]]], kernel_size=2, padding=2), "needs 0 <= padding"),
        (lambda: reference.max_pool([[[1]]], kernel_size=2, padding=1, dilation=2), r"leaves window \(0,\) without"),
        (lambda: reference.avg_pool([[[1]]], kernel_size=1, divisor_override=0), "divisor_override >= 1"),
        (lambda: reference.fold([[[1]]], output_size=3, kernel_size=2), "columns="),
    ],
)
def test_what_does_not_fit_is_refused_with_its_numbers(call, message):
    with pytest.raises(DomainError, match=message):
        call()
