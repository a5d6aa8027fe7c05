"""Every source that an entry cites is in the bibliography."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import convmath
from convmath import catalog
from convmath.counterexamples import all_counterexamples
from convmath.errors import ProofError, UnsupportedError
from convmath.latex.bibliography import cited, located, parse, references
from convmath.phrases import speaking

ENTRY = "@book{Key2000,\n  author = {Müller, Ada and Ng, Bo},\n  title = {{Title}},\n  year = {2000},\n}\n"


def modules() -> str:
    """The text of every module."""
    folder = Path(convmath.__path__[0])
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))


def cited_in_docstrings() -> set[str]:
    """Keys in square brackets, as docstrings cite them."""
    text = modules()
    return {key for key in references() if re.search(rf"\[{re.escape(key)}[],]", text)}


def named_as_source(text: str) -> set[str]:
    """Keys of ``Source: [key, place], [key]``."""
    lists = re.findall(r"Sources?:\s+((?:\[[^]]+\],?\s+)*\[[^]]+\])", text)
    return {key for found in lists for key in re.findall(r"\[([^],]+)", found)}


def test_every_source_is_known_and_every_reference_is_cited():
    pages = (*catalog.entries(), *all_counterexamples())
    found = [cited(source)[0] for page in pages for source in page.sources]
    on_pages = {reference.key for reference in found if reference}
    assert on_pages | cited_in_docstrings() == set(references())
    assert on_pages != set(references()) != cited_in_docstrings()


def test_every_source_of_a_docstring_is_in_the_bibliography():
    named = named_as_source(modules())
    assert len(named) > 20
    assert named - set(references()) == set()


def test_every_key_of_a_list_of_sources_is_read():
    text = "Entry: x. Source: [Ng2017, week 1], [torch.nn.Conv2d],\n    [Nobody1999, section 3]. [Other]"
    assert named_as_source(text) - set(references()) == {"Nobody1999"}


def test_a_missing_key_is_found():
    with pytest.raises(ProofError, match="has no Nobody1999"):
        cited("Nobody1999, section 3")


def test_words_are_no_key():
    assert cited("new here") == (None, "new here")


def test_fields_are_read():
    reference = parse(ENTRY)["Key2000"]
    assert (reference.short, reference.field("title"), reference.url) == ("Müller and Ng 2000", "Title", "")
    assert reference.authors == ("Ada Müller", "Bo Ng")


@pytest.mark.parametrize("broken", [ENTRY + ENTRY, ENTRY.replace("year =", "year"), ENTRY + "@book{Other,\n"])
def test_what_is_not_understood_is_refused(broken):
    with pytest.raises(ProofError):
        parse(broken)


def test_every_reference_says_where_it_is_found():
    for reference in references().values():
        assert reference.url or reference.field("publisher"), reference.key
        assert reference.field("title")
        assert reference.surnames or reference.field("organization")


def test_places_are_said_in_chinese():
    with speaking("zh"):
        said = [located(place) for place in ("section 24.1", "equations 4 to 7", "relationships 13 and 14", "abstract")]
    assert said == ["第 24.1 节", "式 4 至 7", "关系 13 和 14", "摘要"]


def test_a_place_that_the_table_lacks_is_caught():
    with speaking("zh"), pytest.raises(UnsupportedError, match=r"lacks: paragraph \{first\}"):
        located("paragraph 5")
