"""The sentences that pages say, and one table for each language that says them too.

A sentence is a template in English, with a name in braces where a number, a formula or a name stands. The words of a
proof are templates without fields. A table, such as ``zh.toml``, has the same sentence in its language for each.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

from ..errors import DomainError, UnsupportedError

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""The languages by their codes, each by its own name."""

_LANGUAGE = ContextVar("language", default="en")
_MISSING: ContextVar[set[str] | None] = ContextVar("missing", default=None)
_HEARD: ContextVar[set[str] | None] = ContextVar("heard", default=None)


@contextmanager
def speaking(language: str, *, missing: set[str] | None = None, heard: set[str] | None = None) -> Iterator[None]:
    """Say everything in a language, inside the block; a block inside it has its sets too unless it gives its own.

    Args:
        language: ``"en"`` or ``"zh"``.
        missing: where sentences that the table lacks are put, in place of an error; they are said in English.
        heard: where every sentence that is said is put, in English and with its fields open.

    Raises:
        DomainError: the language is unknown.

    >>> with speaking("zh"):
    ...     say("Special case")
    '特殊情形'
    """
    if language not in LANGUAGES:
        raise DomainError("language", language, f"needs one of {', '.join(LANGUAGES)}")
    before = _LANGUAGE.set(language)
    missing_before = _MISSING.set(_MISSING.get() if missing is None else missing)
    heard_before = _HEARD.set(_HEARD.get() if heard is None else heard)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)
        _MISSING.reset(missing_before)
        _HEARD.reset(heard_before)


def spoken() -> str:
    """The code of the language in which sentences are said here."""
    return _LANGUAGE.get()


def phrase(english: str) -> str:
    """The words in the language of the block, its fields not yet filled in.

    Raises:
        UnsupportedError: the language's table lacks them.
    """
    heard = _HEARD.get()
    if heard is not None and english:
        heard.add(english)
    if spoken() == "en" or not english:
        return english
    said = table(spoken()).get(english)
    if said is None:
        missing = _MISSING.get()
        if missing is None:
            raise UnsupportedError(f"the table of phrases for {LANGUAGES[spoken()]} lacks: {english}")
        missing.add(english)
        return english
    return said


def say(template: str, /, **fields: object) -> str:
    """The sentence of a template with its fields filled in.

    Raises:
        UnsupportedError: the language's table lacks the template.

    >>> say("The kernel has {count} taps.", count=9)
    'The kernel has 9 taps.'
    """
    return phrase(template).format(**fields)


def listed(parts: Sequence[str]) -> str:
    """A list in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(parts) < 2:
        return "".join(parts)
    return say("{most} and {last}", most=phrase(", ").join(parts[:-1]), last=parts[-1])


@cache
def table(language: str) -> Mapping[str, str]:
    """The sentences of a language by the English ones."""
    found = tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    return {english: said for part in found.values() for english, said in part.items()}
