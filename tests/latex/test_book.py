"""The book: complete, in both languages, always the same bytes, and no page with anything amiss."""

from __future__ import annotations

import re

import pytest

from convmath import catalog
from convmath.book import book as make
from convmath.counterexamples import all_counterexamples
from convmath.errors import DomainError
from convmath.latex.document import FORMS, GROUPS
from convmath.latex.indexes import conditions, literature_table
from convmath.latex.tex import LATEX
from convmath.latex.unicode import TEXT
from convmath.latex.wrapping import columns
from convmath.literature import literature, titles
from convmath.worked import examples

from .compiled import chinese, compiled
from .prose import assert_is_safe_in_markdown, latin_words

LANGUAGES = ("en", "zh")


def flaws(log) -> list[object]:
    """What no page may have."""
    return [*log.overfull, *log.undefined, *log.missing]


def test_the_english_book_compiles_without_a_flaw(book, tmp_path):
    assert flaws(compiled(book(), tmp_path)) == []


def test_the_chinese_book_compiles_without_a_flaw_and_has_no_english_sentence(book, tmp_path):
    source = book(language="zh")
    assert latin_words(source) == []
    assert flaws(compiled(source, tmp_path, engines=chinese())) == []


@pytest.mark.parametrize(
    "place",
    [r"\section{\texorpdfstring{", r"\paragraph{", r"\reason{", r"\item[{", r"\tableofcontents ", r"\mathrel{\text{"],
)
def test_an_english_word_in_the_chinese_book_is_found(book, place):
    source = book(language="zh").replace(r"\tableofcontents", r"\tableofcontents ")
    assert latin_words(source.replace(place, f"{place}Padding ", 1)) == ["Padding"]


def test_a_glyph_that_the_font_lacks_is_found(book, tmp_path):
    source = book_of_one_line(book, "齉龘ꀀ")
    assert compiled(source, tmp_path, engines=chinese()).missing


def book_of_one_line(book, words: str) -> str:
    preamble = book(language="zh").split(r"\begin{document}")[0]
    return "\n".join([preamble, r"\begin{document}", words, r"\end{document}"])


def test_no_page_break_parts_words_from_what_they_lead_to(book):
    part, window, channel = r"Part 3: A convolution step by step.}\keep", "columns 0, 1 of $X$.\n", "Channel 0:\n"
    assert part in book()
    assert f"{window}\\par\\nopagebreak\n{channel}" in book()
    assert "It is claimed:\n\\par\\nopagebreak\n" in book()


def test_words_that_end_a_derivation_may_end_a_page(book):
    ends = re.findall(r"Behind these steps stand.*\n(.*)", book())
    assert ends
    assert r"\par\nopagebreak" not in ends


@pytest.mark.parametrize("style", ["latex", "markdown", "text"])
def test_the_book_has_every_page(book, style):
    source = book(style=style)
    ids = [item.id for item in (*catalog.entries(), *all_counterexamples(), *examples())]
    assert [name for name in ids if name not in source.replace(r"\_", "_")] == []
    for heading in {*GROUPS.values(), "Counterexamples", "Worked examples", "Index of assumptions", "Notation"}:
        assert heading in source


def test_a_page_has_a_label_of_its_own(book):
    labels = re.findall(r"\\label\{([^}]*)\}", book())
    assert len(labels) == len(set(labels)) == len([*catalog.entries(), *all_counterexamples(), *examples()])


def test_every_chapter_of_the_order_has_entries():
    assert {entry.id.partition(".")[0] for entry in catalog.entries()} == GROUPS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_book_as_text_has_80_columns(book, language):
    lines = book(style="text", language=language).splitlines()
    assert [line for line in lines if columns(line) > 80] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_github_shows_the_formulas_of_the_book(book, language):
    assert_is_safe_in_markdown(book("markdown", language))


def test_the_index_of_assumptions_has_what_the_theorems_suppose():
    names = ("size.conv", "size.valid")
    proved = [(catalog.entry(name), catalog.entry(name).proof()) for name in names]
    found = {row.condition: row.ids for row in conditions(proved, TEXT, FORMS["text"].sizes)}
    assert found == {
        "d ≥ 1": ("size.conv",),
        "k ≥ 1": ("size.conv",),
        "n ≥ 1": names,
        "p_l ≥ 0": ("size.conv",),
        "p_r ≥ 0": ("size.conv",),
        "s ≥ 1": ("size.conv",),
        "1 ≤ k ≤ n": ("size.valid",),
        "d·(k - 1) + 1 ≤ n + p_l + p_r": ("size.conv",),
    }


def test_every_statement_of_the_literature_is_in_the_table():
    table = literature_table(literature(), titles(), {"entry": "", "worked": "worked:", "counterexample": "c:"}, LATEX)
    assert sum(len(source.rows) for source in table) == len(literature())
    assert all(row.shown for source in table for row in source.rows)


def test_a_style_that_the_book_does_not_have_is_refused():
    with pytest.raises(DomainError, match="style='json'"):
        make(style="json")
