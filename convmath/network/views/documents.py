"""A report as a document: JSON and CSV for programs, Markdown, LaTeX and HTML for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from ...errors import DomainError
from ...notebook import plain
from ..report import NetworkReport
from .cells import SEVERAL, shown
from .details import Position, position_note, shown_node
from .records import content, records

if TYPE_CHECKING:
    import jinja2


def document(
    report: NetworkReport,
    style: str,
    convention: str = "mac",
    name: str | None = None,
    dtype: Any = None,
    position: Position | None = None,
) -> str:
    """A report as the text of a file; ``docs/networks.md`` says what the keys of JSON and the columns of CSV hold.

    Args:
        report: the network.
        style: ``"json"``, ``"csv"``, ``"markdown"``, ``"latex"`` or ``"html"``.
        convention: what counts as an operation.
        name: the only node that is written, with all its details; None for all, with the totals.
        dtype: in which bytes of activations are counted; by default that of the network.
        position: one of which it is said, too, what it reads.

    Raises:
        DomainError: the style, the convention or the dtype is unknown, or there is no such node; what the position
            reads is unknown, or the style has no place for it.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2), net.input((3, 9, 9)))
    >>> print(document(net.analyze(), "markdown").splitlines()[5])
    | stem | conv2d | 8x4x4 | 3 | 2 | 0 | 3/2 | 224 | 3,456 | 3,456 | 512 bytes |
    """
    if style not in _STYLES:
        raise DomainError("style", style, f"needs one of {', '.join(_STYLES)}")
    return _STYLES[style](report, convention, name, dtype, position)


def fragment(report: NetworkReport, convention: str = "mac") -> str:
    """A report in HTML to stand inside a page."""
    return template("fragment.html").render(shown=shown(report, convention))


def _json(report: NetworkReport, convention: str, name: str | None, dtype: Any, position: Position | None) -> str:
    return json.dumps(content(report, convention, name, dtype, position), indent=2, default=str) + "\n"


_CSV = (
    *("name", "op", "inputs", "batch_size", "batch_dimension", "output_size", "params", "macs", "backward_macs"),
    *("operations", "backward_operations", "activations", "activation_bytes", "dtype", "own_dtype", "saved_bytes"),
    *("saved_tensors", "saved_unknown"),
    *("field_inputs", "field_size", "field_stride", "field_padding", "field_center", "field_phases"),
    *("field_dimension", "field_reads", "holes", "field_unknown", "unknown", "remarks", "operator"),
    *("input_sizes", "input_batch_dimensions", "learned_inputs", "sums", "bias", "other", "origin", "given_sizes"),
)


def _csv(report: NetworkReport, convention: str, name: str | None, dtype: Any, position: Position | None) -> str:
    if position is not None:
        raise DomainError("style", "csv", "has a line for each node, and no place for what one position reads")
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_flat, records(report, convention, name, dtype)))
    return text.getvalue()


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """A record in one line.

    Sizes and axes are joined by "x", the inputs of a node and its fields in several inputs by spaces; what is unknown
    stays empty; what has parts with names, or sets of elements, is written as in JSON.
    """
    fields: Mapping[str, list[dict[str, Any]]] = found["receptive_fields"]
    each = fields.values()

    def column(key: str) -> str:
        return " ".join("x".join("-" if axis[key] is None else str(axis[key]) for axis in axes) for axes in each)

    return {
        **found,
        **{key: plain(found[key] or "") for key in ("name", "op", "unknown", "saved_unknown")},
        "inputs": _names(found["inputs"]),
        "output_size": _sizes(found["output_size"]),
        "field_inputs": _names(fields),
        **{f"field_{key}": column(key) for key in ("size", "stride", "padding", "center", "phases", "dimension")},
        "field_reads": json.dumps([[axis["reads"] for axis in axes] for axes in each]) if fields else "",
        "holes": " ".join(map(_holes, each)),
        "field_unknown": plain(found["receptive_field_unknown"] or ""),
        "remarks": "; ".join(map(plain, found["remarks"])),
        "input_batch_dimensions": " ".join("-" if one is None else str(one) for one in found["input_batch_dimensions"]),
        "learned_inputs": " ".join("yes" if learned else "no" for learned in found["learned_inputs"]),
        **{key: (found["work"] or {}).get(key, "") for key in ("sums", "bias", "other")},
        **{
            key: "" if found[key] is None else json.dumps(found[key]) for key in ("operator", "origin", "saved_tensors")
        },
        **{key: " ".join(_sizes(sizes) or "?" for sizes in found[key]) for key in ("input_sizes", "given_sizes")},
    }


def _sizes(sizes: Iterable[Any] | None) -> str:
    """Sizes with "x" between them; nothing where they are unknown, "-" where there are none."""
    return "" if sizes is None else "x".join(map(str, sizes)) or "-"


def _holes(axes: Iterable[Mapping[str, Any]]) -> str:
    """Whether there are holes on any axis."""
    found = {axis["holes"] for axis in axes}
    return "yes" if True in found else "perhaps" if None in found else "no"


def _names(names: Iterable[str]) -> str:
    """Names with spaces between them, and none in them."""
    return " ".join(plain(name).replace(" ", r"\x20") for name in names)


_Write: TypeAlias = Callable[[NetworkReport, str, str | None, Any, Position | None], str]


def _written(suffix: str) -> _Write:
    def write(report: NetworkReport, convention: str, name: str | None, dtype: Any, position: Position | None) -> str:
        if name is not None:
            found = shown_node(report, name, convention, dtype, position)
            return template(f"node.{suffix}").render(shown=found)
        whole = shown(report, convention, wide=True, dtype=dtype, more=position_note(report, position))
        return template(f"report.{suffix}").render(shown=whole)

    return write


_STYLES: Mapping[str, _Write] = {
    "json": _json,
    "csv": _csv,
    "markdown": _written("md"),
    "latex": _written("tex"),
    "html": _written("html"),
}


@cache
def template(name: str) -> jinja2.Template:
    """A template of this folder, in which everything that is put in is text."""
    import jinja2

    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    if name.endswith(".tex"):
        options |= {"block_start_string": "<%", "block_end_string": "%>"}
        options |= {"variable_start_string": "<<", "variable_end_string": ">>"}
        options |= {"comment_start_string": "<#", "comment_end_string": "#>"}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("convmath.network.views"),
        undefined=jinja2.StrictUndefined,
        autoescape=name.endswith(".html"),
        **options,
    )
    environment.filters |= {"tex": _tex, "texts": _texts, "heading": _heading, "cell": cell}
    environment.filters["parts"] = lambda text: text.split(SEVERAL)
    environment.tests["several"] = lambda text: SEVERAL in text
    return environment.get_template(name)


class Math(str):
    """What is written in LaTeX already."""

    __slots__ = ()


def _tex(text: str) -> str:
    """Text in LaTeX, which may be broken after the points and lines in names; what is not ASCII is written out.

    No command before it takes a bracket or a star for an argument of its own, as the end of a row does.
    """
    from ...latex.tex import escape

    if isinstance(text, Math):
        return text
    written = escape(text.encode("ascii", "backslashreplace").decode())
    for mark in (".", r"\_", "/", ":"):
        written = written.replace(mark, rf"{mark}\allowbreak{{}}")
    return written.replace("[", "{[}").replace("*", "{*}")


def _texts(text: str) -> str:
    """The same where it says something of several inputs, each of them in a line of its own."""
    return r";\par ".join(_tex(part) for part in text.split(SEVERAL))


def _heading(text: str) -> str:
    """The name of a column in LaTeX, in two lines if it has two words."""
    return rf"\shortstack[r]{{{_tex(text).replace(' ', chr(92) * 2)}}}" if " " in text else _tex(text)


def cell(text: str) -> str:
    """Text in a cell of a Markdown table, in which nothing is markup."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#|!~&" else c for c in text)
