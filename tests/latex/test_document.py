"""The pages: complete, in all styles, always the same bytes, and no line wider than the page."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import sympy

from convmath import catalog
from convmath.calculus.index import eq, integers, le, within
from convmath.calculus.kernel import admit, ring
from convmath.calculus.reals import real_function
from convmath.calculus.terms import Application, Equation, Statement, tensor, total, value
from convmath.catalog import Mistake
from convmath.errors import DomainError, ProofError
from convmath.latex.author import Author
from convmath.latex.document import FORMS, render
from convmath.latex.mentions import orphans
from convmath.latex.unicode import TEXT

from .compiled import compiled
from .prose import assert_is_safe_in_markdown

STYLES = ("latex", "markdown", "text", "json")
ENTRY = catalog.entry("size.conv")


def edited(entry, **changes):
    """The entry with another proof."""
    proof = replace(entry.proof(), **changes)
    return replace(entry, build=lambda: proof)


def test_every_symbol_on_a_page_is_introduced(case):
    name, ndim = case
    assert orphans(catalog.entry(name).proof(ndim)) == ()


def test_an_orphan_symbol_is_found():
    proof = ENTRY.proof()
    fewer = {symbol: words for symbol, words in proof.symbols.items() if str(symbol) != "d"}
    assert orphans(replace(proof, symbols=fewer)) == ("d",)


@pytest.mark.parametrize("style", STYLES)
def test_every_entry_has_a_page_in_every_style(case, style):
    name, ndim = case
    page = render(catalog.entry(name), ndim=ndim, style=style)
    assert name in page.replace(r"\_", "_")
    if style == "text":
        assert max(map(len, page.splitlines())) <= 80
    if style == "markdown":
        assert_is_safe_in_markdown(page)
    if style == "json":
        data = json.loads(page)
        assert data["trust"] == sorted(catalog.entry(name).trust)
        assert data["trace"][-1][-1]["conclusion"]
        assert all(step["why"] for part in data["parts"] for step in part["steps"])


def test_markdown_that_github_would_spoil_is_caught():
    with pytest.raises(AssertionError):
        assert_is_safe_in_markdown("$$\na\\,b\n$$")
    with pytest.raises(AssertionError):
        assert_is_safe_in_markdown("so $a \\\\ b$")


def test_every_step_and_every_reason_is_on_the_page():
    page = render(ENTRY, style="text")
    for part in ENTRY.proof().parts:
        for step in part.steps:
            assert " ".join(step.why.split()[:4]) in page


BYTES = """
import sys
from convmath import catalog
from convmath.latex.document import render
chosen = [catalog.entry(name) for name in ("size.conv", "size.compose", "correlation.flip", "transpose.adjoint")]
for style in ("latex", "markdown", "text", "json"):
    sys.stdout.buffer.write(render(chosen, style=style).encode())
