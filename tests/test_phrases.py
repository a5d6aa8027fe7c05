"""The table of phrases has a sentence for every one that is said, with its fields, and no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from unicodedata import name

import pytest

from convmath import catalog
from convmath.book import book
from convmath.errors import DomainError, UnsupportedError
from convmath.latex.document import as_data, render
from convmath.latex.wrapping import columns, wrapped
from convmath.phrases import LANGUAGES, say, speaking, spoken, table

PACKAGE = Path(__file__).parents[1] / "convmath"
LANGUAGE = "zh"


def literals(source: str) -> Iterator[str]:
    """The literal phrases of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("say", "phrase") and node.args:
            first = node.args[0]
            for part in [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]:
                if isinstance(part, ast.Constant):
                    yield part.value


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def other_fields(phrases: Mapping[str, str]) -> list[str]:
    """Phrases whose sentence is given other fields in the other language."""
    return [english for english, said in phrases.items() if fields(english) != fields(said)]


@pytest.fixture(scope="module")
def said(once) -> frozenset[str]:
    """Every phrase of the book, of the pages with other numbers of axes, and of the modules."""
    heard = set(once("phrases", phrases_of_the_pages))
    for path in PACKAGE.rglob("*.py"):
        heard |= {words for words in literals(path.read_text(encoding="utf-8")) if words}
    return frozenset(heard)


def phrases_of_the_pages() -> list[str]:
    heard: set[str] = set()
    with speaking(LANGUAGE, missing=set(), heard=heard):
        book(language=LANGUAGE)
        for entry in catalog.entries():
            for ndim in entry.ndims[1:]:  # the book has the page with the first number of axes
                render(entry, ndim=ndim, language=LANGUAGE)
            for ndim in entry.ndims or (None,):
                as_data(entry, entry.proof(ndim))  # what is written as JSON
    return sorted(heard)


def test_every_phrase_is_translated(said):
    assert sorted(said - table(LANGUAGE).keys()) == []


def test_no_phrase_of_the_table_is_unused(said):
    assert sorted(table(LANGUAGE).keys() - said) == []


def test_every_translation_has_the_fields_of_its_phrase():
    assert other_fields(table(LANGUAGE)) == []


def in_english(phrases: Mapping[str, str]) -> list[str]:
    """Phrases of more than one word that are the same in the other language."""
    return [english for english, words in phrases.items() if english == words and " " in english.strip()]


def test_no_translation_is_left_in_english():
    assert in_english(table(LANGUAGE)) == []
    assert in_english({"nothing is rounded": "nothing is rounded"}) == ["nothing is rounded"]


def test_a_phrase_that_the_table_lacks_is_caught(said):
    fewer = dict(table(LANGUAGE))
    del fewer["nothing is rounded"]
    assert said - fewer.keys() == {"nothing is rounded"}
    missing: set[str] = set()
    with speaking(LANGUAGE, missing=missing):
        assert say("{count} wrong kernels", count=3) == "3 wrong kernels"
    assert missing == {"{count} wrong kernels"}
    with speaking(LANGUAGE), pytest.raises(UnsupportedError, match="wrong kernels"):
        say("{count} wrong kernels", count=3)


def test_a_phrase_that_nothing_says_is_caught(said):
    more = {**table(LANGUAGE), "nobody says this": "没人这样说"}
    assert more.keys() - said == {"nobody says this"}


@pytest.mark.parametrize("translation", ["第 {number} 节", "第 {first} 节 {last}", "第一节"])
def test_a_translation_with_other_fields_is_caught(translation):
    assert other_fields({"section {first}": translation}) == ["section {first}"]


def test_a_block_inside_another_keeps_its_language_and_gives_it_back():
    heard: set[str] = set()
    with speaking(LANGUAGE, heard=heard):
        with speaking("en"):
            assert (spoken(), say("Size")) == ("en", "Size")
        assert (spoken(), say("Size")) == (LANGUAGE, "大小")
    assert (spoken(), heard) == ("en", {"Size"})


def test_an_unknown_language_is_refused():
    with pytest.raises(DomainError, match="language='de'"), speaking("de"):
        pass
    assert set(LANGUAGES) == {"en", LANGUAGE}


def test_chinese_paragraphs_are_wrapped_by_the_columns_that_they_take():
    words = max(table(LANGUAGE).values(), key=len)
    lines = [line.strip() for line in wrapped(words, 4).splitlines()]
    assert len(lines) > 2
    assert max(map(columns, lines)) <= 76 < max(map(columns, lines)) + 6
    assert not any(name(line[0]).endswith(("COMMA", "FULL STOP", "SEMICOLON")) for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")


def test_a_line_that_counts_a_chinese_character_once_is_too_wide():
    assert columns("卷" * 80) == 2 * len("卷" * 80) > 80
