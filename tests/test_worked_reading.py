"""Numbers that a user gives: the notation, the files, and a sentence for everything else."""

from __future__ import annotations

import io
import os
import pickle
from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import DomainError
from convmath.notebook import counted
from convmath.worked.numbers import MOST_DIGITS, array, exact, number
from convmath.worked.reading import holds_other_floats, kernel, signal, vector


@given(st.fractions(max_denominator=10**9).filter(lambda f: abs(f) < 10**9))
def test_a_fraction_is_read_as_it_is_written(fraction):
    assert number("input", str(fraction)) == fraction


@given(st.decimals(-(10**6), 10**6, places=6))
def test_a_decimal_is_read_exactly(decimal):
    assert number("input", str(decimal)) == Fraction(decimal)
    assert number("input", f"{decimal:e}") == Fraction(decimal)


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=2**-20, max_value=2**60)


@given(FLOATS)
def test_a_float_is_the_shortest_decimal_that_is_rounded_to_it(value):
    assert exact("x", value) == Fraction(repr(value))
    assert exact("x", np.float32(value)) == Fraction(str(np.float32(value)))
    assert float(exact("x", value)) == value == np.float32(float(exact("x", np.float32(value))))


@given(FLOATS)
def test_a_float_is_on_request_the_binary_fraction_that_it_holds(value):
    assert exact("x", value, binary=True) == exact("x", np.float32(value), binary=True) == Fraction(value)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_precision_of_an_array_says_which_decimals_its_floats_stand_for(dtype):
    values = np.array([[0.1, -1e-3]], dtype=dtype)
    decimals = [[Fraction(1, 10), Fraction(-1, 1000)]]
    assert array("x", values, (2,)).tolist() == array("x", [list(row) for row in values], (2,)).tolist() == decimals
    assert array("x", values, (2,), binary=True).tolist() != decimals


def test_one_thing_is_counted_in_the_singular():
    assert [counted(count, "row") for count in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_whole_numbers_are_ints():
    assert [type(number("input", text)) for text in ("4/2", "3.0", "-7", "1e2")] == [int] * 4


SHAPES = st.tuples(*[st.integers(1, 3)] * 4)


@given(SHAPES, st.integers(0, 2**16), st.sampled_from([" ", ",", " , ", "  "]), st.sampled_from([";", "\n", " ; "]))
def test_the_notation_gives_back_the_array_that_it_was_written_from(shape, seed, between, row_end):
    values = np.random.default_rng(seed).integers(-9, 10, shape)
    blocks = [
        "|".join(row_end.join(between.join(map(str, row)) for row in plane) for plane in channels)
        for channels in values
    ]
    assert np.array_equal(kernel("kernel", "||".join(blocks)), values)
    assert np.array_equal(signal("input", blocks[0]), values[0])


@given(st.text("0123456789.,;|/-+eE \nnaif[](){}x_'\"", max_size=30))
def test_any_text_is_read_or_refused_with_a_sentence(text):
    with suppress(DomainError):
        assert all(isinstance(value, (int, Fraction)) for value in kernel("kernel", text).ravel())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "input='': has a channel without numbers"),
        ("1 2 |", "input='1 2 |': has a channel without numbers"),
        ("1 2; 3", "input='1 2; 3': has a row of 1 number after one of 2"),
        ("1,,2", "input='1,,2': lacks a number beside a comma in the row '1,,2'"),
        ("1 nan", "input='nan': needs numbers such as 3, -1.5, 2e-3 or 2/3"),
        ("1 inf", "input='inf': needs numbers such as"),
        ("1_000", "input='1_000': needs numbers such as"),
        ("1/0", "input='1/0': needs numbers such as"),
        ("٣", "input='٣': needs numbers such as"),
        ("1e999", "input='1e999': needs numbers such as"),
        ("__import__('os')", "input=\"__import__('os')\": needs numbers such as"),
        ("1" * 200, f"needs numbers of at most {MOST_DIGITS} digits"),
        ("1" * 40, f"needs numbers with at most {MOST_DIGITS} digits"),
        ("1e-40", f"needs numbers with at most {MOST_DIGITS} digits"),
        ("1 2; 3 4 | 5 6", "has a channel of 1x2 numbers beside one of 2x2"),
        ("1 2 || 3 4", "has 2 samples, and a worked example has one"),
        (";".join(["1 " * 65] * 65), "has 4225 elements, and a worked example writes every one (needs at most 4096)"),
    ],
)
def test_a_wrong_text_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(DomainError) as caught:
        signal("input", text)
    assert sentence in str(caught.value)


def test_channels_of_a_kernel_must_agree():
    with pytest.raises(DomainError, match=r"has 1 channel after one \|\| and 2 before"):
        kernel("kernel", "1 | 2 || 3")


def test_with_one_axis_each_channel_is_a_row():
    assert signal("input", "1 2 3 | 4 5 6", ndim=1).tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(DomainError, match="has 2 rows, and with one axis each channel is one row"):
        signal("input", "1 2; 3 4", ndim=1)
    with pytest.raises(DomainError, match="ndim=3: needs 1 or 2"):
        signal("input", "1", ndim=3)


