"""Formulas in the words of the proofs are set as formulas, words as words."""
# ruff: noqa: RUF001 - Chinese punctuation

from __future__ import annotations

import pytest

from convmath.latex.tex import LATEX, MARKDOWN, escape
from convmath.latex.unicode import TEXT
from convmath.latex.words import sentence
from convmath.phrases import speaking

KNOWN = {*"nksdoabNEJLhlMpti", "p_l"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("reaches s(n - 1) + d*(k - 1) + 1 positions", r"reaches $s(n - 1) + d(k - 1) + 1$ positions"),
        ("Among 0 to s - 1 exactly", "Among 0 to $s - 1$ exactly"),
        ("a size b than that", "a size $b$ than that"),
        ("out = ceil(n/s), with", r"out = $\lceil n/s \rceil$, with"),
        ("floor((n + E_L) / J_L)", r"$\lfloor (n + E_L)/J_L \rfloor$"),
        ("a kernel of 2h + 1 taps", "a kernel of $2h + 1$ taps"),
        ("the layer's k-th x-axis", "the layer's $k$-th x-axis"),
        ("From N to N + 1:", "From $N$ to $N + 1$:"),
        ("entry x[i, k + 1] of x", "entry $x_{i, k + 1}$ of $x$"),
        ("t = s*k, 50% of output_padding", r"$t = s\,k$, 50\% of \texttt{output\_padding}"),
        ("at p <= M - 1.", r"at $p \le M - 1$."),
        ("(see the end)", "(see the end)"),
        ("at E_0 - 1, not E_0a or q_0", r"at $E_0 - 1$, not E\_0a or q\_0"),
        ("stride 1 - no padding", "stride 1 - no padding"),
    ],
)
def test_sentences(words, expected):
    assert sentence(words, LATEX, KNOWN | {"x"} if "x[" in words else KNOWN) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("在窗口k中解出d*(k - 1) + 1个元素", r"在窗口$k$中解出$d(k - 1) + 1$个元素"),
        ("对o求和，o >= 0；a 也是", r"对$o$求和，$o \ge 0$；$a$ 也是"),
        ("output_padding增加", r"\texttt{output\_padding}增加"),
    ],
)
def test_formulas_beside_chinese_characters_are_found(words, expected):
    with speaking("zh"):
        assert sentence(words, LATEX, KNOWN) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("o' = s(b' - 1), the layer's k", r"$o' = s(b' - 1)$, the layer's $k$"),
        ("k^2 of w_(i - u + 1, v)", r"$k^{2}$ of $w_{i - u + 1, v}$"),
        ("n^ and w_() stay", r"$n$\textasciicircum{} and w\_() stay"),
    ],
)
def test_primes_powers_and_indices_in_brackets(words, expected):
    assert sentence(words, LATEX, KNOWN) == expected


def test_an_unknown_letter_stays_a_word():
    assert sentence("t = s*k", LATEX, KNOWN - {"t", "s", "k"}) == "t = s*k"


def test_text_and_markdown():
    assert sentence("d*(k - 1) of output_padding", TEXT, KNOWN) == "d·(k - 1) of output_padding"
    assert sentence("d*k of output_padding [n]", MARKDOWN, KNOWN) == r"$d\thinspace k$ of `output_padding` \[$n$\]"


def test_latex_specials_are_escaped():
    assert escape(r"a_b & 5% {x} \ #") == r"a\_b \& 5\% \{x\} \textbackslash{} \#"
