"""Worked pages: what they compute agrees with the oracle and with torch, and every equation on them is right."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import DomainError, ProofError
from convmath.latex.document import FORMS
from convmath.latex.wrapping import columns
from convmath.oracle import ConvCase, conv_cases, exact, matrix, pool_cases
from convmath.oracle.strategies import POOL_OPTIONS
from convmath.worked import Conv, ConvTranspose, Gradients, Matrix, Pool, Size, learn_kernel, render
from convmath.worked.layout import Writer
from convmath.worked.steps import window_steps

from .latex.compiled import compiled
from .worked_pages import elements, shown, value, wrong_sums

FEATURES = {"asymmetric_padding", "bias", "dilation", "groups", "padding", "stride"}
X = [[[3, 2, 0, 1], [0, 2, 1, 2], [2, 0, 0, 3], [2, 3, 1, 2]]]
W = [[[[2, 1, 2], [0, 0, 3], [0, 0, 2]]]]


def conv_of(case: ConvCase) -> Conv:
    return Conv(case.x[0], case.w, case.b, **case.options)


CONVS = conv_cases(ndim=(1, 2), max_macs=150, features=FEATURES)


@given(CONVS)
def test_a_convolution_comes_to_the_oracles_answer_and_its_page_is_right(case):
    worked = conv_of(case)
    assert np.array_equal(worked.result, case.expected[0])
    page = render(worked, steps=None)
    assert wrong_sums(page)[1] == []
    assert shown(page, "y") == elements(case.expected[0])


@given(CONVS)
def test_a_window_shows_the_elements_of_the_padded_input_that_it_covers(case):
    worked = conv_of(case)
    pads = [(0, 0), *case.padding]
    whole = np.pad(case.x[0], pads)
    axes = list(zip(case.stride, case.dilation, case.kernel_size, strict=True))
    for step in window_steps(worked.on_padded, worked.padded, worked.w, worked.bias, worked.result, None):
        spans = [slice(s * o, s * o + d * (k - 1) + 1, d) for o, (s, d, k) in zip(step.index[1:], axes, strict=True)]
        for channel in step.channels:
            assert np.array_equal(channel.window, whole[(channel.number, *spans)])
            group_channel = channel.number % worked.w.shape[1]
            assert np.array_equal(channel.kernel, worked.w[step.index[0], group_channel])


@given(conv_cases(ndim=(1, 2), kind="conv_transpose", max_macs=150, features=FEATURES | {"output_padding"}))
def test_a_transposed_convolution_comes_to_the_oracles_answer_and_its_page_is_right(case):
    bias = case.b
    worked = ConvTranspose(case.x[0], case.w, bias, **case.options)
    assert np.array_equal(worked.result, case.expected[0])
    page = render(worked, steps=None)
    assert wrong_sums(page)[1] == []
    assert shown(page, "y") == elements(case.expected[0])


@given(conv_cases(ndim=(1, 2), max_macs=100, features=FEATURES - {"bias"}), st.integers(0, 2**16))
def test_gradients_come_to_the_oracles_answers_and_their_page_is_right(case, seed):
    dy = np.random.default_rng(seed).integers(-5, 6, case.y_shape)
    worked = Gradients(case.x[0], case.w, **case.options, grad_output=dy[0])
    dx = exact.conv_grad_input(dy, case.w, input_size=case.input_size, **case.options)
    dw = exact.conv_grad_weight(case.x, dy, kernel_size=case.kernel_size, **case.options)
    assert np.array_equal(worked.for_input, dx[0])
    assert np.array_equal(worked.for_kernel, dw)
    assert np.array_equal(worked.for_bias, exact.conv_grad_bias(dy))
    page = render(worked, steps=None)
    assert wrong_sums(page)[1] == []
    assert shown(page, "dx") == elements(dx[0])
    assert shown(page, "dw") == elements(dw, channel_axes=2)


@given(conv_cases(ndim=(1, 2), max_macs=40, features=FEATURES - {"bias"}))
def test_the_matrix_is_the_oracles_and_its_page_is_right(case):
    worked = Matrix(case.x[0], case.w, **case.options)
    assert np.array_equal(worked.matrix, matrix(case))
    page = render(worked, steps=None)
    assert wrong_sums(page)[1] == []
    assert shown(page, "y") == elements(case.expected[0])


@given(pool_cases(ndim=(1, 2), max_macs=150, features=POOL_OPTIONS - {"batch", "divisor_override"}))
def test_pooling_comes_to_the_oracles_answer_and_its_page_is_right(case):
    options = dict(case.options)
    mode = case.kind.removesuffix("_pool")
    worked = Pool(case.x[0], mode=mode, **{name: options[name] for name in options if name != "divisor_override"})
    assert np.array_equal(worked.result, case.expected[0])
    page = render(worked, steps=None)
    assert wrong_sums(page)[1] == []
    assert shown(page, "y") == elements(case.expected[0])


def torch_gradients(x, w, dy, **options):
    import torch

    arrays = [torch.tensor(np.asarray(a, dtype=np.float64), requires_grad=True) for a in (x[None], w)]
    y = torch.nn.functional.conv2d(*arrays, **options)
    y.backward(torch.tensor(np.asarray(dy, dtype=np.float64))[None])
    return y[0].detach().numpy(), arrays[0].grad[0].numpy(), arrays[1].grad.numpy()


@given(st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(1, 2), st.integers(0, 2**16))
def test_torch_computes_the_same_convolution_and_gradients(stride, padding, dilation, groups, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.integers(-9, 10, (2 * groups, 7, 6)), rng.integers(-9, 10, (3 * groups, 2, 3, 2))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    layer = Conv(x, w, **options)
    dy = rng.integers(-9, 10, layer.result.shape)
    gradients = Gradients(x, w, **options, grad_output=dy)
    y, dx, dw = torch_gradients(x, w, dy, **options)
    assert np.array_equal(layer.result.astype(float), y)
    assert np.array_equal(gradients.for_input.astype(float), dx)
    assert np.array_equal(gradients.for_kernel.astype(float), dw)


def test_a_wrong_number_on_a_page_is_found():
    worked = Conv(X, W, [1], padding=1)
    page = render(worked, steps=None)
    assert wrong_sums(page)[1] == []
    assert len(wrong_sums(page.replace("2·3 + 0·0", "2·3 + 1·1", 1))[1]) == 1
    assert wrong_sums(page.replace(" = 10 + 1 = 11", " = 10 + 1 = 12", 1))[1] == ["y[0, 0] = 10 + 1 = 12"]
    assert shown(page.replace(" = 10 + 1 = 11", " = 11 + 1 = 12", 1), "y") != elements(worked.result)
    assert shown(page.replace("y[0, 1] =", "y[0, 0] =", 1), "y") != elements(worked.result)


def test_a_result_that_the_products_do_not_come_to_is_refused():
    worked = Conv(X, W)
    spoilt = worked.result.copy()
    spoilt[0, 1, 1] += 1
    steps = window_steps(worked.on_padded, worked.padded, worked.w, None, spoilt, None)
    with pytest.raises(ProofError, match=r"element \(0, 1, 1\) come to 22, and not to 23"):
        list(steps)


def test_a_matrix_of_other_taps_is_refused():
    worked = Matrix(X, W)
    worked.matrix[0, 0] += 1
    with pytest.raises(ProofError, match="the matrix times the input is not the output"):
        worked.__post_init__()


def test_fractions_stay_exact_and_floats_are_the_decimals_that_they_print_as():
    third = Conv([[[1, 2]]], [[[[Fraction(1, 3), Fraction(1, 6)]]]])
    assert third.result.tolist() == [[[Fraction(2, 3)]]]
    assert "1·(1/3) + 2·(1/6) = 1/3 + 1/3 = 2/3" in render(third)
    tenth = Conv(np.array([[[0.1]]]), [[[[10]]]])
    assert tenth.result.item() == 1 != 10 * Fraction(0.1)


def test_a_small_input_is_written_out_in_full_and_a_large_one_is_not():
    small, large = Conv(X, W), Conv([[[1] * 28] * 28], W)
    assert "written out" not in render(small)
    page = render(large)
    assert page.count("the window covers") == 16
    assert "660 of 676 elements are computed in the same way and are not written out" in " ".join(page.split())
    assert render(large, steps=None).count("the window covers") == 676
    assert render(small, steps=0).count("the window covers") == 0


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Conv([[[1] * 65] * 64], W), r"x=\(1, 64, 65\): has 4160 elements, .* at most 4096"),
        (lambda: Conv([[[1] * 60] * 60], [[[[1]]]] * 2), r"y=\(2, 60, 60\): has 7200 elements"),
        (lambda: Conv([[[1] * 40] * 40], [[[[1] * 3] * 3]] * 2, padding=9), r"y=\(2, 56, 56\)"),
        (lambda: Conv([[[1] * 60] * 60], [[[[1] * 30] * 30]] * 2), r"products=\d+: needs at most 1000000"),
        (lambda: Matrix([[[1] * 12] * 12], W), r"matrix=\(100, 144\): has 14400 elements"),
        (lambda: Conv([[[1, 2], [3]]], W), r"x=.*: needs rows of equal length"),
        (lambda: Conv([[1, 2]], W), r"w=\(1, 1, 3, 3\): needs 3 axes, as x has shape \(1, 2\)"),
        (lambda: Conv(X, [[[[1] * 5] * 5]]), r"kernel_size=5: with dilation=1 spans 5 elements, but axis 0 has 4"),
        (lambda: Conv(X, W, [1, 2]), r"bias=\(2,\): needs 1 number,"),
        (lambda: Conv(X, W, padding=-1), r"padding=-1: needs padding >= 0"),
        (lambda: Conv(X, W, stride=0), r"stride=0: needs stride >= 1"),
        (
            lambda: Conv(X, W, groups=2),
            r"groups=2: needs to divide the number of channels in w's first axis, which is 1",
        ),
        (lambda: Conv([[[float("nan")]]], [[[[1]]]]), r"x=nan: needs finite numbers"),
        (lambda: Conv([[["1"]]], [[[[1]]]]), r"x='1': needs numbers: ints, Fractions or floats"),
        (lambda: Conv([[[10**40]]], [[[[1]]]]), r"x='1.00e\+40': needs numbers with at most 34 digits"),
        (lambda: render(Conv([[[10**30]]], [[[[10**30]]]])), r"y='1.00e\+60': needs numbers with at most 34 digits"),
        (lambda: Conv(np.zeros((1, 0, 2)), W), r"x=\(1, 0, 2\): needs at least one element on each axis"),
        (lambda: ConvTranspose(X, W, output_padding=1), r"output_padding=1: on axis 0 needs output_padding < max"),
        (lambda: ConvTranspose(X, W, [1, 2]), r"bias=\(2,\): needs 1 number,"),
        (lambda: Gradients(X, W, grad_output=[[[1]]]), r"grad_output=\(1, 1, 1\): needs shape \(1, 2, 2\)"),
        (lambda: Matrix(X, W, grad_output=[[[1]]]), r"grad_output=\(1, 1, 1\): needs shape \(1, 2, 2\)"),
        (lambda: Pool(X, 2, mode="min"), r"mode='min': needs max or avg"),
        (lambda: Pool(X, 5), r"kernel_size=5: with dilation=1 spans 5"),
        (lambda: Size((8, 8, 8), (3, 3, 3)), r"input_size=\(8, 8, 8\): needs 1 or 2 axes"),
        (lambda: learn_kernel(X, W, updates=0), r"updates=0: needs updates >= 1"),
        (lambda: learn_kernel(X, W, updates=1001), r"updates=1001: needs updates <= 1000"),
        (lambda: Conv(X, W, padding=10**9, stride=10**9), r"padded input=\(1, 2000000004, 2000000004\): has"),
        (lambda: ConvTranspose(X, W, stride=10**6), r"y=\(1, 3000003, 3000003\): has"),
        (lambda: learn_kernel(X, W, start=[[[[1]]]]), r"start=\(1, 1, 1, 1\): needs shape \(1, 1, 3, 3\)"),
        (lambda: render(Conv(X, W), steps=-1), r"steps=-1: needs steps >= 0"),
        (lambda: render(Conv(X, W), language="fr"), r"language='fr': needs one of en, zh"),
        (lambda: render(Conv(X, W), style="html"), r"style='html': needs one of: latex, markdown, text"),
    ],
)
def test_what_cannot_be_worked_out_is_refused_with_a_sentence(build, sentence):
    with pytest.raises(DomainError, match=sentence):
        build()


KINDS = {
    "conv": Conv([*X, *X], [[*W[0], *W[0]], [*W[0], *W[0]]], [1, Fraction(-2, 3)], stride=2, padding=((1, 0), (2, 1))),
    "conv1": Conv([[1, 2, 3, 4]], [[[1, -1]]], dilation=2),
    "large": Conv([[[-7] * 28] * 28], W, padding=1),
    "floats": Conv(
        np.linspace(0, 1, 16).reshape(1, 4, 4), np.linspace(-1, 1, 9).reshape(1, 1, 3, 3).astype(np.float32)
    ),
    "wide": Conv([[[12] * 60] * 3], [[[[-345] * 25]]]),
    "tall": Conv([[[12]] * 60], [[[[-345]] * 25]]),
    "conv_transpose": ConvTranspose([*X, *X], [*W, *W], stride=2, padding=1, output_padding=1),
    "grad": Gradients([*X, *X], [*W, *W], groups=2, padding=1, stride=(2, 1), grad_output=[[[1] * 4] * 2] * 2),
    "matrix": Matrix(X, W, padding=1),
    "max": Pool(X, 3, stride=1, padding=1),
    "avg": Pool(X, (2, 3), mode="avg", padding=1, ceil_mode=True, count_include_pad=False),
    "size": Size((8, 8), (3, 5), stride=(3, 4), padding=(0, 1)),
    "learn": learn_kernel(X, W, updates=40, rate=Fraction(1, 1000)),
    "diverging": learn_kernel([[1, 2, 4]], [[[1, -1]]], updates=50, rate=10),
}


@pytest.mark.parametrize("kind", KINDS)
def test_latex_compiles_and_nothing_sticks_out(kind, tmp_path):
    log = compiled(render(KINDS[kind], style="latex", steps=3), tmp_path)
    assert log.overfull == []
    assert log.undefined == []


def test_a_matrix_that_sticks_out_is_noticed(tmp_path):
    form = FORMS["latex"]
    wide = Writer(form.dialect, replace(form.sizes, line=1000.0))
    (block,) = wide.arrays([("X", np.full((2, 60), 1234, dtype=object))])
    page = render(Conv(X, W), style="latex", steps=0).replace(
        r"\end{document}", rf"\begin{{align*}} & {block.lines[0]} \end{{align*}}\end{{document}}"
    )
    assert compiled(page, tmp_path).overfull


@pytest.mark.parametrize("kind", KINDS)
def test_text_keeps_to_80_columns(kind):
    assert max(map(len, render(KINDS[kind], style="text").splitlines())) <= 80


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_has_nothing_that_github_takes_for_its_own(kind):
    page = render(KINDS[kind], style="markdown", steps=3)
    for display in re.findall(r"\$\$\n(.*?)\n\$\$", page, re.DOTALL):
        assert not re.search(r"\\[^A-Za-z]", display.replace("\\\\\n", "\n")), display


def test_the_columns_of_a_table_end_below_each_other_in_chinese_too():
    learning = learn_kernel([[[1, 1, 0, 0, 1]]], [[[[1, -1]]]], updates=3)
    for language, loss in (("en", "loss"), ("zh", "\N{CJK UNIFIED IDEOGRAPH-635F}\N{CJK UNIFIED IDEOGRAPH-5931}")):
        lines = render(learning, language=language).splitlines()
        start = next(number for number, line in enumerate(lines) if line.endswith(loss) and line.startswith("    "))
        ends = {columns(line) for line in lines[start : start + 5]}
        assert len(ends) == 1, lines[start : start + 5]
        assert (len({len(line) for line in lines[start : start + 5]}) == 1) == (language == "en")


def test_a_page_without_its_document_can_be_asked_for():
    assert r"\documentclass" not in render(KINDS["matrix"], style="latex", standalone=False)


@pytest.mark.parametrize(
    ("side", "number"),
    [("2·(-3) + 1", -5), ("max(1, -1/2, 3)", 3), ("(3 + 2)/4", Fraction(5, 4)), ("⌊(4 + 1 - 1·(3 - 1))/2⌋ + 1", 2)],
)
def test_the_pages_reader_evaluates_what_pages_hold(side, number):
    assert value(side) == number