"""


def test_another_process_writes_the_same_bytes():
    written = {
        subprocess.run(
            [sys.executable, "-c", BYTES], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(written) == 1
    assert len(written.pop()) > 10_000


def digest(entry, style):
    return hashlib.sha256(render(entry, style=style).encode()).hexdigest()


@pytest.mark.parametrize("style", STYLES)
def test_a_changed_step_changes_the_bytes(style):
    (part,) = ENTRY.proof().parts
    step = replace(part.steps[1], value=part.steps[0].value)
    changed = edited(ENTRY, parts=(replace(part, steps=(part.steps[0], step, *part.steps[2:])),))
    same = edited(ENTRY, parts=(part,))
    assert digest(same, style) == digest(ENTRY, style) != digest(changed, style)


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_complete_document_compiles_and_no_line_sticks_out(ndim, tmp_path):
    source = render(catalog.entries(), ndim=ndim)
    for entry in catalog.entries():
        assert rf"\label{{{entry.id}}}" in source
    log = compiled(source, tmp_path)
    assert log.overfull == []
    assert log.undefined == []


def test_a_fragment_compiles_inside_another_document(tmp_path):
    head = r"\documentclass{article}\usepackage{amsmath,mathtools}\begin{document}"
    log = compiled("\n".join([head, render(ENTRY, standalone=False), r"\end{document}"]), tmp_path)
    assert log.undefined == []


@pytest.mark.parametrize("place", [r"\end{align*}", r"}\column"], ids=["display", "calculation"])
def test_a_line_that_sticks_out_is_caught(place, tmp_path):
    wide = render(ENTRY).replace(place, "+ " + " + ".join(["n p_l"] * 40) + place, 1)
    assert compiled(wide, tmp_path).overfull


def test_a_missing_reference_is_caught(tmp_path):
    source = render(ENTRY).replace(r"\begin{thebibliography}", r"\cite{Nobody}\begin{thebibliography}")
    assert compiled(source, tmp_path).undefined == ["Nobody"]


def test_a_style_that_is_none_is_refused():
    with pytest.raises(DomainError, match="style='html'"):
        render(ENTRY, style="html")


def test_an_example_that_contradicts_the_hypotheses_is_refused():
    proof = ENTRY.proof()
    n = integers("n")
    with pytest.raises(ProofError, match="does not meet the hypothesis"):
        render(edited(ENTRY, example=replace(proof.example, numbers={**proof.example.numbers, n: -5})), style="text")


def test_a_mistake_that_is_none_is_refused():
    mistake = ENTRY.proof().mistake
    true = replace(mistake, claim=ENTRY.theorem.conclusion)
    with pytest.raises(ProofError, match="no counterexample"):
        render(edited(ENTRY, mistake=true), style="text")


def test_the_mistake_that_a_function_is_linear_fails_at_its_steps():
    x, i, j = tensor("x"), *integers("i j")
    one, other = (value(x[index]) for index in (i, j))
    linear = Equation(value(Application("a", one + other)), value(Application("a", one)) + Application("a", other))
    symbols = {x: "numbers", i: "an index", j: "another index", real_function("a"): "a function"}
    mistake = Mistake("a function is linear", Statement(linear))
    page = render(edited(ENTRY, mistake=mistake, symbols={**ENTRY.proof().symbols, **symbols}), style="text")
    assert "a(x[i] + x[j]) = a(x[i]) + a(x[j])" in page
    assert re.search(r"a\(x\) = -?\d+ for 0 ≤ x < 1", page.replace("\n", " "))


def test_what_is_admitted_is_named_on_the_page():
    (part,) = ENTRY.proof().parts
    admitted = admit(ENTRY.theorem.conclusion, "hope")
    proof = replace(ENTRY.proof(), parts=(replace(part, theorem=admitted),))
    page = str(Author(ENTRY, proof, TEXT, FORMS["text"].sizes).page())
    assert "It also rests on hope." in page
    assert "hope" not in render(ENTRY, style="text")


def test_hypotheses_read_as_a_sentence():
    page = render(ENTRY, style="text").replace("\n", " ")
    assert "For all integers n, k, s, d ≥ 1 and p_l, p_r ≥ 0 with d·(k - 1) + 1 ≤ n + p_l + p_r:" in page


def test_jupyter_shows_the_statement_and_the_page():
    assert ENTRY._repr_latex_().startswith(r"$\displaystyle \sum_{o}")
    assert ENTRY._repr_markdown_() == render(ENTRY, style="markdown")


def test_a_wide_formula_is_broken_into_lines_that_fit():
    o, n = integers("o n")
    x = tensor("x")
    wide = sum((total((o,), (*within(0, o, n), le(o, k)), x[o + k]) for k in range(12)), value(0))
    theorem = ring(wide, wide)
    (part,) = ENTRY.proof().parts
    entry = edited(
        ENTRY,
        parts=(replace(part, theorem=theorem, start=wide, steps=()),),
        symbols={n: "a size", x: "a tensor"},
        example=replace(ENTRY.proof().example, numbers={n: 1}, tensors={"x": [1] * 20}),
        special=(),
        mistake=replace(ENTRY.proof().mistake, claim=Statement(eq(n, n + 1))),
    )
    assert max(map(len, render(entry, style="text").splitlines())) <= 80
    assert len(wide.terms) == 13
    assert isinstance(wide.terms[0].coefficient, sympy.Expr)


def test_the_widths_of_lines_are_those_of_the_forms():
    assert set(FORMS) | {"json"} == set(STYLES)
