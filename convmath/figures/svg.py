"""Pictures in SVG: elements with numbers written alike everywhere, so that equal pictures are equal bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..errors import DomainError
from ..notebook import brief, plain

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK = "#1a1a1a"
FAINT = "#6b6b6b"
PAPER = "#ffffff"
# The colours of Okabe and Ito, which readers with any kind of colour vision tell apart, and light shades of them.
BLUE, ORANGE, GREEN, YELLOW = "#0072b2", "#e69f00", "#009e73", "#f0e442"
LIGHT_BLUE, LIGHT_ORANGE, LIGHT_GREEN = "#d3e6f3", "#fbe6b8", "#cdebe0"

_FACTS = re.compile(r'<svg[^>]* width="([0-9.]+)" height="([0-9.]+)".*?<title>(.*?)</title>', re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """A picture in SVG; a notebook shows it.

    Attributes: svg: the text of the file.

    >>> from convmath.figures import Windows, frame
    >>> from convmath.network.operators import Conv
    >>> frame(Windows(Conv(1, 1, (3, 3)), (5, 5)), 0).svg.count('data-mark="read"')
    9
    """

    svg: str

    def __repr__(self) -> str:
        """Its title and its sides in pixels."""
        found = _FACTS.search(self.svg)
        return brief(self, f"{unescape(found[3])}; {by(found.groups()[:2])} pixels" if found else "")

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write it to a file .svg, whose folder is made if need be.

        Raises:
            DomainError: the path has another suffix.
            OSError: it cannot be written.

        >>> Picture("<svg/>").save("picture.png")
        Traceback (most recent call last):
        convmath.errors.DomainError: path='picture.png': needs the suffix .svg: pictures are written as SVG alone
        """
        from ..text_files import write_file

        require_svg("path", path)
        write_file(Path(path), self.svg)


def require_svg(parameter: str, path: str | Path) -> None:
    """Raise DomainError unless a picture may be written to a path.

    >>> require_svg("path", "picture.png")
    Traceback (most recent call last):
    convmath.errors.DomainError: path='picture.png': needs the suffix .svg: pictures are written as SVG alone
    """
    if Path(path).suffix.lower() != ".svg":
        raise DomainError(parameter, str(path), "needs the suffix .svg: pictures are written as SVG alone")


class Drawing:
    """A picture that is being drawn, on white paper; lengths are pixels, y points down."""

    def __init__(self, width: float, height: float, title: str, description: str) -> None:
        """An empty one; title and description are read out to those who do not see it."""
        size: dict[str, Any] = {"width": width, "height": height}
        self.root = Element("svg", _written({"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"}))
        self.root.set("viewBox", f"0 0 {number(width)} {number(height)}")
        self.root.set("font-family", FONT)
        SubElement(self.root, "title").text = plain(title)
        SubElement(self.root, "desc").text = plain(description)
        self.add(self.root, "rect", **size, fill=PAPER)

    def add(self, parent: Element, tag: str, words: str = "", **attributes: Any) -> Element:
        """An element inside another; in the names of attributes _ stands for -."""
        element = SubElement(parent, tag, _written(attributes))
        if words:
            element.text = plain(words)
        return element

    def group(self, parent: Element | None = None, **attributes: Any) -> Element:
        """A group."""
        return self.add(self.root if parent is None else parent, "g", **attributes)

    def text(self, parent: Element, x: float, y: float, words: str, size: float = 12, **attributes: Any) -> Element:
        """A line of text that begins at x, unless ``text_anchor`` says otherwise, and stands on y."""
        return self.add(parent, "text", words, x=x, y=y, font_size=size, **{"fill": INK, **attributes})

    def picture(self) -> Picture:
        """What has been drawn."""
        indent(self.root)
        return Picture(tostring(self.root, encoding="unicode") + "\n")


def number(value: float) -> str:
    """A length with at most two decimals.

    >>> number(3.0), number(0.125), number(-0.001)
    ('3', '0.12', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _written(attributes: dict[str, Any]) -> dict[str, str]:
    return {
        name.rstrip("_").replace("_", "-"): plain(value) if isinstance(value, str) else number(value)
        for name, value in attributes.items()
    }


def width_of(words: str, size: float = 12, *, bold: bool = False) -> float:
    """About how wide a text is at most: by the widths of Helvetica and Arial, with room for DejaVu Sans and Verdana.

    >>> [round(width_of(word, 100)) for word in ("will", "moon", "\N{CJK UNIFIED IDEOGRAPH-5377}")]
    [159, 292, 115]
    """
    return (1.24 if bold else 1.15) * size * sum(map(_character, words))


_NARROW = dict.fromkeys("ijl'", 0.22) | dict.fromkeys(" .,:;/!|[]ftI", 0.28) | dict.fromkeys("r()-`", 0.33)
_CHARACTERS = (
    _NARROW | dict.fromkeys("ckszvxyJ", 0.5) | {"w": 0.72} | dict.fromkeys("mM%", 0.86) | {"W": 0.94, "@": 1.02}
)
_SMALL, _CAPITAL, _WIDE = 0.56, 0.72, 1.0


def _character(character: str) -> float:
    """The width of a character in em."""
    if character in _CHARACTERS:
        return _CHARACTERS[character]
    if not character.isascii():
        return _WIDE if east_asian_width(character) in "WF" else 0.6
    return _CAPITAL if character.isupper() else _SMALL


def by(sizes: Iterable[object]) -> str:
    """Sizes one after the other, with signs of multiplication between them."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, sizes))


def elements(count: int) -> str:
    """A number of elements in words.

    >>> elements(1), elements(9)
    ('1 element', '9 elements')
    """
    return "1 element" if count == 1 else f"{count} elements"
