"""Ints, NumPy arrays, SymPy symbols and traced torch sizes: one value and one domain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy
from hypothesis import example, given
from hypothesis import strategies as st

from convmath import (
    DomainError,
    ReceptiveField,
    Window,
    conv_output_size,
    conv_transpose_output_padding,
    conv_transpose_output_size,
    pool_output_size,
    resolve_padding,
)
from convmath.assumptions import collect
from convmath.formulas.pooling import adaptive_pool_window

HOLDS = {"<=": lambda a, b: a <= b, "<": lambda a, b: a < b, "==": lambda a, b: a == b}

# Each helper takes seven integers and uses those that it has options for.
HELPERS = {
    "conv": lambda n, k, s, lo, hi, d, e: conv_output_size(n, k, stride=s, padding=(lo, hi), dilation=d),
    "conv, same_upper": lambda n, k, s, lo, hi, d, e: conv_output_size(
        n, k, stride=s, padding="same_upper", dilation=d
    ),
    "conv, same": lambda n, k, s, lo, hi, d, e: conv_output_size(n, k, stride=s, padding="same", dilation=d),
    "conv, full": lambda n, k, s, lo, hi, d, e: conv_output_size(n, k, stride=s, padding="full", dilation=d),
    "transposed": lambda n, k, s, lo, hi, d, e: conv_transpose_output_size(
        n, k, stride=s, padding=(lo, hi), output_padding=e, dilation=d
    ),
    "transposed, same_lower": lambda n, k, s, lo, hi, d, e: conv_transpose_output_size(
        n, k, stride=s, padding="same_lower", output_padding=e, dilation=d
    ),
    "output_padding": lambda n, k, s, lo, hi, d, e: conv_transpose_output_padding(
        n, n * s + e, k, stride=s, padding=(lo, hi), dilation=d
    ),
    "pool": lambda n, k, s, lo, hi, d, e: pool_output_size(n, k, stride=s, padding=(lo, hi), dilation=d),
    "pool, ceil": lambda n, k, s, lo, hi, d, e: pool_output_size(
        n, k, stride=s, padding=(lo, hi), dilation=d, ceil_mode=True
    ),
    "padding before": lambda n, k, s, lo, hi, d, e: resolve_padding("same_lower", n, k, stride=s, dilation=d)[0],
    "adaptive start": lambda n, k, s, lo, hi, d, e: adaptive_pool_window(e, n, k)[0],
    "adaptive stop": lambda n, k, s, lo, hi, d, e: adaptive_pool_window(e, n, k)[1],
    "field": lambda n, k, s, lo, hi, d, e: ReceptiveField(n, s, e).then(Window(k, s, (lo, hi), d)).size,
    "field start": lambda n, k, s, lo, hi, d, e: ReceptiveField(n, s, e).then(Window(k, s, (lo, hi), d)).interval(e)[0],
}
SYMBOLS = sympy.symbols("n k s lo hi d e", integer=True)


def symbolic(name):
    with collect() as conditions:
        return HELPERS[name](*SYMBOLS), conditions


EXPRESSIONS = {name: symbolic(name) for name in HELPERS}

sets = st.tuples(
    st.integers(-1, 12), st.integers(-1, 6), st.integers(-1, 5), st.integers(-1, 4), st.integers(-1, 4),
    st.integers(-1, 4), st.integers(-1, 4),
)  # fmt: skip


def on_ints(name, case):
    """The value, or None outside the domain."""
    try:
        return HELPERS[name](*case)
    except DomainError:
        return None


def at(expression, case):
    return sympy.sympify(expression).subs(dict(zip(SYMBOLS, case, strict=True)), simultaneous=True)


def meets(conditions, case):
    return all(HOLDS[relation](at(left, case), at(right, case)) for relation, left, right in conditions)


@pytest.mark.parametrize("name", HELPERS)
@given(case=sets)
@example(case=(7, 3, 1, 1, 0, 1, 0))
@example(case=(7, 3, 2, 1, 0, 1, 1))
@example(case=(1, 5, 1, 0, 0, 2, 0))
def test_the_recorded_conditions_are_the_domain_and_the_expression_is_the_value(name, case):
    expression, conditions = EXPRESSIONS[name]
    value = on_ints(name, case)
    assert meets(conditions, case) == (value is not None)
    if value is not None:
        assert at(expression, case) == value


@pytest.mark.parametrize("name", [name for name in HELPERS if not name.startswith(("conv, ", "padding", "field"))])
def test_a_condition_left_out_is_caught(name):
    _, conditions = EXPRESSIONS[name]
    grid = itertools.product((1, 2, 3), (1, 3), (1, 2, 3), (0, 1), (0, 1), (1, 2), (0, 1, 2, 3))
    outside = (case for case in grid if on_ints(name, case) is None)
    assert any(meets(conditions[:-1], case) for case in outside)


@pytest.mark.parametrize("name", HELPERS)
@given(cases=st.lists(sets, min_size=1, max_size=30))
@example(cases=[(7, 3, 1, 1, 0, 1, 0), (9, 2, 1, 1, 1, 2, 0)])
def test_arrays_give_the_values_of_their_elements_or_name_the_first_that_is_outside(name, cases):
    values = [on_ints(name, case) for case in cases]
    inside = [case for case, value in zip(cases, values, strict=True) if value is not None]
    if inside:
        computed = np.broadcast_to(HELPERS[name](*np.array(inside).T), len(inside))
        assert computed.tolist() == [value for value in values if value is not None]
    outside = next((case for case, value in zip(cases, values, strict=True) if value is None), None)
    if outside is not None:
        with pytest.raises(DomainError, match=f"at element {len(inside)} "):
            HELPERS[name](*np.array([*inside, outside]).T)


def test_arrays_broadcast():
    sizes, kernels = np.arange(5, 9)[:, None], np.array([1, 3, 5])
    expected = [[conv_output_size(int(n), int(k), stride=2) for k in kernels] for n in sizes[:, 0]]
    assert conv_output_size(sizes, kernels, stride=2).tolist() == expected


def traced(name):
    """The helper traced once on the sizes of a tensor, for use with any sizes."""
    torch = pytest.importorskip("torch")
    from torch.fx.experimental.proxy_tensor import make_fx

    module = make_fx(lambda x: (HELPERS[name](*x.shape), x), tracing_mode="symbolic")(
        torch.empty(EXAMPLES[name], device="meta")
    )
    return lambda case: module(torch.empty(case, device="meta"))[0]


# Sizes to trace with: unlike one another and above 1, because torch makes constants of 0 and 1 and joins equal sizes.
EXAMPLES = dict.fromkeys(HELPERS, (23, 11, 7, 4, 3, 2, 5)) | {"output_padding": (23, 8, 7, 4, 6, 3, 5)}


@pytest.mark.parametrize("name", [name for name in HELPERS if name != "conv, same"])
def test_traced_sizes_stay_symbolic_and_give_the_values(name):
    helper = traced(name)
    cases = list(itertools.product((9, 14), (2, 4, 6), (2, 3), (2,), (2, 3), (2, 3), (2,)))
    inside = {case: value for case in cases if (value := on_ints(name, case)) is not None}
    assert len(set(inside.values())) > 1, name
    assert {case: helper(case) for case in inside} == inside


def test_a_size_that_is_made_a_constant_while_tracing_is_caught():
    torch = pytest.importorskip("torch")
    from torch.fx.experimental.proxy_tensor import make_fx

    module = make_fx(lambda x: (conv_output_size(int(x.shape[0]), 3), x), tracing_mode="symbolic")(torch.empty(7))
    assert module(torch.empty(9))[0] != conv_output_size(9, 3)


@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_program_takes_other_sizes(strict):
    torch = pytest.importorskip("torch")

    class Sizes(torch.nn.Module):
        def forward(self, x):
            height, width = x.shape
            return (
                x.new_zeros(conv_output_size((height, width), 3, stride=2, padding="same_upper")),
                x.new_zeros(conv_transpose_output_size(width, 3, stride=2, padding=1, output_padding=1)),
                x.new_zeros(pool_output_size(width, 3, stride=2, padding=1, ceil_mode=True)),
                x.new_zeros(ReceptiveField().then(Window(3, 2, 1)).interval(height)[1]),
            )

    module, dynamic = Sizes(), {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    program = torch.export.export(module, (torch.ones(5, 11),), dynamic_shapes={"x": dynamic}, strict=strict).module()
    for sizes in ((5, 11), (9, 20), (6, 8)):
        x = torch.ones(sizes)
        assert [y.shape for y in program(x)] == [y.shape for y in module(x)]


def test_a_traced_size_outside_the_domain_is_a_domain_error():
    torch = pytest.importorskip("torch")
    from torch.fx.experimental.proxy_tensor import make_fx

    with pytest.raises(DomainError, match="spans 5 elements"):
        make_fx(lambda x: (conv_output_size(x.shape[0], 5), x), tracing_mode="symbolic")(torch.empty(4))
