"""The sources, read from the BibTeX file beside the proofs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from ..errors import ProofError
from ..phrases import listed, phrase, say

_ENTRY = re.compile(r"@(\w+)\{([^,\s]+),\n(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},?$")
_NUMBERED = re.compile(r"([a-z]+) ([A-Z\d][\w.]*)(?: (and|to) ([\w.]+))?(?:, (.+))?$")
_PLAIN = str.maketrans({"{": None, "}": None})


@dataclass(frozen=True)
class Reference:
    """An entry of the bibliography."""

    key: str
    kind: str
    fields: Mapping[str, str]

    @property
    def authors(self) -> tuple[str, ...]:
        """The authors' names as printed."""
        names = (name.split(", ") for name in self.fields.get("author", "").split(" and ") if name)
        return tuple(" ".join(reversed(parts)).translate(_PLAIN) for parts in names)

    @property
    def surnames(self) -> tuple[str, ...]:
        """The authors' surnames."""
        return tuple(
            name.split(", ")[0].translate(_PLAIN) for name in self.fields.get("author", "").split(" and ") if name
        )

    @property
    def short(self) -> str:
        """How it is cited: authors and year, or the name that a manual documents."""
        names = self.surnames
        if not names:
            return self.field("title")
        who = listed(names) if len(names) <= 2 else say("{first} et al.", first=names[0])
        return f"{who} {self.field('year')}"

    def field(self, name: str) -> str:
        """A field without BibTeX's braces, empty if it is missing."""
        return self.fields.get(name, "").translate(_PLAIN)

    @property
    def url(self) -> str:
        """Where it can be read."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return f"https://arxiv.org/abs/{self.fields['eprint']}" if "eprint" in self.fields else self.field("url")


def parse(source: str) -> dict[str, Reference]:
    """The references of a BibTeX file that has one field a line.

    Raises:
        ProofError: a line is not understood, or a key occurs twice.

    >>> parse("@book{K, \\n  title = {T},\\n}".replace(", ", ","))["K"].short
    'T'
    """
    found: dict[str, Reference] = {}
    for kind, key, body in _ENTRY.findall(source):
        matches = [_FIELD.match(line) for line in body.splitlines()]
        if None in matches or key in found:
            raise ProofError(f"the bibliography's entry {key} is given twice or has a line that is no field")
        found[key] = Reference(key, kind.lower(), {m[1].lower(): m[2] for m in matches if m})
    if len(found) != source.count("\n@") + source.startswith("@"):
        raise ProofError("the bibliography has an entry that is not understood")
    return found


@lru_cache(maxsize=1)
def references() -> dict[str, Reference]:
    """All references."""
    return parse(files("convmath.proofs").joinpath("references.bib").read_text(encoding="utf-8"))


def located(place: str) -> str:
    """A place in a source, in the language that is spoken.

    >>> located("equations 4 to 7"), located("definition 24.2, where the index lacks the stride")
    ('equations 4 to 7', 'definition 24.2, where the index lacks the stride')
    """
    match = _NUMBERED.match(place)
    if match is None:
        return phrase(place)
    kind, first, link, last, more = match.groups()
    template = f"{kind} {{first}} {link} {{last}}" if link else f"{kind} {{first}}"
    where = say(template, first=first, last=last) if link else say(template, first=first)
    return where + phrase(", ") + phrase(more) if more else where


def cited(source: str) -> tuple[Reference | None, str]:
    """What an entry's source names, with the place in it; None for words such as "new here".

    Raises:
        ProofError: the key is not in the bibliography.
    """
    key, _, place = source.partition(", ")
    if key in references():
        return references()[key], place
    if " " in key and not place:
        return None, source
    raise ProofError(f"the bibliography has no {key}, which is cited as: {source}")
