"""Conditions: decided on numbers, recorded on symbols, guarded on traced sizes."""

from __future__ import annotations

import pickle
from threading import Thread

import numpy as np
import pytest
import sympy

from convmath import DomainError, UnsupportedError, conv_output_size, conv_transpose_output_size, receptive_field
from convmath.assumptions import ARRAY_LIMIT, collect, implied, integer, require
from convmath.formulas.receptive import ReceptiveField
from convmath.geometry import Window
from convmath.inert import Max

n, k, s, p, q, d, o = sympy.symbols("n k s p q d o", integer=True)


def stride_at_least_one(stride):
    require("<=", 1, stride, "stride", "needs stride >= 1", stride=stride)


def test_a_symbolic_convolution_records_exactly_its_domain():
    with collect() as conditions:
        conv_output_size(n, k, stride=s, padding=(p, q), dilation=d)
    assert conditions == [
        ("<=", 1, n),
        ("<=", 1, k),
        ("<=", 1, s),
        ("<=", 1, d),
        ("<=", 0, p),
        ("<=", 0, q),
        ("<=", d * (k - 1) + 1, n + p + q),
    ]


def test_a_symbolic_transposed_convolution_records_exactly_its_domain():
    with collect() as conditions:
        conv_transpose_output_size(n, k, stride=s, padding=p, output_padding=o, dilation=d)
    assert set(conditions) == {
        *(("<=", 1, symbol) for symbol in (n, k, s, d)),
        ("<=", 0, p),
        ("<=", 0, o),
        ("<", o, Max(s, d)),
        ("<=", 1, (n - 1) * s - 2 * p + d * (k - 1) + 1 + o),
    }


def test_forms_that_always_fit_record_no_condition_about_fitting():
    with collect() as conditions:
        conv_output_size(n, k, stride=s, padding="same_upper", dilation=d)
    assert conditions == [("<=", 1, n), ("<=", 1, k), ("<=", 1, s), ("<=", 1, d)]


def test_same_padding_records_that_the_stride_is_one():
    with collect() as conditions:
        conv_output_size(n, k, stride=s, padding="same")
    assert ("==", s, 1) in conditions


def test_numbers_are_decided_and_not_recorded():
    with collect() as conditions:
        stride_at_least_one(3)
        stride_at_least_one(sympy.Integer(3))
        stride_at_least_one(np.arange(1, 4))
    assert conditions == []
    with pytest.raises(DomainError):
        stride_at_least_one(sympy.Integer(0))


def test_a_condition_is_recorded_once():
    with collect() as conditions:
        stride_at_least_one(s)
        stride_at_least_one(s)
    assert conditions == [("<=", 1, s)]


def test_nothing_is_recorded_outside_collect_and_nesting_keeps_apart():
    stride_at_least_one(s)
    with collect() as outer:
        stride_at_least_one(s)
        with collect() as inner:
            stride_at_least_one(k)
        stride_at_least_one(d)
    assert (outer, inner) == ([("<=", 1, s), ("<=", 1, d)], [("<=", 1, k)])


def test_another_thread_does_not_record_here():
    with collect() as conditions:
        thread = Thread(target=stride_at_least_one, args=(s,))
        thread.start()
        thread.join()
    assert conditions == []


def test_collect_ends_after_an_error():
    with pytest.raises(DomainError), collect() as conditions:
        stride_at_least_one(0)
    stride_at_least_one(s)
    assert conditions == []


def test_a_layer_records_the_conditions_of_its_window_and_none_of_its_result():
    window = Window(k, stride=s, padding=(p, q), dilation=d)
    with collect() as conditions:
        receptive_field([window, window])
    assert conditions == [("<=", 1, k), ("<=", 1, s), ("<=", 1, d), ("<=", 0, p), ("<=", 0, q)]


def test_a_field_of_symbols_records_its_own_conditions():
    with collect() as conditions:
        ReceptiveField(size=n, stride=s, padding=p)
    assert conditions == [("<=", 1, n), ("<=", 1, s), ("<=", 0, p)]


def test_implied_conditions_are_decided_on_numbers():
    with pytest.raises(DomainError):
        implied(stride_at_least_one, 0)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (np.True_, "bool"),
        (2.0, "float"),
        (np.float64(2), "float64"),
        (np.array([1.0, 2.0]), "an array of float64"),
        (np.array([True]), "an array of bool"),
        (np.array([1, 2], dtype=object), "an array of object"),
        ("3", "str"),
        (None, "NoneType"),
        (sympy.Rational(1, 2), "an expression that is no integer"),
        (sympy.Float(2), "an expression that is no integer"),
        (sympy.pi, "an expression that is no integer"),
        (sympy.nan, "an expression that is no integer"),
        (sympy.oo, "an expression that is no integer"),
        (sympy.true, "an expression that is no integer"),
        (sympy.Eq(n, k), "an expression that is no integer"),
    ],
)
def test_what_is_no_integer_is_refused(value, kind):
    with pytest.raises(DomainError) as caught:
        integer(value, "stride")
    assert caught.value.parameter == "stride"
    assert f"needs an integer, not {kind}" in str(caught.value)


def test_an_expression_that_may_be_an_integer_is_taken():
    assert integer(n / 2, "stride") == n / 2


def test_torch_floats_bools_and_tensors_are_refused():
    torch = pytest.importorskip("torch")
    for value in (torch.tensor(3), torch.tensor([1, 2]), torch.float32):
        with pytest.raises(DomainError, match="needs an integer, not"):
            integer(value, "stride")


@pytest.mark.parametrize("value", [7, np.int8(7), np.uint64(7), sympy.Integer(7)])
def test_one_integer_of_any_kind_is_taken(value):
    assert integer(value, "stride") == 7


def test_small_array_types_do_not_overflow():
    sizes = np.array([200, 255], dtype=np.uint8)
    assert conv_output_size(sizes, 3, stride=1, padding=sizes).tolist() == [598, 763]
    assert conv_transpose_output_size(sizes, 3, stride=sizes).tolist() == [199 * 200 + 3, 254 * 255 + 3]


def test_array_elements_that_could_overflow_are_refused_and_ints_are_not():
    with pytest.raises(DomainError, match="input_size=1073741824 at element 1 "):
        conv_output_size(np.array([5, ARRAY_LIMIT]), 3)
    with pytest.raises(DomainError, match="below 2"):
        conv_output_size(np.array([5, 6]), 3, padding=2**62)
    assert conv_output_size(10**30, 3) == 10**30 - 2


def test_kinds_are_not_mixed():
    with pytest.raises(UnsupportedError, match="input_size is a NumPy array and kernel_size is a SymPy expression"):
        conv_output_size(np.array([5, 6]), k)


def test_the_first_failing_element_of_an_array_is_named():
    with pytest.raises(DomainError) as caught:
        stride_at_least_one(np.array([[1, 2], [0, -1]]))
    assert str(caught.value) == "stride=0 at element (1, 0) (needs stride >= 1)"
    assert (caught.value.parameter, caught.value.value, caught.value.axis) == ("stride", 0, None)


def test_an_empty_array_meets_every_condition():
    assert conv_output_size(np.array([], dtype=np.int64), 3).shape == (0,)


def test_a_domain_error_survives_pickling():
    error = DomainError("stride", 0, "needs stride >= 1", "on axis 1", 1)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), vars(again)) == (str(error), vars(error))
