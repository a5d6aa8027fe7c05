"""Formulas are broken into lines that fit, at the best places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from convmath.latex.lines import broken
from convmath.latex.printer import Piece
from convmath.latex.tex import LATEX
from convmath.latex.unicode import TEXT
from convmath.latex.widths import width

COSTS, LINKS = st.sampled_from([-8.0, 0.0, 1.0, 7.0]), st.sampled_from([" + ", " = "])
PIECES = st.lists(st.builds(Piece, st.text("abc", min_size=1, max_size=9), COSTS, LINKS), min_size=1, max_size=12)


@given(PIECES)
def test_no_line_is_too_wide_and_nothing_is_lost(pieces):
    lines = broken(pieces, TEXT, 12, 14)
    assert all(len(line) <= (14 if number else 12) for number, line in enumerate(lines))
    joined = "".join(line.replace(" ", "") for line in lines)
    assert joined == "".join(
        (piece.link if number else "").replace(" ", "") + piece.text for number, piece in enumerate(pieces)
    )


def test_a_line_that_is_not_broken_is_found_too_wide():
    pieces = [Piece("aaaaaaa", 0.0), Piece("bbbbbbb", 0.0, " + ")]
    assert len(" ".join(broken(pieces, TEXT, 99))) > 12


def test_a_relation_is_a_better_place_than_a_product():
    pieces = [Piece("aaa", 0.0), Piece("bbb", 2.0, " "), Piece("ccc", -8.0, " = "), Piece("ddd", 2.0, " ")]
    assert broken(pieces, TEXT, 9) == ["aaa bbb", "= ccc ddd"]


def test_what_stood_between_factors_does_not_begin_a_line():
    pieces = [Piece("aaaa", 0.0), Piece("bbbb", 2.0, LATEX.product)]
    assert broken(pieces, LATEX, 3.0) == ["aaaa", "bbbb"]


def test_widths_grow_with_what_is_written():
    assert width("x") < width("x_i") < width("x_i + 1")
    assert width(r"\frac{a + b + c}{d}") < width("a + b + c") + width("d")
    assert width(r"\sum_{\substack{0 \le k < K \\ 0 \le m < M}}") < width(r"\sum_{0 \le k < K, 0 \le m < M}")
    assert width(r"a\text{ and }b") > width("ab")
