"""Every sentence of a worked page is a literal template, whose fields are those that it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from convmath.phrases import say

WORKED = Path(__file__).parents[1] / "convmath/worked"
# It says the titles and summaries of examples.toml, which have no fields.
DATA = WORKED / "examples.py"


def calls(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "say":
            yield node


def templates(call: ast.Call) -> list[ast.expr]:
    """The template, or the two of a choice."""
    (first,) = call.args
    return [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]


def problems(source: str) -> list[str]:
    found = []
    for call in calls(source):
        given = {keyword.arg for keyword in call.keywords}
        for template in templates(call):
            if not isinstance(template, ast.Constant):
                found.append(f"line {call.lineno}: the template is not literal")
                continue
            fields = {name for _, name, _, _ in Formatter().parse(template.value) if name is not None}
            if None not in given and fields != given:
                found.append(f"line {call.lineno}: {template.value!r} has the fields {fields}, and is given {given}")
    return found


SOURCES = [path for path in sorted(WORKED.glob("*.py")) if [*calls(path.read_text(encoding="utf-8"))]]


def test_worked_pages_say_phrases():
    assert len(SOURCES) > 8


@pytest.mark.parametrize("path", [path for path in SOURCES if path != DATA], ids=lambda path: path.name)
def test_every_phrase_is_a_literal_with_its_fields(path):
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source", ['say(f"{x} rows")', 'say("a" + b)', 'say("{rows} rows", columns=1)', 'say("a" if b else c)']
)
def test_a_phrase_that_no_table_could_hold_is_found(source):
    assert len(problems(source)) == 1


def test_fields_may_hold_braces():
    assert say("{name} is given.", name=r"\frac{1}{2}") == r"\frac{1}{2} is given."