def test_a_bias_is_one_row():
    assert vector("bias", "1, 1/2").tolist() == [1, Fraction(1, 2)]
    with pytest.raises(DomainError, match=r"bias='1 \| 2': needs one row of numbers"):
        vector("bias", "1 | 2")


# Files

VALUES = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "dtype", ["int8", "int64", "uint16", "bool", "float16", "float32", "float64", ">f8", "longdouble"]
)
def test_an_npy_file_gives_its_numbers(tmp_path, dtype):
    np.save(tmp_path / "x.npy", VALUES.astype(dtype))
    assert np.array_equal(signal("input", str(tmp_path / "x.npy")), VALUES.astype(dtype).astype(int))


@pytest.mark.parametrize("order", ["C", "F"])
def test_missing_first_axes_of_an_npy_file_have_one_element(tmp_path, order):
    path = tmp_path / "x.npy"
    np.save(path, np.asarray(VALUES[0], order=order))
    assert np.array_equal(kernel("kernel", str(path)), VALUES[None, :1])
    np.save(path, VALUES[None])
    assert np.array_equal(signal("input", str(path)), VALUES)


def test_a_float_in_an_npy_file_is_a_decimal_or_not_rounded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[0.1]]))
    path = str(tmp_path / "x.npy")
    read, held = signal("input", path), signal("input", path, binary=True)
    assert (read.item(), held.item()) == (Fraction(1, 10), Fraction(0.1))
    assert holds_other_floats(path, read)
    assert not holds_other_floats(path, held)


@pytest.mark.parametrize(
    "text", ["1,2\n3,4\n|\n5,6\n7,8\n", "\ufeff1,2\r\n3,4\r\n|\r\n5,6\r\n7,8", "1 2\n3 4\n|\n5 6\n7 8"]
)
def test_a_csv_file_has_rows_on_lines_and_channels_between_bars(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert signal("input", str(path)).tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_what_numpy_writes_as_text_is_read_exactly(tmp_path):
    np.savetxt(tmp_path / "x.csv", VALUES[0] / 4, delimiter=",")
    assert np.array_equal(signal("input", str(tmp_path / "x.csv"))[0] * 4, VALUES[0])


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def refusal(path):
    with pytest.raises(DomainError) as caught:
        signal("input", str(path))
    return str(caught.value)


def test_a_file_with_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("objects.npy", np.array([Harm()], dtype=object), allow_pickle=True)
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps(Harm()))
    for name in ("objects.npy", "pickle.npy"):
        assert refusal(name).startswith(f"input='{name}': needs an .npy file of plain numbers, but: ")
    assert not (tmp_path / "harm").exists()


def test_a_pickle_that_is_loaded_would_have_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Harm()))  # noqa: S301
    assert (tmp_path / "harm").exists()


def test_wrong_files_are_refused_with_a_sentence(tmp_path):
    assert "needs a file that exists" in refusal(tmp_path / "none.csv")
    (tmp_path / "folder.npy").mkdir()
    assert "needs a file that exists" in refusal(tmp_path / "folder.npy")
    (tmp_path / "large.csv").write_bytes(b"1," * 2**20)
    assert "has 2097152 bytes (needs at most 1048576)" in refusal(tmp_path / "large.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    assert "needs a text file in UTF-8" in refusal(tmp_path / "binary.csv")
    (tmp_path / "empty.npy").write_bytes(b"")
    assert "needs an .npy file of plain numbers" in refusal(tmp_path / "empty.npy")
    np.save(tmp_path / "complex.npy", np.array([[1j]]))
    assert "needs real numbers, and has dtype complex128" in refusal(tmp_path / "complex.npy")
    np.save(tmp_path / "nan.npy", np.array([[np.nan]]))
    assert refusal(tmp_path / "nan.npy") == "input=nan: needs finite numbers"
    np.save(tmp_path / "axes.npy", np.zeros((1, 1, 1, 1, 1)))
    assert "needs 2 to 4 axes, and has 5" in refusal(tmp_path / "axes.npy")
    np.save(tmp_path / "many.npy", np.zeros((100, 100)))
    assert "has 10000 elements" in refusal(tmp_path / "many.npy")


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**20)})
    (tmp_path / "x.npy").write_bytes(stream.getvalue())
    assert "needs an .npy file of plain numbers" in refusal(tmp_path / "x.npy")


@given(place=st.integers(0, 140), byte=st.integers(0, 255))
def test_a_damaged_npy_file_is_read_or_refused_with_a_sentence(tmp_path_factory, place, byte):
    stream = io.BytesIO()
    np.save(stream, np.ones((2, 2), dtype=np.int16))
    data = bytearray(stream.getvalue())
    data[place % len(data)] = byte
    path = tmp_path_factory.mktemp("damaged") / "x.npy"
    path.write_bytes(data)
    with suppress(DomainError):
        assert signal("input", str(path)).size == 4
